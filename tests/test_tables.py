import codecs
import csv
import io

import openpyxl
import pytest

from birads_zoo.errors import UserError
from birads_zoo.tables import read_table_text

ROWS = [["image_path", "age", "label"], ["Müller-1.png", "61,5", "groß"], ["b.png", "48,0", "mass, left"]]


def written(separator, rows=ROWS):
    lines = io.StringIO()
    csv.writer(lines, delimiter=separator).writerows(rows)
    return lines.getvalue()


def read(path):
    table = read_table_text(path)
    return list(csv.reader(io.StringIO(table.text), delimiter=table.separator)), table.encoding


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("codec", "mark", "name"),
    [
        ("utf-8", b"", "UTF-8"),
        ("utf-8", codecs.BOM_UTF8, "UTF-8"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "UTF-16"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "UTF-16"),
        ("utf-16-le", b"", "UTF-16"),
        ("utf-16-be", b"", "UTF-16"),
        ("cp1252", b"", "Windows-1252"),
    ],
)
def test_a_table_is_read_however_it_was_saved(tmp_path, separator, codec, mark, name):
    (tmp_path / "t.csv").write_bytes(mark + written(separator).encode(codec))
    assert read(tmp_path / "t.csv") == (ROWS, name)


def test_a_title_and_decimal_commas_do_not_hide_the_separator(tmp_path):
    rows = [["Export, of 2020, by Ann, Bo"], *[[f"{at}.png", f"{at},5", f"{at},25"] for at in range(9)]]
    (tmp_path / "t.csv").write_text(written(";", rows))
    assert read_table_text(tmp_path / "t.csv").separator == ";"


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("image_path,patient_id,age,findings\n1,12,51,3 masses; 2 nodes\n2,13,61,1 mass; 0 nodes\n", ","),
        ('image_path,patient_id,comment\na.png,1,"x; y; z; w"\nb.png,2,"v; y; z; w"\n', ","),
        ('image_path,comment\na.png,"x; ""y""\n; z"\nb.png,"u; v\n; w"\n', ","),
        ("image_path,size (w;h),age\n1,10;20,61\n2,30;40,62\n", ","),
        ("image_path;size, cm;age, years\n1;1,5;61,5\n2;2,5;62,5\n", ";"),
        ("image_path;age\n1;61,5\n2;62,5\n", ";"),
        ("image_path;age;note\n1;61,5;3, 4 or 5\n2;62,5;4, 5\n", ";"),
    ],
)
def test_texts_do_not_hide_the_separator(tmp_path, text, separator):
    (tmp_path / "t.csv").write_text(text)
    assert read_table_text(tmp_path / "t.csv").separator == separator


def test_a_tsv_file_has_tabs_whatever_its_texts_have(tmp_path):
    (tmp_path / "t.tsv").write_text("image_path\na, b.png\nc, d.png\n")
    assert read_table_text(tmp_path / "t.tsv").separator == "\t"


def test_the_line_that_names_the_separator_is_no_row_and_keeps_the_numbers(tmp_path):
    (tmp_path / "t.csv").write_text("sep=|\na,b|c,d\n1|2\n")
    assert read(tmp_path / "t.csv")[0] == [[], ["a,b", "c,d"], ["1", "2"]]


def test_a_file_that_is_not_text_is_named_as_what_it_is(tmp_path):
    openpyxl.Workbook().save(tmp_path / "w.xlsx")
    (tmp_path / "w.csv").write_bytes((tmp_path / "w.xlsx").read_bytes())
    with pytest.raises(UserError, match=r"w\.csv is an XLSX workbook by its content: rename it to \.xlsx, or save"):
        read_table_text(tmp_path / "w.csv")
    (tmp_path / "old.csv").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(512))
    with pytest.raises(UserError, match=r"old\.csv is an old Excel workbook \(XLS\) by its content: save it as \.xlsx"):
        read_table_text(tmp_path / "old.csv")
    (tmp_path / "noise.csv").write_bytes(bytes(range(256)) * 3)
    with pytest.raises(UserError, match=r"noise\.csv is not text in UTF-8, UTF-16 or Windows-1252"):
        read_table_text(tmp_path / "noise.csv")
    with pytest.raises(UserError, match=r"cannot read the table .*gone\.csv: No such file"):
        read_table_text(tmp_path / "gone.csv")
