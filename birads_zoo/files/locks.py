"""Locks files and folders, so that two processes never write the same thing."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from birads_zoo.errors import UserError
from birads_zoo.files.refusal import writing

if sys.platform != "win32":
    import fcntl

_log = logging.getLogger(__name__)
_PAUSE = 0.25  # seconds between two attempts


@contextmanager
def lock(file: Path, busy: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `file`, which only one process can hold at a time.

    If another process holds it, raise a `UserError` with the text `busy`; with `wait`, log that text and wait.
    """
    file_lock = filelock.FileLock(file)
    with writing(file.parent):
        try:
            file_lock.acquire(timeout=0)
        except filelock.Timeout:
            if not wait:
                raise UserError(busy) from None
            _log.warning("%s (%s)", busy, file)
            file_lock.acquire()
    try:
        yield
    finally:
        if not wait:  # with `wait` the file stays: other processes may be waiting for it
            with contextlib.suppress(OSError):  # Windows does not remove an open file
                file.unlink()
        file_lock.release()


def wait_for_release(file: Path, seconds: float) -> None:
    """Wait until no process holds the lock file `file`, which need not exist, but at most so many `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with locked(file) as free:
                if free:
                    return
        except FileNotFoundError:
            return
        time.sleep(_PAUSE)


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Lock a file or a folder itself, and yield whether that worked.

    Another process may hold the lock, or the system may have none. It releases the lock of a process that dies.
    """
    if sys.platform == "win32":
        yield False
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # opening a FIFO would wait
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
