"""What a user can cause ends in one sentence and status 2, before anything is computed."""

import os
import shutil

import click
import numpy as np
import openpyxl
import pytest
from PIL import Image

from birads_zoo.cli import group

SMALL = ["--image-size", "32x32", "--epochs", "1", "--folds", "2", "--device", "cpu"]
NET = ["--backbone", "baseline_cnn"]
LONG = "n" * 300


def given_paths():
    """Return the name of every command with each of its parameters that is a path."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        for parameter in command.params:
            if isinstance(parameter.type, click.Path):
                yield pytest.param(command, parameter, id=f"{name} {parameter.name}")


@pytest.mark.parametrize(("command", "parameter"), list(given_paths()))
def test_an_empty_path_is_not_the_working_directory(command, parameter):
    value = "" if parameter.nargs == 1 and not parameter.multiple else ("",)
    with pytest.raises(click.BadParameter, match=r"the path is empty; is a variable of the shell not set\?"):
        parameter.type_cast_value(click.Context(command), value)


# ── Where results go ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def nothing_computed(monkeypatch):
    """Loading data or a model fails the test: a place that cannot be written is refused before."""

    def early(*given, **named):
        raise AssertionError("the place was not checked before")

    for name in (
        "birads_zoo.study.executors.attempt.run",  # before the module that it imports the function from
        "birads_zoo.runs.finished.prepare",
        "birads_zoo.pipeline.run",
        "birads_zoo.inspection.audit.audit",
        "birads_zoo.artifact.model.open_model",
    ):
        monkeypatch.setattr(name, early)


COMMANDS = {
    "run": ["run", "--root", "PHANTOM", *NET, *SMALL, "--out"],
    "audit": ["audit", "--root", "PHANTOM", "--out"],
    "report": ["report", "RUN", "--out"],
    "figures": ["report", "RUN", "--figures", "svg", "--out"],
    "export": ["export", "RUN", "--out"],
    "reproduce": ["reproduce", "RUN", "--out"],
    "predict": ["predict", "MODEL", "PHANTOM", "--out"],
    "crops": ["audit", "--root", "PHANTOM", "--crops"],
    "phantom": ["phantom", "--patients", "8", "--size", "64x48", "--out"],
    "compare": ["compare", "--root", "PHANTOM", *NET, *SMALL, "--out"],
    "ablate": ["ablate", "--root", "PHANTOM", *NET, *SMALL, "--out"],
    "leakage": ["leakage", "--root", "PHANTOM", *NET, *SMALL, "--out"],
}
WRITES_A_FILE = ("report", "predict", "crops")


@pytest.fixture
def refusal(zoo, folder, phantom_root, finished, nothing_computed):
    """Run a command of `COMMANDS` that writes to a place that is refused, and return the sentence."""

    def run(name, place):
        paths = {"PHANTOM": phantom_root, "RUN": finished[0], "MODEL": "model"}
        before = sorted(folder.rglob("*"))
        result = zoo(*[paths.get(argument, argument) for argument in COMMANDS[name]], place)
        assert (result.status, result.out) == (2, ""), result.err
        assert sorted(folder.rglob("*")) == before, "something was left"
        return result.err.splitlines()[-1]

    return run


@pytest.mark.parametrize("name", ["report", "predict"])  # click refuses a folder for --crops
def test_a_folder_where_a_file_is_meant(refusal, folder, name):
    (folder / "place.png").mkdir()
    sentence = "birads-zoo: error: cannot write place.png: Is a directory; give the name of a file"
    assert refusal(name, "place.png") == sentence


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in WRITES_A_FILE])
def test_a_file_where_a_folder_is_meant(refusal, folder, name):
    (folder / "place").write_text("mine")
    error = refusal(name, "place")
    assert error.startswith(("birads-zoo: error: cannot write place", "birads-zoo: error: place exists already"))
    assert (folder / "place").read_text() == "mine"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_place_below_a_file(refusal, folder, name):
    (folder / "place").write_text("mine")
    error = refusal(name, "place/below.png" if name in WRITES_A_FILE else "place/below")
    assert error.startswith("birads-zoo: error: cannot write place")
    assert error.endswith("give the name of a folder")


@pytest.mark.parametrize("name", COMMANDS)
def test_too_long_a_name(refusal, name):
    error = refusal(name, f"{LONG}.png" if name in WRITES_A_FILE else LONG)
    assert error.endswith(": File name too long; choose a shorter name")


@pytest.mark.parametrize("name", ["run", "report", "predict", "export"])
def test_a_place_whose_name_is_not_utf_8(refusal, name):
    place = os.fsdecode(b"p\xff.png")
    assert refusal(name, place).startswith(r"birads-zoo: error: cannot write p\xff.png: the name is not UTF-8; choose")


@pytest.mark.parametrize("name", WRITES_A_FILE)
def test_a_file_of_another_origin_is_not_replaced(refusal, folder, name):
    content = b"\x89PNG my mammogram"
    (folder / "mine.png").write_bytes(content)
    (folder / "link.png").symlink_to("mine.png")
    for place in ("mine.png", "link.png"):
        refused = f"birads-zoo: error: {place} exists, and birads-zoo did not write it: give another name, or move it"
        assert refusal(name, place).startswith(refused)
    assert (folder / "mine.png").read_bytes() == content


@pytest.mark.parametrize("name", WRITES_A_FILE)
def test_a_pipe_where_a_file_is_meant(refusal, folder, name):
    os.mkfifo(folder / "pipe.png")
    assert refusal(name, "pipe.png").endswith(
        "cannot write pipe.png: it is a pipe or a device; give the name of a file"
    )


def test_the_page_in_the_runs_folder_may_be_of_an_earlier_version(zoo, finished, tmp_path):
    run = shutil.copytree(finished[0], tmp_path / "run")
    (run / "report.html").write_text("<html>without a mark")
    assert zoo("report", run).status == 0
    assert b'content="birads-zoo"' in (run / "report.html").read_bytes()[:4096]


def test_what_a_command_wrote_is_replaced_and_links_stay(zoo, folder, exported, finished, phantom_root):
    picture = next(phantom_root.rglob("*.jpg"))
    for command in (["predict", exported, picture], ["report", finished[0]], ["audit", "--root", phantom_root]):
        for place in ("file.x", "file.x", "link.x"):
            (folder / "link.x").unlink(missing_ok=True)
            (folder / "link.x").symlink_to("file.x")
            result = zoo(*command, "--out", place)
            assert result.status == 0, result.err
            assert (folder / "link.x").is_symlink()
            assert (folder / "file.x").stat().st_size > 0
        (folder / "file.x").unlink()


def test_a_study_does_not_replace_a_file_of_another_origin(refusal, folder):
    (folder / "study").mkdir()
    (folder / "study" / "leaderboard.csv").write_text("mine")
    assert refusal("compare", "study").startswith(
        "birads-zoo: error: study/leaderboard.csv exists, and is not of a study: give another folder, or move it away"
    )
    assert (folder / "study" / "leaderboard.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("compare", [*(f"leaderboard.{kind}" for kind in ("json", "md", "csv", "xlsx", "html")), "figures/scores.png"]),
        ("ablate", ["ablations.json", "ablations.md", "ablations.csv", "figures/ablations.png"]),
        ("leakage", ["leakage.json", "leakage.md", "leakage.csv", "figures/leakage.png"]),
    ],
)
def test_a_study_checks_the_names_of_all_its_results_first(refusal, folder, command, names):
    for name in [*names, "study.toml"]:
        (folder / "study" / name).mkdir(parents=True)
        error = refusal(command, "study")
        assert error == f"birads-zoo: error: cannot write study/{name}: Is a directory; give the name of a file"
        shutil.rmtree(folder / "study")
    for name in ("runs", "figures", "errors"):
        (folder / "study").mkdir()
        (folder / "study" / name).write_text("mine")
        assert refusal(command, "study").endswith("; give the name of a folder")
        shutil.rmtree(folder / "study")


def test_predictions_and_pages_are_written_to_new_folders(zoo, folder, exported, finished, phantom_root):
    picture = next(path for path in sorted(phantom_root.rglob("*.jpg")) if path.stat().st_size > 1000)
    zoo("predict", exported, picture, "--out", "new/deep/table.csv", "--device", "cpu")
    assert (folder / "new" / "deep" / "table.csv").exists()
    result = zoo("report", finished[0], "--out", "other/page.html")
    assert result.status == 0, result.err
    assert (folder / "other" / "page.html").exists()


def test_explanations_never_replace_a_file(zoo, folder, finished, nothing_computed):
    run = shutil.copytree(finished[0], folder / "run")
    (run / "explanations").write_text("mine")
    result = zoo("explain", run)
    assert result.err.splitlines()[-1] == (
        f"birads-zoo: error: cannot write {run / 'explanations'}: File exists; give the name of a folder"
    )
    assert (run / "explanations").read_text() == "mine"


# ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────

NOT_UTF_8 = os.fsdecode(b"sick/P9\xff.png")
ESCAPE = "\x1b[31m"


def noise(file, seed):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (64, 64), dtype=np.uint8)).save(file, "PNG")


@pytest.fixture
def pictures(folder):
    """An image-folder root with two classes of four patients."""
    for number in range(4):
        for name in ("sick", "well"):
            noise(folder / "root" / name / f"P{number}{name}.png", number)
    return folder / "root"


IMAGES = ["--dataset", "image-folder", "--patient-pattern", r"(P\w+)", "--root", "root"]


@pytest.mark.usefixtures("no_figures")
def test_a_file_name_that_is_not_utf_8_is_left_out_with_its_reason(zoo, folder, pictures, rows_of):
    noise(pictures / NOT_UTF_8, 9)
    result = zoo("audit", *IMAGES, "--out", "audit")
    assert result.status == 0, result.err
    (row,) = [row for row in rows_of(folder / "audit" / "audit.csv") if row["action"] == "dropped"]
    assert (row["image_path"], row["reason"]) == (r"sick/P9\xff.png", "file name is not UTF-8")
    assert zoo("run", *IMAGES, *NET, *SMALL).status == 0
    assert len(rows_of(folder / "runs" / "baseline_cnn" / "predictions.csv")) == 8
    assert zoo("report", "runs/baseline_cnn").status == 0


def test_a_picture_is_predicted_whatever_its_name(zoo, folder, exported, rows_of):
    noise(folder / NOT_UTF_8, 9)
    for out in ([], ["--out", "table.csv"]):
        result = zoo("predict", exported, folder / "sick", "--device", "cpu", *out)
        assert result.status == 0, result.err
    (row,) = rows_of(folder / "table.csv")
    assert row["image_path"].endswith(r"sick/P9\xff.png")


def test_a_root_whose_name_is_not_utf_8(zoo, folder):
    root = folder / os.fsdecode(b"r\xff")
    root.mkdir()
    result = zoo("run", "--dataset", "image-folder", "--root", root, *NET, *SMALL)
    assert result.status == 2
    assert r"r\xff is not UTF-8, and a recipe cannot hold it; rename the folder" in result.err


@pytest.mark.usefixtures("no_figures")
def test_control_characters_of_class_and_file_names_never_reach_the_terminal(zoo, folder):
    for number in range(4):
        for name in (f"sick{ESCAPE}", "well"):
            noise(folder / "root" / name / f"P{number}{name[0]}{ESCAPE}.png", number)
    commands = [["audit", *IMAGES], ["guess", "root"], ["run", *IMAGES, *NET, *SMALL], ["report", "runs/baseline_cnn"]]
    for command in commands:
        result = zoo(*command)
        assert result.status == 0, result.err
        assert "\x1b" not in result.out + result.err
    assert r"sick\x1b[31m" in zoo("audit", *IMAGES).out


def test_control_characters_in_a_models_error_do_not_cost_the_leaderboard(zoo, folder, pictures, write_net):
    write_net("bad.py", name="bad", module="int('\\x1b[31m\\x00')")
    study = ["compare", *IMAGES, *SMALL, *NET, "--backbone", "bad", "--plugin", "bad.py", "--seeds", 1]
    result = zoo(*study, "--out", "study")
    assert result.status == 0, result.err
    assert "\x1b" not in result.out + result.err
    book = openpyxl.load_workbook(folder / "study" / "leaderboard.xlsx")
    texts = [cell.value for row in book["leaderboard"].iter_rows() for cell in row if isinstance(cell.value, str)]
    assert any(r"\x1b[31m" in text for text in texts)


# ── A run's files ────────────────────────────────────────────────────────────────────────────────────────────────

DAMAGE = {
    "missing": lambda file: file.unlink(),
    "empty": lambda file: file.write_bytes(b""),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "garbage": lambda file: file.write_bytes(bytes(range(256)) * 8),
    "folder": lambda file: (file.unlink(), file.mkdir()),
}
if hasattr(os, "mkfifo"):  # Windows has none
    DAMAGE["pipe"] = lambda file: (file.unlink(), os.mkfifo(file))
READ_BY_ALL = ["recipe.toml", "environment.json", "predictions.csv", "validation.csv", "metrics.json", "metrics.jsonl"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", [*READ_BY_ALL, "complete.json", "split.csv"])
def test_a_finished_runs_damaged_file_is_one_sentence(zoo, folder, finished, name, damage):
    run = shutil.copytree(finished[0], folder / "run", ignore=shutil.ignore_patterns("figures", "checkpoints"))
    DAMAGE[damage](run / name)
    for command in ("report", "explain", "export"):
        result = zoo(command, run)
        assert result.status == 2, result.err
        last = result.err.splitlines()[-1]
        assert last.startswith("birads-zoo: error: ")
        assert str(run) in last
        assert "Errno" not in last
