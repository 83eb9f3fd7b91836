"""Where the breast was found in each picture, and whether its chest wall is where the side lets expect it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from birads_zoo.data.placement.breast import Breast
from birads_zoo.interfaces import Index

_NAMED = 5  # examples of each kind


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A picture that was decoded: its row, who and what it shows ("" if unknown), its size, and the breast in it."""

    row: int
    path: str
    patient: str
    side: str
    view: str
    height: int
    width: int
    breast: Breast

    @property
    def mirrored(self) -> bool:
        """Whether the chest wall is not where it hangs by convention: on the left for a left breast.

        Radiologists hang the two breasts back to back. False where the side is unknown or no breast was found.
        """
        return self.breast.detected and self.side in ("L", "R") and self.breast.chest_right != (self.side == "R")


@dataclass(frozen=True, kw_only=True)
class Chests:
    """How many pictures show the chest wall on the side that they name, and in how many no breast was found.

    `known` pictures have a side and a breast that was found; `mirrored` of them show the chest wall on the other side
    (see `Seen.mirrored`). `lost` of `pictures` show no breast that stands out. Of both, the first few are named.
    """

    pictures: int
    known: int
    mirrored: int
    mirrored_such_as: tuple[str, ...]
    lost: int
    lost_such_as: tuple[str, ...]


def see(decoded: Index, found: Sequence[tuple[tuple[int, int], Breast]]) -> tuple[Seen, ...]:
    """Join the rows of `decoded` with what was found in each: the picture's (height, width), and the breast."""
    names = ("row", "image_path", "patient_id", "laterality", "view")
    rows = zip(*(decoded.rows[name].tolist() for name in names), strict=True)
    return tuple(
        Seen(row=row, path=path, patient=patient, side=side, view=view, height=size[0], width=size[1], breast=breast)
        for (row, path, patient, side, view), (size, breast) in zip(rows, found, strict=True)
    )


def count_chests(seen: Sequence[Seen]) -> Chests:
    """Count the pictures whose chest wall is on the other side, and those without a breast."""
    mirrored = [one.path for one in seen if one.mirrored]
    lost = [one.path for one in seen if not one.breast.detected]
    return Chests(
        pictures=len(seen),
        known=sum(one.breast.detected and one.side in ("L", "R") for one in seen),
        mirrored=len(mirrored),
        mirrored_such_as=tuple(mirrored[:_NAMED]),
        lost=len(lost),
        lost_such_as=tuple(lost[:_NAMED]),
    )


def choose(seen: Sequence[Seen], count: int) -> tuple[Seen, ...]:
    """Choose pictures to look at: a third that are mirrored or without a breast, if so many are, then of each kind.

    A kind is a size, a side and a view. The choice is the same each time, and comes in the order of the rows.
    """
    order = [seen[at] for at in np.random.default_rng(0).permutation(len(seen))]
    plain = [one for one in order if one.breast.detected and not one.mirrored]
    odd = [one for one in order if not one.breast.detected or one.mirrored][: max(count // 3, count - len(plain))]
    kinds: dict[tuple[int, int, str, str], list[Seen]] = {}
    for one in plain:
        kinds.setdefault((one.height, one.width, one.side, one.view), []).append(one)
    turns = max((len(kind) for kind in kinds.values()), default=0)
    even = [kind[turn] for turn in range(turns) for kind in kinds.values() if turn < len(kind)]
    return tuple(sorted([*odd, *even[: count - len(odd)]], key=lambda one: one.row))
