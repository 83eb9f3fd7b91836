"""Writes and reads the folder of a run, and reopens that of a stopped run."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pandas as pd
import tomlkit
from msgspec.structs import asdict, replace

from birads_zoo.data.index.audit import entries_frame
from birads_zoo.data.prepare import Prepared
from birads_zoo.data.store.pixels import PixelStore, decoded_by, levels_apart
from birads_zoo.devices import Compute
from birads_zoo.errors import RunStoppedError, UserError, warn
from birads_zoo.files import (
    StorageError,
    documents,
    folder_name,
    lock,
    make_folder,
    whole_folder,
    write_text,
)
from birads_zoo.files.abandoned import clear_abandoned
from birads_zoo.files.csv_files import read_frame, write_frame
from birads_zoo.files.locks import wait_for_release
from birads_zoo.files.regular import read_regular
from birads_zoo.files.toml_text import parse_toml
from birads_zoo.files.whole import NameTakenError
from birads_zoo.recipe import Recipe, from_dict, to_dict
from birads_zoo.results.cost import Cost
from birads_zoo.results.environment import Environment
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.stopped import Stopped
from birads_zoo.runs.completion import reopen
from birads_zoo.runs.environment import describe_session
from birads_zoo.training.history import Epoch
from birads_zoo.version import __version__

_ENVIRONMENT, _METRICS, _COST, _HISTORY = "environment.json", "metrics.json", "cost.json", "metrics.jsonl"
_STOPPED, _LOCK = "stopped.json", ".birads-zoo-lock"
_REMEDY = "run it again"


@contextlib.contextmanager
def opened(
    runs: Path, recipe: Recipe, data: Prepared, compute: Compute, resumed: Path | None, name: str = ""
) -> Iterator[Path]:
    """Yield the folder of a run, locked for this process: a new folder under `runs`, or that of a stopped run.

    A new folder is `runs/<name>`, or without a name `runs/<run id>` (`-2`, `-3` … if that exists), and appears with all
    that is known before training. If the block fails, the folder is kept only if there is something to resume, and the
    exception then has a note on how. When a tracker stops the run, `stopped.json` says which tracker and why, until the
    run is resumed. Temporary files of processes that were killed are removed from `runs` and the run's folder.

    Raises:
        UserError: when the folder cannot be written, is in use or, if named, already exists, or the stopped run had
            other data.

    """
    folder = resumed or _new_folder(make_folder(runs), recipe, data, compute, name)
    with lock(folder / _LOCK, f"another process is at work in {folder}; wait for it, or end it"):
        try:
            if resumed is not None:
                _resume(folder, data, compute)
            yield folder
        except RunStoppedError as stop:
            about = Stopped(tracker=stop.tracker, reason=stop.reason, fold=stop.fold, epoch=stop.epoch)
            documents.write(folder / _STOPPED, about)
            raise
        except BaseException as error:
            if resumed is None and not any(folder.glob("checkpoints/*/last.safetensors")):
                shutil.rmtree(folder, ignore_errors=True)
            elif isinstance(error, StorageError) or not isinstance(error, UserError):
                error.add_note(f"go on with: birads-zoo run --resume {folder}")
            raise


def _new_folder(runs: Path, recipe: Recipe, data: Prepared, compute: Compute, name: str) -> Path:
    """Make the run's folder with all that is known before training; it appears with its content."""
    for number in itertools.count(1):
        folder = runs / (name or folder_name(recipe.run_id) + (f"-{number}" if number > 1 else ""))
        if name and folder.exists():
            raise UserError(f"{folder} exists already; choose another place with --out")
        if not folder.exists():
            with contextlib.suppress(NameTakenError):  # by another process, just now
                with whole_folder(folder) as temporary:
                    _fill(temporary, recipe, data, compute)
                return folder
    raise AssertionError("unreachable")


def _fill(folder: Path, recipe: Recipe, data: Prepared, compute: Compute) -> None:
    _make_folders(folder, data)
    about = Environment(**asdict(describe_session(compute)), seed=recipe.seed, pixels=data.store.key.pictures)
    documents.write(folder / _ENVIRONMENT, about)
    write_frame(folder / "audit.csv", entries_frame(data.labelled.index))
    write_frame(folder / "split.csv", _split_frame(data))
    note = tomlkit.document()
    note.add(tomlkit.comment(f"Written by birads-zoo {__version__}. Run it again: birads-zoo run --recipe recipe.toml"))
    note.add(tomlkit.comment("The ablations named here are applied on top of the fields."))
    note.update(to_dict(recipe))
    write_text(folder / "recipe.toml", tomlkit.dumps(note))


def _make_folders(folder: Path, data: Prepared) -> None:
    make_folder(folder / "figures")
    for fold in data.folds:
        make_folder(folder / "checkpoints" / f"fold-{fold.number}")


def _resume(folder: Path, data: Prepared, compute: Compute) -> None:
    """Check that the data is the run's, and record the machine that resumes it."""
    about = check_same_data(folder, data)
    for place in (folder, *folder.glob("checkpoints/*"), folder / "figures"):
        clear_abandoned(place)
    _make_folders(folder, data)  # a fold's is deleted to train it again
    (folder / _STOPPED).unlink(missing_ok=True)
    reopen(folder)
    again = describe_session(compute)
    documents.write(folder / _ENVIRONMENT, replace(about, resumed=(*about.resumed, again)))


