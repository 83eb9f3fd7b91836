import numpy as np
import pandas as pd
import pytest

from birads_zoo.data.prepare import prepare
from birads_zoo.data.views import sample_views
from birads_zoo.errors import UserError
from birads_zoo.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe


def exam(*pictures, patient="p1", exam_id="e1"):
    """Make rows of one exam: `exam("L CC", "R CC")`."""
    return pd.DataFrame(
        [
            {"patient_id": patient, "exam_id": exam_id, "laterality": text.split()[0], "view": text.split()[1]}
            for text in pictures
        ]
    )


def partners(rows, views):
    samples = sample_views(rows.reset_index(drop=True), views)
    assert (samples[:, 0] == np.arange(len(rows))).all(), "a sample's own picture comes first"
    return samples[:, 1].tolist()


FOUR = exam("L CC", "L MLO", "R CC", "R MLO")


def test_one_view_is_the_picture_alone():
    assert sample_views(FOUR, "single").tolist() == [[0], [1], [2], [3]]


def test_bilateral_pairs_the_breasts_in_the_same_view():
    assert partners(FOUR, "bilateral") == [2, 3, 0, 1]


def test_breast_pairs_the_views_of_the_same_breast():
    assert partners(FOUR, "breast") == [1, 0, 3, 2]


def test_partners_share_patient_and_exam():
    rows = pd.concat([exam("L CC", "R CC"), exam("R CC", patient="p2"), exam("R CC", exam_id="e2")])
    assert partners(rows, "bilateral") == [1, 0, 2, 3]


def test_of_several_partners_the_first_is_taken_and_without_one_a_picture_is_its_own():
    assert partners(exam("L CC", "L CC", "R CC", "R CC", "R MLO"), "bilateral") == [2, 2, 0, 0, 4]


def test_rows_without_a_patient_have_no_partner():
    rows = pd.concat([exam("L CC", "R CC"), exam("L CC", "R CC", patient="")])
    assert partners(rows, "bilateral") == [1, 0, 2, 3]


def test_where_no_picture_has_a_partner_the_error_says_what_is_missing():
    with pytest.raises(UserError, match=r"'bilateral' needs a picture of the other breast.*laterality"):
        sample_views(exam("L CC", "L MLO"), "bilateral")


def test_an_unknown_side_or_view_is_nobodys_partner():
    rows = exam("L CC", "R CC", "x MLO", "x CC")
    rows["laterality"] = rows["laterality"].replace("x", "")
    assert partners(rows, "bilateral") == [1, 0, 2, 3]
    known = exam("L CC", "L MLO")
    known = pd.concat([known, rows.iloc[2:]])
    assert partners(known, "breast") == [1, 0, 2, 3]


def test_a_partner_needs_no_class_of_its_own(phantom_root, tmp_path):
    """Else only some classes would have partners: the other breast of a woman with BI-RADS 5 is mostly no 5."""
    host = load_host()
    chosen = {"name": "phantom", "root": str(phantom_root), "classes": ["BI-RADS 1", "BI-RADS 5"], "views": "bilateral"}
    recipe = Recipe().replace(
        {f"dataset.{key}": value for key, value in chosen.items()}
        | {"image.height": 32, "image.width": 32, "split.folds": 2}
    )
    data = prepare(recipe, host, tmp_path, Screen())
    alone = data.samples[:, 0] == data.samples[:, 1]
    assert alone.mean() < 0.1
    assert set(data.samples[:, 1]) - set(data.positions), "some partners are of other classes"
