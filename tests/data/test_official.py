import numpy as np
import pandas as pd
import pytest

from birads_zoo.data.splits.folds import split_rows
from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.recipe import SplitSection

OFFICIAL = SplitSection(scheme="official")
UNVALIDATED = SplitSection(scheme="official", validation=0)
CLASSES = ("normal", "abnormal")


def rows(parts, patients=None):
    patients = [f"P{number}" for number in range(len(parts))] if patients is None else patients
    return pd.DataFrame({"split": parts, "patient_id": patients, "laterality": "L"})


def labels(count):
    return np.arange(count) % 2


def split(parts, patients=None, section=OFFICIAL):
    (fold,) = split_rows(rows(parts, patients), labels(len(parts)), CLASSES, section, 0)
    return fold


def test_rows_are_in_the_part_that_their_column_names():
    fold = split(["test", "train", "val", "test", "train", "val"])
    assert (fold.train.tolist(), fold.validation.tolist(), fold.test.tolist()) == ([1, 4], [2, 5], [0, 3])


def test_without_validation_rows_some_training_patients_are_used():
    parts, patients = ["train"] * 40 + ["test"] * 4, [f"P{number // 2}" for number in range(40)] + ["A", "B", "C", "D"]
    fold = split(parts, patients)
    assert len(fold.validation) >= 4
    assert sorted([*fold.train, *fold.validation]) == list(range(40))
    named = np.array(patients)
    assert not set(named[fold.train]) & set(named[fold.validation]), "a patient's rows stay together"
    same = split(parts, patients)
    np.testing.assert_array_equal(fold.validation, same.validation)


@pytest.mark.parametrize("unknown", [150, 100])
def test_unknown_patients_are_not_one_patient_in_choosing_validation(unknown):
    patients = [""] * unknown + [f"P{number}" for number in range(200 - unknown)]
    with pytest.warns(UserWarning, match="cannot be ruled out"):
        fold = split(["train"] * 150 + ["test"] * 50, patients)
    share = round(SplitSection().validation * 150)
    assert abs(len(fold.validation) - share) <= 2


def test_validation_that_is_not_possible_gives_a_warning():
    with pytest.warns(UserWarning, match="no validation rows in the official split: some class has fewer than 2"):
        fold = split(["train", "train", "test", "test"])
    assert len(fold.validation) == 0


def test_validation_of_0_uses_no_patients():
    assert len(split(["train"] * 6 + ["test"] * 2, section=UNVALIDATED).validation) == 0


UNKNOWN = "no patient id, so it cannot be ruled out that the official split leaks: give --patient-pattern where"


@pytest.mark.parametrize(
    ("patients", "clauses"),
    [
        (["P0", "P1", "P1", "P2"], ["1 patient, 'P1', has rows in training and test; use --split patient"]),
        (["P1", "P0", "P1", "P0"], ["2 patients, such as 'P0', have rows in training and test; use --split patient"]),
        (["P0", "P1", "P2", ""], [f"1 row has {UNKNOWN}"]),
        (["", "P1", " ", "P2"], [f"2 rows have {UNKNOWN}"]),
        (["", "P1", "P1", ""], ["1 patient, 'P1', has rows in training and test", f"2 rows have {UNKNOWN}"]),
    ],
    ids=["one", "two", "one unknown", "unknown on both sides", "one and unknown"],
)
def test_a_certain_and_a_possible_leak_are_reported(patients, clauses):
    with pytest.warns(BiradsZooWarning) as caught:
        split(["train", "train", "test", "test", "val"], [*patients, "V"])
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == len(clauses)
    for message, clause in zip(messages, clauses, strict=True):
        assert clause in message
    assert not any("--split patient" in message for message in messages) or "" not in patients, (
        "which refuses unknown patients"
    )


def test_a_patient_in_training_and_validation_is_reported():
    with pytest.warns(BiradsZooWarning) as caught:
        fold = split(["train", "train", "test", "test", "val", "val"], ["P0", "P1", "P2", "P3", "P1", ""])
    messages = [str(warning.message) for warning in caught]
    assert any(
        message.startswith("1 patient, 'P1', has rows in the official split's training and validation parts")
        for message in messages
    )
    assert not any("the official split leaks:" in message and "P1" in message for message in messages), (
        "she has no test row"
    )
    assert fold.train.tolist() == [0, 1]
    with pytest.warns(
        BiradsZooWarning, match="2 patients, such as 'P0', have rows in the official split's training and"
    ):
        split(["train", "train", "test", "test", "val", "val"], ["P0", "P1", "P2", "P3", "P1", "P0"])


def test_rows_of_no_part_are_reported_and_left_out():
    with pytest.warns(UserWarning, match="2 of 6 rows are in no part of the official split, or in several"):
        fold = split(["train", "train", "test", "test", "", "other"], section=UNVALIDATED)
    assert 4 not in np.concatenate([fold.train, fold.validation, fold.test])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([""] * 4, "this data set has no official split"),
        (["train"] * 4, "has no usable test rows"),
        (["test", "val"] * 2, "has no usable training rows"),
        (["train", "test", "train", "test"], "no training row of class 'abnormal'"),
    ],
)
def test_a_split_that_cannot_be_used_is_refused(parts, message):
    with pytest.raises(UserError, match=message):
        split(parts)


@pytest.mark.parametrize("fields", [{"folds": 3}, {"validation": 0.3}])
def test_a_field_without_effect_is_reported(fields):
    with pytest.warns(UserWarning, match=f"split.{next(iter(fields))} had no effect"):
        split(["train", "train", "test", "val", "test", "val"], section=SplitSection(scheme="official", **fields))
