"""Counts of what an area rests on: pairs within folds, and the patients of the rarer kind."""

import numpy as np
import pytest

from birads_zoo.evaluation.pairs import count_pairs, fewest, pairs_by_class


def count(positive, patients=None, folds=None):
    n = len(positive)
    return count_pairs(
        np.array(positive, bool),
        np.arange(n).astype(str) if patients is None else np.array(patients),
        np.zeros(n, np.int64) if folds is None else np.array(folds),
    )


def test_pairs_are_of_one_fold():
    basis = count([1, 1, 0, 1, 0, 0, 1], folds=[0, 0, 0, 1, 1, 1, 2])
    assert (basis.pairs, basis.patients) == (2 * 1 + 1 * 2, 3), "fold 2 has no pair, and its patient does not count"


def test_patients_are_those_of_the_rarer_kind():
    basis = count([1, 1, 0, 0, 0], patients=["P", "P", "Q", "R", "S"])
    assert (basis.pairs, basis.patients) == (6, 1)
    unknown = count([1, 1, 0, 0, 0], patients=["", "", "Q", "R", "S"])
    assert unknown.patients == 2, "a row without an id is a patient of its own"


@pytest.mark.parametrize(
    ("sick", "well", "folds", "few"),
    [(3, 4, 1, True), (9, 500, 1, True), (500, 9, 1, True), (10, 10, 1, False), (10, 10, 2, True), (14, 15, 2, False)],
)
def test_fewer_than_ten_patients_or_a_hundred_pairs_are_too_few(sick, well, folds, few):
    positive = np.repeat([1, 0], [sick, well])
    assert count(positive, folds=np.arange(sick + well) % folds).few is few


def test_too_few_pairs_have_a_warning():
    basis = count([1, 1, 1, 0, 0, 0, 0])
    assert basis.warning == "too few pairs: 12 pairs, 3 patients"
    assert count([1] * 20 + [0] * 20).warning == ""


def test_a_macro_average_rests_on_the_fewest_pairs_of_its_classes():
    labels = np.repeat([0, 1, 2], [30, 20, 4])
    names = ("a", "b", "c", "nobody")
    each = pairs_by_class(labels, np.arange(54).astype(str), np.zeros(54, np.int64), names)
    assert {name: basis.pairs for name, basis in each.items()} == {"a": 720, "b": 680, "c": 200, "nobody": 0}
    least = fewest(each)
    assert (least.pairs, least.patients, least.few) == (200, 4, True)
    assert fewest({name: each[name] for name in ("a", "b")}).few is False
