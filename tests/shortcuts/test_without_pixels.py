import numpy as np
import pandas as pd
import pytest

from birads_zoo.data.splits.split import Fold
from birads_zoo.shortcuts.without_pixels import majority, metadata_features, metadata_tree, patient_lookup


def fold_of(train, test):
    return Fold(number=0, train=np.array(train), validation=np.empty(0, np.int64), test=np.array(test))


def facts_of(count, **columns):
    usual = {
        "width": 100.0,
        "height": 200.0,
        "bytes": 5000.0,
        "mode": "L",
        "exif": False,
        "quality": 90.0,
        "source": "",
        "year": 2020,
    }
    return pd.DataFrame({name: [value] * count for name, value in usual.items()}).assign(**columns)


def test_the_majority_gives_the_training_rows_shares():
    labels = np.array([0, 0, 0, 2, 1, 1])
    np.testing.assert_allclose(majority(fold_of([0, 1, 2, 3], [4, 5]), labels, 3), [[0.75, 0, 0.25]] * 2)


def test_the_lookup_knows_its_patients():
    patients = np.array(["a", "a", "a", "b", "b", "", "a", "b", "c", ""])
    labels = np.array([0, 0, 1, 0, 1, 1, 9, 9, 9, 9])
    fold = fold_of(range(6), range(6, 10))
    probabilities = patient_lookup(fold, labels, 2, patients)
    assert probabilities[0].argmax() == 0, "a patient with several classes gets her commonest"
    assert probabilities[0] == pytest.approx([2 / 3, 1 / 3], abs=1e-3)
    assert probabilities[1] == pytest.approx([0.5, 0.5], abs=1e-3)
    assert probabilities[2] == pytest.approx([0.5, 0.5]), "an unseen patient gets the classes' frequencies"
    assert probabilities[3] == pytest.approx([0.5, 0.5]), "rows without an id are not one patient"


def test_a_patient_with_equally_common_classes_gets_the_rarer_one():
    patients = np.array(["a", "a", "b", "b", "a"])
    labels = np.array([0, 1, 0, 0, 9])
    assert patient_lookup(fold_of(range(4), [4]), labels, 2, patients)[0].argmax() == 1


def test_the_tree_uses_a_files_size_and_nothing_else_here():
    labels = np.array([0, 1, 2] * 30)
    features = metadata_features(facts_of(90, width=np.array([100.0, 200.0, 300.0])[labels]))
    fold = fold_of(range(60), range(60, 90))
    np.testing.assert_allclose(metadata_tree(fold, labels, 3, features, 0), np.eye(3)[labels[60:]])
    blind = metadata_tree(fold, labels, 3, metadata_features(facts_of(90)), 0)
    np.testing.assert_allclose(blind, 1 / 3)


def test_the_tree_uses_the_source_of_a_picture():
    """Scanner B has all rows of a rare class; nothing else separates the rows."""
    labels = np.array([0, 1, 1] * 30)
    source = np.where(labels == 0, "B", np.where(np.arange(90) % 2, "A", ""))
    features = metadata_features(facts_of(90, source=source))
    probabilities = metadata_tree(fold_of(range(60), range(60, 90)), labels, 2, features, 0)
    assert (probabilities.argmax(axis=1) == labels[60:]).all()
    assert metadata_features(facts_of(90)).shape == features[:, :-2].shape, "an unknown source is no feature"


def test_features_are_the_known_facts():
    facts = facts_of(4, width=[100.0, 200.0, 400.0, np.nan], quality=[np.nan, 90, 90, np.nan], year=[np.nan] * 4)
    features = metadata_features(facts)
    names = ["width", "height", "aspect", "bytes per pixel", "colour", "quality", "exif"]  # no year: it is unknown
    table = pd.DataFrame(features, columns=names)
    assert list(table["width"]) == [100, 200, 400, 200], "the median where it is unknown"
    assert list(table["aspect"]) == [0.5, 1, 2, 1]
    assert table["bytes per pixel"][0] == 0.25
    assert list(table["quality"]) == [0, 90, 90, 90], "0 for a file that is not a JPEG, the median for a missing file"


def test_missing_files_leave_the_tree_no_features():
    nothing = facts_of(6, width=np.nan, height=np.nan, bytes=np.nan, mode="", quality=np.nan, year=np.nan)
    assert metadata_features(nothing).shape == (6, 0)
    probabilities = metadata_tree(
        fold_of([0, 1, 2], [3, 4]), np.array([0, 0, 1, 0, 0, 0]), 2, metadata_features(nothing), 0
    )
    np.testing.assert_allclose(probabilities, [[2 / 3, 1 / 3]] * 2)
