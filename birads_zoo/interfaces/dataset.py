"""Defines the interface of a data set, which turns a folder into an index."""

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
    """A data set: `load(context)` returns its `Index` without opening any picture.

    - `targets`: what can be predicted; the first is the default.
    - `load`: raises `UserError` for a root that is not this data set.
    - `source`, `licence`, `citation`: where to get the data, its terms, and the paper that describes it.
    - `layout`: where the files' layout is described, and whether reading it was tried on the data itself.
    - `recognise(folder, files)`: returns why a folder looks like this data set, "" if it does not, from the names of
      its files and a table's header, without opening a picture. `files` are POSIX paths relative to the folder, upper
      folders first. Of a large tree not all files are listed, and some may be damaged or missing.
    - `generic`: it reads any data in a common form. `birads-zoo guess` offers it if no other data set fits.
    - `extends`: the name of a data set whose layout this one has, with additions. If a folder looks like both, this one
      is listed first.
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
