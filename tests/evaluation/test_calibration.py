"""Calibration by hand and by simulation: patients with 1 to 8 images, whose labels are correlated."""

import numpy as np
import pytest
from scipy.special import softmax

from birads_zoo.evaluation.probabilities.calibration import calibration_error, measure_calibration, reliability

CLASSES = ("a", "b", "c")


def sample(generator, patients, heat=1.0):
    """Return labels drawn from known probabilities, correlated within a patient; `heat` sharpens the model's."""
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
    calibration = measured(labels, probabilities, np.array(["p", "q", "r", "s"]))
    brier = ((0.25 + 0.09 + 0.04) + (0.25 + 0.49 + 0.04) + (0.01 + 0.01 + 0.04) + (0.09 + 0.04 + 0.01)) / 4
    assert calibration.brier.value == pytest.approx(brier)
    assert calibration.brier_skill.value == pytest.approx(1 - brier / (1 - (4 + 1 + 1) / 16))
    assert calibration.log_loss.value == pytest.approx(-np.log([0.5, 0.3, 0.8, 0.7]).mean())
    assert calibration.ece == pytest.approx(abs(2.5 / 4 - 3 / 4)), "four rows are one bin"
    gaps = (abs(1.8 - 2) / 4, abs(0.9 - 1) / 4, abs(1.3 - 1) / 4)
    assert calibration.classwise_ece == pytest.approx(np.mean(gaps))
    assert [class_.excess.value for class_ in calibration.per_class] == pytest.approx([-0.05, -0.025, 0.075])


def test_bins_hold_equally_many_rows_and_are_counted_by_rows_and_patients():
    chances = np.linspace(0, 1, 100)
    bins = reliability(chances > 0.5, chances, np.repeat(np.arange(50), 2).astype(str))
    assert [(bin_.n, bin_.patients) for bin_ in bins] == [(20, 10)] * 5
    assert [bin_.predicted for bin_ in bins] == pytest.approx(chances.reshape(5, 20).mean(axis=1))
    assert [bin_.observed.value for bin_ in bins] == [0, 0, 0.5, 1, 1]
    assert bins[0].observed.high > 0.2, "no row of ten patients is not certain to mean none"
    # 0.1, 0.3, 0, 0.3, 0.1 apart
    assert calibration_error(bins) == pytest.approx(np.mean([0.096, 0.298, 0, 0.298, 0.096]), abs=1e-3)


def test_rows_with_one_chance_share_a_bin():
    chances = np.r_[np.full(90, 0.9), np.linspace(0, 0.5, 10)]
    bins = reliability(np.ones(100, dtype=bool), chances, np.arange(100).astype(str))
    assert [bin_.n for bin_ in bins] == [10, 90]
    constant = reliability(np.ones(100, dtype=bool), np.full(100, 0.4), np.arange(100).astype(str))
    assert [bin_.n for bin_ in constant] == [100]


def test_perfect_and_constant_probabilities():
    labels = np.array([0, 1, 2] * 10)
    patients = np.arange(30).astype(str)
    perfect = measured(labels, np.eye(3)[labels], patients)
    assert (perfect.brier.value, perfect.brier_skill.value, perfect.ece, perfect.log_loss.value) == (0, 1, 0, 0)
    constant = measured(labels, np.full((30, 3), 1 / 3), patients)
    assert constant.brier_skill.value == pytest.approx(0)
    assert constant.ece == pytest.approx(0)
    assert measured(np.zeros(30, dtype=int), np.full((30, 3), 1 / 3), patients).brier_skill is None


def test_a_certain_mistake_has_a_finite_log_loss():
    calibration = measured(np.array([0, 1]), np.array([[1.0, 0, 0], [1.0, 0, 0]]), np.array(["p", "q"]))
    assert calibration.log_loss.value == pytest.approx(-np.log(1e-12) / 2)


@pytest.mark.parametrize("patients", [15, 40, 150])
def test_the_error_of_a_calibrated_model_by_chance_is_as_expected(patients):
    generator = np.random.default_rng(2)
    samples = [measured(*sample(generator, patients)) for _ in range(40)]
    for name in ("ece", "classwise_ece"):
        actual = np.mean([getattr(calibration, name) for calibration in samples])
        expected = np.mean([getattr(calibration, f"{name}_if_calibrated") for calibration in samples])
        assert expected == pytest.approx(actual, rel=0.2), (name, actual, expected)


def test_bad_calibration_is_not_taken_for_chance():
    generator = np.random.default_rng(2)
    samples = [measured(*sample(generator, 150, heat=3.0)) for _ in range(20)]
    assert all(calibration.ece > 2 * calibration.ece_if_calibrated for calibration in samples)
    assert all(
        calibration.per_class[0].bins[-1].observed.high < calibration.per_class[0].bins[-1].predicted
        for calibration in samples
    )


@pytest.mark.slow
def test_intervals_of_the_scores_cover():
    generator = np.random.default_rng(4)
    truth = measured(*sample(generator, 20000 // 4, heat=2.0))
    held = []
    for _ in range(300):
        calibration = measured(*sample(generator, 60, heat=2.0))
        pairs = [(getattr(calibration, name), getattr(truth, name)) for name in ("brier", "brier_skill", "log_loss")]
        pairs.append((calibration.per_class[0].excess, truth.per_class[0].excess))
        held.append([interval.low <= true.value <= interval.high for interval, true in pairs])
    covered = np.mean(held, axis=0)
    assert (covered > 0.91).all(), covered
    assert (covered < 0.985).all(), covered
