import math
import os
import shutil

import openpyxl
import pytest

from birads_zoo.errors import UserError
from birads_zoo.interfaces import INDEX_COLUMNS


def test_every_peculiarity_of_the_sheet(kaumds, load):
    rows = load("kaumds", kaumds).rows
    assert tuple(rows.columns) == INDEX_COLUMNS
    assert list(rows["row"]) == [2, 3, 4, 5, 6, 7]
    assert list(rows["assessment"]) == ["1", "1", "2", "3", "4", "5"]
    assert list(rows["density"]) == ["A", "B", "", "B", "C", "D"]
    assert list(rows["laterality"]) == ["R", "L", "L", "R", "L", "L"]
    assert list(rows["view"]) == ["CC", "MLO", "CC", "MLO", "CC", "CC"]
    assert list(rows["patient_id"])[:3] == ["BC000001", "BC000001", "BC0000002"]
    assert list(rows["exam_id"])[:3] == ["BC000001_2019-04-25", "BC000001_2019-04-25", "BC0000002_2018"]
    assert list(rows["study_date"])[1:3] == ["2019-04-25", "2018"]
    assert list(rows["age"])[:3] == [51.0, 51.0, 60.0]
    assert rows["image_path"][0] == "mammograms/BIRAD 1/2019_BC000001_ CC_R.jpg"


def test_repairs_are_in_the_audit(kaumds, load):
    entries = load("kaumds", kaumds).audit
    assert {entry.action for entry in entries} == {"repaired"}
    assert [(entry.row, entry.reason, entry.detail) for entry in entries] == [
        (3, "dirty density", "'26% -50%' read as B"),
        (4, "unreadable density", "'0%-50%' fits no category; left empty"),
        (4, "no study date", "2018 taken from the file's name"),
        (5, "dirty density", "'26%-505' read as B"),
        (5, "no laterality", "R taken from the file's name"),
        (5, "no view", "MLO taken from the file's name"),
        (6, "dirty density", "'51-75%' read as C"),
    ]
    assert entries[0].patient_id == "BC000001"


@pytest.mark.parametrize(
    "stored",
    [
        "mammograms/BIRAD 1/2019_BC000001_ CC_R.jpg",
        "BIRAD 1/2019_BC000001_ CC_R.jpg",
        "Mammograms/birad 1/2019_bc000001_ cc_r.JPG",
        "mammograms/BIRAD 1/2019_BC000001_ CC_R.png",
    ],
)
def test_a_picture_is_found_as_the_disk_spells_it(kaumds, load, write_picture, stored):
    write_picture(kaumds / stored)
    rows = load("kaumds", kaumds).rows
    assert rows["image_path"][0] == stored
    assert rows["image_path"][1] == "mammograms/BIRAD 1/2019_BC000001_ MLO_L.jpg"


def test_the_exact_path_wins_over_one_in_another_case(kaumds, load, write_picture):
    write_picture(kaumds / "mammograms/BIRAD 1/2019_BC000001_ CC_R.jpg")
    write_picture(kaumds / "MAMMOGRAMS/BIRAD 1/2019_BC000001_ CC_R.jpg")
    assert load("kaumds", kaumds).rows["image_path"][0] == "mammograms/BIRAD 1/2019_BC000001_ CC_R.jpg"


def test_sheet_paths_without_the_folder_find_files_with_it(tmp_path, load, write_sheet, write_picture):
    row = [None, "BC000001", 51, "R", "CC", "0%-25%", "BIRAD 1", "BIRAD 1/2019_BC000001_ CC_R.dcm"]
    write_sheet(tmp_path / "sheet.xlsx", rows=[row])
    write_picture(tmp_path / "mammograms/BIRAD 1/2019_BC000001_ CC_R.jpg")
    rows = load("kaumds", tmp_path).rows
    assert list(rows["image_path"]) == ["mammograms/BIRAD 1/2019_BC000001_ CC_R.jpg"]


def test_a_copy_unpacked_one_folder_deeper(tmp_path, load, write_sheet, write_picture):
    (tmp_path / "KAU").mkdir()
    write_sheet(tmp_path / "KAU" / "sheet.xlsx")
    write_picture(tmp_path / "KAU/mammograms/BIRAD 1/2019_BC000001_ CC_R.jpg")
    assert load("kaumds", tmp_path).rows["image_path"][0] == "KAU/mammograms/BIRAD 1/2019_BC000001_ CC_R.jpg"


@pytest.mark.parametrize(
    "stored",
    ["Birad1/b1/2019_BC000001_ CC_R.jpg", "Birad1/Birad1/2019_BC000001_CC_R.JPG", "all/2019_BC000001_ CC_R.jpeg"],
)
def test_a_picture_is_found_by_its_name_in_any_folder(kaumds, load, write_picture, stored):
    write_picture(kaumds / stored)
    index = load("kaumds", kaumds)
    assert index.rows["image_path"][0] == stored
    assert index.rows["assessment"][0] == "1"
    assert [(entry.row, entry.image_path, entry.detail) for entry in index.audit if "found" in entry.reason] == [
        (2, stored, "the table has 'mammograms/BIRAD 1/2019_BC000001_ CC_R.jpg'")
    ]
    assert not [entry for entry in index.audit if entry.action == "unlisted"]


