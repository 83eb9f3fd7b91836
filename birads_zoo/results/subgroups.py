"""Defines scores in subgroups of the rows: by density, age, view, laterality, year and source."""

from __future__ import annotations

from typing import Literal

import msgspec

from birads_zoo.results.estimate import Estimate
from birads_zoo.results.pairs import Pairs

Tested = Literal["auroc", "macro_auroc"]


class GroupScores(msgspec.Struct, frozen=True, kw_only=True):
    """A group's scores, in [0, 1]; `None` if undefined.

    `auroc` is that of the positive classes. If no class is positive, `macro_auroc` replaces it. Only one of the two is
    computed.
    """

    auroc: Estimate | None = None
    macro_auroc: Estimate | None = None
    accuracy: Estimate | None
    macro_f1: Estimate | None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The `n` images, of `patients` patients, that share an attribute's `value`.

    `positives` counts images of positive classes (`None` if no class is positive). `absent` names classes without an
    image. `scores` is `None` if the group is too small for an interval. `basis` has the numbers behind its area.
    """

    value: str
    n: int
    patients: int
    positives: int | None
    absent: tuple[str, ...]
    scores: GroupScores | None
    basis: Pairs | None = None  # None in runs of older versions


class Within(msgspec.Struct, frozen=True, kw_only=True):
    """The score that compares attributes, from pairs of rows with the same value of the attribute only.

    `auroc` is the mean over the values, weighted by their pairs. `pooled` is the score of the same rows including pairs
    of different values. `gap` is `pooled` minus `auroc`. `alone` names the classes whose rows never share a value with
    a row of another class. All three are `None` if there are such classes, or if `basis` has fewer than three patients.
    See `birads_zoo.evaluation.within.score_within`.
    """

    auroc: Estimate | None
    pooled: Estimate | None
    gap: Estimate | None
    alone: tuple[str, ...]
    basis: Pairs


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute's groups, and whether their scores differ by more than chance.

    `p_value` is of the test that the scores are equal, `corrected` is corrected for the number of attributes. Both are
    `None` if fewer than two groups could be compared. `differs` is true if `corrected` is below 0.05. `within` is the
    score of pairs with the same known value, for the source only.
    """

    groups: tuple[Group, ...]
    p_value: float | None
    corrected: float | None
    differs: bool
    within: Within | None = None  # None in runs of older versions


class Subgroups(msgspec.Struct, frozen=True, kw_only=True):
    """Groups by attribute, and `all` rows as one group: see `birads_zoo.evaluation.subgroups.read_subgroups`.

    `tested` names the score that compares attributes. `rule` is the sentence on the smallest size of a group with
    scores.
    """

    tested: Tested
    rule: str
    caution: str
    all: Group
    attributes: dict[str, Attribute]

    def compared(self, group: Group) -> Estimate | None:
        """Return a group's score that compares attributes; `None` if the group has none."""
        if group.scores is None:
            return None
        return group.scores.auroc if self.tested == "auroc" else group.scores.macro_auroc
