"""Groups pictures into samples: a single picture, or several of one exam, some of which may be absent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.index.view_names import view_names
from birads_zoo.errors import UserError

Unit = tuple[str, ...]
"""A breast (patient, exam, side) or an exam (patient, exam); () if it is unknown."""

_PARTNER = {
    "breast": "another view of the same breast",
    "bilateral": "a picture of the other breast in the same view",
    "exam": "another picture of the same exam",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """n samples of V pictures: their numbers `pictures` (n, V), and `present` (n, V) bool, which of them exist.

    Each sample has at least one picture. An absent picture has the number of the sample's first present one, so that
    pixels can be read; these must then be ignored. So the first number always belongs to a present picture. `names` (V)
    are the names of the V places.
    """

    pictures: NDArray[np.int64]
    present: NDArray[np.bool_]
    names: tuple[str, ...]

    @classmethod
    def alone(cls, pictures: NDArray[np.int64]) -> Samples:
        """Make a sample from each single picture (n,)."""
        return cls(pictures=pictures[:, None], present=np.ones((len(pictures), 1), np.bool_), names=("own",))

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, rows: Any) -> Samples:
        """Return some of the samples, indexed like the rows of a NumPy array."""
        return Samples(pictures=self.pictures[rows], present=self.present[rows], names=self.names)

    def first(self, count: int) -> Samples:
        """Return the samples with only their first `count` pictures."""
        return Samples(pictures=self.pictures[:, :count], present=self.present[:, :count], names=self.names[:count])


def labelled_views(level: str, views: int) -> int:
    """Return how many of a sample's V pictures, from the first on, its label describes: its own one, or all."""
    return 1 if level == "image" else views


def own_samples(rows: pd.DataFrame, views: str) -> Samples:
    """Make a sample from each of n rows of an index: its own picture first, then its partners of the same exam.

    With `views` "breast" the partner is another view of the same breast; with "bilateral" it is the other breast in the
    same view. "exam" has both, and then another view of the other breast. Partners are of the same patient and exam. If
    several pictures fit, the first by path is used. A picture with unknown patient, side or view has no partner.
    Labels are not used.
    """
    names = view_names(views, "image")
    patients, exams, sides, kinds = _texts(rows, "patient_id", "exam_id", "laterality", "view")
    exam: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in np.flatnonzero((patients != "") & (sides != "") & (kinds != "")).tolist():
        exam[patients[row], exams[row]].append(row)
    pictures = np.repeat(np.arange(len(rows))[:, None], len(names), axis=1)
    present = pictures < 0
    present[:, 0] = True
    for group in exam.values():
        for row in group:
            for place, name in enumerate(names[1:], start=1):
                same_side, same_view = "other_breast" not in name, "other_view" not in name
                for other in group:
                    if (sides[other] == sides[row]) == same_side and (kinds[other] == kinds[row]) == same_view:
                        pictures[row, place], present[row, place] = other, True
                        break
    return Samples(pictures=pictures, present=present, names=names)


def units_of(rows: pd.DataFrame, level: str) -> list[Unit]:
    """Return the breast (level "breast") or the exam (level "patient") of each of n rows."""
    known = zip(*_texts(rows, "patient_id", "exam_id", "laterality"), strict=True)
    if level == "breast":
        return [(patient, exam, side) if patient and side else () for patient, exam, side in known]
    return [(patient, exam) if patient else () for patient, exam, _ in known]


def grouped_samples(rows: pd.DataFrame, views: str, level: str) -> tuple[Samples, NDArray[np.int64]]:
    """Make a sample from each breast or exam of n rows of an index. Return also each row's sample (n,), −1 for none.

    At the level "breast" a sample has the views CC and MLO of one breast in one exam. At the level "patient" it has
    those of both breasts, the left breast first. If several pictures fit a place, the first by path is used. Not
    every row of a sample is one of its pictures: `why_unused` gives the reasons.

    Raises:
        UserError: if the level does not fit the views.

    """
    names = view_names(views, level)
    sides, kinds = _texts(rows, "laterality", "view")
    groups: dict[Unit, list[int]] = defaultdict(list)
    for row, unit in enumerate(units_of(rows, level)):
        if unit:
            groups[unit].append(row)
    pictures: list[list[int]] = []
    present: list[list[bool]] = []
    sample_of = np.full(len(rows), -1)
    for group in groups.values():
        places = [kinds[row] if level == "breast" else f"{sides[row]}_{kinds[row]}" for row in group]
        taken = [group[places.index(name)] if name in places else -1 for name in names]
        if max(taken) < 0:
            continue
        sample_of[group] = len(pictures)
        first = next(row for row in taken if row >= 0)
        pictures.append([first if row < 0 else row for row in taken])
        present.append([row >= 0 for row in taken])
    samples = Samples(
        pictures=np.array(pictures, np.int64).reshape(-1, len(names)),
        present=np.array(present, np.bool_).reshape(-1, len(names)),
        names=names,
    )
    return samples, sample_of


def why_unused(rows: pd.DataFrame, samples: Samples, sample_of: NDArray[np.int64]) -> Iterator[tuple[int, str, str]]:
    """Yield each row whose picture is in no sample of `grouped_samples`, with a countable reason and a detail."""
    shown = set(samples.pictures[samples.present].tolist())
    paths, patients, sides, kinds = _texts(rows, "image_path", "patient_id", "laterality", "view")
    for row in sorted(set(range(len(rows))) - shown):
        place = kinds[row] if samples.names == view_names("breast", "breast") else f"{sides[row]}_{kinds[row]}"
        if patients[row] == "":
            yield row, "unknown patient", "nothing says which pictures belong together"
        elif sample_of[row] >= 0 and place in samples.names:
            first = samples.pictures[sample_of[row], samples.names.index(place)]
            yield row, "further picture of a view", f"{paths[first]} is taken for {sides[row]} {kinds[row]}"
        else:
            values = f"laterality {str(sides[row])!r} and view {str(kinds[row])!r}"
            yield row, "side or view not used", f"{values}; used are L and R, CC and MLO"


def require_partners(samples: Samples, views: str) -> None:
    """Raise `UserError` if samples have several views, but no sample has two pictures."""
    if views != "single" and not (samples.present.sum(axis=1) > 1).any():
        raise UserError(
            f"dataset.views = {views!r} needs {_PARTNER[views]}, and no picture has one: the rows need patient_id, "
            "laterality, view and exams in common; or leave dataset.views at 'single'"
        )


def side_by_side(pictures: NDArray[Any]) -> NDArray[Any]:
    """Join …×V×H×W pictures or maps side by side to …×H×(V·W)."""
    return np.concatenate(list(np.moveaxis(pictures, -3, 0)), axis=-1)


def _texts(rows: pd.DataFrame, *columns: str) -> Iterator[NDArray[np.str_]]:
    return (rows[column].to_numpy(dtype=np.str_) for column in columns)
