from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from birads_zoo.data.batches import plan_epoch
from birads_zoo.evaluation.probabilities.applying import recalibrated
from birads_zoo.evaluation.probabilities.recalibration import (
    fit_temperature,
    prior_shift,
    read_calibration,
    recalibrate,
    training_shares,
)
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.interfaces import LossContext
from birads_zoo.results.probabilities import FoldFit
from birads_zoo_plugins.losses import birads_zoo_losses

NONE = np.zeros(3)


def rows(generator, patients, heat, shares=(0.6, 0.3, 0.1)):
    """Return Gaussian classes around three corners, with labels by `shares` and posteriors for equal shares.

    The posteriors are sharpened by `heat`.
    """
    labels = generator.choice(3, size=patients * 3, p=shares)
    seen = 2.0 * np.eye(3)[labels] + generator.normal(0, 1.2, (len(labels), 3))
    likelihood = -((seen[:, None, :] - 2.0 * np.eye(3)) ** 2).sum(axis=2) / (2 * 1.2**2)
    return labels, softmax(heat * likelihood, axis=1), np.repeat(np.arange(patients), 3).astype(str)


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_the_true_temperature_and_shares_are_recovered(heat):
    counts = (600, 300, 100)
    shift = prior_shift(counts, "balanced", False)
    labels, probabilities, patients = rows(np.random.default_rng(0), 2000, heat)
    fit = fit_temperature(labels, probabilities, patients, shift)
    assert fit.temperature == pytest.approx(heat, rel=0.05)
    assert (fit.n, fit.patients, fit.reason) == (6000, 2000, "")
    corrected = recalibrated(probabilities, fit.temperature, shift)
    assert corrected.mean(axis=0) == pytest.approx([0.6, 0.3, 0.1], abs=0.015)


def test_bayes_rule_by_hand():
    # Trained on equal shares, used at 90 % to 10 %: odds of 3 to 1 become 3 to 9.
    shift = prior_shift((90, 10), "balanced", False)
    assert recalibrated(np.array([[0.25, 0.75]]), 1.0, shift)[0] == pytest.approx([0.75, 0.25])


def test_training_shares_by_sampler_and_class_weights():
    counts = (90, 10, 0)
    assert training_shares(counts, "natural", False) == pytest.approx([0.9, 0.1, 0])
    assert training_shares(counts, "sqrt-balanced", False) == pytest.approx([0.75, 0.25, 0])
    assert training_shares(counts, "balanced", False) == pytest.approx([0.5, 0.5, 0])
    assert training_shares(counts, "natural", True) == pytest.approx([0.5, 0.5, 0])
    assert training_shares(counts, "balanced", True) == pytest.approx([0.1, 0.9, 0]), "balanced twice"
    assert prior_shift(counts, "natural", False) == pytest.approx([0, 0, 0])
    assert prior_shift(counts, "balanced", False)[2] == 0


@pytest.mark.parametrize("sampler", ["natural", "balanced", "sqrt-balanced"])
def test_the_shares_are_those_that_the_sampler_draws(sampler):
    labels = np.repeat([0, 1, 2], [700, 250, 50])
    generator = np.random.default_rng(0)
    drawn = np.concatenate([np.concatenate(plan_epoch(labels, 50, sampler, generator)) for _ in range(30)])
    shares = np.bincount(labels[drawn]) / len(drawn)
    assert training_shares((700, 250, 50), sampler, False) == pytest.approx(shares, abs=0.01)


def test_class_weights_shift_the_minimum_of_a_weighted_loss():
    counts = (90, 10)
    spec = next(spec for spec in birads_zoo_losses() if spec.name == "cross-entropy")
    criterion = spec.build(LossContext(class_counts=counts, class_weights=True))
    logits = torch.zeros(2, requires_grad=True)
    optimiser = torch.optim.LBFGS([logits], max_iter=50)
    targets = torch.tensor([0] * 90 + [1] * 10)

    def step():
        optimiser.zero_grad()
        loss = criterion(logits.expand(100, 2), targets)
        loss.backward()
        return loss

    optimiser.step(step)
    probabilities = logits.detach().softmax(0).double().numpy()
    assert probabilities == pytest.approx(training_shares(counts, "natural", True), abs=1e-3)
    assert recalibrated(probabilities[None], 1.0, prior_shift(counts, "natural", True))[0] == pytest.approx(
        [0.9, 0.1], abs=1e-3
    )


def test_it_helps_on_other_rows_from_ten_patients_on():
    """Mean change of log loss on new rows: with ten patients an unneeded temperature costs less than it may gain."""
    generator = np.random.default_rng(1)
    for heat, least, most in ((1.0, -0.01, 0.04), (2.0, -1.0, -0.05)):
        labels, probabilities, _ = rows(generator, 2000, heat, (1 / 3, 1 / 3, 1 / 3))
        before = -np.log(probabilities[np.arange(len(labels)), labels]).mean()
        changes = []
        for _ in range(60):
            fitted = fit_temperature(*rows(generator, 10, heat, (1 / 3, 1 / 3, 1 / 3)), NONE)
            after = recalibrated(probabilities, fitted.temperature or 1.0, NONE)
            changes.append(-np.log(after[np.arange(len(labels)), labels]).mean() - before)
        assert least < np.mean(changes) < most, (heat, np.mean(changes))


