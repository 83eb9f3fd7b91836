import csv
import io

import openpyxl
import pytest
from msgspec.structs import replace
from PIL import Image

from birads_zoo.recipes.registry import load_registry
from birads_zoo.report.study.leaderboard import ClassScore, Effect, Entry, FoldScore, Leaderboard
from birads_zoo.report.study.page import page, write_leaderboard
from birads_zoo.report.study.rows import board_rows
from birads_zoo.report.study.table import caveats, columns, to_csv, to_markdown
from birads_zoo.results.environment import Machine
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.pairs import Pairs

CLASSES = ("BI-RADS 1", "BI-RADS 3", "BI-RADS 4", "BI-RADS 5")


def entry(name: str, value: float | None, error: str = "", **changes: object) -> Entry:
    score = None if value is None else Estimate(value=value, low=value - 0.06, high=value + 0.05)
    known = Entry(
        name=name,
        backbone=name.split("+")[0],
        ablations=(),
        recipe="default",
        start="pretrained, frozen",
        seeds=(0, 1),
        error=error,
        score=score,
        auroc=score,
        gain=None if value is None else Estimate(value=value - 0.3, low=value - 0.4, high=value - 0.2),
        seed_spread=None if value is None else 0.012,
        fold_spread=None if value is None else 0.034,
        by_fold=()
        if value is None
        else tuple(
            FoldScore(seed=seed, fold=fold, n=79, value=value + 0.01 * fold) for seed in (0, 1) for fold in range(5)
        ),
        best_shortcut="" if value is None else "metadata_tree",
        per_class=()
        if value is None
        else tuple(ClassScore(name=c, f1=value, auroc=None, n=20, patients=4 + k) for k, c in enumerate(CLASSES)),
        parameters=None if value is None else 3_500_000,
        flops=None if value is None else 300_000_000,
        train_rate=20.0,
        predict_rate=None,
        peak_memory=2**31,
        energy=None,
        seconds=90.0,
    )
    return replace(known, **changes)


