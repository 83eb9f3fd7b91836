"""Whose the labels are: a breast's or a patient's; and which patients have several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Sides:
    """One class in exams of both breasts: `exams` have it on one side at least, `same` of them on both.

    `rate` is their ratio, with its 95 % Wilson interval `low` … `high`, `None` without an exam. `by_chance` is the
    rate that would come of sides labelled independently of each other with this class's share p of them: p² / (1 −
    (1 − p)²) = p / (2 − p). A common class agrees often by chance; so a rate says that the label is the patient's
    only where it is far above.
    """

    name: str
    exams: int
    same: int
    rate: float | None
    low: float | None
    high: float | None
    by_chance: float | None


@dataclass(frozen=True, kw_only=True)
class Several:
    """Patients with more than one class, and where these meet.

    `patients` of `known` have several; of them `within_breast` in one breast at one exam, else `between_breasts` in
    the two breasts at one exam, else `between_exams`. `together[i][j]` patients have both class i and class j;
    `together[i][i]` have class i alone.
    """

    known: int
    patients: int
    within_breast: int
    between_breasts: int
    between_exams: int
    together: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How often two rows bear the same label: of one patient, and of two. `None` where there is no such pair.

    Over all pairs, so a patient with m rows counts m(m − 1)/2 times. What lies between the two is what a table from
    patient to label gains.
    """

    same_patient: float | None
    different_patients: float | None


def compare_sides(listing: pd.DataFrame, classes: Sequence[str]) -> tuple[Sides, ...]:
    """Tell for each class how often both breasts of one exam bear it; a side with several labels bears none."""
    told = listing[(listing["exam"] != "") & listing["side"].isin(("L", "R"))]
    breasts = told.groupby(["exam", "side"])["label"].agg(
        lambda labels: labels.iloc[0] if labels.nunique() == 1 else ""
    )
    pairs = breasts.unstack("side") if len(breasts) else pd.DataFrame(columns=["L", "R"])
    both = pairs.reindex(columns=["L", "R"]).dropna()
    left, right = both["L"].to_numpy(dtype=np.str_), both["R"].to_numpy(dtype=np.str_)
    found = []
    for name in classes:
        exams, same = int(((left == name) | (right == name)).sum()), int(((left == name) & (right == name)).sum())
        low, high = wilson(same, exams) if exams else (None, None)
        share = (exams + same) / (2 * len(both)) if len(both) else 0.0
        found.append(
            Sides(
                name=name,
                exams=exams,
                same=same,
                rate=same / exams if exams else None,
                low=low,
                high=high,
                by_chance=share / (2 - share) if exams else None,
            )
        )
    return tuple(found)


def find_several(listing: pd.DataFrame, classes: Sequence[str]) -> Several:
    """Count the patients with several classes, by where these meet."""
    known = listing[listing["patient"] != ""]
    held = pd.crosstab(known["patient"], known["label"]).reindex(columns=list(classes), fill_value=0) > 0
    mixed = set(held.index[held.sum(axis=1) > 1])
    in_breast = _mixed(known[known["side"] != ""], ["patient", "exam", "side"])
    in_exam = _mixed(known, ["patient", "exam"]) - in_breast
    table = held.to_numpy(dtype=np.int64)
    together = table.T @ table
    alone = table[table.sum(axis=1) == 1].sum(axis=0)
    np.fill_diagonal(together, alone)
    return Several(
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


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate of `hits` in `trials` > 0 independent trials.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927) 209–212.
    """
    z = 1.959963984540054
    rate = hits / trials
    centre = rate + z**2 / (2 * trials)
    reach = z * math.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2))
    scale = 1 + z**2 / trials
    return max((centre - reach) / scale, 0.0), min((centre + reach) / scale, 1.0)


def _mixed(rows: pd.DataFrame, by: list[str]) -> set[str]:
    """Return the patients of whom one group has several labels."""
    several = rows.groupby(by, sort=False)["label"].nunique()
    return set(several[several > 1].index.get_level_values("patient"))
