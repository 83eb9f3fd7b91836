"""Public data sets. Each is loaded by a lazily imported sibling; this module stays light."""

from birads_zoo import DatasetSpec, hookimpl


@hookimpl
def birads_zoo_datasets() -> list[DatasetSpec]:
    """Return the public data sets."""
    return []
