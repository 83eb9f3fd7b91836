"""How many rows, patients and breasts each class has, and what that leaves for a test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

HELD_OUT = 0.10
"""The share of patients whose luck is told: what the paper holds out for its test."""


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """One class's size. Patients and breasts count in every class that one of their rows has; unknown ones do not.

    `missed` is the chance that a random tenth of all patients holds none of this class's (see `chance_of_none`),
    `None` where no patient is known.
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
    """How many of each class's breasts were taken in these views in one exam; `views` is such as "CC, 2×MLO"."""

    views: str
    breasts: dict[str, int]


def count_population(listing: pd.DataFrame, classes: Sequence[str]) -> tuple[ClassCount, ...]:
    """Count each class's rows, patients and breasts, in the order of `classes`."""
    known = listing[listing["patient"] != ""]
    everybody = known["patient"].nunique()
    drawn = held_out(everybody)
    found = []
    for name in classes:
        own, people = listing[listing["label"] == name], known[known["label"] == name]
        patients = people["patient"].nunique()
        found.append(
            ClassCount(
                name=name,
                rows=len(own),
                usable=int(own["usable"].sum()),
                patients=patients,
                usable_patients=people.loc[people["usable"], "patient"].nunique(),
                breasts=len(people[people["side"] != ""].drop_duplicates(["patient", "side"])),
                missed=chance_of_none(everybody, patients, drawn) if everybody and patients else None,
            )
        )
    return tuple(found)


def count_views(listing: pd.DataFrame, classes: Sequence[str]) -> tuple[ViewCount, ...]:
    """Count breasts by the views that one exam took of them, commonest first; () where views or sides are unknown.

    A breast with several labels counts in each.
    """
    told = listing[(listing["exam"] != "") & (listing["side"] != "") & (listing["view"] != "")]
    counts: dict[str, Counter[str]] = {}
    for _, breast in told.groupby(["exam", "side"], sort=False):
        taken = Counter(sorted(breast["view"]))
        views = ", ".join(view if times == 1 else f"{times}×{view}" for view, times in taken.items())
        counts.setdefault(views, Counter()).update(set(breast["label"]))
    ordered = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    return tuple(ViewCount(views=views, breasts={name: count[name] for name in classes}) for views, count in ordered)


def held_out(patients: int) -> int:
    """Return how many patients a tenth of them are: rounded, one at least."""
    return max(1, round(HELD_OUT * patients))


def chance_of_none(patients: int, holders: int, drawn: int) -> float:
    """Return the chance that `drawn` of `patients`, drawn at random without return, include none of `holders`.

    Exact: the hypergeometric distribution at 0, C(N − h, k) / C(N, k), written as a product over the holders. It
    assumes that each set of that size is equally likely: a split that is not stratified.
    """
    chance = 1.0
    for held in range(holders):
        chance *= max(patients - drawn - held, 0) / (patients - held)
    return chance