def board(*entries: Entry) -> Leaderboard:
    count = len(entries)
    return Leaderboard(
        title="Models <compared>",
        dataset="phantom",
        target="birads",
        split="patient",
        leaky=False,
        folds=5,
        n=395,
        patients=100,
        classes=CLASSES,
        metric="macro_f1",
        entries=entries,
        ranks=tuple(None if entry.error else 1 + place // 2 for place, entry in enumerate(entries)),
        pairwise=tuple(
            tuple(
                None if i == j or first.error or second.error else 0.3 / (1 + abs(i - j)) ** 3
                for j, second in enumerate(entries)
            )
            for i, first in enumerate(entries)
        ),
        smallest_gap=0.041 if count > 1 else None,
        shortcuts={"majority": 0.1, "metadata_tree": 0.32},
        references=load_registry().references,
        ablations=(
            Effect(
                name="no-dropout",
                backbone="resnet50",
                effect=Estimate(value=0.05, low=0.02, high=0.09),
                p=0.01,
                verdict="helps",
            ),
            Effect(name="no-freeze", backbone="resnet50", effect=None, p=None, verdict="changes nothing here"),
        ),
        environment=Machine(
            started="",
            python="3.12",
            platform="Linux",
            cpus=2,
            memory_gib=None,
            versions={"torch": "2.14"},
            commit=None,
            device="cpu",
            device_name="",
            precision="float32",
        ),
        command="birads-zoo compare --seeds 2",
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")
    leaderboard = board(
        entry("resnet50", 0.71),
        entry("mobilenet_v2", 0.69, flops=60_000_000, parameters=2_200_000),
        entry("baseline_cnn", 0.52, flops=900_000_000),
        entry("=cmd|'/c calc'!A1 <script>alert(1)</script>", None, error="ran out of memory | <b>"),
    )  # fmt: skip
    write_leaderboard(folder, leaderboard)
    return folder, leaderboard


def test_every_format_is_written(written):
    folder, _ = written
    assert {path.name for path in folder.iterdir()} == {
        "leaderboard.json", "leaderboard.html", "leaderboard.csv", "leaderboard.md", "leaderboard.xlsx", "figures",
    }  # fmt: skip
    for name in ("scores", "cost", "per-class", "pairs", "ablations"):
        with Image.open(folder / "figures" / f"{name}.png") as image:
            assert image.width > 300, name


def test_the_page_escapes_texts_needs_no_network_and_marks_leaky_splits(written):
    text = (written[0] / "leaderboard.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "Models &lt;compared&gt;" in text
    assert "http://" not in text
    assert "https://" not in text.replace("https://doi", "")
    assert text.count("by image, leaks patients") == len(written[1].references)
    assert '0.710 <span class="ends">[0.650, 0.760]</span>' in text
    assert "failed: ran out of memory" in text
    assert "n = 395 images of 100 patients" in text


@pytest.mark.parametrize(
    ("proven", "leaks", "why"),
    [
        (True, "leaks", "Images of one patient are on both sides of it"),
        (False, "may leak", "Rows without a patient id may be of patients on both sides of it"),
    ],
)
def test_a_leak_differs_from_one_that_cannot_be_ruled_out(written, proven, leaks, why):
    leaderboard = replace(written[1], leaky=True, leak_proven=proven)
    markdown, html = to_markdown(leaderboard), page(leaderboard, written[0] / "figures")
    for text in (markdown, html):
        assert f"patient split, {leaks} patients, 5 folds" in text
        assert f"{why}: " in text
    assert f"<strong>This split {leaks}.</strong>" in html
    assert f"<dd>patient ({leaks})</dd>" in html
    assert f"- This split {leaks}. {why}" in markdown


def test_numbers_below_zero_have_a_minus_and_zero_has_none(written):
    gain = Estimate(value=-0.0002, low=-0.041, high=0.03)
    leaderboard = board(entry("resnet50", 0.3, gain=gain))
    assert "| +0.000 [−0.041, +0.030] |" in to_markdown(leaderboard)
    assert '+0.000 <span class="ends">[−0.041, +0.030]</span>' in page(leaderboard, written[0] / "figures")


def test_the_page_shows_ties_bars_on_one_scale_and_what_a_gain_means(written):
    leaderboard = replace(written[1], ranks=(1, 1, 3, None), shortcuts={"thumbnail": 0.6})
    shown = columns(leaderboard)
    first, second, third, failed = board_rows(leaderboard, shown)
    assert [row["group"] for row in (first, second, third)] == ["odd", "odd", "even"]
    assert [row["opens"] for row in (first, second, third)] == [False, False, True]
    assert (first["cells"][0]["note"], third["cells"][0]["note"]) == ("tie of 2", "")
    assert failed["error"] == "ran out of memory | <b>"
    score = [row["cells"][2]["bar"] for row in (first, second, third)]
    assert score[0]["low"] < score[0]["value"] < score[0]["high"] == 96, "the best end is the scale's"
    assert third["cells"][2]["bar"]["low"] == 4
    assert len({bar["mark"] for bar in score}) == 1
    assert score[2]["value"] < score[2]["mark"] < score[0]["low"], "the best shortcut lies between them"
    assert first["cells"][2]["note"] == "sd 0.012 over seeds, 0.034 over folds"


@pytest.mark.parametrize(
    ("ends", "note", "tone"),
    [
        ((0.1, 0.2), "over metadata tree", ""),
        ((-0.1, 0.2), "not shown", "unclear"),
        ((-0.2, -0.1), "below it", "below"),
    ],
)
def test_a_gain_differs_from_none_and_from_a_loss(ends, note, tone):
    gain = Estimate(value=sum(ends) / 2, low=ends[0], high=ends[1])
    leaderboard = board(entry("resnet50", 0.7, gain=gain))
    (row,) = board_rows(leaderboard, columns(leaderboard))
    cell = next(cell for cell in row["cells"] if cell["note"].startswith("over metadata tree"))
    assert cell["note"].endswith(note)
    assert cell["bar"]["kind"].split()[1:] == ([tone] if tone else [])


def test_every_format_has_each_fold_and_both_spreads(written):
    folder, leaderboard = written
    page = (folder / "leaderboard.html").read_text(encoding="utf-8")
    assert page.count('class="dots"') == 6, "three models, two seeds"
    assert "0.720 <span" in page
    assert "| resnet50 | 1 | 0.710 (79) · 0.720 (79) · 0.730 (79) · 0.740 (79) · 0.750 (79) |" in to_markdown(
        leaderboard
    )
    rows = list(csv.DictReader(io.StringIO(to_csv(leaderboard))))
    assert (rows[0]["sd over seeds"], rows[0]["sd over folds"], rows[3]["sd over folds"]) == ("0.012", "0.034", "")
    sheet = openpyxl.load_workbook(folder / "leaderboard.xlsx")["by fold"]
    assert [cell.value for cell in sheet[2]] == ["resnet50", 0, 0, 0.71, 79]


def test_a_class_of_few_patients_is_named(written):
    assert "Fewer than 5 patients: BI-RADS 1 (4)." in to_markdown(written[1])


def test_with_one_seed_the_seed_noise_is_not_measured(written):
    assert "Seed noise not measured" not in to_markdown(written[1])
    alone = board(entry("a", 0.5, seeds=(0,)), entry("b", 0.4, seeds=(0,)))
    assert "Seed noise not measured: with one seed" in to_markdown(alone)


def test_the_workbook_has_frozen_heads_numbers_and_no_formulas(written):
    book = openpyxl.load_workbook(written[0] / "leaderboard.xlsx")
    assert book.sheetnames == ["leaderboard", "per class", "by fold", "ablations", "reported", "environment"]
    assert {sheet.freeze_panes for sheet in book} == {"A2"}
    sheet = book["leaderboard"]
    head = [cell.value for cell in sheet[1]]
    scored = sheet.cell(2, head.index("macro-F1") + 1)
    assert (scored.value, scored.number_format) == (0.71, "0.000")
    failed = sheet.cell(5, head.index("model") + 1)
    assert failed.value.startswith("=cmd")
    assert failed.data_type == "s", "a name that begins with = must not be a formula"


def test_the_csv_holds_plain_numbers_and_the_error(written):
    rows = list(csv.DictReader(io.StringIO(to_csv(written[1]))))
    assert (float(rows[0]["macro-F1"]), float(rows[0]["macro-F1, low"])) == (0.71, pytest.approx(0.65))
    assert rows[3]["error"] == "ran out of memory | <b>"
    assert rows[0]["n"] == "395"


def test_the_markdown_has_the_smallest_gap_failures_and_shortcuts(written):
    text = to_markdown(written[1])
    assert "A true gap of 0.041 would be shown four times in five" in text
    assert "failed: ran out of memory \\| <b>" in text
    assert "metadata tree, reaches 0.320" in text


@pytest.mark.parametrize(
    "entries",
    [
        [entry("only", 0.5)],
        [entry("failed", None, error="no")],
        [entry("a" * 200, 0.5, seed_spread=None, gain=None, flops=None, parameters=None), entry("b", 0.4)],
        pytest.param([entry(f"model-{k}", 0.9 - k / 100) for k in range(25)], marks=pytest.mark.slow),
    ],
    ids=["one", "all failed", "unknowns", "many"],
)
def test_odd_boards_are_written_too(tmp_path, entries):
    write_leaderboard(tmp_path, replace(board(*entries), ablations=(), shortcuts={}, references=()))
    assert (tmp_path / "leaderboard.html").exists()


def test_classes_of_too_few_pairs_are_named():
    few, enough = (Pairs(pairs=pairs, patients=patients, few=pairs < 100) for pairs, patients in ((12, 3), (900, 30)))
    known = entry("resnet50", 0.71)
    scores = [replace(row, basis=few if k == 1 else enough) for k, row in enumerate(known.per_class)]
    sentences = caveats(board(replace(known, per_class=tuple(scores))))
    assert [sentence for sentence in sentences if "pairs" in sentence] == [
        f"Too few pairs for a ROC-AUC: {CLASSES[1]} (12 pairs, 3 patients). An area of so few cannot tell a good model"
        " from a poor one."
    ]
    assert not any("Too few pairs" in sentence for sentence in caveats(board(known))), (
        "older versions did not count pairs"
    )
