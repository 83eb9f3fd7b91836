"""What an area under a ROC curve rests on."""

from __future__ import annotations

import msgspec


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """The `pairs` of a positive and a negative row of one network that an area compares, and of how many `patients`.

    `patients` are those with a positive row or those with a negative one, whichever are fewer. `few` says that they are
    too few for the area to tell a good network from a poor one: see `birads_zoo.evaluation.pairs`.
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
        """What is to be said beside the area: "too few pairs: 12 pairs, 3 patients"; "" where there are enough."""
        return f"too few pairs: {self.text}" if self.few else ""


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
