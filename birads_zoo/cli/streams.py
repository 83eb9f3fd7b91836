"""Makes the standard streams usable, whatever the program was started with."""

from __future__ import annotations

import io
import os
import sys


def make_usable() -> None:
    """Replace closed streams (`>&-`) by the null device, and let none refuse a character.

    Otherwise the last line that a command prints could cost its results. Characters that a stream's encoding does not
    have are printed as escapes.
    """
    _fill_descriptors()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fill_descriptors() -> None:
    """Open the null device as each closed one of the descriptors 0 to 2.

    Otherwise the next file that is opened would get that number, and libraries that print would write into it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
