"""Marks a run or a study as finished, with the digests of its files, and finds files that changed afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from birads_zoo.errors import UserError
from birads_zoo.files import documents
from birads_zoo.files.digests import changed_files, sha256
from birads_zoo.results.complete import Complete

NAME = "complete.json"
_FILES = (
    "recipe.toml",
    "environment.json",
    "audit.csv",
    "split.csv",
    "predictions.csv",
    "validation.csv",
    "metrics.json",
    "metrics.jsonl",
    "cost.json",
    "checkpoints/*/*.safetensors",
    "figures/*",
)


def is_whole(folder: Path) -> bool:
    """Return whether the run or the study in `folder` is finished: `complete.json` is written last."""
    return (folder / NAME).exists()


def complete(folder: Path) -> None:
    """Write `complete.json` with the digests of results, checkpoints and figures.

    The files of trackers are not in it, nor those that other commands add to a finished run.
    """
    seal(folder, sorted(path for pattern in _FILES for path in folder.glob(pattern)))


def seal(folder: Path, paths: Iterable[Path]) -> None:
    """Write `complete.json` with the digests of those of the `paths` in `folder` that are files."""
    files = [path for path in paths if path.is_file() and not path.name.startswith(".")]
    digests = {path.relative_to(folder).as_posix(): sha256(path) for path in files}
    documents.write(folder / NAME, Complete(files=digests))


def reopen(folder: Path) -> None:
    """Mark the run or the study in `folder` as not finished, before a file of it is written again."""
    (folder / NAME).unlink(missing_ok=True)


def changed(folder: Path) -> list[str]:
    """Return the paths in a finished run's or study's `folder` of files that are missing or changed since then.

    Raises:
        UserError: when `complete.json` is damaged.

    """
    return changed_files(folder, _read(folder).files, sha256)


def check_unchanged(folder: Path, names: Iterable[str]) -> None:
    """Check that the files of the finished run in `folder` with these names are what the run wrote.

    Raises:
        UserError: when one is missing or was changed, or when `complete.json` is damaged.

    """
    digests = _read(folder).files
    for name in names:
        if not (folder / name).is_file():
            raise UserError(f"cannot read {folder / name}: it is not there; {_remedy(folder)}")
        if name not in digests or changed_files(folder, {name: digests[name]}, sha256):
            raise UserError(f"{folder / name} was changed after the run had finished; {_remedy(folder)}")


def _read(folder: Path) -> Complete:
    return documents.read(folder / NAME, Complete, _remedy(folder))


def _remedy(folder: Path) -> str:
    return f"make its files again with: birads-zoo run --resume {folder}"
