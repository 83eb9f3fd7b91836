import numpy as np
import pandas as pd
import pytest

from birads_zoo.data.splits.split import Fold, make_folds
from birads_zoo.recipe import SplitSection
from birads_zoo.shortcuts import fit as module
from birads_zoo.shortcuts.fit import fit_shortcuts, fit_without_pixels
from birads_zoo.shortcuts.permutation_test import permutation_tests
from birads_zoo.shortcuts.pixels import linear, shrink, thumbnails, without_breast

SIDE = 64


def breast(level=180):
    """Return a half ellipse at the left edge on black film."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.where(((rows - 32) / 26) ** 2 + (columns / 36) ** 2 < 1, level, 0).astype(np.uint8)


@pytest.fixture
def cohort(labelled_of):
    """60 patients with two rows each and two classes, in three folds; every picture is the same breast with noise."""
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(60) % 2, 2)
    patients = np.repeat([f"P{number}" for number in range(60)], 2)
    pixels = np.clip(breast() + generator.integers(0, 12, (120, SIDE, SIDE)), 0, 255).astype(np.uint8)
    facts = pd.DataFrame({"width": [64.0] * 120, "height": 64.0, "bytes": 900.0 + np.arange(120) % 7, "mode": "L"})
    facts = facts.assign(format="JPEG", exif=False, quality=90.0, folder="", source="", year=2019.0)
    folds = make_folds(patients, labels, ("1", "2"), SplitSection(folds=3), 0)
    return labelled_of(labels, patients), folds, pixels, facts


def accuracies(cohort, **changes):
    labelled, folds, pixels, facts = cohort
    shortcuts = fit_shortcuts(
        labelled, folds, changes.get("pixels", pixels), facts.assign(**changes.get("facts", {})), 0
    )
    tested = labelled.labels[np.concatenate([fold.test for fold in folds])]
    for shortcut in shortcuts:
        assert shortcut.probabilities.shape == (120, 2)
        np.testing.assert_allclose(shortcut.probabilities.sum(axis=1), 1)
    return {shortcut.name: (shortcut.probabilities.argmax(axis=1) == tested).mean() for shortcut in shortcuts}


def test_without_a_shortcut_all_scores_are_near_chance(cohort):
    scores = accuracies(cohort)
    assert list(scores) == ["majority", "patient_lookup", "metadata_tree", "thumbnail", "background"]
    assert max(scores.values()) < 0.65
    assert scores["patient_lookup"] == scores["majority"]


def test_a_label_in_the_corner_is_seen_without_the_breast(cohort):
    labelled, _, pixels, _ = cohort
    marked = pixels.copy()
    marked[labelled.labels == 1, 2:7, 54:62] = 120
    scores = accuracies(cohort, pixels=marked)
    assert scores["background"] > 0.95
    assert scores["thumbnail"] > 0.95
    assert scores["metadata_tree"] < 0.65


def test_a_bright_breast_is_seen_in_the_thumbnail_only(cohort):
    labelled, _, pixels, _ = cohort
    bright = pixels.copy()
    bright[labelled.labels == 1] = np.where(breast() > 0, 230, pixels[labelled.labels == 1])
    scores = accuracies(cohort, pixels=bright)
    assert scores["thumbnail"] > 0.95
    assert scores["background"] < 0.65


def test_a_files_size_is_read_from_its_facts(cohort):
    assert accuracies(cohort, facts={"bytes": 900.0 + 100 * cohort[0].labels})["metadata_tree"] == 1


def test_the_shortcuts_without_pixels_are_the_first_three(cohort):
    labelled, folds, pixels, facts = cohort
    for blind, shortcut in zip(
        fit_without_pixels(labelled, folds, facts, 0),
        fit_shortcuts(labelled, folds, pixels, facts, 0)[:3],
        strict=True,
    ):
        assert blind.name == shortcut.name
        np.testing.assert_array_equal(blind.probabilities, shortcut.probabilities)


def test_a_linear_model_is_not_fitted_without_more_rows_than_classes(cohort, labelled_of):
    _, _, pixels, facts = cohort
    few, labels = np.arange(8), [0, 1, 2, 3] * 2
    labelled = labelled_of(labels, [f"P{number}" for number in few])
    folds = make_folds(
        np.array([f"P{number}" for number in few]),
        labelled.labels,
        labelled.classes,
        SplitSection(folds=2, validation=0),
        0,
    )
    fits = module.shortcut_fitters(labelled, folds, pixels[few], facts.iloc[few], 0)
    shortcuts = [fit(labelled.labels) for fit in fits]
    assert [shortcut.name for shortcut in shortcuts if shortcut.probabilities is None] == ["thumbnail", "background"]
    results = permutation_tests(
        labelled.labels, fits, folds, np.array([f"P{number}" for number in few]), np.random.default_rng(0)
    )
    assert list(results) == ["patient_lookup", "metadata_tree"]


def test_a_wrong_number_of_pictures_is_rejected(cohort):
    labelled, folds, pixels, facts = cohort
    with pytest.raises(ValueError, match="119 pictures for 120 labelled rows"):
        fit_shortcuts(labelled, folds, pixels[1:], facts, 0)


def test_16_bit_pictures_give_the_same_predictions(cohort):
    assert accuracies(cohort) == accuracies(cohort, pixels=cohort[2].astype(np.uint16) * np.uint16(257))


def test_the_breast_is_black_and_the_label_stays():
    picture = breast()
    picture[2:7, 54:62] = 255
    small = shrink(picture[None])
    left = without_breast(small)[0]
    assert left[:, :36].max() == 0
    assert left[3, 58] == 255
    assert small[0, 32, 3] == 180, "the copy it was made from is unchanged"
    assert thumbnails(small).shape == (1, 256)
    assert thumbnails(small)[0].reshape(16, 16)[8, 0] == 180


def test_equal_pictures_give_the_majority(cohort):
    labelled, folds, _, _ = cohort
    fold, labels = folds[0], np.r_[1, labelled.labels[1:]]
    predicted = linear(fold, labels, 2, np.zeros((120, 256), np.float32))
    np.testing.assert_allclose(predicted, [[(labels[fold.train] == k).mean() for k in (0, 1)]] * len(fold.test))


def test_one_training_class_gives_the_majority_and_one_row_of_a_class_is_enough():
    features = np.random.default_rng(0).random((6, 256)).astype(np.float32)
    fold = Fold(number=0, train=np.arange(4), validation=np.empty(0, np.int64), test=np.array([4, 5]))
    np.testing.assert_allclose(linear(fold, np.array([1, 1, 1, 1, 0, 1]), 2, features), [[0, 1]] * 2)
    predicted = linear(fold, np.array([0, 1, 1, 1, 0, 1]), 2, features)
    np.testing.assert_allclose(predicted.sum(axis=1), 1)


def test_pictures_are_shrunk_and_searched_once_however_often_a_shortcut_is_fitted(cohort, monkeypatch):
    """Reading all pictures is most of the work, and each shortcut is fitted 21 times (`permutation_tests`)."""
    labelled, folds, pixels, facts = cohort
    calls = []
    for name in ("shrink", "thumbnails", "without_breast"):
        work = getattr(module, name)
        monkeypatch.setattr(module, name, lambda small, name=name, work=work: calls.append(name) or work(small))
    for fitter in module.shortcut_fitters(labelled, folds, pixels, facts, 0):
        fitter(labelled.labels)
        fitter(labelled.labels[::-1])
    assert sorted(calls) == ["shrink", "thumbnails", "thumbnails", "without_breast"]
