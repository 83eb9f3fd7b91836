from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from birads_zoo.evaluation.probabilities.applying import nonconformity
from birads_zoo.evaluation.probabilities.conformal import (
    conformal_sets,
    measure_coverage,
    read_conformal,
    threshold,
)
from birads_zoo.evaluation.rows import PredictedRows

probability_tables = (
    st.integers(2, 6)
    .flatmap(lambda k: hnp.arrays(np.float64, st.tuples(st.integers(1, 8), st.just(k)), elements=st.floats(0.01, 1)))
    .map(lambda raw: raw / raw.sum(axis=1, keepdims=True))
)


def test_scores_by_hand():
    row = np.array([[0.1, 0.2, 0.3, 0.4]])
    assert nonconformity(row, ordinal=True)[0] == pytest.approx([0.9, 0.7, 0.4, 0.0])
    hump = np.array([[0.35, 0.05, 0.4, 0.2]])
    # 2, then its likelier neighbour 3, then 1, then 0: never 0 before 1.
    assert nonconformity(hump, ordinal=True)[0] == pytest.approx([0.65, 0.6, 0.0, 0.4])
    assert nonconformity(hump, ordinal=False)[0] == pytest.approx([0.4, 0.95, 0.0, 0.75])


def test_at_a_tie_the_severer_class_comes_first():
    assert nonconformity(np.array([[0.25, 0.5, 0.25]]), ordinal=True)[0] == pytest.approx([0.75, 0.0, 0.5])


def test_without_an_order_tied_classes_come_in_by_their_number():
    table = np.random.default_rng(0).integers(1, 4, (200, 5)) / 10
    expected = np.zeros_like(table)
    for row, probabilities in enumerate(table):
        before = 0.0
        for k in sorted(range(5), key=lambda k: -probabilities[k]):
            expected[row, k] = before
            before += probabilities[k]
    np.testing.assert_allclose(nonconformity(table, ordinal=False), expected)


@given(probability_tables, st.floats(0, 1))
def test_ordinal_sets_are_contiguous_and_hold_the_likeliest_class(probabilities, limit):
    sets = nonconformity(probabilities, ordinal=True) <= limit
    assert sets[np.arange(len(sets)), probabilities.argmax(axis=1)].all()
    assert (np.abs(np.diff(np.pad(sets, ((0, 0), (1, 1))).astype(int), axis=1)).sum(axis=1) == 2).all()


@given(probability_tables)
def test_a_class_scores_the_probability_of_the_classes_before_it(probabilities):
    for ordinal in (True, False):
        scores = nonconformity(probabilities, ordinal=ordinal)
        order = np.argsort(scores, axis=1, kind="stable")
        ranked = np.take_along_axis(probabilities, order, axis=1)
        before = np.cumsum(ranked, axis=1) - ranked
        assert np.take_along_axis(scores, order, axis=1) == pytest.approx(before, abs=1e-12)


def test_the_threshold_by_hand():
    patients = np.array(["a", "a", "b", "c", "d"])
    # Five shares of 1/5: each of a's two rows has half of one, the last is at infinity.
    scores = np.array([0.9, 0.1, 0.2, 0.3, 0.4])
    assert threshold(scores, patients, 0.5) == 0.3, "0.1 + 0.2 + 0.2"
    assert threshold(scores, patients, 0.7) == 0.4
    assert threshold(scores, patients, 0.8) == 0.9
    assert threshold(scores, patients, 0.81) == np.inf


def test_too_few_patients_give_every_class_however_many_rows_they_have():
    assert threshold(np.zeros(0), np.zeros(0, dtype=str), 0.9) == np.inf
    rows = np.linspace(0, 1, 800)
    assert threshold(rows, np.repeat(np.arange(8), 100).astype(str), 0.9) == np.inf
    assert threshold(rows[:9], np.arange(9).astype(str), 0.9) == rows[8]


def cohort(generator, patients, together):
    """Return scores of true classes, dependent in a patient; easy patients have more rows if `together` is "sizes"."""
    hard = generator.random(patients)
    sizes = 1 + ((1 - hard) * 12).astype(int) if together == "sizes" else generator.integers(1, 9, patients)
    of = np.repeat(np.arange(patients), sizes)
    return 0.9 * hard[of] + 0.1 * generator.random(len(of)), of


@pytest.mark.parametrize("together", ["rows", "sizes"])
@pytest.mark.parametrize("patients", [10, 25])
def test_sets_cover_a_new_patients_row_where_rows_of_one_patient_depend(together, patients):
    """And the usual quantile over rows, which takes them as independent, covers too rarely."""
    generator = np.random.default_rng(11)
    covered, naive = [], []
    for _ in range(3000):
        scores, of = cohort(generator, patients, together)
        new, _ = cohort(generator, 1, together)
        covered.append((new <= threshold(scores, of.astype(str), 0.9)).mean())
        rank = int(np.ceil(0.9 * (len(scores) + 1)))
        naive.append((new <= np.sort(scores)[rank - 1]).mean() if rank <= len(scores) else 1.0)
    error = np.std(covered) / np.sqrt(len(covered))
    assert np.mean(covered) >= 0.9 - 2 * error, np.mean(covered)
    assert np.mean(covered) <= 0.9 + 2 / (patients + 1) + 2 * error, "sets are a little larger than needed"
    assert np.mean(naive) < {"rows": 0.9 - error, "sizes": 0.8}[together], np.mean(naive)


