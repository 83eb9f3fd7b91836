"""Files that appear whole or not at all."""

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

_PLACE_TROUBLE = {errno.EROFS, errno.ENOSPC, errno.EDQUOT}  # read-only, full, over quota


def _read_umask() -> int:
    mask = os.umask(0)  # the only way to read it is to set it
    os.umask(mask)
    return mask


_UMASK = _read_umask()
"""Read once, at import: while it is being read, any thread's new files are open to everybody."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well, its content becomes `path` at once."""
    with _naming(path):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
        os.close(descriptor)
        temporary = Path(name)
        try:
            yield temporary
            _flush(temporary)
            temporary.chmod(0o666 & ~_UMASK)  # mkstemp makes files for their owner's eyes only
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; when the block ends well, it becomes `path`.

    That must not exist, or with `replace` goes then, and not before. First goes what processes that were killed while
    they filled such a folder have left beside `path`.
    """
    with _naming(path):
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
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def folder_name(name: str) -> str:
    """Return `name` as the name of one folder: "timm/resnet50" becomes "timm~resnet50"."""
    return name.replace("/", "~")


def make_folder(path: Path) -> Path:
    """Make `path` and its parents, and say plainly when that is not allowed."""
    with _naming(path):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError as error:  # a file system that holds no folders of users, such as /proc
            raise PermissionError(error.errno, error.strerror) from error
    return path


def _prefix(path: Path) -> str:
    """Return how the names of temporary folders of `path` begin: as nobody else's do, and apart for every machine."""
    return f".{path.name}.birads-zoo-{zlib.crc32(platform.node().encode()):08x}-"


def _clear_abandoned(path: Path) -> None:
    """Remove temporary folders of `path` that nobody locks: their makers, on this machine, were killed.

    One that is younger than a minute is let be, as its maker may be about to lock it.
    """
    for left in path.parent.glob(f"{glob.escape(_prefix(path))}{'?' * 8}"):  # as mkdtemp ends them
        with contextlib.suppress(OSError), _locked(left) as abandoned:
            if abandoned and time.time() - left.stat().st_mtime > 60:
                shutil.rmtree(left)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Lock a folder, and yield whether that was possible: another process may hold it, or there are no such locks.

    The system lifts the lock of a process that dies.
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
    """Hold the lock file `file`, which one process at a time can have.

    Where another process holds it, `busy` is the text of the `UserError`, or with `wait` that of a warning.
    """
    held = filelock.FileLock(file)
    try:
        try:
            held.acquire(timeout=0)
        except filelock.Timeout:
            if not wait:
                raise UserError(busy) from None
            _log.warning("%s (%s)", busy, file)
            held.acquire()
    except OSError as error:
        raise UserError(f"cannot write {file.parent}: {error.strerror}; choose another place to write to") from error
    try:
        yield
    finally:
        if not wait:  # one that others wait for stays: they would wait for a file that is no longer there
            file.unlink(missing_ok=True)
        held.release()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another place to write to") from error
    except OSError as error:
        if error.errno in _PLACE_TROUBLE:
            raise UserError(f"cannot write {path}: {error.strerror}; choose another place to write to") from error
        raise


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
