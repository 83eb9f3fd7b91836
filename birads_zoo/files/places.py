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
from birads_zoo.files.regular import open_regular
from birads_zoo.printable import is_utf8, printable

_BEGINNING = 4096  # bytes


def check_file(path: Path, mark: bytes = b"") -> Path:
    """Check that a file can be written to `path`; folders above it that do not exist must be possible to make.

    Returns:
        The file to write: where `path` leads, if it is a symbolic link.

    Raises:
        StorageError: if it cannot be written, such as when a folder has that name, or if a file has it that does not
            begin as one that this program wrote: its first 4096 bytes lack `mark`.

    """
    _check_name(path)
    with writing(path):
        refuse_other(path)
        if mark and path.exists() and mark not in _beginning(path):
            raise StorageError(f"{path} exists, and birads-zoo did not write it: give another name, or move it away")
        file = path.resolve() if path.is_symlink() else path
        with _made(file.parent):
            _try(file)
    return file


def check_folder(path: Path) -> None:
    """Check that files can be written to the folder `path`, which need not exist.

    Raises:
        StorageError: if they cannot be written, such as when a file has that name.

    """
    _check_name(path)
    with writing(path), _made(path):
        _try(path / "file")


def refuse_other(path: Path) -> None:
    """Raise an error if `path` is there and is no regular file: the new file would take the place of a device."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        raise StorageError(f"cannot write {path}: it is a pipe or a device; give the name of a file")


def _beginning(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read(_BEGINNING)


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
