import itertools
import json
import signal
from dataclasses import replace

import pytest
import safetensors
import safetensors.torch
import torch
from torch import nn

from birads_zoo.errors import UserError
from birads_zoo.files.tensors import read_tensors, write_tensors
from birads_zoo.interruption import Interrupted, interruptible
from birads_zoo.training import checkpoint, loop
from birads_zoo.training.loop import train
from birads_zoo.training.optimisation import averaged_copy, make_optimiser, update_average
from birads_zoo.training.predict import predict

SCHEDULES = [
    {},
    {"schedule": "plateau", "plateau_patience": 1, "optimizer": "adam"},
    {"ema": 0.9, "warmup_epochs": 1.5, "clip_norm": 0.5, "accumulate": 4, "select": "macro_f1"},
]


def weights(fit):
    return {name: tensor.clone() for name, tensor in fit.classifier.state_dict().items()}


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


@pytest.fixture
def always_checkpoint(monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)


def test_training_learns_to_distinguish_bright_from_dark(make_fit, ignore):
    fit = make_fit(epochs=15)
    history = train(fit, ignore.step, ignore.epoch)
    assert history[-1].val_accuracy == 1.0
    assert history[-1].val_loss < history[0].val_loss
    logits, targets, _ = predict(fit.classifier, fit.forward, fit.validation, fit.compute)
    assert (logits.argmax(1) == targets).all()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(make_fit, ignore):
    results = []
    for folder, seed in (("a", 5), ("b", 5), ("c", 6)):
        fit = make_fit(folder)
        object.__setattr__(fit, "seed", seed)
        train(fit, ignore.step, ignore.epoch)
        results.append(weights(fit))
    assert_equal(results[0], results[1])
    assert not torch.equal(results[0]["head.rest.logits.weight"], results[2]["head.rest.logits.weight"])


@pytest.mark.parametrize("section", SCHEDULES, ids=["cosine", "plateau", "everything"])
@pytest.mark.parametrize("stop_after", [1, 2, 4])
def test_a_resumed_run_ends_with_the_same_weights_bit_for_bit(make_fit, ignore, always_checkpoint, section, stop_after):
    unbroken = make_fit("unbroken", epochs=5, **section)
    history = train(unbroken, ignore.step, ignore.epoch)

    def stop(record):
        if record.epoch == stop_after + 1:  # killed while that epoch's checkpoint is not yet written
            raise KeyboardInterrupt

    broken = make_fit("broken", epochs=5, **section)
    with pytest.raises(KeyboardInterrupt):
        train(broken, ignore.step, stop)
    resumed = make_fit("broken", epochs=5, **section)
    again = train(resumed, ignore.step, ignore.epoch)
    assert_equal(weights(unbroken), weights(resumed))
    timeless = [[(e.epoch, e.train_loss, e.val_loss, e.learning_rate) for e in run] for run in (history, again)]
    assert timeless[0] == timeless[1]


def test_a_finished_run_is_not_trained_again(make_fit, ignore):
    train(make_fit(), ignore.step, ignore.epoch)
    steps, records = [], []
    train(make_fit(), steps.append, records.append)
    assert steps == []
    assert [record.epoch for record in records] == [1, 2, 3]


