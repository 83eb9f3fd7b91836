"""The same scores in parts of the rows: by density, age, view, laterality and year."""

from __future__ import annotations

from typing import Literal

import msgspec

from birads_zoo.results.estimate import Estimate

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
    image. `scores` is `None` where the group is too small for an interval.
    """

    value: str
    n: int
    patients: int
    positives: int | None
    absent: tuple[str, ...]
    scores: GroupScores | None


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute's groups, and whether their scores differ by more than chance.

    `p_value` is of the test that they are equal, `corrected` the same for all attributes together; both are `None`
    where fewer than two groups could be compared. `differs` says that `corrected` is below 0.05.
    """

    groups: tuple[Group, ...]
    p_value: float | None
    corrected: float | None
    differs: bool


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
