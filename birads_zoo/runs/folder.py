"""What a run leaves on the disk, and how a stopped one is taken up again."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import filelock
import msgspec
import pandas as pd
import tomlkit

from birads_zoo.data.audit import entries_frame
from birads_zoo.data.prepare import Prepared
from birads_zoo.devices import Compute
from birads_zoo.runs.environment import environment
from birads_zoo.errors import UserError
from birads_zoo.files import make_folder, whole_file, write_text
from birads_zoo.recipe import Recipe, from_dict, to_dict
from birads_zoo.training.cost import Cost
from birads_zoo.training.history import Epoch


@contextlib.contextmanager
def opened(
    runs: Path, recipe: Recipe, data: Prepared, compute: Compute, resumed: Path | None, name: str = ""
) -> Iterator[Path]:
    """Yield the folder of a run: a new one under `runs`, or that of a stopped run, for this process alone.

    A new folder is `runs/<name>`, without a name `runs/<run id>` (`-2`, `-3` … when taken), and holds all that is
    known before training. It stays when the block fails only if an epoch was completed.

    Raises:
        UserError: when the folder cannot be written, is in use or, if named, there already, or the stopped run had
            other data.

    """
    folder = resumed or (_named(make_folder(runs), name) if name else _free(make_folder(runs), recipe.run_id))
    with _alone(folder):
        try:
            if resumed is None:
                _fill(folder, recipe, data, compute)
            else:
                _take_up(folder, data, compute)
            yield folder
        except BaseException:
            if resumed is None and not (folder / "metrics.jsonl").exists():
                shutil.rmtree(folder, ignore_errors=True)
            raise


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise UserError(f"another process is at work in {folder}; wait for it, or end it") from None
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}; choose another place with --out") from error
    try:
        yield
    finally:
        (folder / ".lock").unlink(missing_ok=True)
        lock.release()


def _fill(folder: Path, recipe: Recipe, data: Prepared, compute: Compute) -> None:
    for inner in ("checkpoints", "figures"):
        make_folder(folder / inner)
    for fold in data.folds:
        make_folder(folder / "checkpoints" / f"fold-{fold.number}")
    about = environment() | compute.describe() | {"seed": recipe.seed, "pixels": data.store.digest}
    _write_json(folder / "environment.json", about)
    _write_csv(folder / "audit.csv", entries_frame(data.labelled.index))
    _write_csv(folder / "split.csv", _split_frame(data))
    note = tomlkit.document()
    note.add(tomlkit.comment("Run it again: birads-zoo run --recipe recipe.toml"))
    note.add(tomlkit.comment("The ablations named here are applied on top of the fields."))
    note.update(to_dict(recipe))
    write_text(folder / "recipe.toml", tomlkit.dumps(note))


def _take_up(folder: Path, data: Prepared, compute: Compute) -> None:
    """Refuse other data than the run was started with; record on what it goes on."""
    about = check_same_data(folder, data)
    for leftover in folder.glob("checkpoints/*/.*.safetensors"):  # of a process killed while it wrote
        leftover.unlink()
    again = environment() | compute.describe()
    _write_json(folder / "environment.json", about | {"resumed": [*about.get("resumed", []), again]})


def check_same_data(folder: Path, data: Prepared) -> dict[str, Any]:
    """Return the run's `environment.json`; raise `UserError` for other rows, labels, folds or pixels than it had."""
    try:
        split = pd.read_csv(folder / "split.csv", dtype=str, keep_default_na=False)
        about: dict[str, Any] = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{folder} cannot be taken up ({error}); start the run anew") from None
    if not split.equals(_split_frame(data).astype(str)):
        raise UserError(f"the rows have changed since {folder} was started (split.csv differs); start the run anew")
    if about.get("pixels") != data.store.digest:
        raise UserError(f"the pictures have changed since {folder} was started; start the run anew")
    return about


def read_recipe(folder: Path) -> Recipe:
    """Return the recipe of the run in `folder`."""
    path = folder / "recipe.toml"
    try:
        return from_dict(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except OSError:
        raise UserError(f"{folder} is no run: it holds no recipe.toml; give the folder of a run") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise UserError(f"{path} is damaged: {error}") from None


def write_history(folder: Path, history: Sequence[Epoch]) -> None:
    """Write `metrics.jsonl`, a line per epoch of each fold."""
    lines = (msgspec.json.encode(epoch).decode() for epoch in history)
    write_text(folder / "metrics.jsonl", "\n".join(lines) + "\n")


def write_results(
    folder: Path, test: pd.DataFrame, validation: pd.DataFrame, metrics: dict[str, Any], cost: Cost
) -> None:
    """Write the rows as `predictions.csv` and `validation.csv`, then `cost.json` and `metrics.json`.

    The last of them says that the run is whole.
    """
    _write_csv(folder / "predictions.csv", test)
    _write_csv(folder / "validation.csv", validation)
    _write_json(folder / "cost.json", msgspec.to_builtins(cost))
    _write_json(folder / "metrics.json", metrics)


def _split_frame(data: Prepared) -> pd.DataFrame:
    """Return a row per image and fold: in which part of the fold it stands."""
    rows = data.labelled.index.rows[["row", "image_path", "patient_id"]].assign(
        label=[data.labelled.classes[label] for label in data.labelled.labels]
    )
    frames = []
    for fold in data.folds:
        for part, positions in (("train", fold.train), ("validation", fold.validation), ("test", fold.test)):
            frames.append(rows.iloc[positions].assign(fold=fold.number, part=part))
    return pd.concat(frames, ignore_index=True)


def _free(runs: Path, name: str) -> Path:
    for number in itertools.count(1):
        with contextlib.suppress(FileExistsError):
            return _made(runs / (name if number == 1 else f"{name}-{number}"))
    raise AssertionError("unreachable")


def _named(runs: Path, name: str) -> Path:
    try:
        return _made(runs / name)
    except FileExistsError:
        raise UserError(f"{runs / name} is there already; choose another place with --out") from None


def _made(folder: Path) -> Path:
    try:
        folder.mkdir()
    except FileExistsError:
        raise
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}; choose another place with --out") from error
    return folder


def _write_json(path: Path, values: dict[str, Any]) -> None:
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")


def _write_csv(path: Path, frame: pd.DataFrame) -> None:
    with whole_file(path) as temporary:
        frame.to_csv(temporary, index=False)
