"""Holds the result of a study or an explanation, with its folder and text."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from birads_zoo.api.figures import Figures, inline

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, repr=False)
class Result(Generic[T]):
    """The result of a study or an explanation.

    `folder` has all its files, and `values` is the content of the JSON file there, as a typed value. `text` describes
    it in words and tables; `print` shows it, and a notebook shows it with the figures.
    """

    folder: Path
    values: T
    text: str

    @property
    def figures(self) -> Figures:
        """The figures by name."""
        return Figures(self.folder / "figures")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{type(self.values).__name__} in {self.folder}>"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text)}</pre>{inline(self.figures)}"
