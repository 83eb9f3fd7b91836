"""Reports an exception that nobody expected: in one sentence if the system is the cause, and else as a bug."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from birads_zoo.errors import is_out_of_memory, lacks_threads
from birads_zoo.files.refusal import refusal_of
from birads_zoo.printable import is_utf8, printable
from birads_zoo.version import __version__

BUG = 70
"""The exit status for a bug: EX_SOFTWARE of BSD's sysexits.h."""


def report(error: Exception, arguments: Sequence[str]) -> tuple[list[str], int]:
    """Return the lines to print about `error`, and the exit status.

    The full trace of a bug is written to a file of the system's folder for temporary files.
    """
    if lacks_threads(error):
        remedy = "free some memory, close other programs, or raise the limit on threads (ulimit -u)"
        return [f"error: the system starts no more threads ({_first_line(error)}); {remedy}"], 2
    if is_out_of_memory(error):
        remedy = "free some, or take a smaller training.batch_size or image size"
        return [f"error: the memory is too small ({_first_line(error)}); {remedy}"], 2
    if (refusal := refusal_of(error)) is not None:
        return [f"error: {refusal}"], 2
    if isinstance(error, UnicodeEncodeError) and not is_utf8(error.object):
        name = printable(error.object[max(0, error.start - 60) : error.end + 60])
        return [f"error: {name!r} is not UTF-8; rename the file or the folder"], 2
    last = traceback.extract_tb(error.__traceback__)[-1]
    what = f"bug: {type(error).__name__}: {_first_line(error)} ({last.name}, {last.filename}:{last.lineno})"
    return [what, f"this is a bug: {_written(error, arguments)}, please report it"], BUG


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return printable(text.splitlines()[0])[:300]


def _written(error: Exception, arguments: Sequence[str]) -> str:
    about = (
        f"birads-zoo {__version__}, Python {platform.python_version()}, {platform.platform()}\n{list(arguments)}\n\n"
    )
    try:
        descriptor, name = tempfile.mkstemp(prefix="birads-zoo-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(about + "".join(traceback.format_exception(error)))
    except OSError:
        traceback.print_exception(error, file=sys.stderr)
        return "the full trace is above"
    return f"the full trace is in {Path(name)}"
