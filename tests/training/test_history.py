import pytest
from hypothesis import given
from hypothesis import strategies as st

from birads_zoo.recipe import TrainingSection
from birads_zoo.training.history import Epoch, best_epoch, is_over, learning_rate

LOSSES = st.lists(st.floats(0, 10), min_size=1, max_size=12)


def history_of(losses):
    return [
        Epoch(
            fold=0,
            epoch=number,
            train_loss=1.0,
            val_loss=loss,
            val_accuracy=0.5,
            val_macro_f1=1 / (1 + number),
            val_auroc=None if number == 1 else number / 100,
            learning_rate=1e-3,
            seconds=1.0,
            images_per_second=1.0,
        )
        for number, loss in enumerate(losses, start=1)
    ]


@given(LOSSES)
def test_the_epoch_with_the_lowest_loss_is_best_and_the_earliest_of_equals(losses):
    assert best_epoch(history_of(losses), "loss") == losses.index(min(losses))


def test_the_epoch_can_be_chosen_by_other_figures():
    history = history_of([3.0, 2.0, 1.0])
    assert best_epoch(history, "macro_f1") == 0
    assert best_epoch(history, "auroc") == 2
    assert best_epoch(history, "last") == 2


def test_without_validation_rows_the_last_epoch_is_kept():
    assert best_epoch(history_of([None, None, None]), "loss") == 2


def test_early_stopping_ends_training_without_a_better_loss():
    section = TrainingSection(epochs=10, early_stopping=2)
    assert not is_over(history_of([3.0, 2.0, 2.5]), section)
    assert is_over(history_of([3.0, 2.0, 2.5, 2.1]), section)
    assert not is_over(history_of([3.0, 2.0, 2.5, 2.1]), TrainingSection(epochs=10))
    assert is_over(history_of([1.0] * 10), TrainingSection(epochs=10))


@given(st.integers(1, 30), st.floats(0, 5), st.floats(0, 0.999))
def test_the_cosine_rate_rises_in_warm_up_then_falls_and_stays_within_bounds(epochs, warmup, progress):
    section = TrainingSection(epochs=epochs, warmup_epochs=warmup, learning_rate=0.1)
    rates = [learning_rate(section, history_of([1.0] * done), progress, progress + 1e-3) for done in range(epochs)]
    assert all(0 < rate <= 0.1 + 1e-12 for rate in rates)
    warmup = min(warmup, epochs / 5)
    after = [rate for done, rate in enumerate(rates) if done + progress >= warmup]
    assert after == sorted(after, reverse=True)
    before = [rate for done, rate in enumerate(rates) if done + progress < warmup]
    assert before == sorted(before)


def test_even_a_run_of_one_step_trains():
    assert learning_rate(TrainingSection(epochs=1, warmup_epochs=1, learning_rate=0.1), [], 0.0, 1.0) == 0.1


def test_the_rate_falls_tenfold_at_each_plateau():
    section = TrainingSection(schedule="plateau", plateau_patience=2, learning_rate=1.0, epochs=99)
    rates = [learning_rate(section, history_of(([2.0, 1.0] + [1.5] * 5)[:done]), 0.5, 0.6) for done in range(8)]
    assert rates == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])
