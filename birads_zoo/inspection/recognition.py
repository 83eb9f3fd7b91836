"""Recognises which data sets a folder looks like, by asking each data set's plugin."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from birads_zoo.errors import warn
from birads_zoo.inspection.top_files import files_near
from birads_zoo.plugin.sources import describe

if TYPE_CHECKING:
    from birads_zoo.interfaces import DatasetSpec
    from birads_zoo.plugin.host import Host, Registered


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A data set that a folder looks like: its name and summary, the reason, and the command that audits it as such.

    `generic` data sets read any data in a common form.
    """

    dataset: str
    summary: str
    reason: str
    command: str
    generic: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary for JSON."""
        return dict(vars(self))


def recognise(folder: Path, host: Host) -> tuple[Guess, ...]:
    """Return the data sets that a folder looks like; generic ones only if no other matches.

    They are sorted by name, and those that another of them extends come last. The folder is listed once for all of
    them. A plugin that fails gives a warning.
    """
    files = files_near(folder)
    datasets = [registered for _, registered in sorted(host.datasets.items())]
    specific = _fitting(folder, files, (registered for registered in datasets if not registered.spec.generic))
    return specific or _fitting(folder, files, (registered for registered in datasets if registered.spec.generic))


def _fitting(folder: Path, files: Sequence[str], datasets: Iterable[Registered[DatasetSpec]]) -> tuple[Guess, ...]:
    fitting = [(registered.spec, reason) for registered in datasets if (reason := _reason(folder, files, registered))]
    extended = {spec.extends for spec, _ in fitting}
    return tuple(
        Guess(
            dataset=spec.name,
            summary=spec.summary,
            reason=reason,
            command=shlex.join(["birads-zoo", "audit", "--dataset", spec.name, "--root", str(folder)]),
            generic=spec.generic,
        )
        for spec, reason in sorted(fitting, key=lambda item: item[0].name in extended)
    )


def _reason(folder: Path, files: Sequence[str], registered: Registered[DatasetSpec]) -> str:
    spec = registered.spec
    if spec.recognise is None:
        return ""
    try:
        return spec.recognise(folder, files)
    except Exception as error:  # one plugin's mistake must not hide the others' answers
        reason = describe(error, registered.plugin)
        warn(f"data set {spec.name!r} (plugin {registered.plugin}) failed to look at {folder}: {reason}")
        return ""
