"""A fold's loss is built from the recipe and the data, and the screen shows the progress of training."""

import io

import pytest
import torch
from rich.console import Console

from birads_zoo.data.prepare import prepare
from birads_zoo.devices import choose_compute
from birads_zoo.errors import UserError
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe
from birads_zoo.training import fold as fold_module
from birads_zoo.training.fold import fit_fold

PLUGIN = """
from birads_zoo import LossSpec, Options, UserError, hookimpl

class MyOptions(Options, frozen=True, kw_only=True):
    strength: float = 1.0

def build(context):
    raise UserError(repr((context.class_counts, context.class_weights, context.ordinal, context.options.strength)))

@hookimpl
def birads_zoo_losses():
    return [LossSpec(name="reports", summary="a test's own", build=build, options=MyOptions)]
"""


SMALL = {
    "model.backbone": "baseline_cnn",
    "image.height": 48,
    "image.width": 32,
    "split.folds": 2,
    "training.epochs": 1,
}


def test_a_bar_shows_the_images_that_are_done_and_the_last_epochs_loss(phantom_root, tmp_path):
    recipe, host = Recipe().replace(SMALL | {"dataset.root": str(phantom_root)}), load_host()
    data = prepare(recipe, host, tmp_path / "cache", Screen())
    fold, shown = data.folds[0], io.StringIO()
    (tmp_path / "fold-0").mkdir()
    screen = Screen(Console(file=shown, force_terminal=True, width=200))
    fit_fold(recipe, host, data, fold, choose_compute("cpu", "float32"), tmp_path, screen, lambda epoch: None)
    assert f"{len(fold.train)}/{len(fold.train)}" in shown.getvalue()
    assert "epoch 1: loss " in shown.getvalue()


def test_test_rows_without_numbers_fail_the_fold(phantom_root, tmp_path, monkeypatch):
    """In training and validation all is well; only the last rows, which have never been seen, overflow."""

    def overflowing(*given):
        logits, *others = predict(*given)
        values = logits.clone()  # of an inference tensor, which cannot be changed
        values[-2:] = torch.inf
        return values, *others

    predict = fold_module.predict
    monkeypatch.setattr(fold_module, "predict", overflowing)
    recipe, host = Recipe().replace(SMALL | {"dataset.root": str(phantom_root)}), load_host()
    data = prepare(recipe, host, tmp_path / "cache", Screen())
    fold = data.folds[1]
    (tmp_path / "fold-1").mkdir()
    with pytest.raises(UserError) as error:
        fit_fold(recipe, host, data, fold, choose_compute("cpu", "float32"), tmp_path, Screen(), lambda epoch: None)
    assert f"the network of fold 2 gives infinite or NaN scores for 2 of the {len(fold.test)} rows" in str(error.value)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_loss_is_built_for_the_folds_rows_the_recipe_and_the_target(phantom_root, tmp_path, weighted):
    (tmp_path / "reports.py").write_text(PLUGIN)
    host = load_host([tmp_path / "reports.py"])
    recipe = Recipe().replace(
        {
            "dataset.root": str(phantom_root),
            "loss": {"name": "reports", "class_weights": weighted, "options": {"strength": 0.25}},
        }
        | SMALL
    )
    data = prepare(recipe, host, tmp_path / "cache", Screen())
    fold = data.folds[1]
    with pytest.raises(UserError) as error:
        fit_fold(recipe, host, data, fold, choose_compute("cpu", "float32"), tmp_path, Screen(), lambda epoch: None)
    counts = tuple(int((data.labelled.labels[fold.train] == k).sum()) for k in range(4))
    assert str(error.value) == repr((counts, weighted, True, 0.25))
