import math

import pytest

from birads_zoo.errors import UserError
from birads_zoo.interfaces import Lesion

CLINICAL = [
    "empi_anon",
    "acc_anon",
    "study_date_anon",
    "desc",
    "tissueden",
    "asses",
    "numfind",
    "side",
    "path_severity",
]
FINDINGS = [
    ["100", "9001", "2014-03-02", "MG Screening Bilateral", "3.0", "A", "1", "L", ""],
    ["100", "9001", "2014-03-02", "MG Screening Bilateral", "3.0", "N", "2", "R", ""],
    ["100", "9002.0", "2014-04-01", "MG Diagnostic Left", "3.0", "B", "1", "L", "4.0"],
    ["100", "9002.0", "2014-04-01", "MG Diagnostic Left", "3.0", "M", "2", "L", "0.0"],
    ["200", "9003", "2015-01-01", "MG Screening Bilateral", "5.0", "N", "1", "", ""],
    ["200", "9004", "2016-01-01", "MG Screening Bilateral", "2", "X", "1", "B", ""],
]
METADATA = [
    *("anon_dicom_path", "empi_anon", "acc_anon", "study_date_anon", "FinalImageType", "ImageLateralityFinal"),
    *("ViewPosition", "spot_mag", "num_roi", "ROI_coords"),
]
START = "/mnt/NAS2/mammo/anon_dicom/cohort_1/"


def picture(name, patient, exam, side, view, kind="2D", special="", rois="()"):
    return [f"{START}{name}.dcm", patient, exam, "2014-03-01", kind, side, view, special, "1", rois]


PICTURES = [
    picture("100/1.2/3.4/1.2.840.1", "100", "9001", "L", "CC", rois="((1100, 200, 1300, 460), (5, 6, 7, 8))"),
    picture("100/1.2/3.4/1.2.840.2", "100", "9001", "R", "MLO", special="0.0"),
    picture("100/1.2/3.4/1.2.840.3", "100", "9001", "L", "CC", kind="cview"),
    picture("100/1.3/3.4/1.2.840.4", "100", "9002", "L", "ML", special="1.0"),
    picture("200/1.4/3.4/1.2.840.5", "200", "9003", "R", "CC"),
    picture("200/1.5/3.4/1.2.840.6", "200", "9004", "R", "CC"),
    picture("100/1.3/3.4/1.2.840.7", "100", "9002", "R", "MLO"),
]


@pytest.fixture
def root(tmp_path, write_csv):
    """The tables of the release, and no pictures."""
    write_csv(tmp_path / "tables/EMBED_OpenData_clinical.csv", [CLINICAL, *FINDINGS])
    write_csv(tmp_path / "tables/EMBED_OpenData_metadata.csv", [METADATA, *PICTURES])
    write_csv(tmp_path / "tables/EMBED_OpenData_clinical_reduced.csv", [CLINICAL[:3]])
    return tmp_path


def test_a_picture_has_the_findings_of_its_side(root, load):
    rows = load("embed", root).rows
    assert list(rows["row"]) == [2, 3, 5, 6]
    assert rows["image_path"][0] == "images/cohort_1/100/1.2/3.4/1.2.840.1.dcm"
    assert list(rows["patient_id"]) == ["100", "100", "100", "200"]
    assert list(rows["exam_id"]) == ["100_9001", "100_9001", "100_9002", "200_9003"]
    assert list(rows["laterality"]) == ["L", "R", "L", "R"]
    assert list(rows["view"]) == ["CC", "MLO", "", "CC"]
    assert list(rows["assessment"]) == ["0", "1", "5", "1"]
    assert list(rows["density"]) == ["C", "C", "C", ""]
    assert list(rows["study_date"]) == ["2014-03-01"] * 4
    assert list(rows["pathology"]) == ["", "", "invasive cancer", ""]
    assert all(map(math.isnan, rows["age"]))


def test_regions_are_read_from_top_left_to_bottom_right(root, load):
    lesions = load("embed", root).rows["lesions"]
    assert lesions[0] == (Lesion(x0=200, y0=1100, x1=460, y1=1300), Lesion(x0=6, y0=5, x1=8, y1=7))
    assert lesions[1] == ()


@pytest.mark.parametrize("damaged", ["(1, 2, 3)", "(1.2.3, 2, 3, 4)", "(nan, 2, 3, 4)", "(1, 2, 3, 4, 5)", "(1, 2, 3"])
def test_a_damaged_region_does_not_shift_others(root, load, write_csv, damaged):
    rois = f"((1e-5, 2.5e2, 30, 460), {damaged})"
    first = picture("100/1.2/3.4/1.2.840.1", "100", "9001", "L", "CC", rois=rois)
    write_csv(root / "tables/EMBED_OpenData_metadata.csv", [METADATA, first])
    index = load("embed", root)
    assert index.rows["lesions"][0] == (Lesion(x0=250, y0=1e-5, x1=460, y1=30),)
    assert [(entry.row, entry.reason) for entry in index.audit] == [(2, "unreadable region")]


def test_dropped_and_merged_rows_are_reported(root, load):
    assert [(entry.row, entry.action, entry.reason, entry.detail) for entry in load("embed", root).audit] == [
        (4, "dropped", "another kind of image", "C-view"),
        (5, "repaired", "several assessments", "findings of BI-RADS 2 and 5; taken as 5"),
        (5, "repaired", "special view", "spot compression or magnification; its view is left empty"),
        (7, "dropped", "no readable assessment", "'X'"),
        (8, "dropped", "breast without a finding row", "exam 100_9002, side R"),
    ]


def test_the_option_images_selects_pictures(root, load):
    assert list(load("embed", root, images="C-view").rows["row"]) == [4]
    assert list(load("embed", root, images="both").rows["image_kind"]) == ["2D", "2D", "C-view", "2D", "2D"]


def test_pictures_missing_in_a_part_of_the_release_are_counted(root, load, write_picture):
    write_picture(root / "images/cohort_1/100/1.2/3.4/1.2.840.2.png")
    index = load("embed", root)
    assert list(index.rows["image_path"]) == ["images/cohort_1/100/1.2/3.4/1.2.840.2.png"]
    assert [(entry.row, entry.reason, entry.detail) for entry in index.audit] == [
        (0, "not in this part", "6 pictures of the table are not below the root")
    ]


def test_a_wrong_root_and_a_recognised_one(root, tmp_path_factory, load, recognise):
    other = tmp_path_factory.mktemp("other")
    with pytest.raises(UserError, match=r"no EMBED_OpenData_clinical .*: embed needs it"):
        load("embed", other)
    assert recognise("embed", other) == ""
    reason = recognise("embed", root)
    assert reason == "EMBED_OpenData_clinical.csv with its columns, and EMBED_OpenData_metadata beside it"
    (root / "tables/EMBED_OpenData_metadata.csv").unlink()
    assert recognise("embed", root) == ""
    with pytest.raises(UserError, match="no EMBED_OpenData_metadata"):
        load("embed", root)
