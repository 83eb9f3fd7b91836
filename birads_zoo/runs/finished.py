"""Reads a finished run: its rows, its predictions, and each fold's trained classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from birads_zoo.data.cache_folder import cache_root
from birads_zoo.data.prepare import Prepared, prepare
from birads_zoo.devices import Compute
from birads_zoo.errors import UserError
from birads_zoo.files.csv_files import read_frame
from birads_zoo.model.build import build_classifier
from birads_zoo.model.classifier import Classifier
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe, recipe_digest
from birads_zoo.recipes.ablations import apply_ablations
from birads_zoo.results.environment import Environment
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.runs.completion import check_unchanged, is_whole
from birads_zoo.runs.folder import (
    check_same_data,
    read_environment,
    read_history,
    read_metrics,
    read_recipe,
    read_stopped,
)
from birads_zoo.runs.predictions import ABOUT
from birads_zoo.training.checkpoint import Origin, load_best
from birads_zoo.training.history import Epoch, best_epoch

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


_READ = (
    "recipe.toml",
    "predictions.csv",
    "validation.csv",
    "metrics.json",
    "environment.json",
    "metrics.jsonl",
    "split.csv",
)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The content of a finished run in `folder`.

    `recipe` has its ablations applied. `test` and `validation` are `predictions.csv` and `validation.csv` (see
    `birads_zoo.runs.predictions.fitted_frame`), `metrics` is `metrics.json`, `environment` is `environment.json`, and
    `history` has every fold's epochs.
    """

    folder: Path
    recipe: Recipe
    test: pd.DataFrame
    validation: pd.DataFrame
    metrics: RunMetrics
    environment: Environment
    history: tuple[Epoch, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in order."""
        return self.metrics.classes


def read_run(folder: Path, host: Host) -> Finished:
    """Read the finished run in `folder`; its pictures are not needed.

    Raises:
        UserError: when `folder` is not a run, or the run was stopped before its end, or a file in it is damaged or
            was changed.

    """
    written = read_recipe(folder)
    if not is_whole(folder):
        stopped = read_stopped(folder)
        why = f" (tracker {stopped.tracker!r} stopped it: {stopped.reason})" if stopped else ""
        raise UserError(f"{folder} is not finished{why}: go on with it (birads-zoo run --resume {folder}) first")
    check_unchanged(folder, _READ)
    recipe = apply_ablations(written, host)
    return Finished(
        folder=folder,
        recipe=recipe,
        test=_predictions(folder / "predictions.csv"),
        validation=_predictions(folder / "validation.csv"),
        metrics=read_metrics(folder),
        environment=read_environment(folder),
        history=read_history(folder),
    )


def prepare_again(finished: Finished, host: Host, screen: Screen, root: Path | None = None) -> Prepared:
    """Load the rows, pixels and folds of a finished run again; `root` is the data's new folder, if it was moved.

    Raises:
        UserError: when the data is gone, or is not the data of the run.

    """
    recipe = finished.recipe
    if root is not None:
        recipe = recipe.replace({"dataset.root": str(root)})
    data = prepare(recipe, host, cache_root(), screen)
    check_same_data(finished.folder, data)
    return data


def trained_classifier(finished: Finished, host: Host, fold: int, compute: Compute) -> Classifier:
    """Return the trained classifier of fold number `fold` (from 0), in evaluation mode on the compute's device.

    Nothing is downloaded, and no layer is frozen, so that gradients reach the pixels.

    Raises:
        UserError: when the checkpoint is missing, damaged or of another model.

    """
    epochs = [epoch for epoch in finished.history if epoch.fold == fold]
    if not epochs:
        raise UserError(f"the run in {finished.folder} has no fold {fold + 1}: it has {finished.metrics.folds}")
    recipe = finished.recipe.replace({"model.pretrained": False, "model.weights": "", "model.freeze": "none"})
    classifier = build_classifier(recipe, host, len(finished.classes))
    path = finished.folder / "checkpoints" / f"fold-{fold}" / "best.safetensors"
    origin = Origin(recipe=recipe_digest(finished.recipe), fold=fold)
    load_best(path, classifier, origin, epochs=best_epoch(epochs, recipe.training.select) + 1)
    return compute.place(classifier).eval()


def _predictions(path: Path) -> pd.DataFrame:
    texts: Sequence[str] = [name for name in (*ABOUT, "label", "predicted", "part") if name not in ("row", "age")]
    try:
        if not path.read_bytes().strip():  # a run without validation rows
            return pd.DataFrame()
        frame = read_frame(path, dict.fromkeys(texts, str), {"age": [""]})
        return frame.astype({"row": np.int64, "age": np.float64, "fold": np.int64})
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} is damaged ({str(error).strip()}); run it again") from None
