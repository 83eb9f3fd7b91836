import math

import pytest

from birads_zoo.cells import alike_ids, folded, is_blank, laterality


@pytest.mark.parametrize(
    "cell",
    [None, math.nan, "", " ", "\u00a0", "NA", "N/A", "null", "None", "nan", "-", "–", "—", ".", "#N/A", "?", "Unknown"],
)
def test_blank_cells(cell):
    assert is_blank(cell)


@pytest.mark.parametrize("cell", [0, 0.0, "0", "no", "N", "normal", "-1"])
def test_cells_that_are_not_blank(cell):
    assert not is_blank(cell)


def test_spellings_of_one_text():
    assert len({folded(text) for text in ("Mass  Benign", "mass benign", "MASSBENIGN", "mass\u00a0benign\u200b")}) == 1
    assert folded("mass 1") != folded("mass 2")
    assert laterality("L\u200b") == "L"


def test_spellings_of_one_id():
    ids = ["P-007", "12", "p007", "P7", "12.0", "P\u200b7", "012", "P 7", "P70", "", "Q_1", "q1", "P-007"]
    assert alike_ids(ids) == [("P-007", "p007", "P7", "P\u200b7", "P 7"), ("12", "12.0", "012"), ("Q_1", "q1")]
    assert alike_ids(["P1-01", "p-1_1", "1-23", "01–23"]) == [("P1-01", "p-1_1"), ("1-23", "01–23")]


@pytest.mark.parametrize(
    "ids",
    [
        ["1-23", "12-3", "1-2-3"],
        ["1-1", "1-2", "11", "12", "2-1", "21"],
        ["P1-01", "P11"],
        ["P_1_2", "P12"],
        ["P10-1", "P101"],
        ["1 2", "12"],
        ["-5", "5"],
        ["1.2.840.1", "1.28.40.1", "1.2.840.10", "1.2.840.1.0"],
        ["P1", "P10", "P100", "PP1"],
        ["2019-1", "2019-2"],
        ["", ""],
    ],
)
def test_different_ids(ids):
    assert alike_ids(ids) == []
