"""A frozen backbone without augmentation computes its features once; the results stay the same."""

import csv

import pytest

from birads_zoo.model.classifier import Classifier
from birads_zoo.training import cost as cost_module
from birads_zoo.training import feature_store as feature_store_module
from birads_zoo.training import fold as fold_module

pytestmark = pytest.mark.usefixtures("no_figures")

FLAGS = ["--backbone", "baseline_cnn", "--image-size", "32x32", "--folds", "2", "--epochs", "8", "--device", "cpu"]
FROZEN = ["--set", "model.freeze=all", "--no-augmentation"]


@pytest.fixture
def run_frozen(zoo, phantom_root, tmp_path, monkeypatch):
    """Run a frozen backbone; return its predictions and how often the backbone saw a batch while it was trained."""

    def run(name):
        seen = []
        features = Classifier.features

        def counted(classifier, images):
            seen.append(len(images))
            return features(classifier, images)

        with monkeypatch.context() as patch:
            patch.setenv("BIRADS_ZOO_CACHE", str(tmp_path / "cache"))
            patch.setattr(cost_module, "_TIMED_PASSES", 1)  # timing its predictions takes passes of its own
            patch.setattr(Classifier, "features", counted)
            result = zoo("run", "--root", phantom_root, *FLAGS, *FROZEN, "--out", tmp_path / name)
        assert result.status == 0, result.err
        with (tmp_path / name / "baseline_cnn+no-augmentation" / "predictions.csv").open(newline="") as file:
            return list(csv.DictReader(file)), sum(seen)

    return run


@pytest.mark.slow
def test_features_are_computed_once_and_the_predictions_stay_the_same(run_frozen, monkeypatch):
    cached, images_once = run_frozen("cached")
    monkeypatch.setattr(fold_module, "cacheable_part", lambda classifier, augment: "nothing")
    plain, images_each_epoch = run_frozen("plain")
    assert images_once < images_each_epoch / 1.5
    for row, other in zip(cached, plain, strict=True):
        for key, value in row.items():
            if key.startswith("probability_"):
                assert float(value) == pytest.approx(float(other[key]), abs=1e-4), key
            elif key != "predicted":
                assert value == other[key]


@pytest.mark.parametrize(
    ("flags", "still"),
    [
        (["--set", "model.freeze=all", "--no-augmentation"], "pooled"),
        (["--set", "model.freeze=all"], "nothing"),
        (["--set", "model.freeze=early", "--no-augmentation"], "nothing"),
        (["--set", "model.freeze=all", "--set", "model.pooling=gem", "--no-augmentation"], "features"),
    ],
)
def test_nothing_is_cached_that_training_would_change(zoo, phantom_root, tmp_path, monkeypatch, flags, still):
    results = []
    cacheable_part = fold_module.cacheable_part
    monkeypatch.setattr(
        fold_module, "cacheable_part", lambda *parts: results.append(cacheable_part(*parts)) or results[-1]
    )
    result = zoo("run", "--root", phantom_root, *FLAGS, "--epochs", 1, *flags, "--out", tmp_path)
    assert result.status == 0, result.err
    assert results == [still, still]


LESIONS = ["model.freeze=all", "model.evidence=true", "model.pooling=max", "model.fusion=difference"]
LESIONS += ["dataset.views=bilateral", "training.lesion_weight=1", "augmentation=none"]


EXAMS = ["model.freeze=all", "model.evidence=true", "model.pooling=max", "model.fusion=attention"]
EXAMS += ["dataset.views=exam", "dataset.level=patient", "dataset.target=suspicious", "training.lesion_weight=1"]
EXAMS += ["augmentation=none"]


@pytest.mark.parametrize(
    ("settings", "largest", "severest"),
    [pytest.param(LESIONS, 2**32, "BI-RADS 5", marks=pytest.mark.slow), (EXAMS, 0, "BI-RADS 4-5")],
    ids=["pair", "exam"],
)
def test_evidence_of_places_learns_the_same_from_cached_maps_as_from_pictures(
    zoo, phantom_root, tmp_path, monkeypatch, rows_of, settings, largest, severest
):
    settings = [part for setting in settings for part in ("--set", setting)]
    predictions = []
    for name, limit in (("usual", None), ("limited", largest)):
        monkeypatch.setenv("BIRADS_ZOO_CACHE", str(tmp_path / f"cache-{name}"))  # the second finds nothing stored
        if limit is not None:
            monkeypatch.setattr(feature_store_module, "LARGEST", limit)
        result = zoo("run", "--root", phantom_root, *FLAGS, *settings, "--epochs", 2, "--out", tmp_path / name)
        assert result.status == 0, result.err
        predictions.append(rows_of(tmp_path / name / "baseline_cnn" / "predictions.csv"))
    for row, other in zip(*predictions, strict=True):
        for name in (column for column in row if column.startswith(("probability_", "view_weight_"))):
            assert float(row[name]) == pytest.approx(float(other[name]), abs=1e-3), name
    assert f"probability_{severest}" in predictions[0][0]
