"""Pictures become samples with one label each, and every dropped row has an audit entry."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from birads_zoo.data.index.samples import label_samples
from birads_zoo.errors import UserError
from birads_zoo.interfaces import INDEX_COLUMNS, Index, Target

BIRADS = Target(
    name="birads", column="assessment", classes={f"BI-RADS {k}": (str(k),) for k in range(1, 6)}, level="patient"
)


def index_of(*pictures):
    """Make an index from texts "patient side view assessment", "-" being a blank. Rows are numbered from 10."""
    rows = []
    for number, text in enumerate(pictures):
        patient, side, view, assessment = (part.replace("-", "") for part in text.split())
        rows.append(
            dict.fromkeys(INDEX_COLUMNS, "")
            | {"row": 10 + number, "image_path": f"{number}.png", "patient_id": patient, "exam_id": f"{patient}_1"}
            | {"laterality": side, "view": view, "assessment": assessment, "age": np.nan, "lesions": ()}
        )
    return Index(root=Path(), rows=pd.DataFrame(rows))


def sampled(*pictures, target=BIRADS, keep=(), views="exam", absent=()):
    """Label the samples of these pictures; rows with the numbers `absent` have no picture."""
    sheet = index_of(*pictures)
    present = sheet.rows[~sheet.rows["row"].isin(absent)].reset_index(drop=True)
    return label_samples(replace(sheet, rows=present), sheet, target, keep, views)


def labels_of(result):
    return [result.labelled.classes[label] for label in result.labelled.labels]


def dropped(result):
    return {entry.row: (entry.reason, entry.detail) for entry in result.used.audit}


def test_an_exams_row_has_its_first_pictures_number_and_the_common_values():
    result = sampled("a R MLO 1", "a L MLO 1", "b L CC 4", "b L MLO 4")
    rows = result.labelled.index.rows
    assert rows["row"].tolist() == [11, 12], "the left breast comes first"
    assert rows["image_path"].tolist() == ["1.png", "2.png"]
    assert rows["laterality"].tolist() == ["", "L"], "a cell is empty where the pictures differ"
    assert rows["view"].tolist() == ["MLO", ""]
    assert labels_of(result) == ["BI-RADS 1", "BI-RADS 4"]
    assert result.samples.pictures.tolist() == [[1, 1, 1, 0], [2, 3, 2, 2]]
    assert result.samples.present.tolist() == [[False, True, False, True], [True, True, False, False]]
    assert result.used.rows["row"].tolist() == [10, 11, 12, 13]
    assert result.used.audit == ()


def test_a_row_without_a_label_is_ignored():
    result = sampled("a L CC -", "a R CC 5", "b L CC 1", "b R CC 1", "c L CC -", "c L MLO -")
    assert labels_of(result) == ["BI-RADS 5", "BI-RADS 1"]
    assert dropped(result) == {14: ("no assessment", ""), 15: ("no assessment", "")}


def test_samples_with_contradicting_labels_are_dropped_and_listed():
    result = sampled("a L CC 1", "a R CC 5", "a R MLO -", "b L CC 1", "b L MLO 1", "c L CC 4", "c L MLO 4")
    assert labels_of(result) == ["BI-RADS 1", "BI-RADS 4"]
    conflict = ("contradicting labels", "assessment 1 in row 10, 5 in row 11")
    assert dropped(result) == {10: conflict, 11: conflict, 12: conflict}
    assert len(result.used.rows) + len(result.used.audit) == 7


def test_rows_without_a_usable_picture_still_count_for_the_label():
    exams = ("b L CC 1", "b L MLO 1", "c L CC 4", "c L MLO 4")
    result = sampled("a L CC 1", "a L MLO 1", "a R CC 5", *exams, absent=(12,))
    assert labels_of(result) == ["BI-RADS 1", "BI-RADS 4"]
    conflict = ("contradicting labels", "assessment 1 in row 10, 1 in row 11, 5 in row 12")
    assert dropped(result) == {10: conflict, 11: conflict}
    # The category of a breast without a picture contradicts too, kept or not; the breasts themselves stay.
    assert labels_of(sampled("a L CC 1", "a R CC 2", *exams, keep=("BI-RADS 1", "BI-RADS 4"), absent=(11,))) == [
        "BI-RADS 1",
        "BI-RADS 4",
    ]
    assert labels_of(sampled("a L CC -", "a R CC 4", *exams, absent=(11,)))[0] == "BI-RADS 4"
    breast = replace(BIRADS, level="breast")
    result = sampled("a L CC 1", "a L MLO 1", "a R CC 5", *exams, target=breast, views="breast", absent=(12,))
    assert labels_of(result) == ["BI-RADS 1", "BI-RADS 1", "BI-RADS 4"]


def test_extra_columns_have_the_values_common_to_all_pictures():
    index = index_of("a L CC 1", "a R CC 1", "b L CC 4", "b R CC 4")
    own = {"device": ["X", "Y", "Z", "Z"], "dose": [1, 2, 3, 3], "tags": [["u"], ["u"], ["u"], ["v"]]}
    index = replace(index, rows=index.rows.assign(**own))
    rows = label_samples(index, index, BIRADS, (), "exam").labelled.index.rows
    assert rows["device"].tolist() == ["", "Z"]
    assert rows["dose"].fillna(-1).tolist() == [-1, 3]
    assert rows["tags"].tolist() == [["u"], ""]


def test_values_of_one_class_do_not_contradict_each_other():
    suspicious = Target(
        name="s", column="assessment", classes={"low": ("1", "2", "3"), "high": ("4", "5")}, level="patient"
    )
    result = sampled("a L CC 4", "a R CC 5", "b L CC 1", "b R CC 3", target=suspicious)
    assert labels_of(result) == ["high", "low"]


def test_a_class_that_is_not_kept_is_excluded_and_contradicts_one_that_is():
    rows = ("a L CC 3", "a R CC 3", "b L CC 3", "b R CC 1", "c L CC 1", "c R CC 1", "d L CC 4", "d R CC 4")
    result = sampled(*rows, keep=("BI-RADS 1", "BI-RADS 4"))
    assert labels_of(result) == ["BI-RADS 1", "BI-RADS 4"]
    reasons = {row: reason for row, (reason, _) in dropped(result).items()}
    assert reasons == {10: "excluded category"} | {11: "excluded category"} | dict.fromkeys(
        (12, 13), "contradicting labels"
    )


def test_pictures_of_other_views_are_listed_and_their_labels_still_count():
    result = sampled("a L CC 1", "a L CC 5", "b L CC 1", "b R XCCL -", "b R CC -", "c L CC 4", "c R CC 4", "- L CC 4")
    assert labels_of(result) == ["BI-RADS 1", "BI-RADS 4"]
    reasons = {row: reason for row, (reason, _) in dropped(result).items()}
    assert reasons == {
        10: "contradicting labels",
        11: "further picture of a view",
        13: "side or view not used",
        17: "unknown patient",
    }


def test_a_sample_is_in_a_part_of_the_official_split_only_if_all_its_pictures_are():
    sheet = index_of("a L CC 1", "a R CC 1", "b L CC 4", "b R CC 4", "c L CC 1", "c R CC 1", "d L CC 4", "d R CC 4")
    sheet.rows["split"] = ["train", "train", "train", "", "", "test", "train", "test"]
    rows = label_samples(sheet, sheet, BIRADS, (), "exam").labelled.index.rows
    assert rows["split"].tolist() == ["train", "", "", ""]


def test_each_breast_has_its_own_label():
    breast = Target(name="b", column="assessment", classes=BIRADS.classes, level="breast")
    result = sampled("a L CC 1", "a L MLO 1", "a R CC 5", "a R MLO 5", target=breast, views="breast")
    assert labels_of(result) == ["BI-RADS 1", "BI-RADS 5"]
    assert result.labelled.index.rows["laterality"].tolist() == ["L", "R"]


def test_at_image_level_every_labelled_row_is_a_sample():
    image = Target(name="i", column="assessment", classes=BIRADS.classes)
    result = sampled("a L CC 1", "a R CC 5", "a L MLO -", "- L CC 1", target=image)
    assert labels_of(result) == ["BI-RADS 1", "BI-RADS 5", "BI-RADS 1"]
    assert result.samples.pictures[:, 0].tolist() == [0, 1, 3]
    assert result.samples.present.tolist() == [[True] * 3 + [False], [True, False, True, True], [True] + [False] * 3]
    assert dropped(result) == {12: ("no assessment", "")}


def test_too_few_classes_and_unknown_ones_are_refused_as_at_image_level():
    with pytest.raises(UserError, match="needs usable rows of two classes at least"):
        sampled("a L CC 1", "a R CC 1", "b L CC 1", "b R CC 4")
    with pytest.raises(UserError, match="did you mean 'BI-RADS 4'"):
        sampled("a L CC 1", "a R CC 1", keep=("BIRADS 4",))
