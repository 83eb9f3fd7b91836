"""`birads-zoo predict`: a row per picture, in order, also for unreadable ones, which set the exit status."""

import shutil

import openpyxl
import pytest
from PIL import Image, ImageDraw


@pytest.fixture(scope="module")
def model(exported):
    return exported


@pytest.fixture
def pictures(folder, phantom_root):
    """A folder with two pictures, one of them in a subfolder, and files that are not pictures."""
    files = sorted((phantom_root / "mammograms").rglob("*.jpg"), key=lambda path: -path.stat().st_size)[:2]
    (folder / "pictures" / "below").mkdir(parents=True)
    shutil.copy(files[0], folder / "pictures" / "b.jpg")
    shutil.copy(files[1], folder / "pictures" / "below" / "a.jpg")
    (folder / "pictures" / "notes.txt").write_text("no picture, and not called one")
    (folder / "pictures" / ".hidden.png").write_text("")
    return folder / "pictures"


def test_a_folder_gets_a_row_per_picture(zoo, model, pictures, rows_of):
    result = zoo("predict", model, pictures, "--out", "out.csv", "--device", "cpu")
    assert result.status == 0, result.err
    assert result.out == ""
    rows = rows_of(pictures.parent / "out.csv")
    assert [row["image_path"] for row in rows] == [str(pictures / "b.jpg"), str(pictures / "below" / "a.jpg")]
    for row in rows:
        own = [float(value) for name, value in row.items() if name.startswith("probability")]
        assert sum(own) == pytest.approx(1)
        calibrated = [value for name, value in row.items() if name.startswith("calibrated")]
        assert calibrated == [""] * len(own), "the run's validation patients are too few for a temperature"
        assert row[f"set_{row['predicted']}"] == "True"
    assert "2 pictures: " in result.err
    assert "Research use only." in result.err


def test_without_out_the_table_is_on_stdout_and_nothing_else_is(zoo, model, pictures):
    result = zoo("predict", model, pictures / "b.jpg")
    assert result.status == 0, result.err
    head, row = result.out.splitlines()
    assert head.startswith("image_path,predicted,probability_BI-RADS 1,")
    assert row.startswith(str(pictures / "b.jpg"))


def test_a_file_name_that_begins_as_a_formula_does_is_written_with_a_quote(zoo, model, pictures, rows_of, monkeypatch):
    monkeypatch.chdir(pictures)
    (pictures / "b.jpg").rename(pictures / "=1+1.jpg")
    (pictures / "-bad.jpg").write_text("no picture")
    result = zoo("predict", model, "--out", "out.csv", "--", "=1+1.jpg", "-bad.jpg")
    assert [row["image_path"] for row in rows_of(pictures / "out.csv")] == ["'=1+1.jpg", "'-bad.jpg"], result.err
    assert all(float(value) <= 1 for name, value in rows_of(pictures / "out.csv")[0].items() if "probability" in name)


def test_an_unreadable_picture_makes_the_status_1_and_the_rest_finish(zoo, model, pictures, rows_of):
    (pictures / "a.png").write_text("no picture")
    result = zoo("predict", model, pictures, "--out", "out.csv")
    assert result.status == 1
    assert "3 pictures: " in result.err
    assert "1 without a prediction" in result.err
    first, *others = rows_of(pictures.parent / "out.csv")
    assert first["error"].startswith("does not decode: ")
    assert first["predicted"] == ""
    assert all(row["predicted"] and not row["error"] for row in others)


def test_explain_draws_each_picture_beside_its_heat_map(zoo, model, pictures, rows_of):
    result = zoo("predict", model, pictures, "--out", "out.csv", "--explain")
    assert result.status == 0, result.err
    rows = rows_of(pictures.parent / "out.csv")
    assert [row["heat_map"] for row in rows] == ["00001-b.png", "00002-a.png"]
    for row in rows:
        with Image.open(pictures.parent / "out-heat-maps" / row["heat_map"]) as image:
            assert image.width >= 640
            assert image.height > 448, "there is room for the text below it"
    again = zoo("predict", model, pictures, "--out", "out.csv", "--explain")
    assert again.status == 2
    assert "out-heat-maps exists already" in again.err