def test_accumulated_batches_step_like_one_large_batch(make_fit, ignore):
    small = make_fit("small", batch_norm=False, dropout=0.0, batch_size=4, accumulate=2)
    large = make_fit("large", batch_norm=False, dropout=0.0, batch_size=8)
    for fit in (small, large):
        train(fit, ignore.step, ignore.epoch)
    for name, tensor in weights(small).items():
        torch.testing.assert_close(tensor, weights(large)[name], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("accumulate", [1, 4])
def test_gradients_are_clipped_to_the_given_norm(make_fit, ignore, monkeypatch, accumulate):
    def norms(folder, **section):
        seen = []

        def watched(model, section):
            optimiser = make_optimiser(model, section)
            gradients = [p for group in optimiser.param_groups for p in group["params"]]
            optimiser.register_step_pre_hook(
                lambda *_: seen.append(float(torch.stack([p.grad.norm() for p in gradients]).norm()))
            )
            return optimiser

        monkeypatch.setattr(loop, "make_optimiser", watched)
        train(make_fit(folder, epochs=1, accumulate=accumulate, **section), ignore.step, ignore.epoch)
        return seen

    free, clipped = norms("free"), norms("clipped", clip_norm=0.01)
    assert min(free) > 0.02, "there is something to clip"
    assert clipped == pytest.approx([0.01] * len(free), rel=1e-3)
    assert norms("wide", clip_norm=1e6) == pytest.approx(free), "a norm below the limit stays"


def test_early_stopping_keeps_the_best_epoch(make_fit, ignore):
    fit = make_fit(epochs=50, early_stopping=2, learning_rate=3.0)
    history = train(fit, ignore.step, ignore.epoch)
    assert len(history) < 50
    best = min(history, key=lambda epoch: epoch.val_loss)
    assert len(history) - best.epoch == 2
    logits, targets, _ = predict(fit.classifier, fit.forward, fit.validation, fit.compute)
    assert float(nn.functional.cross_entropy(logits, targets)) == pytest.approx(best.val_loss, rel=1e-5)


def test_an_exception_from_on_epoch_ends_training_after_the_epoch_is_saved(make_fit, ignore):
    unbroken, ending, epochs = make_fit("unbroken", epochs=4), RuntimeError("enough"), []
    train(unbroken, ignore.step, ignore.epoch)

    def end(record):
        epochs.append(record.epoch)
        return ending if record.epoch <= 2 else None

    steps = []
    for begun in ([1], [1, 2]):  # the second start resumes from the first's epoch, which does not end it again
        epochs.clear()
        with pytest.raises(RuntimeError, match="enough"):
            train(make_fit(epochs=4), steps.append, end)
        assert epochs == begun
    assert sum(steps) == 2 * 24, "an epoch was trained twice"
    resumed = make_fit(epochs=4)
    train(resumed, steps.append, end)
    assert sum(steps) == 4 * 24
    assert_equal(weights(unbroken), weights(resumed))


def test_without_validation_rows_all_epochs_are_trained_and_the_last_is_kept(make_fit, ignore):
    history = train(make_fit(validation=False, early_stopping=1), ignore.step, ignore.epoch)
    assert [(epoch.epoch, epoch.val_loss) for epoch in history] == [(1, None), (2, None), (3, None)]


class _NanAt(nn.Module):
    def __init__(self, step):
        super().__init__()
        self.left = step

    def forward(self, logits, targets):
        self.left -= 1
        return logits.sum() * (float("nan") if self.left == 0 else 0.0)


def test_a_loss_of_nan_is_an_error_with_epoch_and_step_and_keeps_the_checkpoint(make_fit, ignore, always_checkpoint):
    fit = make_fit(criterion=_NanAt(step=6 + 6 + 3))
    with pytest.raises(UserError) as error:
        train(fit, ignore.step, ignore.epoch)
    assert "the training loss became nan in fold 1, epoch 3, step 3: lower training.learning_rate" in str(error.value)
    assert f"the last good checkpoint stays in {fit.folder}" in str(error.value)
    assert (fit.folder / "best.safetensors").exists()


class _FirstPicture(nn.Module):
    """Sets the first picture's features to a value in evaluation only, so that no loss of training shows it."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, features):
        if not self.training:
            features = features.clone()
            features[0] = self.value
        return features


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_validation_scores_that_are_no_numbers_end_the_training(make_fit, ignore, value):
    fit = make_fit()
    fit.classifier.backbone.append(_FirstPicture(value))
    with pytest.raises(UserError) as error:
        train(fit, ignore.step, ignore.epoch)
    message = "the network of fold 1 gives infinite or NaN scores for 3 of the 10 rows that it predicts: lower"
    assert message in str(error.value)
    assert not fit.best.exists()


@pytest.mark.parametrize(("name", "tensor"), [("best", "backbone.0.weight"), ("last", "model/backbone.0.weight")])
def test_weights_in_a_checkpoint_that_are_no_numbers_are_named(make_fit, ignore, always_checkpoint, name, tensor):
    fit = make_fit()
    train(fit, ignore.step, ignore.epoch)
    path = fit.folder / f"{name}.safetensors"
    tensors, header = read_tensors(path, checkpoint._Header, "it", "")
    tensors[tensor][0] = torch.nan
    write_tensors(path, tensors, header)
    with pytest.raises(UserError) as error:
        train(make_fit(), ignore.step, ignore.epoch)
    assert str(error.value) == (
        f"checkpoint {path} holds infinite or NaN values, 27 of 108 in 'backbone.0.weight'; delete the folder "
        f"{fit.folder} and train its fold again (birads-zoo run --resume {fit.folder.parents[1]})"
    )


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None])
def test_a_damaged_checkpoint_is_named(make_fit, ignore, damage):
    fit = make_fit()
    train(fit, ignore.step, ignore.epoch)
    content = fit.last.read_bytes()
    fit.last.write_bytes(content[: len(content) // 2] if damage is None else damage)
    with pytest.raises(
        UserError,
        match=r"last\.safetensors is damaged or was not written by this program .*; delete the folder .* and train",
    ):
        train(make_fit(), ignore.step, ignore.epoch)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": None}, "was written by an older birads-zoo (it has no format number); delete the folder"),
        ({"format": 9, "birads_zoo": "9.0"}, "was written by birads-zoo 9.0 in format 9, and this one"),
        ({"digest": None}, "was written by an older birads-zoo (it has no digest); delete the folder"),
        ({"history": []}, "was changed after it was written; delete the folder"),
    ],
)
def test_a_checkpoint_of_another_format_is_named(make_fit, ignore, changes, message):
    fit = make_fit()
    train(fit, ignore.step, ignore.epoch)
    with safetensors.safe_open(fit.last, framework="pt") as file:
        header = json.loads(file.metadata()["birads_zoo"])
    tensors = safetensors.torch.load_file(fit.last)
    safetensors.torch.save_file(tensors, fit.last, metadata={"birads_zoo": json.dumps(header | changes)})
    with pytest.raises(UserError) as error:
        train(make_fit(), ignore.step, ignore.epoch)
    assert str(error.value).startswith(f"checkpoint {fit.last} {message}")
    assert f"delete the folder {fit.folder} and train its fold again" in str(error.value)


@pytest.mark.parametrize("attribute", ["last", "best"])
def test_one_flipped_bit_anywhere_in_a_checkpoint_is_noticed(make_fit, ignore, attribute):
    train(make_fit(epochs=1), ignore.step, ignore.epoch)
    path = getattr(make_fit(epochs=1), attribute)
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    assert len(content) - start > 500
    for place in (*range(start, len(content), 41), len(content) - 1):
        damaged = bytearray(content)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=rf"{attribute}\.safetensors was changed after it was written; delete"):
            train(make_fit(epochs=1), ignore.step, ignore.epoch)


@pytest.mark.parametrize("change", [{"fold": 1}, {"recipe": "the digest of another one"}])
def test_a_checkpoint_of_another_fold_or_recipe_is_refused(make_fit, ignore, change):
    fit = make_fit()
    train(fit, ignore.step, ignore.epoch)
    with pytest.raises(UserError, match=r"last\.safetensors belongs to another recipe or fold; delete the folder"):
        train(replace(make_fit(), **change), ignore.step, ignore.epoch)


def test_an_optimisers_state_of_another_shape_is_refused(make_fit, ignore):
    """The fused optimisers would read beyond its end."""
    fit = make_fit(optimizer="adamw")
    train(fit, ignore.step, ignore.epoch)
    tensors, header = read_tensors(fit.last, checkpoint._Header, "it", "")
    name = next(name for name in tensors if name.startswith("optimiser/") and name.endswith("weight/exp_avg"))
    write_tensors(fit.last, tensors | {name: torch.zeros(1)}, header)
    with pytest.raises(UserError, match="belongs to another model: the optimiser has another shape for backbone"):
        train(make_fit(optimizer="adamw"), ignore.step, ignore.epoch)


@pytest.mark.parametrize("accumulate", [1, 4])
@pytest.mark.parametrize("step", [1, 5, 6, 9])
def test_a_signal_ends_training_after_the_step_and_resuming_gives_the_same_bits(make_fit, ignore, step, accumulate):
    options = {"ema": 0.9, "dropout": 0.5, "accumulate": accumulate, "optimizer": "adamw"}
    unbroken, count = make_fit("unbroken", **options), itertools.count(1)
    train(unbroken, ignore.step, ignore.epoch)

    def interrupt(images):
        if next(count) == step:
            signal.raise_signal(signal.SIGTERM)

    with interruptible(), pytest.raises(Interrupted) as stopped:
        train(make_fit(**options), interrupt, ignore.epoch)
    assert stopped.value.signal == signal.SIGTERM
    epochs, inside = divmod(step - 1, 6)
    ended = 6 * epochs + min(inside - inside % accumulate + accumulate, 6)  # with the optimiser's step
    assert next(count) - 1 == ended
    resumed, images = make_fit(**options), []
    history = train(resumed, images.append, ignore.epoch)
    assert sum(images) == 24 * (3 - ended // 6)
    assert [epoch.epoch for epoch in history] == [1, 2, 3]
    assert_equal(weights(unbroken), weights(resumed))


def test_a_second_signal_ends_training_at_once(make_fit, ignore):
    count = itertools.count(1)

    def interrupt(images):
        next(count)
        signal.raise_signal(signal.SIGTERM)

    with interruptible(), pytest.raises(Interrupted):
        train(make_fit(accumulate=6), interrupt, ignore.epoch)
    assert next(count) == 3


def test_a_checkpoint_of_another_model_is_named(make_fit, ignore):
    fit = make_fit()
    train(fit, ignore.step, ignore.epoch)
    with pytest.raises(UserError) as error:
        train(make_fit(batch_norm=False), ignore.step, ignore.epoch)
    assert str(error.value) == (
        f"checkpoint {fit.folder / 'last.safetensors'} belongs to another model: 5 of 11 tensors are missing, unknown "
        "or of another shape, the first of them 'backbone.1.bias'; delete the folder "
        f"{fit.folder} and train its fold again (birads-zoo run --resume {fit.folder.parents[1]})"
    )


def test_weight_decay_does_not_apply_to_norms_and_biases(make_fit):
    fit = make_fit(weight_decay=0.1)
    groups = make_optimiser(fit.classifier, fit.section).param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert {p.ndim for p in groups[0]["params"]} == {2, 4}
    assert {p.ndim for p in groups[1]["params"]} == {1}


def test_infinite_weights_after_an_epochs_last_step_are_noticed(make_fit, ignore, always_checkpoint):
    fit = make_fit(epochs=2, learning_rate=1e38, batch_size=24, optimizer="adam", validation=False)
    with pytest.raises(UserError, match=r"became .* in fold 1, epoch \d, step 1: lower training.learning_rate"):
        train(fit, ignore.step, ignore.epoch)


def test_best_weights_of_another_epoch_are_refused(make_fit, ignore, always_checkpoint):
    fit = make_fit()
    history = train(fit, ignore.step, ignore.epoch)
    checkpoint.save_weights(fit.best, checkpoint.weights_of(fit.classifier), fit.origin, history * 2)
    with pytest.raises(UserError, match=r"is of epoch 6, but epoch \d was the best; delete the folder"):
        train(make_fit(), ignore.step, ignore.epoch)


def test_the_moving_average_counts_optimiser_steps_through_all_epochs(make_fit, ignore, monkeypatch):
    """The six batches of an epoch make two steps of four and two batches; the decay's warm-up counts steps."""
    calls = []
    monkeypatch.setattr(
        loop, "update_average", lambda *arguments: calls.append(arguments[2:]) or update_average(*arguments)
    )
    fit = make_fit(epochs=3, accumulate=4, ema=0.7)
    train(fit, ignore.step, ignore.epoch)
    assert calls == [(0.7, step) for step in range(6)]


def test_the_moving_average_follows_its_rule():
    model = nn.Linear(1, 1)
    average = averaged_copy(model)
    expected = model.weight.item()
    for step in range(30):
        with torch.no_grad():
            model.weight += 1.0
        update_average(average, model, 0.7, step)
        decay = min(0.7, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.weight.item()
    assert average.weight.item() == pytest.approx(expected, rel=1e-5)
