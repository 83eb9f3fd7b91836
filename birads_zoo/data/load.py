"""From a recipe's data-set section to an index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.interfaces import DatasetOptions, Index
from birads_zoo.recipe import DatasetSection

if TYPE_CHECKING:
    from birads_zoo.host import Host


def load_index(section: DatasetSection, host: Host) -> Index:
    """Load the section's data set, before any file is looked at; every path in it is relative to its root.

    Raises `UserError` for an unknown data set, and for a root or table that is not this data set's.
    """
    spec = host.dataset(section.name)
    options = DatasetOptions(
        root=Path(section.root).expanduser() if section.root else None,
        table=section.table,
        columns=section.columns,
        patient_pattern=section.patient_pattern,
        unlisted=section.unlisted,
    )
    with host.building("dataset", spec.name):
        return spec.load(options)
