import numpy as np
import pytest
from sklearn.metrics import f1_score

from birads_zoo.shortcuts.rungs import Rung
from birads_zoo.shortcuts.verdict import _exchanges, _macro_f1, judge


def rung(name, guess, classes=2):
    return Rung(name=name, summary="", probabilities=np.eye(classes)[guess])


def test_macro_f1_is_scikit_learns():
    generator = np.random.default_rng(0)
    labels, guess = generator.integers(0, 4, (5, 60)), generator.integers(0, 3, 60)
    expected = [f1_score(row, guess, average="macro", labels=range(4), zero_division=0) for row in labels]
    np.testing.assert_allclose(_macro_f1(labels, guess, 4), expected)


def test_patients_exchange_whole_blocks_with_equals_only():
    patients = np.array(["a", "b", "a", "b", "c", "", ""])
    exchanged = _exchanges(patients, 200, np.random.default_rng(0))
    assert {tuple(sorted(row)) for row in exchanged.tolist()} == {tuple(range(7))}, "a permutation of the rows"
    assert {tuple(row[[0, 2]]) for row in exchanged} == {(0, 2), (1, 3)}, "a has her own two labels or those of b"
    assert {tuple(sorted(row[4:])) for row in exchanged} == {(4, 5, 6)}, "rows alone exchange among themselves"


def test_a_shortcut_that_works_is_flagged_and_a_guess_is_not():
    generator = np.random.default_rng(1)
    labels = np.repeat(generator.integers(0, 2, 60), 4)
    patients = np.repeat(np.arange(60).astype(str), 4)
    right = np.where(generator.random(240) < 0.9, labels, 1 - labels)
    verdicts = judge(
        labels,
        [rung("majority", labels * 0), rung("metadata_tree", right), rung("background", right[::-1])],
        patients,
        generator,
    )
    assert list(verdicts) == ["metadata_tree", "background"]
    assert verdicts["metadata_tree"].flagged
    assert verdicts["metadata_tree"].macro_f1 == pytest.approx(0.9, abs=0.05)
    assert not verdicts["background"].flagged


def test_what_is_worse_than_the_majority_is_never_flagged():
    labels = np.array([0, 1] * 20)
    same = rung("thumbnail", labels * 0)
    verdict = judge(labels, [rung("majority", labels * 0), same], np.arange(40).astype(str), np.random.default_rng(0))
    assert verdict["thumbnail"].p_value == 1
    assert not verdict["thumbnail"].flagged


def test_false_alarms_keep_to_the_level_when_rows_of_a_patient_agree():
    """A guess and a label that are both a patient's own: rows counted one by one would be flagged in every third."""
    alarms = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        labels = np.repeat(generator.integers(0, 2, 25), 4)
        guess = np.repeat(generator.integers(0, 2, 25), 4)
        patients = np.repeat(np.arange(25).astype(str), 4)
        alarms += judge(labels, [rung("majority", labels * 0), rung("thumbnail", guess)], patients, generator)[
            "thumbnail"
        ].flagged
    assert alarms <= 7, "5 % of 60 are 3; 8 or more would come up once in a hundred"
