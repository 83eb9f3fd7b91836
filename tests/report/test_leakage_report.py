"""A leakage study's table and figure have all splits, not only their differences."""

import csv

import pytest
from PIL import Image

from birads_zoo.report.study.leaderboard import SchemeScore
from birads_zoo.report.study.leakage import HEAD, draw, markdown, write_csv
from birads_zoo.results.estimate import Estimate

ROWS = (
    SchemeScore(
        scheme="patient",
        leaky=False,
        score=Estimate(value=0.5, low=0.4, high=0.6),
        patient_lookup=0.2,
        smallest_gap=0.1,
    ),
    SchemeScore(scheme="breast", leaky=True, error="24 of 24 rows lack a laterality"),
    SchemeScore(
        scheme="image",
        leaky=True,
        score=Estimate(value=0.8, low=0.7, high=0.9),
        patient_lookup=0.95,
        inflation=Estimate(value=0.3, low=0.2, high=0.4),
        p=0.0002,
        verdict="inflates the score",
    ),
)


def test_the_table_has_every_split_with_its_score_interval_and_lookup():
    assert markdown(ROWS, "macro-F1").splitlines() == [
        "| split | macro-F1 [95 % interval] | patient lookup | less that by patient, corrected p | verdict |",
        "| --- | --- | --- | --- | --- |",
        "| patient | 0.500 [0.400, 0.600] | 0.200 | – | – |",
        "| breast (leaks) | – | – | – | failed: 24 of 24 rows lack a laterality |",
        "| image (leaks) | 0.800 [0.700, 0.900] | 0.950 | +0.300 [+0.200, +0.400], p < 0.001 | inflates the score |",
    ]


def test_a_leak_that_cannot_be_ruled_out_is_reported_as_possible(tmp_path):
    doubtful = SchemeScore(scheme="image", leaky=True, leak_proven=False, score=ROWS[2].score)
    assert "| image (may leak) |" in markdown([doubtful], "macro-F1")
    write_csv([doubtful], tmp_path / "leakage.csv")
    assert (tmp_path / "leakage.csv").read_text().splitlines()[1].startswith("image,True,False,")


def test_the_csv_has_plain_numbers_and_empty_cells(tmp_path):
    write_csv(ROWS, tmp_path / "leakage.csv")
    with (tmp_path / "leakage.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert tuple(head) == HEAD
    assert rows[0] == ["patient", "False", "False", "0.5", "0.4", "0.6", "0.2", *[""] * 5]
    assert rows[2] == [
        "image", "True", "True", "0.8", "0.7", "0.9", "0.95", "0.3", "0.2", "0.4", "0.0002", "inflates the score",
    ]  # fmt: skip


@pytest.mark.parametrize(("rows", "vermilion"), [(ROWS, True), (ROWS[:2], False)], ids=["leaks", "no leak ran"])
def test_the_figure_has_a_colour_for_the_splits_that_leak(tmp_path, rows, vermilion):
    draw(rows, tmp_path / "leakage.png", "Leakage", "phantom · n = 3", "macro-F1")
    with Image.open(tmp_path / "leakage.png") as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(2**20)}
    assert (0x2B, 0x6C, 0xB0) in colours, "the split by patient is blue"
    assert ((0xC8, 0x50, 0x1E) in colours) is vermilion
