"""Writes files and folders completely or not at all."""

import contextlib
import errno
import glob
import logging
import os
import platform
import shutil
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from birads_zoo.errors import UserError

if sys.platform != "win32":
    import fcntl

_log = logging.getLogger(__name__)

_DISK_ERRORS = {errno.EROFS, errno.ENOSPC, errno.EDQUOT}  # read-only, full, over quota


def _read_umask() -> int:
    mask = os.umask(0)  # it can only be read by setting it
    os.umask(mask)
    return mask


_UMASK = _read_umask()
"""Read once, at import: while it is being read, new files of any thread are readable and writable by everybody."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; if the block ends without an error, the file is renamed to `path`."""
    with _as_user_error(path):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
        os.close(descriptor)
        temporary = Path(name)
        try:
            yield temporary
            _flush(temporary)
            temporary.chmod(0o666 & ~_UMASK)  # mkstemp makes files that only their owner can read
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; if the block ends without an error, the folder is renamed to `path`.

    `path` must not exist; with `replace` an existing one is removed just before the renaming. Temporary folders of
    processes that were killed are removed first.
    """
    with _as_user_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(path)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path)))
        try:
            with _locked(temporary):
                yield temporary
                for file in temporary.rglob("*"):
                    if file.is_file():
                        _flush(file)
                temporary.chmod(0o777 & ~_UMASK)
                if replace:
                    shutil.rmtree(path, ignore_errors=True)
                temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, completely or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def folder_name(name: str) -> str:
    """Return `name` as the name of one folder: "timm/resnet50" becomes "timm~resnet50"."""
    return name.replace("/", "~")


def make_folder(path: Path) -> Path:
    """Make `path` and its parents; where that is not allowed, raise a `UserError`."""
    with _as_user_error(path):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError as error:  # a file system in which users cannot make folders, such as /proc
            raise PermissionError(error.errno, error.strerror) from error
    return path


def _prefix(path: Path) -> str:
    """Return the prefix of `path`'s temporary folders, which only this program uses; it differs between machines."""
    return f".{path.name}.birads-zoo-{zlib.crc32(platform.node().encode()):08x}-"


def _clear_abandoned(path: Path) -> None:
    """Remove temporary folders of `path` that no process locks: the processes that made them here were killed.

    Folders younger than a minute are kept, because the process that made one may be about to lock it.
    """
    for folder in path.parent.glob(f"{glob.escape(_prefix(path))}{'?' * 8}"):  # mkdtemp adds 8 characters
        with contextlib.suppress(OSError), _locked(folder) as abandoned:
            if abandoned and time.time() - folder.stat().st_mtime > 60:
                shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Lock a folder, and yield whether that worked: another process may hold the lock, or the system may have none.

    The system releases the lock of a process that dies.
    """
    if sys.platform == "win32":
        yield False
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


@contextmanager
def lock(file: Path, busy: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `file`, which only one process can hold at a time.

    If another process holds it, raise a `UserError` with the text `busy`; with `wait`, log that text and wait.
    """
    file_lock = filelock.FileLock(file)
    try:
        try:
            file_lock.acquire(timeout=0)
        except filelock.Timeout:
            if not wait:
                raise UserError(busy) from None
            _log.warning("%s (%s)", busy, file)
            file_lock.acquire()
    except OSError as error:
        raise UserError(f"cannot write {file.parent}: {error.strerror}; choose another place to write to") from error
    try:
        yield
    finally:
        if not wait:  # with `wait` the file stays: other processes may be waiting for it
            with contextlib.suppress(OSError):  # Windows does not remove an open file
                file.unlink()
        file_lock.release()


@contextmanager
def _as_user_error(path: Path) -> Iterator[None]:
    """Turn errors that the user can fix into a `UserError` that names `path`."""
    try:
        yield
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another place to write to") from error
    except OSError as error:
        if error.errno in _DISK_ERRORS:
            raise UserError(f"cannot write {path}: {error.strerror}; choose another place to write to") from error
        raise


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
