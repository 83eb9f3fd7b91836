"""Tests whether an explainer's maps are faithful: its scores and the baselines', with intervals, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.evaluation.statistics.intervals import estimates, rate
from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.explanations import Baseline, ExplainerScores, MapScore

DECISIVE_SCORES: tuple[MapScore, ...] = ("deletion", "insertion", "road")
"""The scores that the verdict rests on: each has to beat all baselines of `DECISIVE_BASELINES`."""

LESS_IS_BETTER: tuple[MapScore, ...] = ("deletion", "road")
BASELINES: Mapping[Baseline, tuple[MapScore, ...]] = {
    "random": (*DECISIVE_SCORES, "pointing", "energy_in_lesion"),
    "centre": (*DECISIVE_SCORES, "pointing", "energy_in_lesion"),
    "brightness": (*DECISIVE_SCORES, "pointing", "energy_in_lesion"),
    "untrained": ("pointing", "energy_in_lesion"),
}
"""The scores that each baseline has."""

DECISIVE_BASELINES: tuple[Baseline, ...] = ("random", "centre", "brightness")
"""The baselines that the verdict rests on."""

SIMILAR = 0.5
"""From this rank correlation with the maps of random weights on, an explainer counts as independent of the weights."""

_MEASURED = 0.5  # the share of images that need a rank correlation; with fewer, dependence on the weights is unknown

FEWEST = 10
"""With fewer patients there is no verdict."""

_SCORES: tuple[MapScore, ...] = get_args(MapScore)


def evaluate_explainer(rows: pd.DataFrame) -> ExplainerScores:
    """Evaluate one explainer from its `rows` of `explanations.csv`.

    Every score is a mean over images. So is every gain: it is how much better the map is than the baseline's map of the
    same image, and above 0 is better for every score. What they estimate: that mean over images of other patients, with
    these networks. The 95 % intervals are over patients, which are assumed to be independent
    (`evaluation.statistics.intervals.estimates`; `rate` where all maps or none point into a lesion).

    An explainer is `faithful` on two conditions. First, the intervals of all nine gains (deletion, insertion and ROAD
    over a random, a centred and a brightness map) are above 0. Second, the maps depend on the weights: the interval of
    their rank correlation with the maps of random weights is below 0.5 (our convention; Adebayo et al. name no limit).
    All conditions have to hold, so the chance of a false alarm is at most that of one of them, 2.5 %, and no correction
    is needed (intersection-union test: Berger, Technometrics 24, 1982).

    A rank correlation is undefined where one of the two maps is flat. If fewer than half of the images have one,
    `rank_correlation` and `depends_on_weights` are `None`, and the maps are not shown to be faithful. With fewer than
    10 patients `faithful` is `None`, because intervals of so few are too narrow. Known lesions have no influence: if a
    network looks elsewhere, a faithful map shows that.
    """
    patients = rows["patient_id"].to_numpy(dtype=np.str_)
    values = _with_gains(rows)
    if np.isfinite(values["rank_correlation"]).mean() < _MEASURED:
        values["rank_correlation"][:] = np.nan
    scores = _means(values, patients)
    marked = rows["pointing"].notna().to_numpy()
    for name in ("pointing", *(f"{baseline}_pointing" for baseline in BASELINES)):
        if (estimate := scores[name]) is not None and estimate.value in (0.0, 1.0):
            scores[name] = rate(values[name][marked] > 0, patients[marked])
    gains = {
        baseline: {name: scores[f"gain_{baseline}_{name}"] for name in names} for baseline, names in BASELINES.items()
    }
    correlation = scores["rank_correlation"]
    depends = None if correlation is None else correlation.high < SIMILAR
    enough = len(np.unique(clusters(patients))) >= FEWEST
    failed = {
        baseline: [name for name in DECISIVE_SCORES if not _beats(gains[baseline][name])]
        for baseline in DECISIVE_BASELINES
    }
    return ExplainerScores(
        faithful=(not any(failed.values()) and depends is True) if enough else None,
        verdict=_sentence(failed, depends, enough),
        depends_on_weights=depends,
        n=len(rows),
        n_lesions=int(marked.sum()),
        n_lesion_patients=len(np.unique(clusters(patients)[marked])),
        scores={name: scores[name] for name in _SCORES},
        baselines={
            baseline: {name: scores[f"{baseline}_{name}"] for name in names} for baseline, names in BASELINES.items()
        },
        gain=gains,
    )


def _with_gains(rows: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Return every column (n,) that is averaged, with the gains over the baselines."""
    rows = rows.assign(random_pointing=rows["pointing_chance"])
    values: dict[str, NDArray[np.float64]] = {name: rows[name].to_numpy(np.float64, copy=True) for name in _SCORES}
    for baseline, names in BASELINES.items():
        for name in names:
            base = values[f"{baseline}_{name}"] = rows[f"{baseline}_{name}"].to_numpy(np.float64)
            gain = base - values[name] if name in LESS_IS_BETTER else values[name] - base
            values[f"gain_{baseline}_{name}"] = gain
    return values


def _means(values: Mapping[str, NDArray[np.float64]], patients: NDArray[np.str_]) -> dict[str, Estimate | None]:
    """Estimate the mean of each column over the rows that have it."""
    table = np.stack(list(values.values()), axis=1)
    known = np.isfinite(table)
    columns = np.column_stack([np.where(known, table, 0.0), known])

    def scores(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        totals, counts = np.split(sums, 2, axis=1)
        means = np.divide(totals, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
        return {name: means[:, number] for number, name in enumerate(values)}

    from_minus_1 = {name for name in values if name.startswith("gain") or name == "ssim"}
    within = {name: (-1.0 if name in from_minus_1 else 0.0, 1.0) for name in values}
    return estimates(columns, scores, patients, limits=within)


def _beats(gain: Estimate | None) -> bool:
    return gain is not None and gain.low > 0


def _in_words(scores: list[MapScore]) -> str:
    names = [score.upper() if score == "road" else score for score in scores]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _sentence(failed: Mapping[Baseline, list[MapScore]], depends: bool | None, enough: bool) -> str:
    if not enough:
        return f"undecided: fewer than {FEWEST} patients"
    gains = [f"over {baseline} in {_in_words(scores)}" for baseline, scores in failed.items() if scores]
    reasons = [f"no gain shown {'; '.join(gains)}"] if gains else []
    if depends is None:
        reasons.append("the map or that of random weights is flat in most images, so their similarity is undecided")
    elif not depends:
        reasons.append("a network with random weights gives similar maps")
    if reasons:
        lead = "does not beat its baselines" if gains else "is not shown to depend on the weights"
        return f"{lead}: {'; '.join(reasons)}"
    return "beats a random, a centred and a brightness map in deletion, insertion and ROAD, and depends on the weights"
