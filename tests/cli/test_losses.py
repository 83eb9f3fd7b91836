"""A loss with other logits than a softmax's works in all commands: run, explain, report, export and predict.

The set-up is slow, so most of these tests run only with `make test-all`; `tests/plugins/losses` has shorter ones.
"""

import json

import numpy as np
import pytest

import birads_zoo
from birads_zoo.phantoms.cohort import draw_cohort
from birads_zoo.phantoms.options import PhantomOptions

SMALL = ["--image-size", "32x32", "--folds", "2", "--device", "cpu", "--set", "training.precision=float32"]
KINDS = ("safetensors", "onnx", "exported-program")
CLASSES = ("BI-RADS 1", "BI-RADS 3", "BI-RADS 4", "BI-RADS 5")


@pytest.fixture(scope="module")
def root(zoo, tmp_path_factory):
    """A phantom with enough patients in every fold's validation part for a temperature and conformal sets."""
    root = tmp_path_factory.mktemp("phantom") / "root"
    assert zoo("phantom", "--patients", 44, "--size", "64x48", "--balance", "balanced", "--out", root).status == 0
    return root


@pytest.fixture(scope="module")
def corn(zoo, root, tmp_path_factory):
    """A run trained by `corn`, explained, reported, and exported beside it."""
    out = tmp_path_factory.mktemp("corn")
    run = out / "baseline_cnn"
    data = ["--dataset", "phantom", "--root", root, "--backbone", "baseline_cnn", "--set", "split.validation=0.5"]
    options = ["--loss", "corn", "--set", "loss.class_weights=true", "--epochs", 2]
    exports = [["export", run, "--format", kind, "--out", out / kind, "--device", "cpu"] for kind in KINDS]
    explained = ["explain", run, "--limit", 6, "--device", "cpu"]
    for command in (["run", *data, *options, *SMALL, "--out", out], explained, ["report", run], *exports):
        result = zoo(*command)
        assert result.status == 0, result.err
    return out


def probabilities_of(rows, kind="probability"):
    return np.array([[float(row[f"{kind}_{name}"]) for name in CLASSES] for row in rows])


@pytest.mark.slow
def test_the_run_is_measured_calibrated_and_explained(corn, check_folder, rows_of):
    run = corn / "baseline_cnn"
    metrics = json.loads((run / "metrics.json").read_text())
    rows = rows_of(run / "predictions.csv")
    for kind in ("probability", "calibrated"):
        np.testing.assert_allclose(probabilities_of(rows, kind).sum(axis=1), 1, atol=1e-9)
    assert all(fold["temperature"] for fold in metrics["calibration"]["folds"])
    assert metrics["calibration"]["temperature_only"], "class weights are taken back by the prior shift"
    assert all(fold["threshold"] is not None for fold in metrics["conformal"]["folds"])
    explained, by_row = rows_of(run / "explanations" / "explanations.csv"), {row["row"]: row for row in rows}
    assert len(explained) == 6
    for row in explained:
        own = float(by_row[row["row"]][f"probability_{row['explained']}"])
        assert float(row["probability"]) == pytest.approx(own, abs=1e-4)
    assert (run / "report.html").exists()


@pytest.mark.slow
def test_the_validation_loss_is_the_mean_negative_log_likelihood_in_nats(corn, rows_of):
    epochs = [json.loads(line) for line in (corn / "baseline_cnn" / "metrics.jsonl").read_text().splitlines()]
    rows = rows_of(corn / "baseline_cnn" / "validation.csv")
    for fold in (0, 1):
        own = [float(row[f"probability_{row['label']}"]) for row in rows if row["fold"] == str(fold)]
        kept = [epoch["val_loss"] for epoch in epochs if epoch["fold"] == fold][-1]  # the last epoch's network predicts
        assert kept == pytest.approx(-np.log(own).mean(), rel=1e-5)


@pytest.mark.slow
def test_exported_models_name_the_rule_that_turns_logits_into_probabilities(corn):
    for kind in KINDS:
        manifest = json.loads((corn / kind / "manifest.json").read_text())
        assert manifest["recipe"]["loss"]["name"] == "corn"
        assert manifest["outputs"]["logits"] == 3
        assert manifest["outputs"]["rule"].startswith("p(y = k) = (1 − σ(z_k)) Π_{j<k} σ(z_j)")
        row = next(line for line in (corn / kind / "model_card.md").read_text().splitlines() if "| Loss |" in line)
        assert row.startswith("| Loss | corn; probabilities: p(y = k) = ")
        assert row.replace("\\|", "").count("|") == 3, "a bar in the rule would end the table's cell"


@pytest.mark.slow
def test_onnx_and_safetensors_predict_alike(corn, root):
    broken = {root / f"{path}.jpg" for path in draw_cohort(PhantomOptions(patients=44)).damage}
    pictures = [path for path in sorted((root / "mammograms").rglob("*.jpg")) if path not in broken][:6]
    graph, network = (birads_zoo.load(corn / kind, device="cpu") for kind in ("onnx", "safetensors"))
    for prediction, other in zip(graph.predict(pictures), network.predict(pictures), strict=True):
        assert not prediction.error
        probabilities = list(prediction.probabilities.values())
        assert sum(probabilities) == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(probabilities, list(other.probabilities.values()), atol=1e-5)
        np.testing.assert_allclose(list(prediction.calibrated.values()), list(other.calibrated.values()), atol=1e-5)


@pytest.mark.slow
def test_an_onnx_file_alone_gives_scores_probabilities_and_features(corn):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(corn / "onnx" / "fold-0.onnx", providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).random((3, 1, 1, 32, 32), dtype=np.float32)
    scores, probabilities, _ = session.run(["scores", "probabilities", "features"], {"images": images})
    assert scores.shape == probabilities.shape == (3, 4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.exp(scores), probabilities, rtol=1e-5, err_msg="corn's scores are log-probabilities")


def test_classes_without_an_order_are_refused_by_name(refused, phantom_root):
    pattern = "dataset.options.patient_pattern=_(BC[0-9]+)_"
    data = ["--dataset", "image-folder", "--root", phantom_root / "mammograms", "--set", pattern]
    message = refused("run", *data, "--backbone", "baseline_cnn", "--loss", "corn", *SMALL, "--epochs", 1)
    assert message == (
        "the loss 'corn' needs classes in order, and this target's have none; choose an ordinal target, or another "
        "loss such as cross-entropy"
    )
