"""Defines the best possible result, for a data set that knows its classes' chances."""

from __future__ import annotations

import msgspec

from birads_zoo.results.estimate import Estimate
from birads_zoo.results.scores import Metric


class Best(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of the classes' known chances on the test rows: see `birads_zoo.evaluation.best.read_best`."""

    macro_f1: Estimate | None
    macro_auroc: Estimate | None

    def of(self, metric: Metric) -> Estimate | None:
        """Return a metric's best value; `None` for a metric that has none."""
        return {"macro_f1": self.macro_f1, "macro_auroc": self.macro_auroc}.get(metric)