def test_a_folder_that_contradicts_the_sheet_leaves_no_category(kaumds, load, write_picture):
    write_picture(kaumds / "Birad4/b4/2019_BC000001_ CC_R.jpg")
    index = load("kaumds", kaumds)
    assert index.rows["assessment"].tolist() == ["", "1", "2", "3", "4", "5"]
    assert [(entry.row, entry.detail) for entry in index.audit if entry.reason == "category conflict"] == [
        (2, "the sheet says 1, the folder 4; left empty")
    ]


def test_a_picture_belongs_to_the_row_with_its_folders_category(tmp_path, load, write_sheet, write_picture):
    rows = [
        [
            None,
            "BC000001",
            51,
            "R",
            "CC",
            None,
            f"BIRAD {category}",
            f"mammograms/BIRAD {category}/2019_BC000001_ CC_R.dcm",
        ]
        for category in (2, 3)
    ]
    write_sheet(tmp_path / "sheet.xlsx", rows=rows)
    write_picture(tmp_path / "Birad3/b3/2019_BC000001_ CC_R.jpg")
    index = load("kaumds", tmp_path)
    assert index.rows["image_path"].tolist() == [
        "mammograms/BIRAD 2/2019_BC000001_ CC_R.jpg",
        "Birad3/b3/2019_BC000001_ CC_R.jpg",
    ]
    assert {entry.reason for entry in index.audit} == {"no study date", "found in another folder"}


def test_a_name_in_two_folders_is_not_guessed(kaumds, load, write_picture):
    for folder in ("a", "b"):
        write_picture(kaumds / folder / "2019_BC000001_ CC_R.jpg")
    index = load("kaumds", kaumds)
    assert index.rows["image_path"][0] == "mammograms/BIRAD 1/2019_BC000001_ CC_R.jpg"
    assert [entry.row for entry in index.audit if entry.reason == "ambiguous path"] == [2]


def test_pictures_without_a_row_are_listed_in_nested_folders_too(kaumds, load, write_picture):
    write_picture(kaumds / "Birad4/b4/2013_BC000099_ MLO_L.jpg")
    (entry,) = [entry for entry in load("kaumds", kaumds).audit if entry.action == "unlisted"]
    assert (entry.patient_id, entry.image_path) == ("BC000099", "Birad4/b4/2013_BC000099_ MLO_L.jpg")
    taken = load("kaumds", kaumds, unlisted=True).rows.iloc[-1]
    assert (taken["assessment"], taken["view"], taken["laterality"]) == ("4", "MLO", "L")


@pytest.mark.slow
def test_the_real_pictures_in_the_other_layout(real_data, load, tmp_path):
    sample = real_data / "kaumds-sample"
    shutil.copy(sample / "correctSheetlast.xlsx", tmp_path)
    for folder, other in {"1": "Birad1/b1", "3": "Birad3/b3", "4": "Birad4/b4", "5": "Birad5/Birad5"}.items():
        shutil.copytree(sample / "mammograms" / f"BIRAD {folder}", tmp_path / other)

    def pictures(root):
        rows = load("kaumds", root).rows
        present = rows[[(root / path).is_file() for path in rows["image_path"]]]
        return dict(zip(present["row"], present["image_path"].str.rpartition("/")[2], strict=True))

    assert pictures(tmp_path) == pictures(sample)
    assert len(pictures(sample)) == 11


def test_the_first_sheet_of_a_workbook_is_found_by_its_columns_too(tmp_path, load, write_sheet):
    header = ["Image path", "PatientID", "Assesment"]
    write_sheet(tmp_path / "a.xlsx", first=[header, ["mammograms/x.dcm", "BC000001", "BIRAD 5"]], rows=[], header=["?"])
    (tmp_path / "~$a.xlsx").write_bytes(b"a lock that a spreadsheet program left")
    rows = load("kaumds", tmp_path).rows
    assert list(rows["assessment"]) == ["5"]
    assert rows["density"][0] == ""
    assert math.isnan(rows["age"][0])


def test_a_file_that_states_too_few_cells_is_read_completely(tmp_path, load, write_sheet, monkeypatch):
    monkeypatch.setattr(openpyxl.worksheet.worksheet.Worksheet, "calculate_dimension", lambda sheet: "A1:A1")
    write_sheet(tmp_path / "a.xlsx", foot=False)
    assert len(load("kaumds", tmp_path).rows) == 6


def test_no_root_and_a_wrong_one(tmp_path, load):
    with pytest.raises(UserError) as error:
        load("kaumds", None)
    assert str(error.value) == "data set 'kaumds' needs its folder: give it with --root"
    with pytest.raises(UserError) as error:
        load("kaumds", tmp_path / "gone")
    assert str(error.value) == f"no such root: {tmp_path / 'gone'}; give the folder of data set 'kaumds' with --root"
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is a file, not a folder; give the folder that 'kaumds' was unpacked to"):
        load("kaumds", tmp_path / "file")


