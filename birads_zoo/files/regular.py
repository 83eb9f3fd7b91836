"""Opens regular files only. A named pipe, a device or a terminal would make the program wait, perhaps for ever."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # each is missing on some systems


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading.

    Raises:
        OSError: for a file that cannot be opened, is not a regular file, or has a name that no file can have.

    """
    try:
        descriptor = os.open(path, _FLAGS)
    except ValueError:  # NUL, or a character that the system's encoding does not have
        raise OSError(errno.EINVAL, "no file can have this name") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, not a regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path) -> bytes:
    """Return the content of a file; raises `OSError` as `open_regular` does."""
    with open_regular(path) as file:
        return file.read()
