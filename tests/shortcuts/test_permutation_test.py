import numpy as np
import pytest
from sklearn.metrics import f1_score

from birads_zoo.data.splits.split import Fold, make_folds
from birads_zoo.errors import BiradsZooWarning
from birads_zoo.recipe import SplitSection
from birads_zoo.shortcuts.permutation_test import (
    LEVEL,
    WORTH,
    _against_the_best,
    _exchanges,
    _macro_f1,
    permutation_tests,
)
from birads_zoo.shortcuts.pixels import linear
from birads_zoo.shortcuts.without_pixels import Shortcut, majority, over_folds, patient_lookup


@pytest.fixture
def cohort():
    """Sixty women with four rows each and two classes, in four folds: labels, patients, folds."""
    labels = np.repeat(np.arange(60) % 2, 4)
    patients = np.repeat(np.arange(60).astype(str), 4)
    return labels, patients, make_folds(patients, labels, ("1", "2"), SplitSection(folds=4), 0)


def linear_fitter(name, folds, features):
    return lambda labels: over_folds(name, folds, lambda fold: linear(fold, labels, 2, features))


def test_macro_f1_is_scikit_learns():
    generator = np.random.default_rng(0)
    for _ in range(5):
        labels, guess = generator.integers(0, 4, 60), generator.integers(0, 3, 60)
        expected = f1_score(labels, guess, average="macro", labels=range(4), zero_division=0)
        assert _macro_f1(labels, np.eye(4)[guess]) == pytest.approx(expected)


def test_patients_exchange_whole_blocks_only_with_equal_patients_of_their_fold():
    patients = np.array(["a", "b", "a", "b", "c", "", "", "d", "d", "e", "e"])
    tested = ([0, 1, 2, 3, 4, 5, 6], [7, 8, 9, 10])
    empty = np.empty(0, np.int64)
    folds = [Fold(number=k, train=empty, validation=empty, test=np.array(rows)) for k, rows in enumerate(tested)]
    exchanged = _exchanges(patients, folds, 200, np.random.default_rng(0))
    assert {tuple(sorted(row)) for row in exchanged.tolist()} == {tuple(range(11))}, "a permutation of the rows"
    assert {tuple(row[[0, 2]]) for row in exchanged} == {(0, 2), (1, 3)}, "a has her own two labels or those of b"
    assert {tuple(sorted(row[4:7])) for row in exchanged} == {(4, 5, 6)}, "single rows exchange among themselves"
    assert {tuple(row[[7, 8]]) for row in exchanged} == {(7, 8), (9, 10)}, "those of the other fold likewise"


def test_a_shortcut_that_works_is_flagged_and_a_guess_is_not(cohort):
    labels, patients, folds = cohort
    generator = np.random.default_rng(1)
    noise = generator.normal(size=(240, 6)).astype(np.float32)
    informative = noise + 1.5 * labels[:, None]
    fitters = [
        lambda labels: over_folds("majority", folds, lambda fold: majority(fold, labels, 2)),
        linear_fitter("thumbnail", folds, informative),
        linear_fitter("background", folds, noise),
    ]
    results = permutation_tests(labels, fitters, folds, patients, generator)
    assert list(results) == ["thumbnail", "background"]
    assert results["thumbnail"].flagged
    assert results["thumbnail"].gain == pytest.approx(results["thumbnail"].macro_f1 - 0.5, abs=0.05)
    assert not results["background"].flagged


def test_the_p_value_is_the_rank_of_the_actual_score_among_those_of_exchanged_labels(cohort):
    """By hand, for predictions that are never refitted: one of four patients is predicted wrongly."""
    labels, patients, folds = cohort
    tested = np.concatenate([fold.test for fold in folds])
    predicted = np.eye(2)[np.where(np.arange(240) // 4 % 4 == 1, 1 - labels, labels)[tested]]
    fitted = []

    def fit(labels):
        fitted.append(labels)
        return Shortcut(name="thumbnail", summary="", probabilities=predicted)

    result = permutation_tests(labels, [fit], folds, patients, np.random.default_rng(0))["thumbnail"]
    actual, *chance = (_macro_f1(exchanged[tested], predicted) for exchanged in fitted)
    assert len(chance) == 20
    assert (result.macro_f1, result.gain) == pytest.approx((actual, actual - np.mean(chance)))
    assert result.p_value == (1 + sum(exchanged >= actual for exchanged in chance)) / 21


def test_the_smallest_p_value_is_one_in_twenty_one_and_shortcuts_are_corrected_for_each_other():
    scores = np.tile(np.linspace(0.4, 0.6, 21), (3, 1))
    scores[0, 0], scores[1, 0] = 0.99, 0.55  # far beyond its refits; within them
    scores[1, 5] = 0.8  # a refit of the second shortcut scores high by chance
    scores[2] = np.roll(scores[2], 1)  # the highest of its own scores, but lower than that refit
    first, second, third = _against_the_best(scores)
    assert first == pytest.approx(1 / 21)
    assert second > 0.2
    assert third == pytest.approx(2 / 21), "another shortcut's refit is as high"


def test_a_significant_but_small_gain_is_not_flagged():
    """A feature that is right in 53 of 100 rows of 3000 women is significant, with 0.03 macro-F1 above chance."""
    generator = np.random.default_rng(0)
    labels = np.arange(3000) % 2
    patients = np.arange(3000).astype(str)
    folds = make_folds(patients, labels, ("1", "2"), SplitSection(folds=2), 0)
    hint = np.where(generator.random(3000) < 0.53, labels, 1 - labels).astype(np.float32)[:, None]
    result = permutation_tests(labels, [linear_fitter("thumbnail", folds, hint)], folds, patients, generator)[
        "thumbnail"
    ]
    assert result.p_value <= LEVEL
    assert 0 < result.gain < WORTH
    assert not result.flagged


def test_the_lookup_works_under_a_split_by_image_and_not_by_patient(cohort):
    labels, patients, by_patient = cohort
    with pytest.warns(BiradsZooWarning, match="a split by image"):
        by_image = make_folds(patients, labels, ("1", "2"), SplitSection(folds=4, scheme="image"), 0)
    for folds, flagged in ((by_patient, False), (by_image, True)):
        fit = lambda labels, folds=folds: over_folds(  # noqa: E731
            "patient_lookup", folds, lambda fold: patient_lookup(fold, labels, 2, patients)
        )
        result = permutation_tests(labels, [fit], folds, patients, np.random.default_rng(0))["patient_lookup"]
        assert result.flagged == flagged


def test_a_constant_prediction_is_never_flagged(cohort):
    labels, patients, folds = cohort
    same = Shortcut(name="thumbnail", summary="", probabilities=np.tile([0.6, 0.4], (240, 1)))
    result = permutation_tests(labels, [lambda labels: same], folds, patients, np.random.default_rng(0))["thumbnail"]
    assert result.p_value == 1
    assert not result.flagged


@pytest.mark.slow
def test_false_alarms_keep_to_the_level_when_rows_of_a_patient_agree(cohort):
    """A patient's look is her own and unrelated to her class. Fixed predictions would alarm in one of eight."""
    labels, patients, folds = cohort
    alarms = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        look = np.repeat(generator.normal(size=(60, 8)), 4, axis=0) + 0.5 * generator.normal(size=(240, 8))
        fit = linear_fitter("thumbnail", folds, look.astype(np.float32))
        alarms += permutation_tests(labels, [fit], folds, patients, generator)["thumbnail"].p_value <= LEVEL
    assert alarms <= 7, "5 % of 60 are 3; 8 or more would come up once in a hundred"
