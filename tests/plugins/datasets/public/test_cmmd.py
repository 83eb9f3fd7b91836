import numpy as np
import pytest

from birads_zoo.errors import UserError

HEADER = ["ID1", "LeftRight", "Age", "number", "abnormality", "classification", "subtype"]
ROWS = [
    ["D1-0001", "R", 44, 2, "calcification", "Benign", None],
    ["D2-0007", "L", 61, 2, "both", "Malignant", "Luminal B"],
    ["D2-0007", "L", 61, 2, "mass", "Benign", None],
    ["D2-0008", "L", 50, 2, "mass", "Malignant", None],
]
SERIES = "CMMD/{}/07-18-2010-NA-NA-79377/1.000000-NA-70244/1-{}.dcm"


@pytest.fixture
def root(tmp_path, write_book, write_dicom):
    """A download with two patients: one breast of the first, both of the second; the table lists one of these."""
    write_book(tmp_path / "CMMD_clinicaldata_revision.xlsx", {"Sheet1": [HEADER, *ROWS]})
    pixels = np.tile(np.arange(24, dtype=np.uint8), (32, 1))

    def write(patient, number, side, view):
        header = {"PatientID": patient, "ImageLaterality": side, "ViewPosition": view, "StudyDate": "20100718"}
        write_dicom(tmp_path / "manifest" / SERIES.format(patient, number), pixels, **header)

    write("D1-0001", 1, "R", "CC")
    write("D1-0001", 2, "R", "MLO")
    write("D2-0007", 1, "L", "CC")
    write("D2-0007", 2, "R", "CC")
    return tmp_path


def test_breasts_come_from_headers_and_labels_from_the_table(root, load):
    rows = load("cmmd", root).rows
    assert list(rows["image_path"]) == [
        f"manifest/{SERIES.format(*picture)}" for picture in (("D1-0001", 1), ("D1-0001", 2), ("D2-0007", 1))
    ]
    assert list(rows["patient_id"]) == ["D1-0001", "D1-0001", "D2-0007"]
    assert list(rows["exam_id"]) == list(rows["patient_id"])
    assert list(rows["laterality"]) == ["R", "R", "L"]
    assert list(rows["view"]) == ["CC", "MLO", "CC"]
    assert list(rows["label"]) == ["benign", "benign", "malignant"]
    assert list(rows["age"]) == [44.0, 44.0, 61.0]
    assert list(rows["study_date"]) == ["2010", "2010", "2010"]
    assert list(rows["abnormality"]) == ["calcification", "calcification", "both"]
    assert list(rows["subtype"]) == ["", "", "Luminal B"]


def test_dropped_and_merged_rows_are_reported(root, load):
    assert [(entry.row, entry.patient_id, entry.action, entry.reason) for entry in load("cmmd", root).audit] == [
        (0, "D2-0008", "dropped", "no picture of this breast"),
        (3, "D2-0007", "repaired", "label conflict"),
        (4, "D2-0007", "dropped", "breast not listed"),
    ]


def test_a_copy_in_another_format_is_read_where_its_name_has_the_side(tmp_path, load, write_csv, write_picture):
    write_csv(tmp_path / "CMMD_clinicaldata_revision_CSV.csv", [HEADER, *ROWS], separator=";")
    write_picture(tmp_path / "pngs/D1-0001/D1-0001_R_MLO.png")
    write_picture(tmp_path / "pngs/D2-0007/1-1.png")
    index = load("cmmd", tmp_path)
    assert list(index.rows["view"]) == ["MLO"]
    assert [entry.reason for entry in index.audit if entry.row] == ["unknown side"]


def test_a_copy_may_have_lower_case_names_and_a_missing_id_is_reported(tmp_path, load, write_csv, write_picture):
    write_csv(tmp_path / "CMMD_clinicaldata_revision_CSV.csv", [HEADER, *ROWS], separator=";")
    write_picture(tmp_path / "pngs/d1-0001_r_cc.png")
    write_picture(tmp_path / "pngs/other_L_CC.png")
    index = load("cmmd", tmp_path)
    assert list(index.rows["patient_id"]) == ["D1-0001"]
    assert [(entry.image_path, entry.reason) for entry in index.audit if entry.row] == [
        ("pngs/other_L_CC.png", "unknown patient")
    ]


def test_a_file_in_a_folder_of_its_study_gets_the_id_in_its_header(tmp_path, load, write_book, write_dicom):
    write_book(tmp_path / "CMMD_clinicaldata_revision.xlsx", {"Sheet1": [HEADER, *ROWS]})
    pixels = np.tile(np.arange(24, dtype=np.uint8), (32, 1))
    write_dicom(tmp_path / "1.3.6/1-1.dcm", pixels, PatientID="D2-0008", ImageLaterality="L", ViewPosition="CC")
    write_dicom(tmp_path / "1.3.7/1-1.dcm", pixels, PatientID="QUUX-1", ImageLaterality="L", ViewPosition="CC")
    index = load("cmmd", tmp_path)
    assert list(index.rows["patient_id"]) == ["D2-0008"]
    assert "QUUX" not in str(index.audit)


def test_a_root_without_the_table_or_without_pictures(tmp_path, load, write_book):
    with pytest.raises(UserError, match=r"no CMMD_clinicaldata_revision \(\.xlsx, \.csv\) below .*: cmmd needs it"):
        load("cmmd", tmp_path)
    write_book(tmp_path / "CMMD_clinicaldata_revision.xlsx", {"Sheet1": [HEADER[1:], *ROWS]})
    with pytest.raises(UserError, match="has no column 'ID1', which cmmd needs"):
        load("cmmd", tmp_path)
    write_book(tmp_path / "CMMD_clinicaldata_revision.xlsx", {"Sheet1": [HEADER, *ROWS]})
    with pytest.raises(UserError, match="no pictures"):
        load("cmmd", tmp_path)


def test_a_folder_is_recognised_by_the_table(root, recognise, tmp_path_factory):
    assert recognise("cmmd", root) == "CMMD_clinicaldata_revision.xlsx with its columns"
    assert recognise("cmmd", tmp_path_factory.mktemp("other")) == ""
    assert recognise("cmmd", root / "gone") == ""
