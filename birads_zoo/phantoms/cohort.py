"""Draws the cohort of a phantom: women, their breasts' categories, ages, densities and dates, and the broken files.

Ages, densities and dates do not depend on the category.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np

from birads_zoo.phantoms.categories import CATEGORIES, LESION_CATEGORIES
from birads_zoo.phantoms.drawing.anatomy import View
from birads_zoo.phantoms.options import Balance, PhantomOptions
from birads_zoo.phantoms.suspicion import draw_suspicions, known_probabilities
from birads_zoo.randomness import numpy_generator

Laterality = Literal["R", "L"]
Damage = Literal["missing", "empty", "truncated", "html"]

_DAMAGES: tuple[Damage, ...] = ("missing", "empty", "truncated", "html", "missing")

# Patients per category. "real" is as in KAUMDS. "balanced" gives every category the same number of pictures, together
# with _BOTH_SIDES. "screening": of 1000 screens 20 lead to a recommended biopsy, computed from 5.1 detected cancers and
# a PPV2 of 25.6 % (Lehman et al., Radiology 283, 2017, the BCSC's benchmarks, which do not give the share itself). It
# is assumed that these women have a 4 or 5 (2 of them a 5), and that the same number have a 3.
_PATIENTS: Mapping[Balance, tuple[float, ...]] = {
    "real": (407, 73, 25, 9),
    "balanced": (1 / 3, 1, 1, 1),
    "screening": (960, 20, 18, 2),
}
# The share of them whose other breast has the same category; otherwise it has BI-RADS 1. Except in "real" it is the
# same for all lesions, because otherwise the number of breasts with a lesion would reveal the category.
_BOTH_SIDES: Mapping[Balance, tuple[float, ...]] = {
    "real": (1, 0.9, 0.45, 0.2),
    "balanced": (1, 2 / 3, 2 / 3, 2 / 3),
    "screening": (1, 0.05, 0.05, 0.05),
}
_DENSITIES = (0.2, 0.4, 0.3, 0.1)  # A to D among screened women (BI-RADS atlas, 5th edition: 10, 40, 40, 10 %)


@dataclass(frozen=True, kw_only=True)
class Woman:
    """A patient and her exam. `categories` are those of the right and the left breast; `number` seeds her pictures.

    `suspicion` in [0, 1] is that of her lesions, which all have the same category; `None` if she has no lesion.
    """

    number: int
    patient_id: str
    age: int
    density: str
    study_date: date
    file_year: int
    categories: tuple[str, str]
    suspicion: float | None

    @property
    def lesions(self) -> int:
        """The number of her breasts with a lesion."""
        return sum(category in LESION_CATEGORIES for category in self.categories)

    def category(self, laterality: Laterality) -> str:
        """Return the BI-RADS category of a breast."""
        return self.categories[laterality == "L"]

    def image_path(self, view: View, laterality: Laterality) -> str:
        """Return the picture's POSIX path below the data set's root, without a suffix, with a blank as in KAUMDS."""
        name = f"{self.file_year}_{self.patient_id}_ {view}_{laterality}"
        return f"mammograms/BIRAD {self.category(laterality)}/{name}"


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """The women of a phantom, with files (`pictured`) or only rows, and the `damage` of broken pictures by path."""

    pictured: tuple[Woman, ...]
    unpictured: tuple[Woman, ...]
    damage: Mapping[str, Damage]

    def counts(self) -> dict[str, int]:
        """Return the number of pictures of each category, including broken ones."""
        categories = [woman.category(side) for woman in self.pictured for side, _ in exposures()]
        return {category: categories.count(category) for category in CATEGORIES}

    def known(self, woman: Woman, laterality: Laterality) -> tuple[float, ...]:
        """Return the chances of `CATEGORIES` for a breast, given whether it has a lesion, and the woman's suspicion.

        Without a planted shortcut this is the most that can be known, because everything else in a picture is drawn
        from the suspicion, not from the category. The number of her breasts with a lesion is known too. Broken files
        are included.
        """
        if woman.category(laterality) not in LESION_CATEGORIES or woman.suspicion is None:
            return (1.0, *[0.0] * len(LESION_CATEGORIES))
        comparable = [max(other.categories) for other in self.pictured if other.lesions == woman.lesions]
        shares = [comparable.count(category) for category in LESION_CATEGORIES]
        return (0.0, *known_probabilities(np.array([woman.suspicion]), shares)[0].tolist())


def exposures() -> Iterator[tuple[Laterality, View]]:
    """Yield the four pictures of an exam in the order of KAUMDS' rows."""
    yield "R", "CC"
    yield "R", "MLO"
    yield "L", "CC"
    yield "L", "MLO"