def test_coverage_by_hand():
    labels = np.array([0, 0, 1, 2, 2, 2])
    sets = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 1], [1, 1, 1]], dtype=bool)
    patients = np.array(["a", "a", "a", "a", "b", ""])
    coverage = measure_coverage(labels, sets, patients, ("x", "y", "z"))
    assert coverage.coverage.value == pytest.approx(5 / 6)
    assert coverage.coverage_by_patient.value == pytest.approx((3 / 4 + 1 + 1) / 3)
    assert coverage.mean_size.value == pytest.approx((1 + 2 + 1 + 1 + 2 + 3) / 6)
    assert coverage.mean_size.low < coverage.mean_size.value < coverage.mean_size.high
    assert coverage.sizes == (0, 3, 2, 1)
    assert [(each.n, each.patients) for each in coverage.per_class] == [(2, 1), (1, 1), (3, 3)]
    assert [each.coverage.value for each in coverage.per_class] == [1, 0, 1]


def test_a_class_without_rows_has_no_coverage():
    labels, sets = np.array([0, 1]), np.ones((2, 3), dtype=bool)
    coverage = measure_coverage(labels, sets, np.array(["a", "b"]), ("x", "y", "z"))
    assert coverage.per_class[2].coverage is None
    assert (coverage.per_class[2].name, coverage.per_class[2].n, coverage.per_class[2].patients) == ("z", 0, 0)


def predicted(folds, patients, seed):
    """Return three rows per patient, with labels drawn from the probabilities."""
    generator = np.random.default_rng(seed)
    of = np.repeat(np.arange(patients), 3)
    probabilities = generator.dirichlet(np.full(4, 0.5), len(of))
    labels = (probabilities.cumsum(axis=1) < generator.random((len(of), 1))).sum(axis=1).clip(max=3)
    return PredictedRows(
        labels=labels,
        probabilities=probabilities,
        patients=of.astype(str),
        folds=np.full(len(of), folds) if np.isscalar(folds) else folds[of],
        about=pd.DataFrame(),
        classes=("a", "b", "c", "d"),
        ordinal=True,
    )


def test_each_fold_has_its_own_threshold_and_one_with_too_few_patients_sets_of_all_classes():
    test = predicted(np.arange(200) % 2, 200, seed=0)
    validation = predicted((np.arange(48) < 8).astype(int), 48, seed=1)
    sets, folds = conformal_sets(test, validation, 0.9)
    assert [(each.n, each.patients) for each in folds] == [(120, 40), (24, 8)]
    assert folds[0].threshold == threshold(
        nonconformity(validation.probabilities, ordinal=True)[np.arange(144), validation.labels][24:],
        validation.patients[24:],
        0.9,
    )
    assert sets[test.folds == 1].all()
    assert not sets[test.folds == 0].all()
    assert folds[1].threshold is None
    assert folds[1].reason == (
        "8 validation patients are too few for sets at 90 % (9 are needed): its sets hold all classes"
    )


def test_the_result_has_sizes_and_cautions():
    test, validation = predicted(0, 150, seed=0), predicted(0, 60, seed=1)
    result = read_conformal(test, validation, 0.8, chose_epoch=True, leak="certain")
    assert result.level == 0.8
    assert result.coverage.high > 0.8
    assert 1 < result.mean_size.value < 4
    assert sum(result.sizes) == result.n == 450
    assert "also chose the epoch" in result.caution
    assert "both sides of the split" in result.caution
    doubtful = read_conformal(test, validation, 0.8, chose_epoch=False, leak="possible").caution
    assert "patients without an id may be on both sides of the split" in doubtful
    assert "patients are on both" not in doubtful
    clean = read_conformal(test, validation, 0.8, chose_epoch=False, leak="none").caution
    assert "chose" not in clean
    assert "both sides" not in clean


def test_no_validation_rows_at_all():
    test = predicted(0, 20, seed=0)
    nothing = replace(
        test,
        labels=test.labels[:0],
        probabilities=test.probabilities[:0],
        patients=test.patients[:0],
        folds=test.folds[:0],
    )
    result = read_conformal(test, nothing, 0.9, chose_epoch=False, leak="none")
    assert (result.coverage.value, result.mean_size.value) == (1, 4)
    assert result.folds[0].reason.startswith("0 validation patients are too few for sets at 90 %")