@given(st.floats(0.1, 20), st.lists(st.floats(0.001, 1), min_size=3, max_size=3))
def test_a_temperature_keeps_the_order_and_makes_probabilities(temperature, raw):
    row = np.array([raw]) / sum(raw)
    scaled = recalibrated(row, temperature, NONE)
    assert scaled.sum() == pytest.approx(1)
    assert (np.diff(scaled[0][np.argsort(row[0])]) >= -1e-12).all()
    assert recalibrated(row, 1.0, NONE) == pytest.approx(row)


def test_probabilities_of_zero_stay_numbers():
    scaled = recalibrated(np.array([[1.0, 0.0, 0.0]]), 5.0, np.array([-3.0, 1.0, 2.0]))
    assert np.isfinite(scaled).all()
    assert scaled.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("patients", "labels", "reason"),
    [
        ([0] * 12, [0, 1] * 6, "1 validation patients are too few: 10 are needed"),
        ([], [], "0 validation patients are too few: 10 are needed"),
        (range(12), [1] * 12, "its validation rows are of one class"),
        (range(12), [0] * 6 + [1] * 6, "no validation row is classified wrongly, so that no temperature is too low"),
    ],
)
def test_no_temperature_is_fitted_without_enough_information(patients, labels, reason):
    labels = np.array(labels, dtype=np.int64)
    probabilities = 0.1 + 0.7 * np.eye(3)[np.array([0] * 6 + [1] * 6)[: len(labels)]]
    names = np.array([str(name) for name in patients], dtype=np.str_)
    fit = fit_temperature(labels, probabilities, names, NONE)
    assert (fit.temperature, fit.reason) == (None, reason)


def predicted(seed, patients, heat, fold=0):
    labels, probabilities, names = rows(np.random.default_rng(seed), patients, heat)
    return PredictedRows(
        labels=labels,
        probabilities=probabilities,
        patients=names,
        folds=np.full(len(labels), fold),
        about=pd.DataFrame(index=range(len(labels))),
        classes=("a", "b", "c"),
        ordinal=True,
    )


def joined(first, second):
    fields = ("labels", "probabilities", "patients", "folds")
    both = {name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in fields}
    return replace(first, **both, about=pd.concat([first.about, second.about]))


def test_each_fold_uses_its_own_validation_rows_and_one_with_too_few_stays_as_it_is():
    test = joined(predicted(0, 100, 3.0), predicted(1, 100, 3.0, fold=1))
    validation = joined(predicted(2, 60, 3.0), predicted(3, 9, 3.0, fold=1))
    shift = prior_shift((600, 300, 100), "balanced", False)
    adjusted, fits = recalibrate(test, validation, {0: shift, 1: shift})
    assert fits[0].temperature == pytest.approx(3.0, rel=0.25)
    assert (fits[1].temperature, fits[1].patients) == (None, 9)
    assert (adjusted[test.folds == 1] == test.probabilities[test.folds == 1]).all()
    assert adjusted[test.folds == 0] == pytest.approx(
        recalibrated(test.probabilities[:300], fits[0].temperature, shift)
    )
    blind = replace(test, labels=np.zeros_like(test.labels))
    assert (recalibrate(blind, validation, {0: shift, 1: shift})[0] == adjusted).all(), "test labels are not used"


def test_overconfident_probabilities_are_recalibrated():
    test, validation = predicted(0, 150, 3.0), predicted(2, 60, 3.0)
    shifts = {0: prior_shift((600, 300, 100), "balanced", False)}
    calibration = read_calibration(test, validation, shifts)
    assert calibration.after.ece < calibration.before.ece / 2
    assert calibration.before.per_class[0].excess.high < 0 < calibration.before.per_class[2].excess.low
    assert calibration.after.per_class[2].excess.low < 0 < calibration.after.per_class[2].excess.high
    assert calibration.gain.log_loss.low > 0
    gained = calibration.before.log_loss.value - calibration.after.log_loss.value
    assert calibration.gain.log_loss.value == pytest.approx(gained)
    alone = calibration.temperature_only.log_loss.value
    assert calibration.after.log_loss.value < alone < calibration.before.log_loss.value


def test_training_by_the_datas_shares_needs_no_second_variant_and_too_few_rows_no_after():
    test, validation = predicted(0, 50, 3.0), predicted(2, 60, 3.0)
    assert read_calibration(test, validation, {0: NONE}).temperature_only is None
    few = read_calibration(test, predicted(2, 4, 3.0), {0: NONE})
    assert (few.after, few.gain, few.temperature_only) == (None, None, None)
    reason = "4 validation patients are too few: 10 are needed"
    assert few.folds == (FoldFit(fold=0, temperature=None, n=12, patients=4, reason=reason),)
