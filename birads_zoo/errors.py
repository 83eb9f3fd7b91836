"""The one exception type for what a user can cause, and the sentence that names near matches."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in what the user gave: a path, a name, a sheet, a recipe, a plugin.

    The message is one sentence (or one per item) that says what is wrong, where, and what to do. The command
    line prints it without a traceback and exits with status 2; anything else that is raised is a bug and keeps
    its traceback.
    """


class NothingChangedError(UserError):
    """An ablation that changes nothing under this recipe: a mistake in a run, a plain fact in a study."""


class BiradsZooWarning(UserWarning):
    """Something the user should know before believing a result, such as a split that leaks patients."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Build the error for a `name` that is none of the `known` ones, with the nearest of them."""
    known = sorted(known)
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = [by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.52)]
    if near:
        hint = f"did you mean {' or '.join(repr(n) for n in near)}?"
    elif known:
        hint = f"known: {', '.join(known)}."
    else:
        hint = "none is registered."
    return UserError(f"unknown {kind} {name!r}; {hint}")
