"""What labels are of, measured: whether the pictures of a breast, and the breasts of an exam, bear the same one."""

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
"""Of the groups that hold a class: where in so many all members have it, the label follows the group."""


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Groups that hold a class: `groups` have it in one member at least, `same` of them in all.

    `rate` is their ratio, with its 95 % Wilson interval `low` … `high`, `None` without a group. `by_chance` is the rate
    that is expected when the labels are dealt out anew at random among all members. A common class agrees often by
    chance; so a rate says that the label is the group's only where it is far above.
    """

    name: str
    groups: int
    same: int
    rate: float | None
    low: float | None
    high: float | None
    by_chance: float | None


@dataclass(frozen=True, kw_only=True)
class Agreeing:
    """How often the members of a group bear one label: pictures of one breast at one exam, or breasts of one exam.

    Of `groups` with two members or more, `alike` have one label, and `by_chance` of them would (a mean, see `Alike`).
    `classes` tells each class's groups; `others` those that hold any class but the `commonest`, whose agreement says
    little. A breast of several labels agrees with no other.
    """

    groups: int
    alike: int
    by_chance: float
    classes: tuple[Alike, ...]
    commonest: str
    others: Alike

    @property
    def follows(self) -> bool:
        """Whether labels follow the group: at 90 % of `others` at least, and above chance; no class says otherwise."""
        rate, low, chance = self.others.rate, self.others.low, self.others.by_chance
        return rate is not None and rate >= SURE and (low or 0.0) > (chance or 0.0) and not self.differs

    @property
    def always(self) -> bool:
        """Whether they follow it without exception, in so many groups that 90 % can be ruled out."""
        return self.follows and self.alike == self.groups and (self.others.low or 0.0) >= SURE

    @property
    def differs(self) -> bool:
        """Whether some class surely has less than 90 % of its groups for itself."""
        return any(one.high is not None and one.high < SURE for one in self.classes)


@dataclass(frozen=True, kw_only=True)
class Granularity:
    """What labels may be of by the `breasts` (of several pictures) and `exams` (of both breasts) in which they agree.

    `possible` are the levels that nothing here speaks against, `declared` the one at which the target is read. Labels
    that differ within breasts are of pictures. Those that never do are of breasts or patients; those that seldom do may
    be of either, and need not be mistakes. Where breasts and exams are unknown, or few, all three levels are possible.
    """

    declared: Level
    possible: tuple[Level, ...]
    breasts: Agreeing
    exams: Agreeing


def measure_granularity(listing: pd.DataFrame, classes: Sequence[str], declared: Level) -> Granularity:
    """Measure what the labels of a listing (see `listing.LISTING`) are of."""
    told = listing[(listing["exam"] != "") & listing["side"].isin(("L", "R"))]
    of_pictures: dict[tuple[str, str], list[_Labels]] = defaultdict(list)
    for exam, side, label in zip(told["exam"], told["side"], told["label"], strict=True):
        of_pictures[exam, side].append(frozenset((label,)))
    of_breasts: dict[str, list[_Labels]] = defaultdict(list)
    for (exam, _), labels in of_pictures.items():
        of_breasts[exam].append(frozenset().union(*labels))
    breasts, exams = _agreeing(list(of_pictures.values()), classes), _agreeing(list(of_breasts.values()), classes)
    return Granularity(declared=declared, possible=_possible(breasts, exams), breasts=breasts, exams=exams)


def _possible(breasts: Agreeing, exams: Agreeing) -> tuple[Level, ...]:
    if breasts.differs:
        return ("image",)
    if exams.always:
        return ("patient",)
    ruled_out = {"image"} if breasts.always else set()
    if exams.differs:
        ruled_out.add("patient")
    return tuple(level for level in LEVELS if level not in ruled_out)


def _agreeing(groups: Sequence[Sequence[_Labels]], classes: Sequence[str]) -> Agreeing:
    """Count groups by their members' labels: of pictures one each, of breasts all that its pictures bear."""
    several = [group for group in groups if len(group) > 1]
    members = Counter(member for group in several for member in group)
    sizes = Counter(map(len, several))
    held = {name: sum(count for member, count in members.items() if name in member) for name in classes}
    commonest = max(held, key=lambda name: held[name], default="")

    def counted(name: str, of: Sequence[str]) -> Alike:
        holding = [group for group in several if any(not member.isdisjoint(of) for member in group)]
        same = sum(len(set(group)) == 1 and len(group[0]) == 1 for group in holding)
        dealt = [_dealt(members, sizes, frozenset((one,))) for one in of]
        if not holding:
            return Alike(name=name, groups=0, same=0, rate=None, low=None, high=None, by_chance=None)
        ends = binomtest(same, len(holding)).proportion_ci(method="wilson")
        return Alike(
            name=name,
            groups=len(holding),
            same=same,
            rate=same / len(holding),
            low=float(ends.low),
            high=float(ends.high),
            by_chance=sum(all_have for all_have, _ in dealt) / _dealt(members, sizes, frozenset(of))[1],
        )

    each = tuple(counted(name, (name,)) for name in classes)
    return Agreeing(
        groups=len(several),
        alike=sum(one.same for one in each),
        by_chance=sum(_dealt(members, sizes, frozenset((name,)))[0] for name in classes),
        classes=each,
        commonest=commonest,
        others=counted(f"other than {commonest}", [name for name in classes if name != commonest]),
    )


def _dealt(members: Counter[_Labels], sizes: Counter[int], labels: _Labels) -> tuple[float, float]:
    """Return in how many groups all members have exactly `labels`, and in how many one has some of them, by chance.

    `members` counts all members by their labels, `sizes` the groups by their sizes. Exact means over all ways to deal
    the members out: of n, m are drawn without return; all are among k given ones with chance C(k, m) / C(n, m).
    """
    own, without = members[labels], sum(count for member, count in members.items() if member.isdisjoint(labels))
    whole = {size: math.comb(members.total(), size) for size in sizes}
    return (
        sum(groups * math.comb(own, size) / whole[size] for size, groups in sizes.items()),
        sum(groups * (1 - math.comb(without, size) / whole[size]) for size, groups in sizes.items()),
    )
