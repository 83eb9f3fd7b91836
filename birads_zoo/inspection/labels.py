"""Counts patients with several classes, and measures how often two rows of one patient agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, kw_only=True)
class MixedPatients:
    """Patients with more than one class, and where the classes differ.

    `patients` of `known` patients have several classes: `within_breast` in one breast at one exam, else
    `between_breasts` in the two breasts at one exam, else `between_exams`. `together[i][j]` patients have both class i
    and class j; `together[i][i]` have only class i.
    """

    known: int
    patients: int
    within_breast: int
    between_breasts: int
    between_exams: int
    together: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How often two rows of one patient, and two rows of two patients, have the same label; `None` without such a pair.

    This is over all pairs, so a patient with m rows counts m(m − 1)/2 times. The difference of the two is what
    recognising the patient gains.
    """

    same_patient: float | None
    different_patients: float | None


def count_mixed_patients(listing: pd.DataFrame, classes: Sequence[str]) -> MixedPatients:
    """Count the patients with several classes, by where the classes differ."""
    known = listing[listing["patient"] != ""]
    held = pd.crosstab(known["patient"], known["label"]).reindex(columns=list(classes), fill_value=0) > 0
    mixed = set(held.index[held.sum(axis=1) > 1])
    in_breast = _mixed(known[known["side"] != ""], ["patient", "exam", "side"])
    in_exam = _mixed(known, ["patient", "exam"]) - in_breast
    table = held.to_numpy(dtype=np.int64)
    together = table.T @ table
    alone = table[table.sum(axis=1) == 1].sum(axis=0)
    np.fill_diagonal(together, alone)
    return MixedPatients(
        known=len(held),
        patients=len(mixed),
        within_breast=len(in_breast),
        between_breasts=len(in_exam),
        between_exams=len(mixed - in_breast - in_exam),
        together=tuple(tuple(int(count) for count in row) for row in together),
    )


def find_agreement(listing: pd.DataFrame) -> Agreement:
    """Compare the labels of all pairs of rows whose patients are known."""
    known = listing[listing["patient"] != ""]
    counts = pd.crosstab(known["patient"], known["label"]).to_numpy(dtype=np.float64)
    of_patients, of_classes, n = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    same_pairs, same_alike = (of_patients * (of_patients - 1)).sum(), (counts * (counts - 1)).sum()
    other_pairs, other_alike = n**2 - (of_patients**2).sum(), (of_classes**2).sum() - (counts**2).sum()
    return Agreement(
        same_patient=float(same_alike / same_pairs) if same_pairs else None,
        different_patients=float(other_alike / other_pairs) if other_pairs else None,
    )


def _mixed(rows: pd.DataFrame, by: list[str]) -> set[str]:
    """Return the patients with several labels in one group."""
    several = rows.groupby(by, sort=False)["label"].nunique()
    return set(several[several > 1].index.get_level_values("patient"))
