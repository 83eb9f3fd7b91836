"""Functions of a data set's module, which is imported when one of them is called."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from birads_zoo import DatasetContext, Index


def load_of(module: str) -> Callable[[DatasetContext], Index]:
    """Return the `load` of a module below this folder, such as "public.cmmd"."""

    def load(context: DatasetContext) -> Index:
        index: Index = import_module(f"{__package__}.{module}").load(context)
        return index

    return load


def recognise_of(module: str) -> Callable[[Path, Sequence[str]], str]:
    """Return the `recognise` of a module below this folder."""

    def recognise(folder: Path, files: Sequence[str]) -> str:
        reason: str = import_module(f"{__package__}.{module}").recognise(folder, files)
        return reason

    return recognise
