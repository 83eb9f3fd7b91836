"""Public data sets: a module for each, imported when it is needed; this one stays light."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from birads_zoo import DatasetContext, DatasetSpec, Index


def _load(module: str) -> Callable[[DatasetContext], Index]:
    """Return the `load` of a module in this folder."""

    def load(context: DatasetContext) -> Index:
        index: Index = import_module(f"{__name__}.{module}").load(context)
        return index

    return load


def _recognise(module: str) -> Callable[[Path], str]:
    """Return the `recognise` of a module in this folder."""

    def recognise(folder: Path) -> str:
        why: str = import_module(f"{__name__}.{module}").recognise(folder)
        return why

    return recognise


PUBLIC: tuple[DatasetSpec, ...] = ()
