"""Pictures to try: synthetic ones, a category each, drawn when the server starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from birads_zoo.phantoms.categories import CATEGORIES
from birads_zoo.phantoms.files.writer import generate
from birads_zoo.phantoms.options import FEWEST_PATIENTS, PhantomOptions

_SEED = 2024  # not the phantom's own, on which models are trained


@dataclass(frozen=True, kw_only=True)
class Example:
    """A synthetic mammogram's file, and the category that it was drawn as."""

    category: str
    content: bytes


def draw_examples(folder: Path) -> tuple[Example, ...]:
    """Return a phantom's first picture of each category; `folder` holds the others for a second."""
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
