"""CSV files that we write calculate nothing in a spreadsheet, and are read back as they were."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birads_zoo.files.csv_files import csv_text, original_cell, read_frame, safe_cell, write_frame

FORMULAS = ["=1+1", "+1", "-5", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "-", "'=1", "''-x"]
PLAIN = ["", "P1", "'", "'P1'", "a=b", "1-2", "'a=b", "ü", "a'=1", 'a"b,c', "a\r\nb", " x"]

# Surrogates are no text, and no cell of ours has a NUL.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6) | st.text(
    "'=+-@\t\r\n ,\"0a", max_size=5
)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_a_spreadsheet_would_calculate_gets_a_quote(text):
    assert safe_cell(text) == f"'{text}"
    assert original_cell(f"'{text}") == text


@pytest.mark.parametrize("text", PLAIN)
def test_any_other_text_stays_as_it_is(text):
    assert safe_cell(text) == original_cell(text) == text


@given(texts)
def test_a_written_text_begins_with_nothing_that_calculates_and_is_restored(text):
    written = safe_cell(text)
    assert not written.lstrip().startswith(("=", "+", "-", "@"))
    assert not written.startswith(("\t", "\r", "\n"))
    assert original_cell(written) == text


def test_numbers_and_missing_values_are_written_as_before():
    rows = [["n", "=n"], [-1.5, "-1.5"], [np.float64(-1e-05), True], [np.nan, None], [np.float32("nan"), np.int64(-3)]]
    assert csv_text(rows) == "n,'=n\n-1.5,'-1.5\n-1e-05,True\n,\n,-3\n"


@settings(max_examples=50)
@given(st.lists(st.tuples(texts, texts, st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=4))
def test_a_table_is_read_back_as_it_was(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "table.csv"
    frame = pd.DataFrame(rows, columns=["image_path", "=patient", "probability"])
    write_frame(path, frame)
    read = read_frame(path, {"image_path": str, "=patient": str, "'=patient": str})
    pd.testing.assert_frame_equal(read, frame, check_dtype=False, rtol=1e-15)


@pytest.mark.parametrize("text", [*FORMULAS, *PLAIN])
def test_other_programs_see_one_cell_for_each_text(text):
    row, again = csv.reader(io.StringIO(csv_text([[text, 1], ["x", 2]]), newline=""))
    assert row == [safe_cell(text), "1"]
    assert again == ["x", "2"]


def test_rows_without_columns_and_columns_without_rows_can_be_written(tmp_path):
    write_frame(tmp_path / "columns.csv", pd.DataFrame(columns=["a", "b"]))
    assert (tmp_path / "columns.csv").read_text() == "a,b\n"
    write_frame(tmp_path / "nothing.csv", pd.DataFrame())
    assert not (tmp_path / "nothing.csv").read_text().strip()
