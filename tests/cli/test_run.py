"""`birads-zoo run`: what it prints, the files that it writes, and its errors."""

import json
import tomllib

import pytest
from PIL import Image

from birads_zoo.plugin.host import load_host
from birads_zoo.shortcuts import permutation_test

SMALL = ["--image-size", "32x32", "--epochs", "1", "--folds", "2", "--device", "cpu"]


def test_a_run_leaves_a_complete_folder(finished, check_folder):
    folder, result = finished
    check_folder(folder)
    assert str(folder) in result.err.replace("\n", "")
    assert "macro" in result.out


def test_every_usable_row_is_predicted_once_by_a_fold_that_never_saw_its_patient(finished, rows_of):
    folder, _ = finished
    split, predictions = rows_of(folder / "split.csv"), rows_of(folder / "predictions.csv")
    assert len({row["row"] for row in predictions}) == len(predictions)
    assert {row["row"] for row in predictions} == {row["row"] for row in split}
    for fold in ("0", "1"):
        trained = {row["patient_id"] for row in split if row["fold"] == fold and row["part"] != "test"}
        tested = {row["patient_id"] for row in predictions if row["fold"] == fold}
        assert tested
        assert not trained & tested
    for row in predictions:
        probabilities = {key: float(value) for key, value in row.items() if key.startswith("probability_")}
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-6)
        assert max(probabilities, key=probabilities.get) == f"probability_{row['predicted']}"


def test_calibrated_probabilities_and_sets_are_written_beside_the_networks_probabilities(finished, rows_of):
    folder, _ = finished
    predictions = rows_of(folder / "predictions.csv")
    classes = json.loads((folder / "metrics.json").read_text())["classes"]
    for row in predictions:
        assert sum(float(row[f"calibrated_{name}"]) for name in classes) == pytest.approx(1)
        held = [name for name in classes if row[f"set_{name}"] == "True"]
        assert row["predicted"] in held
        assert held == classes[classes.index(held[0]) : classes.index(held[-1]) + 1], (
            "a set of ordered classes has gaps"
        )
    assert not [name for name in rows_of(folder / "validation.csv")[0] if name.startswith(("calibrated_", "set_"))]


def test_the_metrics_have_the_keys_that_others_read(finished, rows_of):
    metrics = json.loads((finished[0] / "metrics.json").read_text())
    assert set(metrics) >= {
        "n",
        "classes",
        "accuracy",
        "balanced_accuracy",
        "kappa_quadratic",
        "macro",
        "weighted",
        "per_class",
        "confusion",
        "split",
        "leaky",
        "errors",
        "positive",
        "cost",
        "subgroups",
    }
    assert metrics["positive"]["classes"] == ["BI-RADS 4", "BI-RADS 5"]
    assert metrics["cost"] is None
    assert list(metrics["subgroups"]["attributes"]) == ["density", "age", "view", "laterality", "year"]
    assert "against the rest" in finished[1].out
    assert metrics["split"] == "patient"
    assert metrics["leaky"] is False
    assert metrics["n"] == sum(map(sum, metrics["confusion"])) == len(rows_of(finished[0] / "predictions.csv"))
    assert set(metrics["macro"]) == {"precision", "recall", "f1", "auroc", "pooled_auroc"}
    assert [entry["name"] for entry in metrics["per_class"]] == metrics["classes"]


def test_every_shortcut_except_the_majority_is_tested(finished):
    shortcuts = json.loads((finished[0] / "metrics.json").read_text())["shortcuts"]
    tested = {name for name, scores in shortcuts.items() if "flagged" in scores}
    assert tested == set(shortcuts) - {"majority"}
    assert not shortcuts["patient_lookup"]["flagged"], "unseen patients cannot be looked up"


@pytest.mark.usefixtures("no_figures")
def test_a_lookup_that_works_with_a_leaky_split_is_flagged(zoo, phantom_root, tmp_path, monkeypatch):
    monkeypatch.setattr(permutation_test, "RETRAININGS", 20)  # fewer cannot show it
    result = zoo(
        "run", "--root", phantom_root, "--backbone", "baseline_cnn", *SMALL, "--split", "image", "--out", tmp_path
    )
    line = next(line for line in result.out.splitlines() if line.strip().startswith("patient lookup"))
    assert "← works: +0." in line
    assert "(p = 0.048)" in line, "1/21, which is the least that 20 refits can show"


