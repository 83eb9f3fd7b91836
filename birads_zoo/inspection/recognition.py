"""Which data sets a folder looks like: each of them is asked."""

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
    """A data set that a folder looks like: its name and summary, why, and the command that reads the folder so.

    `generic` data sets read anybody's data in a common form.
    """

    dataset: str
    summary: str
    reason: str
    command: str
    generic: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them."""
        return dict(vars(self))


def recognise(folder: Path, host: Host) -> tuple[Guess, ...]:
    """Return the data sets that a folder looks like; generic ones only where no other does.

    They are sorted by name, those that another of them extends behind the others. The folder is listed once for all of
    them. A plugin that fails when it is asked is a warning.
    """
    files = files_near(folder)
    datasets = [registered for _, registered in sorted(host.datasets.items())]
    own = _fitting(folder, files, (one for one in datasets if not one.spec.generic))
    return own or _fitting(folder, files, (one for one in datasets if one.spec.generic))


def _fitting(folder: Path, files: Sequence[str], datasets: Iterable[Registered[DatasetSpec]]) -> tuple[Guess, ...]:
    fitting = [(one.spec, reason) for one in datasets if (reason := _reason(folder, files, one))]
    extended = {spec.extends for spec, _ in fitting}
    return tuple(
        Guess(
            dataset=spec.name,
            summary=spec.summary,
            reason=reason,
            command=shlex.join(["birads-zoo", "audit", "--dataset", spec.name, "--root", str(folder)]),
            generic=spec.generic,
        )
        for spec, reason in sorted(fitting, key=lambda one: one[0].name in extended)
    )


def _reason(folder: Path, files: Sequence[str], registered: Registered[DatasetSpec]) -> str:
    spec = registered.spec
    if spec.recognise is None:
        return ""
    try:
        return spec.recognise(folder, files)
    except Exception as error:  # a plugin's own mistake must not hide what the others say
        said = describe(error, registered.plugin)
        warn(f"data set {spec.name!r} (plugin {registered.plugin}) failed to look at {folder}: {said}")
        return ""