def wait_until_free(folder: Path, seconds: float) -> None:
    """Wait until no process is at work in the folder of a run, which need not exist, but at most some `seconds`."""
    wait_for_release(folder / _LOCK, seconds)


def check_same_data(folder: Path, data: Prepared) -> Environment:
    """Return the run's `environment.json`; raise `UserError` if the rows, labels, folds or pixels are not the run's.

    Other versions of the decoding libraries may change a pixel by one grey level of 8 bits. This gives a warning, and
    so does a pixel store that no longer exists and cannot be compared.
    """
    about = read_environment(folder)
    try:
        split = read_frame(folder / "split.csv", str)
        split = split.drop(columns="row")  # the same rows may have other numbers
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())  # those of pandas have several lines
        raise UserError(f"{folder} cannot be resumed ({reason}); start a new run") from None
    if not split.equals(_split_frame(data).astype(str).drop(columns="row")):
        raise UserError(f"the rows have changed since {folder} was started (split.csv differs); start a new run")
    if about.pixels != data.store.key.pictures:
        raise UserError(f"the pictures have changed since {folder} was started; start a new run")
    _check_decoding(folder, about, data.store)
    return about


def _check_decoding(folder: Path, about: Environment, store: PixelStore) -> None:
    now = store.key.decoders
    then = {name: about.versions.get(name) for name in now}
    if then == now:
        return
    changed = ", ".join(f"{name} {then[name]} then, {now[name]} now" for name in now if then[name] != now[name])
    former = decoded_by(store, then)
    if former is None:
        warn(f"pictures may differ by a grey level from those of {folder}, due to other versions: {changed}")
        return
    apart = levels_apart(store.array, former.array) if former.array.shape == store.array.shape else 255.0
    if apart > 1:
        raise UserError(
            f"pictures are decoded differently than when {folder} was started ({changed}); install the former versions,"
            " or start a new run"
        )
    if apart:
        warn(f"pictures differ by one grey level of 255 from those of {folder}, due to other versions: {changed}")


def read_recipe(folder: Path) -> Recipe:
    """Return the recipe of the run in `folder`; raises `UserError` for a run of another format (see `Environment`)."""
    path = folder / "recipe.toml"
    if not path.exists():
        raise UserError(f"{folder} is not a run: it has no recipe.toml; give the folder of a run")
    read_environment(folder)
    try:
        return from_dict(parse_toml(read_regular(path).decode("utf-8")), str(path))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; {_REMEDY}") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise UserError(f"{path} is damaged ({error}); {_REMEDY}") from None


def read_environment(folder: Path) -> Environment:
    """Return the environment of the run in `folder`; raises `UserError` for a run of another format."""
    return documents.read(folder / _ENVIRONMENT, Environment, _REMEDY)


def read_stopped(folder: Path) -> Stopped | None:
    """Return which tracker stopped the run in `folder` and why; `None` if none did."""
    path = folder / _STOPPED
    return documents.read(path, Stopped, "delete it") if path.exists() else None


def read_metrics(folder: Path) -> RunMetrics:
    """Return the metrics of the finished run in `folder`."""
    return documents.read(folder / _METRICS, RunMetrics, _REMEDY)


def read_cost(folder: Path) -> Cost:
    """Return the time and memory that the finished run in `folder` took."""
    return documents.read(folder / _COST, Cost, _REMEDY)


def read_history(folder: Path) -> tuple[Epoch, ...]:
    """Return every epoch of every fold of the run in `folder`."""
    path = folder / _HISTORY
    try:
        return tuple(msgspec.json.decode(line, type=Epoch) for line in read_regular(path).splitlines())
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; {_REMEDY}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}); {_REMEDY}") from None


def write_history(folder: Path, history: Sequence[Epoch]) -> None:
    """Write `metrics.jsonl`, with a line for each epoch of each fold."""
    lines = (msgspec.json.encode(epoch).decode() for epoch in history)
    write_text(folder / _HISTORY, "\n".join(lines) + "\n")


def write_results(folder: Path, test: pd.DataFrame, validation: pd.DataFrame, metrics: RunMetrics, cost: Cost) -> None:
    """Write the rows as `predictions.csv` and `validation.csv`, and `cost.json` and `metrics.json`."""
    write_frame(folder / "predictions.csv", test)
    write_frame(folder / "validation.csv", validation)
    documents.write(folder / _COST, cost)
    documents.write(folder / _METRICS, metrics)


def _split_frame(data: Prepared) -> pd.DataFrame:
    """Return a row for each image and fold, with the part of the fold that the image is in."""
    rows = data.labelled.index.rows[["row", "image_path", "patient_id"]].assign(
        label=[data.labelled.classes[label] for label in data.labelled.labels]
    )
    frames = []
    for fold in data.folds:
        for part, positions in (("train", fold.train), ("validation", fold.validation), ("test", fold.test)):
            frames.append(rows.iloc[positions].assign(fold=fold.number, part=part))
    return pd.concat(frames, ignore_index=True)
