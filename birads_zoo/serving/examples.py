"""Example pictures for the page: a synthetic mammogram of each category, drawn when the server starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from birads_zoo.phantoms.categories import CATEGORIES
from birads_zoo.phantoms.files.writer import generate
from birads_zoo.phantoms.options import FEWEST_PATIENTS, PhantomOptions

_SEED = 2024  # not the phantom's default seed, whose pictures models are trained on


@dataclass(frozen=True, kw_only=True)
class Example:
    """The file of a synthetic mammogram, and the category that it was drawn for."""

    category: str
    content: bytes


def draw_examples(folder: Path) -> tuple[Example, ...]:
    """Return a phantom's first picture of each category; the phantom is in `folder` only while this runs."""
    with TemporaryDirectory(dir=folder) as temporary:
        root = Path(temporary) / "phantom"
        generate(root, PhantomOptions(patients=FEWEST_PATIENTS, seed=_SEED, damaged=0))
        return tuple(
            Example(
                category=f"BI-RADS {category}",
                content=min((root / "mammograms" / f"BIRAD {category}").glob("*.jpg")).read_bytes(),
            )
            for category in CATEGORIES
        )
