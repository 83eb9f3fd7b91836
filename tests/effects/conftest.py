"""Fixtures of the recipe's effects: small pictures, higher than wide, and parts that show their context."""

import contextlib
from types import SimpleNamespace

import pytest

from birads_zoo.data.cache_folder import cache_root
from birads_zoo.data.prepare import prepare
from birads_zoo.devices import choose_compute
from birads_zoo.model.build import build_classifier
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe
from birads_zoo.training import fold as fold_module
from birads_zoo.training.fold import fit_fold

PLUGIN = '''
"""Parts that keep the context they were built with, each with an option."""

from collections import OrderedDict

from birads_zoo import AugmentationSpec, BackboneSpec, ExplainerSpec, LossSpec, Options, TrackerSpec, hookimpl

class Width(Options, frozen=True, kw_only=True):
    width: int = 4

class Scale(Options, frozen=True, kw_only=True):
    scale: float = 1.0

def net(context):
    from torch import nn
    width = context.options.width
    parts = [
        ("stem", nn.Conv2d(context.in_channels, width, 3, stride=4)),
        ("middle", nn.Conv2d(width, 2 * width, 3, stride=2)),
        ("end", nn.Sequential(nn.Conv2d(2 * width, 3 * width, 1), nn.ReLU())),
    ]
    made = nn.Sequential(OrderedDict(parts))
    made.context = context
    return made

def scaled(context):
    from torch import nn
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.context = context
        def forward(self, first, *rest):
            if rest:
                return nn.functional.cross_entropy(first, rest[0]) * context.options.scale
            return first * context.options.scale
    return Scaled()

def even(context):
    def explain(images, targets, present):
        return images[:, :, 0] * 0 + context.options.scale / 2
    return explain

def writing(context):
    (context.folder / "shown").write_text(str(context.options.scale))
    return object()

@hookimpl
def birads_zoo_trackers():
    return [TrackerSpec(name="shown", summary="writes its option into the run's folder", build=writing, options=Scale)]

@hookimpl
def birads_zoo_backbones():
    shown = {"stages": ("stem", "middle", "end"), "grey": True, "weights": "none in truth", "options": Width}
    mean, std = (0.25, 0.5, 0.75), (0.5, 0.5, 0.25)
    return [BackboneSpec(name="shown", summary="three stages", build=net, pixel_mean=mean, pixel_std=std, **shown)]

@hookimpl
def birads_zoo_losses():
    return [LossSpec(name="shown", summary="scaled cross-entropy", build=scaled, options=Scale)]

@hookimpl
def birads_zoo_augmentations():
    return [AugmentationSpec(name="shown", summary="a gain", build=scaled, options=Scale)]

@hookimpl
def birads_zoo_explainers():
    return [ExplainerSpec(name="shown", summary="even grey", build=even, options=Scale)]
'''
SMALL = {
    "dataset.name": "phantom",
    "image.height": 48,
    "image.width": 32,
    "augmentation.name": "none",
    "model.backbone": "shown",
    "split.folds": 2,
    "training.epochs": 2,
    "training.batch_size": 8,
    "training.precision": "float32",
}


class Caught(Exception):  # noqa: N818 - not an error: it ends a run early
    """Ends a run once the test has seen what the run was about to do."""


@pytest.fixture(scope="session")
def host(tmp_path_factory):
    path = tmp_path_factory.mktemp("plugin") / "shown.py"
    path.write_text(PLUGIN)
    return load_host([path], strict=True)


@pytest.fixture(scope="session")
def recipe(phantom_root):
    """Make the small recipe with changes: `recipe({"model.dropout": 0.0})`."""
    small = Recipe().replace(SMALL | {"dataset.root": str(phantom_root)})
    return lambda changes=None: small.replace(changes or {})


@pytest.fixture(scope="session")
def prepared(host, recipe):
    """Prepare the data of the recipe with changes: rows, classes, pixels, samples and folds."""
    return lambda changes=None: prepare(recipe(changes), host, cache_root(), Screen())


@pytest.fixture
def built(host, recipe):
    """Build the classifier of the recipe with changes, for four classes."""
    return lambda changes=None: build_classifier(recipe(changes), host, 4)


@pytest.fixture
def fit_of(host, recipe, prepared, tmp_path, monkeypatch):
    """Start the first fold of the recipe with changes, and return the `Fit` with which it would be trained."""

    def catch(changes=None):
        caught = []

        def keep(fit, *_):
            caught.append(fit)
            raise Caught

        data, compute = prepared(changes), choose_compute("cpu", "float32")
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        with monkeypatch.context() as patch, contextlib.suppress(Caught):
            patch.setattr(fold_module, "train", keep)
            fit_fold(recipe(changes), host, data, data.folds[0], compute, folder, Screen(), lambda epoch: None)
        caught[0].folder.mkdir(parents=True)
        return caught[0]

    return catch


@pytest.fixture
def run_of(host, recipe, tmp_path, monkeypatch):
    """Start a run of the recipe with changes; return its `compute`, and the `recipe` whose data it would prepare."""
    from birads_zoo import pipeline

    def catch(changes=None):
        seen = SimpleNamespace(compute=None, recipe=None)

        def keep(applied, *_):
            seen.recipe = applied
            raise Caught

        def choose(*arguments):
            seen.compute = choose_compute(*arguments)
            return seen.compute

        with monkeypatch.context() as patch, contextlib.suppress(Caught):
            patch.setattr(pipeline, "prepare", keep)
            patch.setattr(pipeline, "choose_compute", choose)
            pipeline.run(recipe(changes), host, tmp_path, "cpu", Screen())
        return seen

    return catch
