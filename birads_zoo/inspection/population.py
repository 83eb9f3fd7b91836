"""Counts each class's rows, patients and breasts, and how likely a random test part has none of a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

HELD_OUT = 0.10
"""The share of patients in the imagined test part, for `ClassCount.missed`: the paper's share."""


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """One class's size. Patients and breasts count in every class that one of their rows has, unless unknown.

    `missed` is the chance that a random tenth of all patients has no patient of this class (see `chance_of_none`);
    `None` if no patient is known.
    """

    name: str
    rows: int
    usable: int
    patients: int
    usable_patients: int
    breasts: int
    missed: float | None


@dataclass(frozen=True, kw_only=True)
class ViewCount:
    """How many of each class's breasts have these views in one exam; `views` is, for example, "CC, 2×MLO"."""

    views: str
    breasts: dict[str, int]


def count_population(listing: pd.DataFrame, classes: Sequence[str]) -> tuple[ClassCount, ...]:
    """Count each class's rows, patients and breasts, in the order of `classes`."""
    known = listing[listing["patient"] != ""]
    everybody = known["patient"].nunique()
    drawn = held_out(everybody)
    counts = []
    for name in classes:
        rows, people = listing[listing["label"] == name], known[known["label"] == name]
        patients = people["patient"].nunique()
        counts.append(
            ClassCount(
                name=name,
                rows=len(rows),
                usable=int(rows["usable"].sum()),
                patients=patients,
                usable_patients=people.loc[people["usable"], "patient"].nunique(),
                breasts=len(people[people["side"] != ""].drop_duplicates(["patient", "side"])),
                missed=chance_of_none(everybody, patients, drawn) if everybody and patients else None,
            )
        )
    return tuple(counts)


def count_views(listing: pd.DataFrame, classes: Sequence[str]) -> tuple[ViewCount, ...]:
    """Count breasts by their views in one exam, commonest first; () if views or sides are unknown.

    A breast with several labels counts in each.
    """
    known = listing[(listing["exam"] != "") & (listing["side"] != "") & (listing["view"] != "")]
    counts: dict[str, Counter[str]] = {}
    for _, breast in known.groupby(["exam", "side"], sort=False):
        taken = Counter(sorted(breast["view"]))
        views = ", ".join(view if times == 1 else f"{times}×{view}" for view, times in taken.items())
        counts.setdefault(views, Counter()).update(set(breast["label"]))
    ordered = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    return tuple(ViewCount(views=views, breasts={name: count[name] for name in classes}) for views, count in ordered)


def held_out(patients: int) -> int:
    """Return a tenth of the number of patients, rounded, at least 1."""
    return max(1, round(HELD_OUT * patients))


def chance_of_none(patients: int, holders: int, drawn: int) -> float:
    """Return the chance that `drawn` of `patients`, drawn at random without replacement, include none of `holders`.

    It is exact: the hypergeometric distribution at 0, C(N − h, k) / C(N, k), as a product over the holders. It assumes
    that each set of that size is equally likely, as in a split that is not stratified.
    """
    chance = 1.0
    for held in range(holders):
        chance *= max(patients - drawn - held, 0) / (patients - held)
    return chance