@pytest.mark.parametrize(
    ("heat_maps", "below", "warning"),
    [
        (None, "research use only", "NOT TO BE RELIED ON: nobody has tested these maps"),
        ({"faithful": False, "verdict": "does not beat"}, "research use only", "NOT TO BE RELIED ON: does not beat"),
        ({"faithful": True, "verdict": "beats"}, "research use only; on the training run it beats", None),
    ],
)
def test_a_heat_map_says_what_it_is_and_whether_it_was_tested(
    zoo, model, pictures, rows_of, edited, monkeypatch, heat_maps, below, warning
):
    copied = shutil.copytree(model, pictures.parent / "model")
    with edited(copied / "manifest.json") as manifest:
        manifest |= {} if heat_maps is None else {"heat_maps": heat_maps}
    written, text = [], ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda self, at, line, **options: [written.append(line), text(self, at, line, **options)],
    )
    result = zoo("predict", copied, pictures / "b.jpg", "--out", "out.csv", "--explain", "--device", "cpu")
    assert result.status == 0, result.err
    (row,) = rows_of(pictures.parent / "out.csv")
    lines = [f"{manifest['recipe']['explainer']['name']}: evidence for {row['predicted']}", below]
    assert written == [*lines, *([warning] if warning else []), "no evidence → strongest in the image"]


def test_a_table_names_its_pictures_from_its_own_folder(zoo, model, pictures, rows_of):
    (pictures / "table.csv").write_text("image_path,patient_id\nbelow/a.jpg,007\n")
    result = zoo("predict", model, pictures / "table.csv", "--out", "out.csv")
    assert result.status == 0, result.err
    (row,) = rows_of(pictures.parent / "out.csv")
    assert row["image_path"] == str(pictures / "below" / "a.jpg")


def test_a_table_may_be_any_sheet_of_a_workbook(zoo, model, pictures, rows_of):
    book = openpyxl.Workbook()
    book.active.append(["patient_id", "what was found"])
    sheet = book.create_sheet("pictures")
    sheet.append(["image_path", "patient_id"])
    sheet.append(["below/a.jpg", "007"])
    book.save(pictures / "table.xlsx")
    result = zoo("predict", model, pictures / "table.xlsx", "--out", "out.csv")
    assert result.status == 0, result.err
    assert [row["image_path"] for row in rows_of(pictures.parent / "out.csv")] == [str(pictures / "below" / "a.jpg")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["MODEL", "gone"], "there is no gone; give files, or a folder of files"),
        (["MODEL", "empty"], "empty holds no pictures: none of its files is called .bmp, .dcm"),
        (
            ["MODEL", "pictures", "--explain"],
            "--explain draws its heat maps beside the table: name the table with --out",
        ),
        (["MODEL", "gone.csv"], "cannot read the table gone.csv: "),
        (["MODEL", "pictures", "t.csv"], "give the table t.csv alone: it names its pictures itself"),
        (["MODEL", "bare.csv"], "the table of pictures lacks the column 'image_path', which has the pictures' paths"),
        (["pictures", "pictures"], "pictures is not an exported model: it has no manifest.json"),
    ],
)
def test_what_cannot_be_predicted_is_one_sentence(zoo, model, pictures, folder, arguments, sentence):
    (folder / "empty").mkdir()
    (folder / "bare.csv").write_text("path\na.png\n")
    result = zoo("predict", *[model if argument == "MODEL" else argument for argument in arguments])
    assert result.status == 2
    assert result.out == ""
    assert result.err.splitlines()[-1].startswith(f"birads-zoo: error: {sentence}")


def test_the_help_says_which_export_has_no_heat_maps(zoo):
    assert "Not for onnx, which has no gradients." in " ".join(zoo("predict", "--help").out.split())
