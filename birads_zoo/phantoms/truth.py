"""Writes the truth about a phantom's pictures: their lesions, and the chances of their categories."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from birads_zoo.files.csv_files import write_csv
from birads_zoo.phantoms.categories import CATEGORIES
from birads_zoo.phantoms.cohort import Cohort, exposures
from birads_zoo.phantoms.findings import Finding

TRUTH_FILE = "truth/lesions.csv"
TERMS = ("kind", "shape", "margin", "density", "morphology", "distribution")
TRUTH_COLUMNS = ("image_path", "mask_path", "category", "suspicion", *TERMS, "x", "y", "radius")
"""The truth's columns: paths below the root, the suspicion in [0, 1], the BI-RADS atlas' terms ("" where a kind has
none), and a circle around the lesion in pixels, origin at the top left."""

PROBABILITIES_FILE = "truth/probabilities.csv"
PROBABILITIES_COLUMNS = ("image_path", *CATEGORIES)
"""The path of every picture below the root, and the chance of each category, from `cohort.Cohort.known`.

The chances are "nan" if a planted shortcut reveals the category, because the file then shows more than is assumed.
"""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """A lesion in a picture, see `TRUTH_COLUMNS`."""

    image_path: str
    mask_path: str
    category: str
    finding: Finding
    x: float
    y: float
    radius: float

    @classmethod
    def of(cls, image_path: str, mask_path: str, category: str, finding: Finding, mask: NDArray[np.bool_]) -> Self:
        """Return the truth of a lesion whose `mask` (H×W) is not empty.

        The circle's centre is that of the mask's bounding box, and the circle contains every pixel's centre.
        """
        ys, xs = np.nonzero(mask)
        x, y = (xs.min() + xs.max() + 1) / 2, (ys.min() + ys.max() + 1) / 2
        radius = float(np.hypot(xs + 0.5 - x, ys + 0.5 - y).max() + 0.5)
        return cls(
            image_path=image_path,
            mask_path=mask_path,
            category=category,
            finding=finding,
            x=float(x),
            y=float(y),
            radius=radius,
        )


def write_truths(path: Path, truths: Sequence[Truth]) -> None:
    """Write `TRUTH_FILE`, a row for each lesion in each picture."""
    rows = (
        [
            truth.image_path,
            truth.mask_path,
            truth.category,
            f"{truth.finding.suspicion:.4f}",
            *(str(getattr(truth.finding, term)) for term in TERMS),
            *(f"{value:.2f}" for value in (truth.x, truth.y, truth.radius)),
        ]
        for truth in truths
    )
    write_csv(path, [TRUTH_COLUMNS, *rows])


def write_probabilities(path: Path, cohort: Cohort, suffix: str, *, planted: bool) -> None:
    """Write `PROBABILITIES_FILE`, a row for each picture, including broken ones. Pictures have this `suffix`.

    `planted` is true if a planted shortcut in the files reveals the category.
    """
    rows = (
        [
            woman.image_path(view, side) + suffix,
            *("nan" if planted else f"{chance:.6f}" for chance in cohort.known(woman, side)),
        ]
        for woman in cohort.pictured
        for side, view in exposures()
    )
    write_csv(path, [PROBABILITIES_COLUMNS, *rows])
