"""The same scores in parts of the rows: by density, age, view, laterality, year and source."""

from __future__ import annotations

from typing import Literal

import msgspec

from birads_zoo.results.estimate import Estimate
from birads_zoo.results.pairs import Pairs

Tested = Literal["auroc", "macro_auroc"]


class GroupScores(msgspec.Struct, frozen=True, kw_only=True):
    """A group's scores, in [0, 1]; `None` where undefined.

    `auroc` is that of the positive classes, and `macro_auroc` takes its place where no class is positive: the other
    one of the two is not computed.
    """

    auroc: Estimate | None = None
    macro_auroc: Estimate | None = None
    accuracy: Estimate | None
    macro_f1: Estimate | None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The `n` images of so many `patients` that share an attribute's `value`.

    `positives` counts images of positive classes (`None` where no class is positive), `absent` names classes without an
    image. `scores` is `None` where the group is too small for an interval. `basis` is what its area rests on.
    """

    value: str
    n: int
    patients: int
    positives: int | None
    absent: tuple[str, ...]
    scores: GroupScores | None
    basis: Pairs | None = None  # None in runs of older versions


class Within(msgspec.Struct, frozen=True, kw_only=True):
    """The score that attributes are compared by, of pairs of rows of one value of the attribute.

    `auroc` is the mean over the values, weighted by their pairs; `pooled` the score of the same rows, pairs of
    different values included; `gap` is `pooled` less `auroc`. `alone` names the classes of which no row is beside
    one of another class within a value: then all three are `None`, as they are where `basis` has fewer than three
    patients. See `birads_zoo.evaluation.within.score_within`.
    """

    auroc: Estimate | None
    pooled: Estimate | None
    gap: Estimate | None
    alone: tuple[str, ...]
    basis: Pairs


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute's groups, and whether their scores differ by more than chance.

    `p_value` is of the test that they are equal, `corrected` the same for all attributes together; both are `None`
    where fewer than two groups could be compared. `differs` says that `corrected` is below 0.05. `within` is the score
    of pairs of the same known value, of the source alone.
    """

    groups: tuple[Group, ...]
    p_value: float | None
    corrected: float | None
    differs: bool
    within: Within | None = None  # None in runs of older versions


class Subgroups(msgspec.Struct, frozen=True, kw_only=True):
    """Groups by attribute, and `all` rows likewise: see `birads_zoo.evaluation.subgroups.read_subgroups`.

    `tested` names the score that attributes are compared by, `rule` says from what size on a group has scores.
    """

    tested: Tested
    rule: str
    caution: str
    all: Group
    attributes: dict[str, Attribute]

    def compared(self, group: Group) -> Estimate | None:
        """Return the score of a group that attributes are compared by; `None` where the group has none."""
        if group.scores is None:
            return None
        return group.scores.auroc if self.tested == "auroc" else group.scores.macro_auroc
