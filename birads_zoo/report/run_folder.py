"""What a run leaves on the disk, and how a stopped one is taken up again."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import tomlkit

from birads_zoo.data.audit import entries_frame
from birads_zoo.data.prepare import Prepared
from birads_zoo.devices import Compute
from birads_zoo.environment import environment
from birads_zoo.errors import UserError
from birads_zoo.files import make_folder, whole_file, write_text
from birads_zoo.recipe import Recipe, from_dict, to_dict
from birads_zoo.training.history import Epoch


def create(runs: Path, recipe: Recipe, data: Prepared, compute: Compute) -> Path:
    """Make a new folder `runs/<run id>` (`-2`, `-3` … when taken) with all that is known before training."""
    folder = _free(make_folder(runs), recipe.run_id)
    for inner in ("checkpoints", "figures"):
        make_folder(folder / inner)
    for fold in data.folds:
        make_folder(folder / "checkpoints" / f"fold-{fold.number}")
    _write_json(folder / "environment.json", environment() | compute.describe() | {"seed": recipe.seed})
    _write_csv(folder / "audit.csv", entries_frame(data.labelled.index))
    _write_csv(folder / "split.csv", _split_frame(data))
    note = tomlkit.document()
    note.add(tomlkit.comment("Run it again: birads-zoo run --recipe recipe.toml"))
    note.add(tomlkit.comment("The ablations named here are applied on top of the fields."))
    note.update(to_dict(recipe))
    write_text(folder / "recipe.toml", tomlkit.dumps(note))
    return folder


def discard(folder: Path) -> None:
    """Remove a run that failed before it learnt anything: nothing in it is worth resuming or reading."""
    shutil.rmtree(folder, ignore_errors=True)


def read_recipe(folder: Path) -> Recipe:
    """Return the recipe of the run in `folder`."""
    path = folder / "recipe.toml"
    try:
        return from_dict(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except OSError:
        raise UserError(f"{folder} is no run: it holds no recipe.toml; give the folder of a stopped run") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is damaged: {error}") from None


def reopen(folder: Path, recipe: Recipe, data: Prepared) -> Path:
    """Check that the stopped run in `folder` had these rows in these folds, and return it."""
    path = folder / "split.csv"
    try:
        before = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError):
        raise UserError(f"{path} cannot be read, so run {recipe.run_id} cannot be taken up; start it anew") from None
    if not before.equals(_split_frame(data).astype(str)):
        raise UserError(f"the data has changed since {folder} was started ({path} differs); start the run anew")
    return folder


def write_history(folder: Path, history: Sequence[Epoch]) -> None:
    """Write `metrics.jsonl`, a line per epoch of each fold."""
    lines = (msgspec.json.encode(epoch).decode() for epoch in history)
    write_text(folder / "metrics.jsonl", "\n".join(lines) + "\n")


def write_results(folder: Path, predictions: pd.DataFrame, metrics: dict[str, Any]) -> None:
    """Write `predictions.csv` and `metrics.json`."""
    _write_csv(folder / "predictions.csv", predictions)
    _write_json(folder / "metrics.json", metrics)


def _split_frame(data: Prepared) -> pd.DataFrame:
    """Return a row per image and fold: in which part of the fold it stands."""
    rows = data.labelled.index.rows[["row", "image_path", "patient_id"]]
    frames = []
    for fold in data.folds:
        for part, positions in (("train", fold.train), ("validation", fold.validation), ("test", fold.test)):
            frames.append(rows.iloc[positions].assign(fold=fold.number, part=part))
    return pd.concat(frames, ignore_index=True)


def _free(runs: Path, name: str) -> Path:
    number = 1
    while True:
        folder = runs / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        except OSError as error:
            raise UserError(f"cannot write {folder}: {error.strerror}; choose another place with --out") from error
        else:
            return folder


def _write_json(path: Path, values: dict[str, Any]) -> None:
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")


def _write_csv(path: Path, frame: pd.DataFrame) -> None:
    with whole_file(path) as temporary:
        frame.to_csv(temporary, index=False)
