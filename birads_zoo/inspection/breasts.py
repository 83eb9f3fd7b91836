"""Joins each picture with the breast detected in it, and checks that the chest wall is on the expected side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from birads_zoo.data.placement.breast import Breast
from birads_zoo.interfaces import Index

_NAMED = 5  # examples of each problem


@dataclass(frozen=True, kw_only=True)
class BreastPicture:
    """A decoded picture: its row, patient, side and view ("" if unknown), its size in pixels, and the breast in it."""

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
        """Whether the chest wall is not where convention puts it: on the left for a left breast.

        Radiologists hang the two breasts back to back. False if the side is unknown or no breast was detected.
        """
        return self.breast.detected and self.side in ("L", "R") and self.breast.chest_right != (self.side == "R")


@dataclass(frozen=True, kw_only=True)
class Chests:
    """How many pictures have the chest wall on the other side, and in how many no breast was detected.

    `known` pictures have a side and a detected breast; `mirrored` of them have the chest wall on the other side (see
    `BreastPicture.mirrored`). `lost` of `pictures` have no detected breast. The first few paths of both are given.
    """

    pictures: int
    known: int
    mirrored: int
    mirrored_such_as: tuple[str, ...]
    lost: int
    lost_such_as: tuple[str, ...]


def join_breasts(decoded: Index, breasts: Sequence[tuple[tuple[int, int], Breast]]) -> tuple[BreastPicture, ...]:
    """Join the rows of `decoded` with each picture's (height, width) and the breast in it."""
    names = ("row", "image_path", "patient_id", "laterality", "view")
    rows = zip(*(decoded.rows[name].tolist() for name in names), strict=True)
    return tuple(
        BreastPicture(
            row=row, path=path, patient=patient, side=side, view=view, height=size[0], width=size[1], breast=breast
        )
        for (row, path, patient, side, view), (size, breast) in zip(rows, breasts, strict=True)
    )


def count_chests(seen: Sequence[BreastPicture]) -> Chests:
    """Count the pictures whose chest wall is on the other side, and those without a breast."""
    mirrored = [picture.path for picture in seen if picture.mirrored]
    lost = [picture.path for picture in seen if not picture.breast.detected]
    return Chests(
        pictures=len(seen),
        known=sum(picture.breast.detected and picture.side in ("L", "R") for picture in seen),
        mirrored=len(mirrored),
        mirrored_such_as=tuple(mirrored[:_NAMED]),
        lost=len(lost),
        lost_such_as=tuple(lost[:_NAMED]),
    )


def choose(seen: Sequence[BreastPicture], count: int) -> tuple[BreastPicture, ...]:
    """Choose pictures to look at: a third mirrored or without a breast, if there are enough, and others of each kind.

    A kind is a size, a side and a view. The choice is the same each time, and in the order of the rows.
    """
    order = [seen[at] for at in np.random.default_rng(0).permutation(len(seen))]
    plain = [picture for picture in order if picture.breast.detected and not picture.mirrored]
    odd = [picture for picture in order if not picture.breast.detected or picture.mirrored][
        : max(count // 3, count - len(plain))
    ]
    groups: dict[tuple[int, int, str, str], list[BreastPicture]] = {}
    for picture in plain:
        groups.setdefault((picture.height, picture.width, picture.side, picture.view), []).append(picture)
    turns = max((len(group) for group in groups.values()), default=0)
    even = [group[turn] for turn in range(turns) for group in groups.values() if turn < len(group)]
    return tuple(sorted([*odd, *even[: count - len(odd)]], key=lambda picture: picture.row))
