"""Writes files and folders completely or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from birads_zoo.errors import UserError
from birads_zoo.files.abandoned import clear_abandoned, temporary_name
from birads_zoo.files.locks import locked
from birads_zoo.files.places import refuse_other
from birads_zoo.files.refusal import StorageError, writing


class NameTakenError(StorageError):
    """A folder of this name exists already."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; if the block ends without an error, the file is renamed to `path`.

    The file is on the disk, and so is its name, when the block has ended.

    Raises:
        StorageError: if the system refuses to write it, in the block too.

    """
    with writing(path):
        refuse_other(path)
        temporary = path.with_name(temporary_name(path))
        temporary.touch(exist_ok=False)
        try:
            with locked(temporary):
                yield temporary
                _flush(temporary)
                temporary.replace(path)
            _flush_folder(path.parent)
        finally:
            with contextlib.suppress(OSError):  # it must not hide the reason why the file could not be written
                temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, *, replaces: Collection[str] = ()) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; if the block ends without an error, the folder is renamed to `path`.

    `path` must not exist, unless it holds only files that match one of the patterns in `replaces`, such as
    "figures/*.png": it is then removed when the new folder is complete. Temporary files of processes that were killed
    are removed first.

    Raises:
        NameTakenError: if another process has made a folder of this name meanwhile.
        StorageError: if the system refuses to write it, in the block too.
        UserError: if `path` holds other files, which would be deleted.

    """
    with writing(path):
        _refuse_strangers(path, replaces)
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_abandoned(path.parent)
        temporary = path.with_name(temporary_name(path))
        temporary.mkdir()
        try:
            with locked(temporary):
                with _named(temporary, path):
                    yield temporary
                for inner in temporary.rglob("*"):
                    _flush_folder(inner) if inner.is_dir() else _flush(inner)
                _flush_folder(temporary)
                if replaces and path.exists():
                    _refuse_strangers(path, replaces)
                    _exchange(temporary, path)
                else:
                    _rename(temporary, path)
            _flush_folder(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _named(temporary: Path, path: Path) -> Iterator[None]:
    """Call a file in the temporary folder by the name that it will have, if it cannot be written."""
    try:
        yield
    except StorageError as error:
        raise StorageError(str(error).replace(str(temporary), str(path))) from error


def _refuse_strangers(folder: Path, patterns: Collection[str]) -> None:
    """Raise `UserError` if `folder`, which would be deleted, holds a file that matches none of the patterns."""
    for file in folder.rglob("*") if patterns else ():
        name = file.relative_to(folder)
        if (file.is_symlink() or not file.is_dir()) and not any(_matches(name, pattern) for pattern in patterns):
            raise UserError(f"{folder} would be replaced, but it holds {name}, which is not birads-zoo's: move it away")


def _matches(name: Path, pattern: str) -> bool:
    return len(name.parts) == len(Path(pattern).parts) and name.match(pattern)


def _rename(new: Path, path: Path) -> None:
    try:
        new.rename(path)
    except OSError as error:
        if path.exists():  # the numbers of this error are not the same on all systems
            raise NameTakenError(f"cannot write {path}: it exists already; choose another name") from error
        raise


def _exchange(new: Path, path: Path) -> None:
    """Put the folder `new` in the place of the folder `path`, which stays if that fails."""
    old = path.with_name(temporary_name(path))
    path.rename(old)
    try:
        new.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, completely or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def folder_name(name: str) -> str:
    """Return `name` as the name of one folder: "timm/resnet50" becomes "timm~resnet50"."""
    return name.replace("/", "~")


def make_folder(path: Path) -> Path:
    """Make `path` and its parents. Raises `StorageError` where that is not possible."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(path: Path) -> None:
    """Write a folder's names to the disk: a renamed file may otherwise be lost in a power failure."""
    if sys.platform != "win32":  # which has no such call
        _flush(path)
