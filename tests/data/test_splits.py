import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from birads_zoo.data.splits.folds import split_rows
from birads_zoo.data.splits.split import Fold, check_leaks, find_leak, make_folds, may_leak, split_units
from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.recipe import SplitSection

FOUR = ("1", "3", "4", "5")


def _rows(*patients_per_class: int, seed: int = 0, mixed: float = 0.0) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Make 1 to 8 rows per patient; a share `mixed` of the patients has one row of another class."""
    generator = np.random.default_rng(seed)
    names: list[str] = []
    labels: list[int] = []
    for label, patients in enumerate(patients_per_class):
        for number in range(patients):
            rows = int(generator.choice([1, 2, 4, 4, 4, 8]))
            patient_labels = [label] * rows
            if generator.random() < mixed:
                patient_labels.append(int(generator.integers(len(patients_per_class))))
            names += [f"P{label}-{number}"] * len(patient_labels)
            labels += patient_labels
    order = generator.permutation(len(names))
    return np.array(names)[order], np.array(labels, dtype=np.int64)[order]


@settings(max_examples=60)
@given(
    patients=st.lists(st.integers(4, 25), min_size=2, max_size=4),
    folds=st.integers(2, 4),
    scheme=st.sampled_from(["patient", "image"]),
    validation=st.sampled_from([0.0, 0.15, 0.5, 0.9]),
    seed=st.integers(0, 1000),
)
def test_folds_are_partitions(patients: list[int], folds: int, scheme: str, validation: float, seed: int) -> None:
    names, labels = _rows(*patients, seed=seed, mixed=0.1)
    section = SplitSection(scheme=scheme, folds=folds, validation=validation)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BiradsZooWarning)
        split = make_folds(names, labels, FOUR[: len(patients)], section, seed)
        again = make_folds(names, labels, FOUR[: len(patients)], section, seed)
    everything = np.arange(len(labels))
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.test for fold in split])), everything)
    for fold, same in zip(split, again, strict=True):
        parts = (fold.train, fold.validation, fold.test)
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), everything)
        for part, repeated in zip(parts, (same.train, same.validation, same.test), strict=True):
            np.testing.assert_array_equal(part, repeated)
            assert part.dtype == np.int64
        assert set(labels[fold.train]) == set(labels)
        if len(fold.validation):
            assert set(labels[fold.validation]) == set(labels)
        if scheme == "patient":
            sides = [set(names[part]) for part in parts]
            assert not sides[0] & sides[1]
            assert not sides[0] & sides[2]
            assert not sides[1] & sides[2]
    assert [fold.number for fold in split] == list(range(folds))
    check_leaks(split, names, scheme)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("patients", "folds"), [((407, 73, 25, 9), 5), ((12, 5, 4, 3), 3), ((6, 3, 3), 3), ((4, 2), 2)]
)
def test_every_fold_tests_patients_of_every_class(patients: tuple[int, ...], folds: int, seed: int) -> None:
    names, labels = _rows(*patients, seed=seed, mixed=0.06)
    section = SplitSection(folds=folds, validation=0)
    for fold in make_folds(names, labels, FOUR[: len(patients)], section, seed):
        for label, count in enumerate(patients):
            tested = len(set(names[fold.test][labels[fold.test] == label]))
            assert tested >= 1, (fold.number, label)
            assert tested >= count // folds - 1, (fold.number, label)


def test_folds_hold_about_equally_many_rows_and_patients() -> None:
    names, labels = _rows(407, 73, 25, 9)
    folds = make_folds(names, labels, FOUR, SplitSection(), 0)
    for label, count in enumerate((407, 73, 25, 9)):
        tested = [len(set(names[fold.test][labels[fold.test] == label])) for fold in folds]
        assert max(tested) - min(tested) <= 1, (FOUR[label], tested)
        assert sum(tested) == count
    rows = [len(fold.test) for fold in folds]
    assert max(rows) - min(rows) < 0.1 * np.mean(rows)


def test_validation_takes_its_share_of_the_training_patients_of_each_class() -> None:
    names, labels = _rows(400, 80, 20, 10)
    for fold in make_folds(names, labels, FOUR, SplitSection(validation=0.25), 3):
        for label, expected in enumerate((80, 16, 4, 2)):
            chosen = len(set(names[fold.validation][labels[fold.validation] == label]))
            assert chosen == expected, (fold.number, FOUR[label])


def test_another_seed_gives_other_folds() -> None:
    names, labels = _rows(40, 20)
    first, second = (make_folds(names, labels, ("a", "b"), SplitSection(), seed)[0] for seed in (0, 1))
    assert not np.array_equal(first.test, second.test)


def test_too_few_patients_for_validation_gives_one_warning() -> None:
    names, labels = _rows(10, 2)
    with pytest.warns(BiradsZooWarning, match="no validation rows in folds 1, 2: some class has fewer than 2") as seen:
        folds = make_folds(names, labels, ("a", "b"), SplitSection(folds=2), 0)
    assert len(seen) == 1
    assert "training runs for its fixed number of epochs" in str(seen[0].message)
    assert all(len(fold.validation) == 0 for fold in folds)


def test_validation_of_0_gives_no_warning() -> None:
    names, labels = _rows(10, 2)
    folds = make_folds(names, labels, ("a", "b"), SplitSection(folds=2, validation=0), 0)
    assert all(len(fold.validation) == 0 for fold in folds)


def test_two_training_patients_of_a_class_are_enough_for_validation() -> None:
    names, labels = _rows(10, 4)
    for fold in make_folds(names, labels, ("a", "b"), SplitSection(folds=2), 0):
        assert len(set(names[fold.validation][labels[fold.validation] == 1])) == 1
        assert len(set(names[fold.train][labels[fold.train] == 1])) == 1


def test_fewer_patients_than_folds() -> None:
    names, labels = _rows(9, 3)
    with pytest.raises(UserError, match=r"class '3' has 3 usable patients, fewer than the 5 folds: use"):
        make_folds(names, labels, ("1", "3"), SplitSection(), 0)
    with pytest.raises(UserError, match=r"use --folds 3, or leave the class out$"):
        make_folds(names, labels, ("1", "3"), SplitSection(), 0)
    make_folds(names, labels, ("1", "3"), SplitSection(folds=3), 0)
    names, labels = _rows(9, 1)
    with pytest.raises(UserError, match=r"class '3' has 1 usable patient, .*folds: leave the class out$"):
        make_folds(names, labels, ("1", "3"), SplitSection(), 0)


@pytest.mark.filterwarnings("ignore::birads_zoo.errors.BiradsZooWarning")
def test_fewer_images_than_folds() -> None:
    labels = np.array([0] * 9 + [1] * 3)
    with pytest.raises(UserError, match="class 'b' has 3 usable images, fewer"):
        make_folds(np.array([""] * 12), labels, ("a", "b"), SplitSection(scheme="image"), 0)


def test_rows_without_a_patient() -> None:
    names, labels = _rows(9, 9)
    names[:2] = ("", " ")
    with pytest.raises(
        UserError, match=r"2 of .* rows have no patient id.*--patient-pattern where .*, or use --split image"
    ):
        make_folds(names, labels, ("a", "b"), SplitSection(), 0)


def test_a_class_with_all_patients_in_one_fold_is_refused() -> None:
    # Three classes that share three patients pairwise: in two folds some class always has both of its patients in one.
    names = np.array(["p", "q", "q", "r", "r", "p"])
    labels = np.array([0, 0, 1, 1, 2, 2])
    with pytest.raises(UserError, match=r"fold . would train on no row of class '.', .*use other --folds"):
        make_folds(names, labels, ("a", "b", "c"), SplitSection(folds=2, validation=0), 0)


def test_image_split_warns_and_is_stratified() -> None:
    names, labels = _rows(100, 20)
    with pytest.warns(BiradsZooWarning, match="split by image puts images of one patient on both sides"):
        folds = make_folds(names, labels, ("a", "b"), SplitSection(scheme="image", folds=4, validation=0.2), 0)
    expected = np.bincount(labels) / 4
    for fold in folds:
        assert np.abs(np.bincount(labels[fold.test]) - expected).max() <= 1
        train = np.bincount(labels[np.concatenate([fold.train, fold.validation])])
        assert np.abs(np.bincount(labels[fold.validation]) - 0.2 * train).max() <= 1


def test_the_papers_split_has_the_papers_numbers() -> None:
    labels = np.repeat(np.arange(4), (1847, 265, 72, 22))
    names = np.array([""] * len(labels))
    with pytest.warns(BiradsZooWarning, match="the paper reports on the validation rows, which chose the epoch"):
        (fold,) = make_folds(names, labels, FOUR, SplitSection(scheme="paper"), seed=7)
    assert (len(fold.train), len(fold.validation), len(fold.test)) == (1654, 331, 221)
    # The class weights that the paper prints come from these training counts.
    weights = 1654 / (4 * np.bincount(labels[fold.train]))
    np.testing.assert_allclose(weights, [0.2986, 2.078, 7.657, 25.84], rtol=5e-4)
    with pytest.warns(BiradsZooWarning):
        (other,) = make_folds(names, labels, FOUR, SplitSection(scheme="paper"), seed=8)
    np.testing.assert_array_equal(fold.test, other.test)


@pytest.mark.filterwarnings("ignore:the paper's split puts images")
def test_the_papers_split_holds_out_the_sheets_rows_wherever_the_program_has_them() -> None:
    labels, section = np.repeat(np.arange(2), (80, 40)), SplitSection(scheme="paper")
    rows = pd.DataFrame({"row": np.arange(120) + 2, "patient_id": "", "laterality": ""})
    (sheet,) = make_folds(np.array([""] * 120), labels, ("a", "b"), section, 0)
    order = np.random.default_rng(0).permutation(120)
    (fold,) = split_rows(rows.iloc[order].reset_index(drop=True), labels[order], ("a", "b"), section, 0)
    for part in ("train", "validation", "test"):
        positions = getattr(fold, part)
        assert (np.diff(positions) > 0).all(), part
        assert sorted(order[positions]) == getattr(sheet, part).tolist(), part


@pytest.mark.filterwarnings("ignore:the paper's split puts images")
def test_the_papers_split_of_too_few_images() -> None:
    def split(*counts: int) -> Fold:
        labels = np.repeat(np.arange(len(counts)), counts)
        names = np.array([""] * len(labels))
        (fold,) = make_folds(names, labels, "abcdefg"[: len(counts)], SplitSection(scheme="paper"), 0)
        return fold

    advice = "use --split patient with few --folds, or leave the class out"
    with pytest.raises(UserError) as caught:
        split(40, 3)
    assert str(caught.value) == (
        "the paper's split cannot give each of 2 classes rows to train, validate and test on: there are 43 images, and "
        f"3 of class 'b'; {advice}"
    )
    with pytest.raises(UserError, match="there are 40 images, and 8 of class 'a'"):  # the test part takes 4
        split(8, 8, 8, 8, 8)
    assert len(split(40, 6).test) == 5


@pytest.mark.parametrize(
    ("fields", "clause"),
    [
        ({"folds": 3}, "split.folds had no effect"),
        ({"validation": 0.0}, "split.validation had no effect"),
        ({"folds": 3, "validation": 0.2}, "split.folds and split.validation had no effect"),
        ({}, ""),
    ],
)
def test_the_papers_split_reports_ignored_fields(fields: dict[str, float], clause: str) -> None:
    labels = np.repeat([0, 1], 20)
    with pytest.warns(BiradsZooWarning) as caught:
        make_folds(np.array([""] * 40), labels, ("a", "b"), SplitSection(scheme="paper", **fields), 0)
    messages = [str(warning.message) for warning in caught if "one fold of its own" in str(warning.message)]
    assert messages == ([f"the paper's split has one fold of its own, 75 % / 15 % / 10 %: {clause}"] if clause else [])


def test_leaks_are_found_and_named() -> None:
    names = np.array(["p", "q", "r", "q"])
    for train, validation, test in [((0, 1), (2,), (3,)), ((0,), (1, 2), (3,)), ((0, 1), (3,), (2,))]:
        fold = Fold(number=2, train=np.array(train), validation=np.array(validation), test=np.array(test))
        with pytest.raises(UserError, match=r"fold 3 leaks: patient 'q' has rows in \w+ and \w+ \(1 such patients\)"):
            check_leaks([fold], names, "patient")
        check_leaks([fold], names, "image")


def test_only_splits_by_patient_cannot_leak() -> None:
    assert [may_leak(scheme) for scheme in ("patient", "breast", "image", "paper")] == [False, True, True, True]


def test_a_breast_is_on_one_side_and_its_patient_on_both() -> None:
    names, labels = _rows(20, 20, seed=1)
    rows = pd.DataFrame({"patient_id": names, "laterality": np.resize(["L", "L", "R", "R"], len(names))})
    breasts = split_units(rows, "breast")
    with pytest.warns(BiradsZooWarning, match="a split by breast puts images of one patient on both sides"):
        folds = make_folds(breasts, labels, ("a", "b"), SplitSection(scheme="breast"), 0)
    for fold in folds:
        assert not set(breasts[fold.test]) & set(breasts[np.concatenate([fold.train, fold.validation])])
    assert any(set(names[fold.test]) & set(names[fold.train]) for fold in folds)


def test_a_split_by_breast_refuses_rows_that_lack_a_side() -> None:
    rows = pd.DataFrame({"patient_id": ["p", "q", "", "r"], "laterality": ["L", "", "R", "R"]})
    assert list(split_units(rows, "breast")) == ["p L", "", "", "r R"]
    assert list(split_units(rows, "patient")) == ["p", "q", "", "r"]
    with (
        pytest.raises(UserError, match="2 of 4 rows lack a patient id or a laterality"),
        pytest.warns(BiradsZooWarning),
    ):
        make_folds(
            split_units(rows, "breast"), np.zeros(4, dtype=np.int64), ("a", "b"), SplitSection(scheme="breast"), 0
        )


@pytest.mark.parametrize(
    ("learnt", "tested", "leak"),
    [
        ("ab", "cd", "none"),
        ("ab", "bc", "certain"),
        (["a", ""], "bc", "possible"),
        ("ab", ["c", " "], "possible"),
        (["a", ""], ["", "c"], "possible"),
        (["a", ""], ["a", ""], "certain"),
        ("", [""], "none"),
    ],
    ids=["apart", "shared", "unknown in training", "unknown in test", "in both", "shared and unknown", "nothing"],
)
def test_possible_and_certain_leaks_are_distinguished(learnt, tested, leak):
    patients = np.array([*learnt, *tested], dtype=np.str_)
    rows = np.arange(len(patients))
    fold = Fold(number=0, train=rows[: len(learnt)], validation=rows[:0], test=rows[len(learnt) :])
    assert find_leak([fold], patients) == leak
