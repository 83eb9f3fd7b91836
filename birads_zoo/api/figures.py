"""Shows the PNG figures of a folder in notebooks."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """A PNG file; a notebook shows it as the last value of a cell."""

    path: Path

    def _repr_png_(self) -> bytes:
        return self.path.read_bytes()


@dataclass(frozen=True)
class Figures(Mapping[str, Figure]):
    """The PNG figures of a folder by name, such as `figures["roc-curves"]`; a notebook shows them all."""

    folder: Path

    def __getitem__(self, name: str) -> Figure:
        path = self._paths()[name]
        return Figure(path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths())

    def __len__(self) -> int:
        return len(self._paths())

    def __repr__(self) -> str:
        return f"<{len(self)} figures in {self.folder}: {', '.join(self)}>"

    def _repr_html_(self) -> str:
        return inline(self)

    def _paths(self) -> dict[str, Path]:
        return {path.stem: path for path in sorted(self.folder.glob("*.png")) if not path.stem.endswith("@2x")}


def inline(figures: Mapping[str, Figure]) -> str:
    """Return HTML with the figures embedded, each with its name."""
    return "".join(
        f'<figure><img alt="{html.escape(name)}" style="max-width: 100%" src="data:image/png;base64,'
        f'{base64.b64encode(figure.path.read_bytes()).decode("ascii")}">'
        f"<figcaption>{html.escape(name)}</figcaption></figure>"
        for name, figure in figures.items()
    )
