"""What needs no look at the breast scores, and how much more the network does."""

from __future__ import annotations

import msgspec

from birads_zoo.results.estimate import Estimate
from birads_zoo.results.scores import Metric


class ShortcutScore(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A shortcut's scores on the run's folds, in [0, 1], and whether it works (`shortcuts.permutation_test.judge`).

    `over_chance` is its macro-F1 less what it scores by chance, `p_value` corrected for the number of shortcuts, and
    `flagged` says that it works. All three are `None`, and no keys of the file, for "majority", of which this is not
    asked, and for a shortcut that is not `measured`: a fold has too few training rows to fit it, and no score is known.
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
        """Return a metric's score; `None` for one that shortcuts are not scored by."""
        return {"macro_f1": self.macro_f1, "macro_auroc": self.macro_auroc}.get(metric)


class Gain(Estimate, frozen=True, kw_only=True):
    """How much more the network scores than the best shortcut, `over`, on the same rows."""

    over: str


class Gains(msgspec.Struct, frozen=True, kw_only=True):
    """The gain over the best shortcut in each score, `None` where undefined; `over` is the best in macro-F1."""

    over: str
    macro_f1: Gain | None
    macro_auroc: Gain | None

    def of(self, metric: Metric) -> Gain | None:
        """Return a metric's gain; `None` for one that is not compared with shortcuts."""
        return {"macro_f1": self.macro_f1, "macro_auroc": self.macro_auroc}.get(metric)
