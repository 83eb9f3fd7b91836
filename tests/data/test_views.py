import numpy as np
import pandas as pd
import pytest

from birads_zoo.data.views import sample_views
from birads_zoo.errors import UserError


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
