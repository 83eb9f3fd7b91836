import zipfile

import openpyxl
import pytest

from birads_zoo import sheets
from birads_zoo.errors import UserError
from birads_zoo.sheets import read_sheets


def write_book(path, *rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


def test_rows_keep_their_numbers_and_their_types(tmp_path):
    write_book(tmp_path / "a.xlsx", ["name", "age"], [None, None], ["é", 60.5])
    (sheet,) = read_sheets(tmp_path / "a.xlsx")
    assert sheet.rows == ((1, ("name", "age")), (3, ("é", 60.5)))
    (tmp_path / "a.csv").write_text("name;age\n\né;60,5\n", encoding="cp1252")
    (sheet,) = read_sheets(tmp_path / "a.csv")
    assert (sheet.rows, sheet.guessed) == (((1, ("name", "age")), (3, ("é", "60,5"))), "Windows-1252")


def test_a_workbook_with_too_many_cells_is_refused(tmp_path, monkeypatch):
    write_book(tmp_path / "a.xlsx", [1, 2, 3], [4, 5, 6])
    monkeypatch.setattr(sheets, "_MOST_CELLS", 6)
    assert len(next(read_sheets(tmp_path / "a.xlsx")).rows) == 2
    monkeypatch.setattr(sheets, "_MOST_CELLS", 5)
    with pytest.raises(UserError, match=r"a\.xlsx has a sheet of more than 5 cells: save the table as CSV UTF-8"):
        list(read_sheets(tmp_path / "a.xlsx"))


def test_a_workbook_that_unpacks_too_far_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    write_book(tmp_path / "a.xlsx", ["name"])
    with zipfile.ZipFile(tmp_path / "a.xlsx", "a", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/media/image1.png", bytes(12_000_000))
    monkeypatch.setattr("openpyxl.load_workbook", None)
    with pytest.raises(UserError, match=r"unpacks to 12 MB in 'xl/media/image1\.png', far more than tables do"):
        list(read_sheets(tmp_path / "a.xlsx"))


def test_a_large_part_that_is_not_dense_is_no_reason_to_refuse(tmp_path):
    write_book(tmp_path / "a.xlsx", ["name"])
    with zipfile.ZipFile(tmp_path / "a.xlsx", "a", zipfile.ZIP_STORED) as book:
        book.writestr("xl/media/image1.png", bytes(12_000_000))
    assert next(read_sheets(tmp_path / "a.xlsx")).rows == ((1, ("name",)),)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"name;age"])
def test_what_is_no_workbook_is_one_sentence(tmp_path, content):
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.xlsx is damaged or not an XLSX file \(.*\); save it again, or as CSV"):
        list(read_sheets(tmp_path / "a.xlsx"))


def test_a_file_of_another_suffix_is_not_read(tmp_path):
    (tmp_path / "a.pdf").touch()
    with pytest.raises(UserError, match=r"give a file that ends in \.xlsx, \.xlsm, \.csv, \.tsv"):
        list(read_sheets(tmp_path / "a.pdf"))


def test_a_missing_file_is_named_whatever_its_suffix(tmp_path):
    for name in ("nope", "nope.pdf"):
        with pytest.raises(UserError, match=rf"^there is no table .*/{name}; check the path$"):
            list(read_sheets(tmp_path / name))
    with pytest.raises(UserError, match=r"cannot read the table .*/nope\.csv: No such file"):
        list(read_sheets(tmp_path / "nope.csv"))
