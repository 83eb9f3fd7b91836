"""Measures whether labels are of pictures, breasts or patients, by how often those of one group agree."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from scipy.stats import binomtest

Level = Literal["image", "breast", "patient"]
LEVELS: tuple[Level, ...] = ("image", "breast", "patient")
_Labels = frozenset[str]  # of a picture, or of all pictures of a breast

SURE = 0.9
"""Labels follow the group if all members have the class in at least this share of the groups that have it at all."""


@dataclass(frozen=True, kw_only=True)
class ClassAgreement:
    """How often a class is that of a whole group: `groups` have it in at least one member, `same` of them in all.

    `rate` is their ratio, with its 95 % Wilson interval `low` … `high`; `None` without a group. `by_chance` is the
    expected rate if the labels are shuffled among all members. A common class often agrees by chance, so only a rate
    far above `by_chance` shows that the label is the group's.
    """

    name: str
    groups: int
    same: int
    rate: float | None
    low: float | None
    high: float | None
    by_chance: float | None


@dataclass(frozen=True, kw_only=True)
class GroupAgreement:
    """How often the members of a group have one label: pictures of one breast at one exam, or breasts of one exam.

    Of `groups` with two or more members, `alike` have one label; by chance `by_chance` of them would (a mean, see
    `ClassAgreement`). `classes` has an entry for each class. `others` is about groups with any class except the
    `commonest`, whose agreement says little. A breast with several labels agrees with no other.
    """

    groups: int
    alike: int
    by_chance: float
    classes: tuple[ClassAgreement, ...]
    commonest: str
    others: ClassAgreement

    @property
    def follows(self) -> bool:
        """Whether labels follow the group: `others` agree at least 90 % and above chance, and no class differs."""
        rate, low, chance = self.others.rate, self.others.low, self.others.by_chance
        return rate is not None and rate >= SURE and (low or 0.0) > (chance or 0.0) and not self.differs

    @property
    def always(self) -> bool:
        """Whether they follow it without exception, in so many groups that a rate below 90 % can be ruled out."""
        return self.follows and self.alike == self.groups and (self.others.low or 0.0) >= SURE

    @property
    def differs(self) -> bool:
        """Whether the rate of some class is certainly below 90 %."""
        return any(entry.high is not None and entry.high < SURE for entry in self.classes)


@dataclass(frozen=True, kw_only=True)
class Granularity:
    """What labels may be of, judging by the `breasts` (with several pictures) and `exams` (of both breasts).

    `possible` are the levels that the data do not rule out, and `declared` is the level at which the target is read.
    Labels that differ within breasts are of pictures. Labels that never do are of breasts or patients; labels that
    rarely do may be of either, and need not be mistakes. If breasts and exams are unknown, or few, all three levels are
    possible.
    """

    declared: Level
    possible: tuple[Level, ...]
    breasts: GroupAgreement
    exams: GroupAgreement


def measure_granularity(listing: pd.DataFrame, classes: Sequence[str], declared: Level) -> Granularity:
    """Measure whether the labels of a listing (see `listing.LISTING`) are of pictures, breasts or patients."""
    known = listing[(listing["exam"] != "") & listing["side"].isin(("L", "R"))]
    of_pictures: dict[tuple[str, str], list[_Labels]] = defaultdict(list)
    for exam, side, label in zip(known["exam"], known["side"], known["label"], strict=True):
        of_pictures[exam, side].append(frozenset((label,)))
    of_breasts: dict[str, list[_Labels]] = defaultdict(list)
    for (exam, _), labels in of_pictures.items():
        of_breasts[exam].append(frozenset().union(*labels))
    breasts, exams = _agreeing(list(of_pictures.values()), classes), _agreeing(list(of_breasts.values()), classes)
    return Granularity(declared=declared, possible=_possible(breasts, exams), breasts=breasts, exams=exams)


def _possible(breasts: GroupAgreement, exams: GroupAgreement) -> tuple[Level, ...]:
    if breasts.differs:
        return ("image",)
    if exams.always:
        return ("patient",)
    ruled_out = {"image"} if breasts.always else set()
    if exams.differs:
        ruled_out.add("patient")
    return tuple(level for level in LEVELS if level not in ruled_out)


def _agreeing(groups: Sequence[Sequence[_Labels]], classes: Sequence[str]) -> GroupAgreement:
    """Count groups by their members' labels: a picture has one label, a breast has all labels of its pictures."""
    several = [group for group in groups if len(group) > 1]
    members = Counter(member for group in several for member in group)
    sizes = Counter(map(len, several))
    held = {name: sum(count for member, count in members.items() if name in member) for name in classes}
    commonest = max(held, key=lambda name: held[name], default="")

    def counted(name: str, names: Sequence[str]) -> ClassAgreement:
        holding = [group for group in several if any(not member.isdisjoint(names) for member in group)]
        same = sum(len(set(group)) == 1 and len(group[0]) == 1 for group in holding)
        expected = [_expected(members, sizes, frozenset((label,))) for label in names]
        if not holding:
            return ClassAgreement(name=name, groups=0, same=0, rate=None, low=None, high=None, by_chance=None)
        ends = binomtest(same, len(holding)).proportion_ci(method="wilson")
        return ClassAgreement(
            name=name,
            groups=len(holding),
            same=same,
            rate=same / len(holding),
            low=float(ends.low),
            high=float(ends.high),
            by_chance=sum(all_have for all_have, _ in expected) / _expected(members, sizes, frozenset(names))[1],
        )

    counts = tuple(counted(name, (name,)) for name in classes)
    return GroupAgreement(
        groups=len(several),
        alike=sum(count.same for count in counts),
        by_chance=sum(_expected(members, sizes, frozenset((name,)))[0] for name in classes),
        classes=counts,
        commonest=commonest,
        others=counted(f"other than {commonest}", [name for name in classes if name != commonest]),
    )


def _expected(members: Counter[_Labels], sizes: Counter[int], labels: _Labels) -> tuple[float, float]:
    """Return in how many groups, by chance, all members have exactly `labels`, and in how many one has any of them.

    `members` counts all members by their labels, and `sizes` the groups by their sizes. These are exact means over all
    ways to distribute the members: if m of n are drawn without replacement, all are among k given members with chance
    C(k, m) / C(n, m).
    """
    exact, without = members[labels], sum(count for member, count in members.items() if member.isdisjoint(labels))
    ways = {size: math.comb(members.total(), size) for size in sizes}
    return (
        sum(groups * math.comb(exact, size) / ways[size] for size, groups in sizes.items()),
        sum(groups * (1 - math.comb(without, size) / ways[size]) for size, groups in sizes.items()),
    )
