"""A frozen backbone without augmentation computes its features once, and nothing else changes by that."""

import csv

import pytest

from birads_zoo.model.classifier import Classifier
from birads_zoo.training import cost as cost_room
from birads_zoo.training import fold as fold_room

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
            patch.setattr(cost_room, "_TIMED_PASSES", 1)  # timing its predictions takes passes of its own
            patch.setattr(Classifier, "features", counted)
            said = zoo("run", "--root", phantom_root, *FLAGS, *FROZEN, "--out", tmp_path / name)
        assert said.status == 0, said.err
        with (tmp_path / name / "baseline_cnn+no-augmentation" / "predictions.csv").open(newline="") as file:
            return list(csv.DictReader(file)), sum(seen)

    return run


def test_features_are_computed_once_and_the_predictions_stay_the_same(run_frozen, monkeypatch):
    cached, images_once = run_frozen("cached")
    monkeypatch.setattr(fold_room, "can_cache", lambda classifier, augment: False)
    plain, images_each_epoch = run_frozen("plain")
    assert images_once < images_each_epoch / 1.5
    for one, other in zip(cached, plain, strict=True):
        for key, value in one.items():
            if key.startswith("probability_"):
                assert float(value) == pytest.approx(float(other[key]), abs=1e-4), key
            elif key != "predicted":
                assert value == other[key]


@pytest.mark.parametrize(
    ("flags", "cached"),
    [
        (["--set", "model.freeze=all", "--no-augmentation"], True),
        (["--set", "model.freeze=all"], False),
        (["--set", "model.freeze=early", "--no-augmentation"], False),
        (["--set", "model.freeze=all", "--set", "model.pooling=gem", "--no-augmentation"], False),
    ],
)
def test_nothing_is_cached_that_training_would_change(zoo, phantom_root, tmp_path, monkeypatch, flags, cached):
    asked = []
    can_cache = fold_room.can_cache
    monkeypatch.setattr(fold_room, "can_cache", lambda *given: asked.append(can_cache(*given)) or asked[-1])
    said = zoo("run", "--root", phantom_root, *FLAGS, "--epochs", 1, *flags, "--out", tmp_path)
    assert said.status == 0, said.err
    assert asked == [cached, cached]
