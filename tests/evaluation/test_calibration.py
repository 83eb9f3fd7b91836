"""By hand, and by simulation: patients with 1 to 8 images, whose labels go together."""

import numpy as np
import pytest
from scipy.special import softmax

from birads_zoo.evaluation.probabilities.calibration import calibration_error, measure_calibration, reliability

CLASSES = ("a", "b", "c")


def sample(generator, patients, heat=1.0):
    """Labels drawn from known probabilities, alike within a patient; the model's have temperature 1/`heat`."""
    of = np.repeat(np.arange(patients), generator.integers(1, 9, patients))
    true = softmax(generator.normal(0, 1, (patients, 3))[of] + generator.normal(0, 1, (len(of), 3)), axis=1)
    draw = np.where(generator.random(len(of)) < 0.6, generator.random(patients)[of], generator.random(len(of)))
    labels = (true.cumsum(axis=1) < draw[:, None]).sum(axis=1).clip(max=2)
    return labels, softmax(heat * np.log(true), axis=1), of.astype(str)


def measured(labels, probabilities, patients):
    return measure_calibration(labels, probabilities, patients, CLASSES)


def test_scores_by_hand():
    labels = np.array([0, 1, 2, 0])
    probabilities = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.7, 0.2, 0.1]])
    found = measured(labels, probabilities, np.array(["p", "q", "r", "s"]))
    brier = ((0.25 + 0.09 + 0.04) + (0.25 + 0.49 + 0.04) + (0.01 + 0.01 + 0.04) + (0.09 + 0.04 + 0.01)) / 4
    assert found.brier.value == pytest.approx(brier)
    assert found.brier_skill.value == pytest.approx(1 - brier / (1 - (4 + 1 + 1) / 16))
    assert found.log_loss.value == pytest.approx(-np.log([0.5, 0.3, 0.8, 0.7]).mean())
    assert found.ece == pytest.approx(abs(2.5 / 4 - 3 / 4)), "four rows are one bin"
    gaps = (abs(1.8 - 2) / 4, abs(0.9 - 1) / 4, abs(1.3 - 1) / 4)
    assert found.classwise_ece == pytest.approx(np.mean(gaps))
    assert [each.excess.value for each in found.per_class] == pytest.approx([-0.05, -0.025, 0.075])


def test_bins_hold_equally_many_rows_and_are_counted_by_rows_and_patients():
    chances = np.linspace(0, 1, 100)
    bins = reliability(chances > 0.5, chances, np.repeat(np.arange(50), 2).astype(str))
    assert [(each.n, each.patients) for each in bins] == [(20, 10)] * 5
    assert [each.predicted for each in bins] == pytest.approx(chances.reshape(5, 20).mean(axis=1))
    assert [each.observed.value for each in bins] == [0, 0, 0.5, 1, 1]
    assert bins[0].observed.high > 0.2, "no row of ten patients is no certainty"
    # 0.1, 0.3, 0, 0.3, 0.1 apart
    assert calibration_error(bins) == pytest.approx(np.mean([0.096, 0.298, 0, 0.298, 0.096]), abs=1e-3)


def test_rows_with_one_chance_share_a_bin():
    chances = np.r_[np.full(90, 0.9), np.linspace(0, 0.5, 10)]
    bins = reliability(np.ones(100, dtype=bool), chances, np.arange(100).astype(str))
    assert [each.n for each in bins] == [10, 90]
    constant = reliability(np.ones(100, dtype=bool), np.full(100, 0.4), np.arange(100).astype(str))
    assert [each.n for each in constant] == [100]


def test_perfect_and_constant_probabilities():
    labels = np.array([0, 1, 2] * 10)
    patients = np.arange(30).astype(str)
    perfect = measured(labels, np.eye(3)[labels], patients)
    assert (perfect.brier.value, perfect.brier_skill.value, perfect.ece, perfect.log_loss.value) == (0, 1, 0, 0)
    constant = measured(labels, np.full((30, 3), 1 / 3), patients)
    assert constant.brier_skill.value == pytest.approx(0)
    assert constant.ece == pytest.approx(0)
    assert measured(np.zeros(30, dtype=int), np.full((30, 3), 1 / 3), patients).brier_skill is None


def test_a_certain_mistake_costs_much_and_not_everything():
    found = measured(np.array([0, 1]), np.array([[1.0, 0, 0], [1.0, 0, 0]]), np.array(["p", "q"]))
    assert found.log_loss.value == pytest.approx(-np.log(1e-12) / 2)


@pytest.mark.parametrize("patients", [15, 40, 150])
def test_what_chance_makes_of_a_calibrated_models_error_is_foretold(patients):
    generator = np.random.default_rng(2)
    found = [measured(*sample(generator, patients)) for _ in range(40)]
    for name in ("ece", "classwise_ece"):
        actual = np.mean([getattr(each, name) for each in found])
        foretold = np.mean([getattr(each, f"{name}_if_calibrated") for each in found])
        assert foretold == pytest.approx(actual, rel=0.2), (name, actual, foretold)


def test_bad_calibration_does_not_pass_for_chance():
    generator = np.random.default_rng(2)
    found = [measured(*sample(generator, 150, heat=3.0)) for _ in range(20)]
    assert all(each.ece > 2 * each.ece_if_calibrated for each in found)
    assert all(each.per_class[0].bins[-1].observed.high < each.per_class[0].bins[-1].predicted for each in found)


@pytest.mark.slow
def test_intervals_of_the_scores_cover():
    generator = np.random.default_rng(4)
    truth = measured(*sample(generator, 20000 // 4, heat=2.0))
    held = []
    for _ in range(300):
        found = measured(*sample(generator, 60, heat=2.0))
        pairs = [(getattr(found, name), getattr(truth, name)) for name in ("brier", "brier_skill", "log_loss")]
        pairs.append((found.per_class[0].excess, truth.per_class[0].excess))
        held.append([one.low <= true.value <= one.high for one, true in pairs])
    covered = np.mean(held, axis=0)
    assert (covered > 0.91).all(), covered
    assert (covered < 0.985).all(), covered
