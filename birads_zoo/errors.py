"""Defines the errors that users can cause, the warning class, and the message for an unknown name."""

import contextlib
import difflib
import inspect
import os
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

_OWN = (f"{Path(__file__).parent}{os.sep}", contextlib.__file__)

_NO_MEMORY = re.compile(
    "out of memory|not enough memory|can't allocate memory|bad_alloc"
    "|could not create a primitive(?! descriptor)"  # oneDNN; it has no descriptor for what it does not support
    "|codec configuration error when writing",  # Pillow, when zlib finds no memory
    re.IGNORECASE,
)


class UserError(Exception):
    """A mistake in what the user gave: a path, a name, a sheet, a recipe, a plugin.

    The message is one sentence (or one per item) that says what is wrong, where, and what to do. The command
    line prints it without a traceback and exits with status 2. Any other exception is a bug.
    """


class NothingChangedError(UserError):
    """An ablation that changes nothing under this recipe: an error in a run, but only a note in a study."""


class RunStoppedError(UserError):
    """A tracker stopped a run: this is not a mistake, but there is no result.

    `tracker` is the tracker's name and `reason` its message. `folder` is the run's folder; `fold` (from 0) and `epoch`
    (from 1) are the last ones trained. The run can be resumed.
    """

    def __init__(self, tracker: str, reason: str, folder: Path, fold: int, epoch: int) -> None:
        super().__init__(tracker, reason, folder, fold, epoch)  # all arguments, so that it can be pickled
        self.tracker, self.reason, self.folder, self.fold, self.epoch = tracker, reason, folder, fold, epoch

    def __str__(self) -> str:
        return (
            f"stopped by tracker {self.tracker!r} after epoch {self.epoch} of fold {self.fold + 1}: {self.reason}; "
            f"to go on with it: birads-zoo run --resume {self.folder}"
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of Python, NumPy, PyTorch (on any device) or Pillow says that memory is used up."""
    return isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)) is not None or lacks_threads(error)


def lacks_threads(error: BaseException) -> bool:
    """Return whether Python could not start a thread: there is no memory for its stack, or there are too many."""
    return isinstance(error, RuntimeError) and str(error) == "can't start new thread"


class BiradsZooWarning(UserWarning):
    """Something the user should know before trusting a result, such as a split that leaks patients."""


def warn(message: str) -> None:
    """Issue `message` as a warning, at the line of the user's code that called this package."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_code.co_filename.startswith(_OWN):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, BiradsZooWarning, stacklevel=level + 1)


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Build the error for a `name` that is not among the `known` names; it suggests the nearest of them."""
    known = sorted(known)
    others = f"known: {', '.join(known)}." if known else "none is registered."
    return UserError(f"unknown {kind} {name!r}; {did_you_mean(nearest(name, known)) or others}")


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three of the `known` names that are spelt like `name`, the nearest first."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    return [by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.52)]


def did_you_mean(names: Sequence[str]) -> str:
    """Return a question that suggests the `names`; "" if there are none."""
    return f"did you mean {' or '.join(map(repr, names))}?" if names else ""