def test_an_unreadable_folder(kaumds, load, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError) as error:
        load("kaumds", kaumds)
    assert str(error.value) == f"cannot read folder {kaumds}: Permission denied; allow it, or choose another root"


def test_a_root_without_a_sheet(tmp_path, load, write_sheet):
    with pytest.raises(UserError) as error:
        load("kaumds", tmp_path)
    expected = "a sheet with columns like 'PatientID', 'Assesment' and 'Image path'"
    assert str(error.value) == f"no .xlsx file below {tmp_path}: kaumds needs {expected} there, or --table FILE"
    write_sheet(tmp_path / "other.xlsx", header=["Name", "Street"], rows=[["A", "B"]])
    with pytest.raises(UserError) as error:
        load("kaumds", tmp_path)
    assert str(error.value) == f"no sheet of kaumds below {tmp_path}: looked for {expected} in 'other.xlsx'"


def test_a_sheet_without_a_needed_column(tmp_path, load, write_sheet):
    header = ["Study date", "PatientID", "Patient age ", "Breast  type", "Breast view", "density", "Assesment", "Where"]
    file = write_sheet(tmp_path / "a.xlsx", header=header)
    with pytest.raises(UserError) as error:
        load("kaumds", tmp_path)
    assert str(error.value) == (
        f"sheet 'correctSheet' of {file} has no column for image_path (such as 'image path'); it has: 'Study date', "
        "'PatientID', 'Patient age', 'Breast type', 'Breast view', 'density', 'Assesment', 'Where'; "
        "name it with --column image_path=NAME"
    )
    assert len(load("kaumds", tmp_path, columns={"image_path": "Where"}).rows) == 6
    with pytest.raises(UserError) as error:
        load("kaumds", tmp_path, columns={"image_path": "Wher"})
    assert "has no column 'Wher' (for image_path); did you mean 'Where'? It has: 'Study date'" in str(error.value)


def test_spellings_of_an_id_are_merged_on_request(tmp_path, load, write_sheet):
    rows = [
        [None, patient, 51, "R", "CC", None, "BIRAD 1", f"mammograms/{at}.dcm"]
        for at, patient in enumerate(["BC000001", "bc-000001", "BC0000001", "BC000010"])
    ]
    write_sheet(tmp_path / "a.xlsx", rows=rows)
    assert load("kaumds", tmp_path).rows["patient_id"].nunique() == 4
    merged = load("kaumds", tmp_path, merge_ids=True)
    assert merged.rows["patient_id"].tolist() == ["BC000001", "BC000001", "BC000001", "BC000010"]
    assert [entry.row for entry in merged.audit if entry.reason == "patient id merged"] == [3, 4]


def test_a_header_without_rows(tmp_path, load, write_sheet):
    file = write_sheet(tmp_path / "a.xlsx", rows=[], foot=False)
    with pytest.raises(UserError) as error:
        load("kaumds", tmp_path)
    assert str(error.value) == f"sheet 'correctSheet' of {file} has a header in row 1 and no row below it"


def test_a_damaged_and_a_missing_sheet(tmp_path, load):
    (tmp_path / "a.xlsx").write_text("<html>not found</html>")
    with pytest.raises(
        UserError, match=r"a\.xlsx is damaged or not an XLSX file \(File is not a zip file\); save it again"
    ):
        load("kaumds", tmp_path)
    with pytest.raises(UserError, match=r"cannot read the table .*b\.xlsx: No such file or directory"):
        load("kaumds", tmp_path, table="b.xlsx")
    (tmp_path / "b.doc").touch()
    with pytest.raises(
        UserError, match=r"cannot be read as a table: give a file that ends in \.xlsx, \.xlsm, \.csv, \.tsv"
    ):
        load("kaumds", tmp_path, table="b.doc")


def test_a_mapping_to_an_unknown_column(kaumds, load):
    with pytest.raises(UserError) as error:
        load("kaumds", kaumds, columns={"patient": "PatientID"})
    assert str(error.value) == "unknown column 'patient'; did you mean 'patient_id'?"


def test_an_unreadable_assessment_is_reported(tmp_path, load, write_sheet):
    row = [None, "BC000001", 251, "R", "CC", None, "see report", "mammograms/a.dcm"]
    write_sheet(tmp_path / "a.xlsx", rows=[row])
    index = load("kaumds", tmp_path)
    assert index.rows["assessment"][0] == ""
    assert math.isnan(index.rows["age"][0])
    assert {entry.reason for entry in index.audit} == {"unreadable assessment", "unreadable age"}


def test_the_real_sheet(real_data, load):
    rows = load("kaumds", real_data / "kaumds-sample").rows
    assert len(rows) == 5386
    assert rows["patient_id"].nunique() == 996
    assert dict(rows["assessment"].value_counts()) == {"1": 1884, "2": 3118, "3": 290, "4": 72, "5": 22}
    assert dict(rows["density"].value_counts()) == {"A": 1562, "B": 2493, "C": 1011, "D": 312, "": 8}
    assert rows["row"].tolist() == list(range(2, 5388))
    assert set(rows["laterality"]) == {"L", "R"}
    assert set(rows["view"]) == {"CC", "MLO"}
