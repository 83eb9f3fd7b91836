"""Sections `evaluation` and `explainer`, the seed and ablations, from the recipe to the results of a run."""

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from birads_zoo.devices import choose_compute
from birads_zoo.explanation.overview import explain_fold
from birads_zoo.explanation.selection import choose
from birads_zoo.runs.measure import measure
from birads_zoo.runs.predictions import fitted_frame, predictions_frame
from birads_zoo.runs.tracking import Trackers
from birads_zoo.shortcuts.without_pixels import Shortcut
from birads_zoo.training.fold import Fitted


def guessed(fold, classes):
    """Made-up probabilities of a fold's rows."""
    generator = np.random.default_rng(fold.number)
    test, validation = (generator.dirichlet(np.ones(classes), len(rows)) for rows in (fold.test, fold.validation))
    return Fitted(fold=fold, history=[], test=test, validation=validation)


@pytest.fixture(scope="module")
def data(prepared):
    return prepared({"split.validation": 0.4})


@pytest.fixture(scope="module")
def predictions(data):
    """Made-up predictions of all rows."""
    return predictions_frame(data, [guessed(fold, len(data.labelled.classes)) for fold in data.folds])


@pytest.fixture
def metrics(recipe, data, predictions):
    """Measure these predictions with the evaluation settings of the recipe with changes."""

    def make(changes=None):
        count, k = int((predictions["part"] == "test").sum()), len(data.labelled.classes)
        shortcut = Shortcut(name="majority", summary="", probabilities=np.full((count, k), 1 / k))
        return measure(predictions, data, recipe(changes), [shortcut], {})

    return make


@pytest.mark.follows("evaluation.positive")
def test_positive_classes_are_those_asked_for(metrics):
    assert metrics().positive.classes == ("BI-RADS 4", "BI-RADS 5")
    assert metrics({"evaluation.positive": ["BI-RADS 5"]}).positive.classes == ("BI-RADS 5",)


@pytest.mark.follows("evaluation.costs")
def test_mistakes_cost_what_they_are_said_to(metrics, data):
    k = len(data.labelled.classes)
    costs = (2.0 * (1 - np.eye(k))).tolist()
    metrics_by_cost = metrics({"evaluation.costs": costs})
    assert metrics().cost is None
    assert metrics_by_cost.cost.argmax.value == pytest.approx(2 * (1 - metrics_by_cost.accuracy))


@pytest.mark.follows("evaluation.level_rule")
def test_images_become_breasts_by_the_rule_asked_for(metrics):
    rules = {rule: metrics({"evaluation.level_rule": rule}).levels for rule in ("mean", "max", "noisy-or")}
    assert [levels.rule for levels in rules.values()] == list(rules)
    assert len({str(replace(levels, rule="")) for levels in rules.values()}) == 3


@pytest.mark.follows("evaluation.conformal_level")
def test_sets_are_as_sure_as_asked_for(metrics, recipe, data, predictions):
    def size(level):
        frame = fitted_frame(predictions, data, recipe({"evaluation.conformal_level": level}))
        return frame[[name for name in frame if name.startswith("set_")]].to_numpy().sum()

    assert metrics({"evaluation.conformal_level": 0.5}).conformal.level == 0.5
    assert size(0.5) < size(0.8)


@pytest.mark.follows("explainer.name", "explainer.options")
def test_heat_maps_are_drawn_by_the_named_explainer_with_its_options(recipe, host, data, built):
    def maps(changes):
        classifier, compute = built(), choose_compute("cpu", "float32")
        return explain_fold(recipe(changes), host, data, guessed(data.folds[0], 4), classifier, compute).maps

    assert np.unique(maps({"explainer.name": "shown"})) == 0.5
    assert np.unique(maps({"explainer.name": "shown", "explainer.options.scale": 1.5})) == 0.75
    assert len(np.unique(maps({}))) > 2


@pytest.mark.follows("image.height", "image.width")
def test_what_is_explained_has_the_pictures_size(recipe, data, predictions):
    selection = choose(data, recipe(), predictions[predictions["part"] == "test"], 8)
    assert selection.lesions.shape == selection.breasts.shape == (8, 48, 32)
    assert selection.lesions.any(axis=(1, 2)).sum() > 2
    assert (selection.breasts.mean(axis=(1, 2)) < 1).all()


@pytest.mark.follows("tracking.trackers", "tracking.options")
def test_a_run_is_followed_by_the_named_trackers_with_their_options(recipe, host, tmp_path):
    for name, changes, left in (
        ("none", {}, []),
        ("usual", {"tracking.trackers": ["shown"]}, ["1.0"]),
        ("set", {"tracking.trackers": ["shown"], "tracking.options.shown.scale": 2.5}, ["2.5"]),
    ):
        (tmp_path / name).mkdir()
        Trackers(recipe(changes), host, tmp_path / name)
        assert [path.read_text() for path in (tmp_path / name).iterdir()] == left


@pytest.mark.follows("seed")
def test_the_seed_rules_folds_weights_and_the_order_of_training(prepared, fit_of):
    tests = [[fold.test.tolist() for fold in prepared({"seed": seed}).folds] for seed in (0, 0, 1)]
    assert tests[0] == tests[1] != tests[2]
    fits = [fit_of({"seed": seed}) for seed in (0, 0, 1)]
    weights = [fit.classifier.backbone.stem.weight for fit in fits]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert [fit.seed for fit in fits] == [0, 0, 1]


@pytest.mark.follows("ablations")
def test_a_run_is_without_what_its_ablations_remove(run_of, built):
    assert run_of().recipe.model.dropout == 0.2
    assert run_of({"ablations": ["no-dropout"]}).recipe.model.dropout == 0.0
    norms = [
        any(isinstance(part, torch.nn.BatchNorm2d) for part in built(changes).modules())
        for changes in (
            {"model.backbone": "baseline_cnn", "model.pretrained": False},
            {"model.backbone": "baseline_cnn", "model.pretrained": False, "ablations": ["no-batchnorm"]},
        )
    ]
    assert norms == [True, False]
