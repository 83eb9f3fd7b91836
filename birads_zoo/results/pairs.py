"""Defines the number of pairs and patients behind an area under a ROC curve."""

from __future__ import annotations

import msgspec


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of `pairs` and `patients` behind an area. A pair is a positive and a negative row of one network.

    `patients` is the number of those with a positive row or of those with a negative row, whichever is smaller. `few`
    is true if they are too few to distinguish a good network from a poor one: see `birads_zoo.evaluation.pairs`.
    """

    pairs: int
    patients: int
    few: bool

    @property
    def text(self) -> str:
        """The counts in words: "12 pairs, 3 patients"."""
        return f"{_counted(self.pairs, 'pair')}, {_counted(self.patients, 'patient')}"

    @property
    def warning(self) -> str:
        """The warning to show beside the area: "too few pairs: 12 pairs, 3 patients"; "" if there are enough."""
        return f"too few pairs: {self.text}" if self.few else ""


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
