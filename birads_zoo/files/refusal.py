"""Turns the system's refusals to read or write into one sentence that says what to do."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from birads_zoo.errors import UserError, is_out_of_memory

_REMEDIES = {
    errno.ENOSPC: "free some space, or choose another place to write to",
    errno.EDQUOT: "free some of your quota, or choose another place to write to",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), or choose another place to write to",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "close other programs, or raise the system's limit on open files",
    errno.ENOMEM: "free some memory",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EISDIR: "give the name of a file",
    errno.EEXIST: "give the name of a folder",
    errno.ENOTDIR: "give the name of a folder",
    errno.EIO: "check the disk or the network drive",
    errno.ESTALE: "check the network drive",
}

_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)

_PASSING = {
    getattr(errno, name)
    for name in [
        "EMFILE",
        "ENFILE",
        "ENOMEM",
        "ENOBUFS",
        "EIO",
        "EREMOTEIO",
        "EAGAIN",
        "EINTR",
        "EBUSY",
        "ESTALE",
        "ETIMEDOUT",
        "ECONNABORTED",
        "ECONNRESET",
        "ENOTCONN",
        "EHOSTDOWN",
        "EHOSTUNREACH",
        "ENETDOWN",
        "ENETRESET",
        "ENETUNREACH",
    ]
    if hasattr(errno, name)
}
_PAUSES = (0.1, 0.4, 1.6)  # seconds before a file is read again

T = TypeVar("T")

_OS_ERROR = re.compile(r"\(os error (\d+)\)|\bOs \{ code: (\d+),")
_CUT_SHORT = re.compile(r"\d+ requested and \d+ written")


class StorageError(UserError):
    """The system refused to read or write a file: a full disk, a limit, a lost network drive, a lack of memory."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn every error of the system in the block into a `StorageError` that names `path` and says what to do."""
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        number = error_number(error)
        if number is None or _is_elsewhere(error, path.parent):
            raise
        raise _refusal(f"write {path}", number, "choose another place to write to") from error


def _is_elsewhere(error: Exception, folder: Path) -> bool:
    """Return whether an error names a file that is not in `folder`: one that was read, perhaps."""
    named = getattr(error, "filename", None)
    return isinstance(named, str) and bool(named) and not Path(named).absolute().is_relative_to(folder.absolute())


def refuse_if_passing(path: Path, error: BaseException) -> None:
    """Raise a `StorageError` if the system could not read `path` just now, but perhaps can later.

    That is a lack of memory or of open files, or an error of the disk or the network drive, and not a property of the
    file. `error` may also have been caused by such an error.
    """
    for cause in _causes(error):
        number = errno.ENOMEM if is_out_of_memory(cause) else error_number(cause)
        if number is not None and number in _PASSING:
            raise _refusal(f"read {path}", number, "check the disk or the network drive", ", and run again") from error


def refuse_if_possibly_whole(path: Path, error: OSError) -> None:
    """Raise a `StorageError` if `path` could not be read just now, or may not be read: its content may be whole."""
    refuse_if_passing(path, error)
    if error.errno in _DENIED:
        raise _refusal(f"read {path}", error.errno, "allow it") from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what caused it, and so on, but not for ever."""
    cause: BaseException | None = error
    for _ in range(10):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__


def refusal_of(error: Exception) -> StorageError | None:
    """Return `error` as a `StorageError` if it is one that the system raised; else `None`."""
    if not isinstance(error, OSError) or error.errno not in (*_REMEDIES, *_DENIED):
        return None
    if error.errno == errno.EEXIST:  # where no place was written to, this may be a bug
        return None
    return _refusal(f"read or write {error.filename or 'a file'}", error.errno, "allow it, or choose another place")


def _refusal(action: str, number: int, otherwise: str, then: str = "") -> StorageError:
    return StorageError(f"cannot {action}: {os.strerror(number)}; {_REMEDIES.get(number, otherwise)}{then}")


def retried(action: Callable[[Path], T]) -> Callable[[Path], T]:
    """Return `action` such that a file that the system cannot read just now is read again, up to three times."""

    def patient(path: Path) -> T:
        for seconds in _PAUSES:
            try:
                return action(path)
            except StorageError:
                time.sleep(seconds)
        return action(path)

    return patient


def error_number(error: BaseException) -> int | None:
    """Return the system's number of an error (see `errno`); `None` if the error does not come from the system.

    Libraries in Rust raise errors of their own, whose texts have the number: "(os error 28)" or "Os { code: 28, …".
    NumPy does not say why it could not write all of an array: in most cases the disk is full.
    """
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, OSError):
        return errno.ENOSPC if _CUT_SHORT.fullmatch(str(error)) else error.errno
    match = _OS_ERROR.search(str(error))
    return int(match[1] or match[2]) if match else None
