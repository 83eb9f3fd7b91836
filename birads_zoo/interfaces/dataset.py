"""A data set: from a folder to an index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from birads_zoo.interfaces.index import Index, Target
from birads_zoo.interfaces.options import NO_OPTIONS, NoOptions, Options


@dataclass(frozen=True, kw_only=True)
class DatasetContext:
    """Where the data is, and the data set's own options.

    `root` is `None` when the user gave none; only a data set that can make its own data accepts that.
    """

    root: Path | None
    options: Any = NO_OPTIONS


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """A data set: `load(context)` returns its `Index`, before any file is looked at.

    `targets` lists what can be predicted; the first is the default. `load` raises `UserError` for a root that
    is not this data set. `source` says where people get the data, `licence` under which terms, `citation` which paper
    describes it. `layout` says where the layout that is read was described, and whether it was tried on the data
    itself. `recognise(folder, files)` returns why a folder looks like this data set, "" where it does not: by the names
    of its files and a table's header, without opening a picture. `files` are POSIX paths from the folder on, those of
    upper folders first, and of a large tree not all; some may be damaged, or gone. `generic` says that it reads
    anybody's data in a common form: `birads-zoo guess` offers it where no other data set fits. `extends` names the data
    set in whose layout this one is written, with more beside: where a folder looks like both, this one is named first.
    """

    name: str
    summary: str
    load: Callable[[DatasetContext], Index]
    targets: tuple[Target, ...]
    options: type[Options] = NoOptions
    aliases: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""
    citation: str = ""
    layout: str = ""
    recognise: Callable[[Path, Sequence[str]], str] | None = None
    generic: bool = False
    extends: str = ""
