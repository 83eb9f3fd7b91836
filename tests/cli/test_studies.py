"""`birads-zoo compare`, `ablate` and `leakage`: what they print, the files that they write, and their errors."""

import csv
import json
import tomllib

import pytest
from PIL import Image

from birads_zoo.report.study.page import FILES
from birads_zoo.study.results import ABLATION_FILES, LEAKAGE_FILES

SMALL = ["--image-size", "32x32", "--epochs", "1", "--folds", "2", "--device", "cpu", "--seeds", "1"]


def results_in(study):
    """Return the paths of a study's own results: neither its runs nor its notes."""
    paths = {path.relative_to(study).as_posix() for path in study.rglob("*") if path.is_file()}
    return {path for path in paths if not path.startswith(("runs/", "errors/", "study.toml", "complete.json", "."))}


@pytest.mark.usefixtures("no_figures")
def test_a_comparison_ends_in_a_leaderboard_with_a_failed_model_as_a_row(zoo, phantom_root, folder, write_net):
    write_net("good.py", "good-net")
    write_net("bad.py", "bad-net", "1 / 0")
    arguments = [
        *("compare", "--root", phantom_root, "--plugin", "good.py", "--plugin", "bad.py"),
        *("--backbone", "bad-net", "--backbone", "good-net", "--backbone", "baseline_cnn", *SMALL, "--out", "study"),
    ]
    result = zoo(*arguments, "--json")
    assert result.status == 0, result.err
    values = json.loads(result.out)
    errors = {entry["name"]: entry["error"] for entry in values["entries"]}
    assert "division by zero" in errors.pop("bad-net")
    assert errors == {"good-net": "", "baseline_cnn": ""}
    assert values["entries"][-1]["name"] == "bad-net", "what failed comes last"
    assert values["ranks"][-1] is None
    assert (values["split"], values["leaky"], values["folds"]) == ("patient", False, 2)
    for entry in values["entries"][:2]:
        assert entry["score"]["low"] <= entry["score"]["value"] <= entry["score"]["high"]
        assert entry["parameters"] > 0
        assert entry["flops"] > 0
        assert min(entry["train_rate"], entry["predict_rate"]) > 0
    assert result.out == (folder / "study" / "leaderboard.json").read_text()
    left = {path.name for path in (folder / "study").iterdir()}
    assert {"study.toml", "runs", "errors", "figures", "leaderboard.html", "leaderboard.csv"} <= left
    assert {"leaderboard.md", "leaderboard.xlsx"} <= left
    assert results_in(folder / "study") <= set(FILES), "a name that is not checked before the training"
    assert {path.name for path in (folder / "study" / "runs").iterdir()} == {"good-net@0", "baseline_cnn@0"}
    again = zoo(*arguments)
    assert again.status == 0, again.err
    assert "2 of 3 runs are finished already" in again.err
    assert "good-net" in again.out
    assert "macro-F1" in again.out
    assert zoo("verify", "study").status == 0
    study = folder / "study"
    (study / "runs" / "baseline_cnn@0").rename(folder / "elsewhere")
    (study / "runs" / "good-net@0").rename(study / "runs" / "baseline_cnn@0")
    (study / "leaderboard.csv").write_text("edited")
    with (study / "study.toml").open("a") as file:
        file.write("#")
    changed = zoo("verify", "study")
    assert changed.status == 1
    assert sorted(line.split(" ")[0] for line in changed.out.splitlines()) == [
        "study/leaderboard.csv",
        "study/runs/baseline_cnn@0/complete.json",
        "study/runs/good-net@0/complete.json",
        "study/study.toml",
    ]


