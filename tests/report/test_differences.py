"""Differences as text, table and figure."""

import csv

import pytest
from PIL import Image

from birads_zoo.report.study.differences import HEAD, Difference, draw, markdown, numbers, write_csv
from birads_zoo.results.estimate import Estimate

LINES = (
    Difference(name="no-dropout", estimate=Estimate(value=0.1, low=0.02, high=0.18), p=0.0004, verdict="helps"),
    Difference(name="no-freeze", estimate=Estimate(value=-0.05, low=-0.2, high=0.1), p=0.51, verdict="not shown"),
    Difference(name="$no^pretrained", estimate=None, p=None, verdict="failed: it diverged"),
)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (LINES[0], "+0.100 [+0.020, +0.180], p < 0.001"),
        (LINES[1], "−0.050 [−0.200, +0.100], p = 0.51"),
        (LINES[2], ""),
        (Difference(name="", estimate=LINES[0].estimate, p=None, verdict=""), "+0.100 [+0.020, +0.180]"),
    ],
)
def test_numbers_have_their_interval(line, text):
    assert numbers(line) == text


def test_the_table_has_a_line_for_each_and_a_dash_for_the_untested():
    assert markdown(LINES, "ablation").splitlines() == [
        "| ablation | difference [95 % interval], corrected p | verdict |",
        "| --- | --- | --- |",
        "| no-dropout | +0.100 [+0.020, +0.180], p < 0.001 | helps |",
        "| no-freeze | −0.050 [−0.200, +0.100], p = 0.51 | not shown |",
        "| $no^pretrained | – | failed: it diverged |",
    ]


def test_the_csv_has_plain_numbers_and_empty_cells(tmp_path):
    write_csv(LINES, tmp_path / "d.csv")
    with (tmp_path / "d.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert tuple(head) == HEAD
    assert rows[0] == ["no-dropout", "0.1", "0.02", "0.18", "0.0004", "helps"]
    assert rows[2] == ["$no^pretrained", "", "", "", "", "failed: it diverged"]


@pytest.mark.parametrize("lines", [LINES, LINES[2:]], ids=["all", "nothing tested"])
def test_only_differences_that_are_shown_are_coloured(tmp_path, lines):
    draw(lines, tmp_path / "d.png", "Effects", "phantom · n = 3", "right of zero: helps")
    with Image.open(tmp_path / "d.png") as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(2**20)}
    assert ((0x2B, 0x6C, 0xB0) in colours) == (lines is LINES), "blue marks what is above zero with p < 0.05"