def test_the_audit_names_every_row_that_is_not_used(finished, rows_of):
    audit = rows_of(finished[0] / "audit.csv")
    reasons = {row["reason"] for row in audit if row["action"] == "dropped"}
    assert {"no file", "empty file", "does not decode"} <= reasons
    assert "no file" in finished[1].err


def test_the_environment_names_versions_hardware_and_seed(finished):
    environment = json.loads((finished[0] / "environment.json").read_text())
    assert environment["versions"]["torch"]
    assert environment["device"] == "cpu"
    assert environment["seed"] == 0


def test_the_history_has_a_line_per_epoch_and_fold(finished):
    lines = [json.loads(line) for line in (finished[0] / "metrics.jsonl").read_text().splitlines()]
    assert [(line["fold"], line["epoch"]) for line in lines] == [(0, 1), (1, 1)]


@pytest.mark.usefixtures("no_figures")
def test_json_prints_the_metrics_and_nothing_else(zoo, phantom_root, tmp_path):
    result = zoo("run", "--root", phantom_root, "--backbone", "baseline_cnn", *SMALL, "--out", tmp_path, "--json")
    assert result.out == (tmp_path / "baseline_cnn" / "metrics.json").read_text()


@pytest.mark.usefixtures("no_figures")
def test_a_run_repeats_itself_from_its_recipe_and_takes_another_name(zoo, finished, tmp_path):
    folder, _ = finished
    for _ in range(2):
        result = zoo("run", "--recipe", folder / "recipe.toml", "--device", "cpu", "--out", tmp_path, "--json")
        assert result.out == (folder / "metrics.json").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"baseline_cnn", "baseline_cnn-2"}


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize(
    "backbone",
    ["mobilenet_v2", *(pytest.param(name, marks=pytest.mark.slow) for name in ("efficientnet_b0", "resnet50"))],
)
def test_a_run_without_dropout_and_pretrained_weights(zoo, phantom_root, tmp_path, backbone):
    result = zoo(
        "run", "--root", phantom_root, "--backbone", backbone, "--no-dropout", "--no-pretrained", *SMALL,
        "--out", tmp_path, "--json",
    )  # fmt: skip
    assert result.status == 0, result.err
    run = tmp_path / f"{backbone}+no-dropout+no-pretrained"
    recipe = tomllib.loads((run / "recipe.toml").read_text())
    assert recipe["ablations"] == ["no-dropout", "no-pretrained"]
    assert json.loads(result.out) == json.loads((run / "metrics.json").read_text())


def test_every_ablation_is_a_flag_with_its_summary(zoo):
    result = zoo("run", "--help")
    for name, registered in load_host().ablations.items():
        assert f"--{name}" in result.out
        assert registered.spec.summary.split()[0] in result.out


