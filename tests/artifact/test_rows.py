"""Which files of a folder are read as pictures, and how tables of pictures are read."""

import numpy as np
import openpyxl
import pytest

from birads_zoo.artifact import rows
from birads_zoo.artifact.rows import named_pictures
from birads_zoo.data.picture import ImageError
from birads_zoo.errors import UserError


def test_files_without_a_suffix_are_pictures_if_they_are_dicom(tmp_path, write_dicom):
    for name in ("IM0001", "DICOMDIR", ".IM0002", "below/IM0003", "a.dcm"):
        write_dicom(tmp_path / name, np.zeros((16, 16), np.uint8))
    for name in ("LICENSE", "README", "b.png", "c.txt"):
        (tmp_path / name).write_text("P5 no picture")
    pictures = named_pictures([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in pictures] == ["IM0001", "a.dcm", "b.png", "below/IM0003"]
    assert named_pictures([tmp_path / "LICENSE"]) == [tmp_path / "LICENSE"], "a file that is named is always read"


@pytest.mark.parametrize(("codec", "separator"), [("utf-8", ","), ("cp1252", ";"), ("utf-16", "\t")])
def test_a_table_of_pictures_is_read_in_any_encoding(tmp_path, codec, separator):
    (tmp_path / "t.csv").write_bytes(f"image_path{separator}patient_id\nMüller.png{separator}007\n".encode(codec))
    table = named_pictures([tmp_path / "t.csv"])
    assert table.to_dict("records") == [{"image_path": str(tmp_path / "Müller.png"), "patient_id": "007"}]


def test_a_tsv_file_and_a_workbook_are_tables_too(tmp_path):
    (tmp_path / "t.tsv").write_text("image_path\tpatient_id\na, left.png\t007\n")
    (table,) = named_pictures([tmp_path / "t.tsv"]).to_dict("records")
    assert table == {"image_path": str(tmp_path / "a, left.png"), "patient_id": "007"}
    book = openpyxl.Workbook()
    for row in (["image_path", "patient_id", "study_date"], ["a.png", 7, None], ["b.png", "007", "NA"]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    assert named_pictures([tmp_path / "t.xlsx"]).to_dict("records") == [
        {"image_path": str(tmp_path / "a.png"), "patient_id": "7", "study_date": ""},
        {"image_path": str(tmp_path / "b.png"), "patient_id": "007", "study_date": "NA"},
    ]


def test_a_workbooks_sheet_is_chosen_by_its_columns(tmp_path):
    sheets = {
        "read me": [["image_path: where a picture is"], ["patient_id: whose it is"]],
        "women": [["patient_id", "exam_id", "study_date", "laterality", "view"], ["007", "1", "2019", "L", "CC"]],
        "files": [["image_path"], ["other.png"]],
        "pictures": [["note", "image_path", "patient_id"], ["", "a.png", "007"]],
        "more": [["image_path", "patient_id"], ["b.png", "008"]],
    }
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, lines in sheets.items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
    book.save(tmp_path / "t.xlsx")
    assert named_pictures([tmp_path / "t.xlsx"]).to_dict("records") == [
        {"note": "", "image_path": str(tmp_path / "a.png"), "patient_id": "007"}
    ]


@pytest.mark.parametrize("names", [["img 1|2.png", "img 3|4.png"], ["a, left.png", "b, left.png"], ["a;b.png"]])
def test_in_a_table_of_one_column_a_name_is_one_cell(tmp_path, names):
    (tmp_path / "t.csv").write_text("\n".join(["image_path", *names]))
    assert named_pictures([tmp_path / "t.csv"])["image_path"].tolist() == [str(tmp_path / name) for name in names]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("a.png,1,2\nb.png,3,4\n", "its rows have more cells than its header; put cells that contain ',' into "),
        ("a.png,1\nb.png,3,4\n", "Expected 2 fields in line 3, saw 3"),
    ],
)
def test_a_table_with_more_cells_than_its_header_is_refused(tmp_path, rows, reason):
    """Its cells would be read one column off."""
    (tmp_path / "t.csv").write_text("image_path,patient_id\n" + rows)
    with pytest.raises(UserError, match=rf"cannot read the table .*t\.csv: .*{reason}"):
        named_pictures([tmp_path / "t.csv"])


def test_the_row_of_a_quotation_mark_that_is_not_closed_is_named(tmp_path):
    (tmp_path / "t.csv").write_text('image_path,note\na.png,"so"\nb.png,"so\nc.png,so\n')
    with pytest.raises(UserError) as error:
        named_pictures([tmp_path / "t.csv"])
    assert str(error.value) == (
        f"cannot read the table {tmp_path / 't.csv'}: row 3 opens a quotation mark that is not closed; close it, or "
        "remove it"
    )


def test_a_file_that_is_not_a_workbook_is_refused(tmp_path):
    (tmp_path / "t.xlsx").write_text("image_path\na.png\n")
    (tmp_path / "zip.xlsx").write_bytes(b"PK\x03\x04 and no more")
    for name in ("t.xlsx", "zip.xlsx"):
        with pytest.raises(UserError, match=rf"{name} is damaged or not an XLSX file \(.*\); save it again, or as CSV"):
            named_pictures([tmp_path / name])
    with pytest.raises(UserError, match=r"cannot read the table .*gone\.xlsx: No such file"):
        named_pictures([tmp_path / "gone.xlsx"])


def test_a_file_named_by_a_uid_has_no_suffix(tmp_path, write_dicom):
    names = ["1.2.840.10008.5.1.4.123", "1.2.840.10008.5.1.4.124", "IM0001.IMA"]
    for name in names:
        write_dicom(tmp_path / name, np.zeros((16, 16), np.uint8))
    for name in ("1.2.840.10008.5.1.4.125", "labels.csv", "notes.txt"):
        (tmp_path / name).write_text("P5 no picture")
    assert [path.name for path in named_pictures([tmp_path])] == names


@pytest.mark.parametrize(
    ("name", "taken"), [("1.2.840.10008.5.1.4.123", True), ("IM0001", True), ("labels.csv", False)]
)
def test_unreadable_files_are_listed_if_they_may_be_dicom(tmp_path, monkeypatch, name, taken):
    def unreadable(path):
        raise ImageError("unreadable file", "Permission denied")

    monkeypatch.setattr(rows, "is_dicom", unreadable)
    for file in ("a.png", name):
        (tmp_path / file).touch()
    assert (tmp_path / name in named_pictures([tmp_path])) is taken


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "LICENSE").write_text("MIT")
    with pytest.raises(UserError, match=r" holds no pictures: none of its files is called \.bmp, .*, or is DICOM$"):
        named_pictures([tmp_path])
