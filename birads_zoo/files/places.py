"""Checks that results can be written to a place, before they are computed. Nothing is left there."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from birads_zoo.files.abandoned import temporary_name
from birads_zoo.files.refusal import StorageError, writing
from birads_zoo.printable import is_utf8, printable


def check_file(path: Path) -> None:
    """Check that a file can be written to `path`; folders above it that do not exist must be possible to make.

    Raises:
        StorageError: if it cannot be written, such as when a folder has that name.

    """
    _check_name(path)
    with writing(path):
        refuse_folder(path)
        with _made(path.parent):
            _try(path)


def check_folder(path: Path) -> None:
    """Check that files can be written to the folder `path`, which need not exist.

    Raises:
        StorageError: if they cannot be written, such as when a file has that name.

    """
    _check_name(path)
    with writing(path), _made(path):
        _try(path / "file")


def refuse_folder(path: Path) -> None:
    """Raise `IsADirectoryError` if `path` is a folder: renaming a file to it would fail."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))


def _check_name(path: Path) -> None:
    if not is_utf8(str(path)):  # which some libraries need
        raise StorageError(
            f"cannot write {printable(str(path))}: the name is not UTF-8; choose another place to write to"
        )


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make `folder` and the folders above it for the block; those that did not exist are removed after it."""
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for place in new:
            with contextlib.suppress(OSError):  # it was not made, or another process has put something into it
                place.rmdir()


def _try(path: Path) -> None:
    temporary = path.with_name(temporary_name(path))
    temporary.touch(exist_ok=False)
    temporary.unlink()