@pytest.mark.usefixtures("no_figures")
def test_an_ablation_study_has_a_row_for_every_ablation(zoo, phantom_root, folder, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/bin/birads-zoo", "ablate", "--backbone", "baseline_cnn"])
    result = zoo(
        "ablate", "--root", phantom_root, "--backbone", "baseline_cnn", "--ablations", "no-dropout,no-class-weights",
        *SMALL, "--out", "study",
    )  # fmt: skip
    assert result.status == 0, result.err
    assert "# Ablations of baseline_cnn" in result.out
    assert "| no-class-weights | – | it changes nothing here |" in result.out
    with (folder / "study" / "ablations.csv").open(newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["no-dropout", "no-class-weights"]
    assert float(rows["no-dropout"]["low"]) <= float(rows["no-dropout"]["difference"])
    values = json.loads((folder / "study" / "ablations.json").read_text())
    assert values["n"] > 0
    assert values["patients"] > 0
    assert values["command"] == "birads-zoo ablate --backbone baseline_cnn"
    assert values["environment"]["versions"]["torch"]
    assert (folder / "study" / "figures" / "ablations.png").stat().st_size > 10_000
    assert results_in(folder / "study") == set(ABLATION_FILES)
    study = tomllib.loads((folder / "study" / "study.toml").read_text())
    assert list(study["variants"]) == ["baseline_cnn", "baseline_cnn+no-dropout", "baseline_cnn+no-class-weights"]


@pytest.mark.usefixtures("no_figures")
def test_a_leakage_study_says_what_each_split_makes_of_the_score(zoo, phantom_root, folder):
    result = zoo("leakage", "--root", phantom_root, "--backbone", "baseline_cnn", *SMALL, "--out", "study", "--json")
    assert result.status == 0, result.err
    values = json.loads(result.out)
    assert result.out == (folder / "study" / "leakage.json").read_text()
    schemes = {row["scheme"]: row for row in values["schemes"]}
    assert list(schemes) == ["patient", "breast", "image"]
    assert [row["leaky"] for row in schemes.values()] == [False, True, True]
    gap = schemes["image"]["score"]["value"] - schemes["patient"]["score"]["value"]
    assert schemes["image"]["inflation"]["value"] == pytest.approx(gap)
    assert schemes["patient"]["inflation"] is None
    assert "puts images of one patient on both sides" in result.err
    assert "[3/3] baseline_cnn@0@image" in result.err
    assert (folder / "study" / "figures" / "leakage.png").stat().st_size > 10_000
    assert results_in(folder / "study") == set(LEAKAGE_FILES)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["compare", "--backbone", "resnet"], "unknown backbone 'resnet'; did you mean 'resnet50'?"),
        (["compare", "--backbone", "resnet50", "--ablations", "no-drop"], "unknown ablation 'no-drop'; did you mean"),
        (["compare", "--metric", "f1"], "unknown metric 'f1'"),
        (["compare", "--seeds", "0"], "--seeds 0: a study needs one seed at least"),
        (["compare", "--weights", "nowhere"], "--weights nowhere is no folder"),
        (["ablate", "--backbone", "resnet50", "--image-size", "64"], "--image-size '64': expected HEIGHTxWIDTH"),
        (["ablate"], "Missing option '--backbone'"),
        (["leakage", "--backbone", "resnet50", "--split", "image"], "No such option"),
        (["leakage", "--backbone", "resnet50", "--set", "training.epoch=1"], "did you mean 'training.epochs'"),
    ],
)
def test_a_mistake_is_one_sentence_and_starts_nothing(zoo, folder, arguments, sentence):
    result = zoo(*arguments)
    assert result.status == 2
    assert sentence in result.err
    assert list(folder.iterdir()) == []


@pytest.fixture
def unordered(tmp_path_factory):
    """A csv data set whose labels have no order: three with one picture each, and one whose picture is missing."""
    root = tmp_path_factory.mktemp("unordered")
    rows = ["image_path,patient_id,label"]
    for number, label in enumerate(("normal", "benign", "malignant")):
        Image.new("L", (32, 32)).save(root / f"{number}.png")
        rows.append(f"{number}.png,P{number},{label}")
    (root / "table.csv").write_text("\n".join([*rows, "gone.png,P9,torn"]))
    return root


@pytest.mark.parametrize("command", ["compare", "ablate", "leakage"])
@pytest.mark.parametrize("more", [(), ("--target=label",), ("--class=normal", "--class=benign", "--class=malignant")])
def test_classes_without_an_order_have_no_weighted_kappa_and_nothing_starts(zoo, unordered, folder, command, more):
    arguments = [command, "--dataset=csv", "--root", unordered, *more, "--backbone=baseline_cnn", *SMALL]
    result = zoo(*arguments, "--metric=kappa_quadratic")
    assert result.status == 2
    names = "normal, benign, malignant" if "--class=normal" in more else "benign, malignant, normal"
    assert f"those of the target 'label' ({names}) have none" in result.err
    assert "choose another --metric (macro_f1, macro_auroc, balanced_accuracy, accuracy)" in result.err
    assert list(folder.iterdir()) == []


def test_two_classes_need_no_order_for_a_weighted_kappa(zoo, unordered, folder):
    arguments = ["compare", "--dataset=csv", "--root", unordered, "--class=normal", "--class=benign", *SMALL]
    result = zoo(*arguments, "--backbone=baseline_cnn", "--metric=kappa_quadratic")
    assert "1 usable patient, fewer than the 2 folds" in result.err, "the run itself is refused, for its folds"


@pytest.mark.usefixtures("no_figures")
def test_when_all_fail_there_is_nothing_to_compare(zoo, phantom_root, folder, write_net):
    write_net("bad.py", "bad-net", "1 / 0")
    shared = ["--root", phantom_root, "--plugin", "bad.py", "--backbone", "bad-net", *SMALL]
    for name, sentence in (
        ("compare", "nothing to compare, every model failed: bad-net: seed 0: backbone 'bad-net'"),
        ("ablate", "the full model failed, so nothing can be compared: seed 0"),
        ("leakage", "the split by patient failed, so nothing can be compared: seed 0"),
    ):
        result = zoo(name, *shared, "--out", f"{name}-study")
        assert result.status == 2
        assert sentence in result.err
