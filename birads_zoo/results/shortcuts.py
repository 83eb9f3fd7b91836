"""Defines the scores of shortcuts, and the network's gain over the best of them."""

from __future__ import annotations

import msgspec

from birads_zoo.results.estimate import Estimate
from birads_zoo.results.scores import Metric


class ShortcutScore(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A shortcut's scores on the run's folds, in [0, 1], and whether it works (see `shortcuts.permutation_test`).

    `over_chance` is its macro-F1 minus its macro-F1 by chance. `p_value` is corrected for the number of shortcuts.
    `flagged` is true if the shortcut works. All three are `None`, and no keys in the file, for "majority", which is not
    tested, and for a shortcut that is not `measured`: if a fold has too few training rows to fit it, it has no scores.
    """

    macro_f1: float | None
    macro_auroc: float | None
    over_chance: float | None = None
    p_value: float | None = None
    flagged: bool | None = None

    @property
    def measured(self) -> bool:
        """Whether the shortcut could be fitted on every fold."""
        return self.macro_f1 is not None

    def of(self, metric: Metric) -> float | None:
        """Return a metric's score; `None` for a metric that shortcuts do not have."""
        return {"macro_f1": self.macro_f1, "macro_auroc": self.macro_auroc}.get(metric)


class Gain(Estimate, frozen=True, kw_only=True):
    """By how much the network scores higher than the best shortcut, `over`, on the same rows."""

    over: str


class Gains(msgspec.Struct, frozen=True, kw_only=True):
    """The gain over the best shortcut in each score, `None` if undefined. `over` is the best shortcut in macro-F1."""

    over: str
    macro_f1: Gain | None
    macro_auroc: Gain | None

    def of(self, metric: Metric) -> Gain | None:
        """Return a metric's gain; `None` for a metric that is not compared with shortcuts."""
        return {"macro_f1": self.macro_f1, "macro_auroc": self.macro_auroc}.get(metric)
