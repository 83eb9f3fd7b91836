"""Removes the paths of the user's machine from what a study writes for others."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath, PureWindowsPath

_PATH = re.compile(r"(?<![\w.~/\\-])(?:~[\w-]*/|/|[A-Za-z]:[\\/]|\\\\)[^\s:;,'\"()<>|]+")
"""An absolute path, or a path below a home folder, in running text; up to the first blank in it."""


def public_command(command: str) -> str:
    """Shorten each path of a command that leads out of the working directory to its last part.

    These are absolute paths, paths below a home folder and paths with "..", also in KEY=VALUE. Paths inside the working
    directory stay, because they are the same for anyone who repeats the command.
    """
    return shlex.join(_argument(part) for part in shlex.split(command))


def public_text(text: str) -> str:
    """Shorten each absolute path in a sentence, such as an error, to its last part."""
    return _PATH.sub(lambda match: _last(match[0]), text)


def _argument(text: str) -> str:
    head, sign, value = text.rpartition("=")
    return f"{head}{sign}{_last(value)}" if _leads_out(value) else text


def _leads_out(path: str) -> bool:
    return path.startswith(("/", "~", "\\")) or bool(PureWindowsPath(path).drive) or ".." in re.split(r"[/\\]", path)


def _last(path: str) -> str:
    flavour = PureWindowsPath if "\\" in path or PureWindowsPath(path).drive else PurePosixPath
    return flavour(path).name or path