def draw_cohort(options: PhantomOptions) -> Cohort:
    """Draw the women of a phantom. The numbers per category follow from `options`; only their assignment is random."""
    generator = numpy_generator(options.seed, "phantom", "cohort")
    pairs: list[tuple[str, str]] = []
    sizes = _shares(options.patients, _PATIENTS[options.balance])
    for category, size, share in zip(CATEGORIES, sizes, _BOTH_SIDES[options.balance], strict=True):
        both = round(size * share)
        pairs += [(category, category)] * both
        pairs += [(category, "1") if side else ("1", category) for side in generator.random(size - both) < 0.5]
    order = generator.permutation(len(pairs))
    extra = max(options.patients // 3, 1)
    numbers = generator.choice(np.arange(101, 29_999), size=options.patients + extra, replace=False)
    ordered = [pairs[i] for i in order] + [("2", "2")] * extra
    suspicions: list[float | None] = [None] * len(ordered)
    for category in LESION_CATEGORIES:
        positions = [position for position, pair in enumerate(ordered) if category in pair]
        drawn = draw_suspicions(category, len(positions), generator)
        for position, suspicion in zip(positions, drawn, strict=True):
            suspicions[position] = float(suspicion)
    women = [
        _woman(number, int(file_number), pair, suspicion, generator)
        for number, (file_number, pair, suspicion) in enumerate(zip(numbers, ordered, suspicions, strict=True))
    ]
    pictured = tuple(women[: options.patients])
    return Cohort(
        pictured=pictured,
        unpictured=tuple(women[options.patients :]),
        damage=_damage(pictured, options.damaged, generator),
    )


def _shares(total: int, weights: tuple[float, ...]) -> list[int]:
    """Split `total` in proportion to `weights` (largest remainders). A share of 0 takes one from the largest share."""
    ideal = np.array(weights) / sum(weights) * total
    sizes = np.floor(ideal).astype(int)
    for place in np.argsort(sizes - ideal, kind="stable")[: total - sizes.sum()]:
        sizes[place] += 1
    while not sizes.all():
        sizes[sizes.argmax()] -= 1
        sizes[sizes.argmin()] += 1
    return [int(size) for size in sizes]


def _woman(
    number: int,
    file_number: int,
    categories: tuple[str, str],
    suspicion: float | None,
    generator: np.random.Generator,
) -> Woman:
    study_date = date(2013, 1, 1) + timedelta(days=int(generator.integers(0, 7 * 365)))
    earlier = generator.random() < 0.1  # as in KAUMDS, a file's name does not always have the study's year
    digits = 6 if file_number < 12_000 else 7
    return Woman(
        number=number,
        patient_id=f"BC{file_number:0{digits - 1}d}1",
        age=int(np.clip(generator.normal(52, 9), 31, 84)),
        density="ABCD"[generator.choice(4, p=_DENSITIES)],
        study_date=study_date,
        file_year=study_date.year - int(earlier),
        categories=categories,
        suspicion=suspicion,
    )


def _damage(women: tuple[Woman, ...], damaged: int, generator: np.random.Generator) -> dict[str, Damage]:
    """Choose the broken pictures: of the commonest category, and one per woman while there are other women."""
    categories = [woman.category(side) for woman in women for side, _ in exposures()]
    commonest = max(CATEGORIES, key=categories.count)
    candidates: list[tuple[int, int, str]] = []
    for place in generator.permutation(len(women)):
        paths = [women[place].image_path(v, s) for s, v in exposures() if women[place].category(s) == commonest]
        candidates += [(turn, len(candidates), paths[i]) for turn, i in enumerate(generator.permutation(len(paths)))]
    chosen = [path for _, _, path in sorted(candidates)[:damaged]]
    return {path: _DAMAGES[turn % len(_DAMAGES)] for turn, path in enumerate(chosen)}