@pytest.mark.usefixtures("no_figures")
def test_all_of_the_papers_ablations_together_train_its_recipe(zoo, phantom_root, tmp_path):
    others = ("no-pretrained", "no-freeze", "no-lesions", "no-partner-view")  # of what its recipe has not
    flags = [f"--{name}" for name in load_host().ablations if name not in others]
    result = zoo(
        "run", "--recipe", "paper", "--dataset", "phantom", "--root", phantom_root, "--backbone", "baseline_cnn",
        "--image-size", "32x32", "--epochs", 1, "--device", "cpu", *flags, "--out", tmp_path, "--json",
    )  # fmt: skip
    assert result.status == 0, result.err
    metrics = json.loads(result.out)
    assert metrics["leaky"] is True
    assert metrics["validation"]["n"] > metrics["n"]
    assert "birads-zoo: warning: the paper's split puts images of one patient on both sides" in result.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--backbone", "resnet5"], "unknown backbone 'resnet5'; did you mean 'resnet50'"),
        (["--dataset", "kaumd"], "unknown data set 'kaumd'; did you mean 'kaumds'"),
        (["--loss", "focl"], "unknown loss 'focl'; did you mean 'focal'"),
        (["--target", "birad"], "'birad'"),
        (["--recipe", "papers"], "unknown recipe 'papers'; did you mean 'paper'"),
        (["--set", "training.epoch=5"], "unknown key 'training.epoch'; did you mean 'training.epochs'"),
        (["--set", "training.epochs=five"], "key 'training.epochs': expected an integer, got text"),
        (["--image-size", "224"], "--image-size '224': expected HEIGHTxWIDTH in pixels, such as 512x416"),
        (["--folds", "50"], "50"),
        (["--no-freeze"], "ablation 'no-freeze' changes nothing"),
        (["--weights", "missing.pth"], "missing.pth"),
        (["--device", "cuda:77"], "device 'cuda:77'"),
        (["--root", "nowhere"], "nowhere"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(zoo, phantom_root, tmp_path, arguments, sentence):
    answer = zoo("run", "--root", phantom_root, "--backbone", "mobilenet_v2", *SMALL,
                 "--out", tmp_path / "runs", *arguments)  # fmt: skip
    assert answer.status == 2
    assert answer.err.splitlines()[-1].startswith("birads-zoo: error: ")
    assert sentence in answer.err
    assert "Traceback" not in answer.err
    assert not list(tmp_path.glob("runs/*/metrics*"))


def test_weights_that_cannot_be_fetched_name_both_remedies(zoo, phantom_root, tmp_path, monkeypatch):
    import urllib.error

    import torch.hub

    def offline(*arguments, **named):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    answer = zoo("run", "--root", phantom_root, "--backbone", "mobilenet_v2", *SMALL, "--out", tmp_path / "runs")
    assert answer.status == 2
    assert "--weights" in answer.err
    assert "--no-pretrained" in answer.err


def test_an_output_folder_that_cannot_be_written_is_an_error(zoo, phantom_root, tmp_path):
    (tmp_path / "file").touch()
    answer = zoo(
        "run", "--root", phantom_root, "--backbone", "baseline_cnn", *SMALL, "--out", tmp_path / "file" / "runs"
    )
    assert answer.status == 2
    assert f"cannot write {tmp_path / 'file' / 'runs'}: Not a directory; give the name of a folder" in answer.err


@pytest.mark.slow
def test_both_breasts_can_make_a_sample_and_every_figure_is_drawn(zoo, phantom_root, finished, check_folder, tmp_path):
    pairs = ["--set", "dataset.views=bilateral", "--set", "model.fusion=difference"]
    zoo("run", "--root", phantom_root, "--backbone", "baseline_cnn", *SMALL, *pairs, "--out", tmp_path)
    check_folder(tmp_path / "baseline_cnn")
    cost = json.loads((tmp_path / "baseline_cnn" / "cost.json").read_text())
    single = json.loads((finished[0] / "cost.json").read_text())
    assert cost["flops"] > 1.9 * single["flops"], "a sample's second picture costs as much as its first"


@pytest.mark.parametrize("fusion", ["max", "difference", "concat", "attention"])
def test_a_fusion_needs_several_views(zoo, phantom_root, tmp_path, fusion):
    result = zoo("run", "--root", phantom_root, *SMALL, "--set", f"model.fusion={fusion}", "--out", tmp_path)
    assert result.status == 2
    assert (
        result.err.replace("\n", " ")
        .rstrip()
        .endswith(
            f"model.fusion = '{fusion}' needs samples of several views: "
            "set dataset.views to 'breast', 'bilateral' or 'exam'"
        )
    )


@pytest.mark.slow  # two runs
def test_spellings_of_one_patients_id_are_warned_of(zoo, folder, no_figures):
    lines = ["image_path,patient_id,label"]
    for at in range(16):
        Image.new("L", (40, 30), 20 + 9 * at).save(folder / f"{at}.png")
        lines.append(f"{at}.png,{'P-0' if at % 2 else 'p'}{at // 2},{'xy'[at // 2 % 2]}")
    (folder / "t.csv").write_text("\n".join(lines))
    run = ("run", "--dataset", "csv", "--root", folder, "--backbone", "baseline_cnn", *SMALL)
    warning = "warning: some patient ids look like spellings of the same id, such as 'p0' and 'P-00'"
    assert warning in zoo(*run).err
    result = zoo(*run, "--merge-ids")
    assert "csv: 16 rows, 8 patients, 16 usable" in result.err
    assert "spellings" not in result.err
