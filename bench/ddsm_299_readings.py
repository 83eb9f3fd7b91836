"""DDSM-299, marked against unmarked: what predictions say by film, by breast, and of a woman's two breasts.

Reads the out-of-fold predictions of a study (`study_predictions.py`) and writes `readings.json` and `readings.md`: each
network's mean over seeds, its seeds averaged as one model, and the networks named by `--average` as one model. What is
averaged are log-odds. Settings were chosen on the women of one fixed half, by a hash of their numbers; the other half
is reported.

    python bench/ddsm_299_readings.py bench/results/ddsm-299/marked/predictions.csv ddsm-299 --average mobilenet_v2
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from birads_zoo.evaluation.rows import OutOfFold
from birads_zoo.evaluation.statistics.intervals import intervals, rate
from birads_zoo.files import write_text
from birads_zoo.results.estimate import Estimate

WOMAN, BREAST = ["patient_id"], ["patient_id", "laterality"]
POPULATIONS = ("women chosen on", "other women", "all women")
SMALLEST = 1e-6  # chances are kept off 0 and 1, whose log-odds are infinite

Reading = dict[str, float]
Readings = dict[str, dict[str, dict[str, Reading]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """One model's predictions: n rows `about` the films; the log-odds of "marked" and the fold of S seeds, n×S."""

    about: pd.DataFrame
    odds: NDArray[np.float64]
    folds: NDArray[np.int64]

    def where(self, rows: NDArray[np.bool_]) -> Scores:
        """Return the scores of some of the rows."""
        return Scores(about=self.about[rows], odds=self.odds[rows], folds=self.folds[rows])

    def breasts(self) -> Scores:
        """Return the mean of each breast's films; a breast is marked if any of them is."""
        keys = [self.about[name].to_numpy() for name in BREAST]
        odds = pd.DataFrame(self.odds).groupby(keys).mean()
        folds = pd.DataFrame(self.folds).groupby(keys).first()
        about = self.about.groupby(BREAST, as_index=False)["marked"].max()
        return Scores(about=about, odds=odds.to_numpy(), folds=folds.to_numpy())

    def compared(self) -> Scores:
        """Score each row by its breast's films less the other breast's; 0 for a woman with films of one breast."""
        sums, counts = _sums(self.odds, self.about, WOMAN)
        own, films = _sums(self.odds, self.about, BREAST)
        other = np.divide(sums - own, counts - films, out=own / films, where=counts > films)
        return replace(self, odds=own / films - other)


def main() -> None:
    """Read every model and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictions", type=Path, help="the table of study_predictions.py")
    parser.add_argument("root", type=Path, help="the unpacked folder, with its labels.csv")
    parser.add_argument("--average", nargs="+", default=[], metavar="MODEL", help="also these, averaged as one")
    parser.add_argument("--out", type=Path, help="where the readings lie; beside the predictions by default")
    arguments = parser.parse_args()

    labels = pd.read_csv(arguments.root / "labels.csv", dtype=str, keep_default_na=False).set_index("image_path")
    models = read_models(arguments.predictions, labels)
    if unknown := set(arguments.average) - models.keys():
        parser.error(f"{arguments.predictions} has no {', '.join(sorted(unknown))}, but {', '.join(models)}")
    readings = read(with_averages(models, arguments.average))
    out = arguments.out or arguments.predictions.parent
    write_text(out / "readings.json", json.dumps(readings, indent=2) + "\n")
    write_text(out / "readings.md", table(readings))
    print(table(readings))


def read_models(predictions: Path, labels: pd.DataFrame) -> dict[str, Scores]:
    """Return each model's scores; the table's folds are those of all models, one column a seed."""
    rows = pd.read_csv(predictions, dtype={"patient_id": str}, keep_default_na=False)
    about = rows[["image_path", "patient_id", "laterality"]].copy()
    about["marked"] = (rows["label"] == "marked").to_numpy()
    about["mass"] = labels.loc[rows["image_path"], "lesion_types"].str.contains("MASS").to_numpy()
    chances = rows[[name for name in rows if name.endswith(", marked")]].clip(SMALLEST, 1 - SMALLEST)
    columns: dict[str, list[str]] = {}
    for column in chances:
        columns.setdefault(column.split(", ")[0], []).append(column)
    return {
        name: Scores(
            about=about,
            odds=logit(chances[own].to_numpy()),
            folds=rows[[f"fold, {column.split(', ')[1]}" for column in own]].to_numpy(),
        )
        for name, own in sorted(columns.items())
    }


def with_averages(models: dict[str, Scores], averaged: list[str]) -> dict[str, Scores]:
    """Return the models, each also with its seeds averaged as one, and the `averaged` as one."""
    found = dict(models)
    found |= {f"{name}, seeds averaged": _together([scores]) for name, scores in models.items()}
    if averaged:
        found["average of " + ", ".join(averaged)] = _together([models[name] for name in averaged])
    return found


def _together(models: list[Scores]) -> Scores:
    """Return the mean over models and seeds; the folds of seeds differ, so that no row has one."""
    odds = np.concatenate([scores.odds for scores in models], axis=1).mean(axis=1, keepdims=True)
    return Scores(about=models[0].about, odds=odds, folds=np.zeros(odds.shape, np.int64))


def _sums(odds: NDArray[np.float64], about: pd.DataFrame, keys: list[str]) -> tuple[NDArray[np.float64], ...]:
    """Return, for each row, the sum over the rows that share its keys, and their number n×1."""
    groups = pd.DataFrame(odds).groupby([about[name].to_numpy() for name in keys])
    return groups.transform("sum").to_numpy(), groups[[0]].transform("size").to_numpy(np.float64).reshape(-1, 1)


def chosen_on(patients: pd.Series[str]) -> NDArray[np.bool_]:
    """Say of each woman's number whether she is in the half on which settings were chosen."""
    return np.array([hashlib.sha256(patient.encode()).digest()[0] % 2 == 0 for patient in patients], dtype=bool)


def read(models: dict[str, Scores]) -> Readings:
    """Return the readings of each model, by population of women."""
    found: Readings = {name: {} for name in POPULATIONS}
    for name, scores in models.items():
        half = chosen_on(scores.about["patient_id"])
        for population, rows in zip(POPULATIONS, (half, ~half, np.ones_like(half)), strict=True):
            found[population][name] = _readings(scores.where(rows))
    return found


def _readings(scores: Scores) -> dict[str, Reading]:
    marked, mass = scores.about["marked"].to_numpy(), scores.about["mass"].to_numpy()
    breasts = scores.breasts()
    return {
        "film": _area(scores),
        "film, breasts compared": _area(scores.compared()),
        "breast": _area(breasts),
        "breast, breasts compared": _area(breasts.compared()),
        "film, masses": _area(scores.where(~marked | mass)),
        "film, calcifications alone": _area(scores.where(~marked | ~mass)),
        "which of two breasts": _which(breasts),
    }


def _area(scores: Scores) -> Reading:
    """Return the ROC-AUC of "marked": of S seeds, the mean of their areas by fold."""
    labels = scores.about["marked"].to_numpy().astype(np.int64)
    patients = scores.about["patient_id"].to_numpy(dtype=str)
    chances = expit(scores.odds.T)
    told = OutOfFold(probabilities=np.stack([1 - chances, chances], axis=2), folds=scores.folds.T)
    found = intervals(labels, told, patients, ordinal=False, names={"macro_auroc"})["macro_auroc"]
    return _told(found, n=len(labels), women=len(set(patients)))


def _which(breasts: Scores) -> Reading:
    """Return in what share of the women with one marked breast it has the higher score; a tie counts half."""
    differences = breasts.compared()
    sides = breasts.about.groupby("patient_id")["marked"].agg(["size", "sum"])
    women = sides.index[(sides["size"] == 2) & (sides["sum"] == 1)]
    rows = breasts.about["marked"].to_numpy() & breasts.about["patient_id"].isin(women).to_numpy()
    more = differences.odds[rows]
    hits = np.stack([more > 0, more >= 0])  # (2, women, S)
    patients = breasts.about["patient_id"].to_numpy(dtype=str)[rows]
    everyone = np.broadcast_to(patients[:, None], hits.shape)
    return _told(rate(hits.ravel(), everyone.ravel()), n=len(women), women=len(women))


def _told(estimate: Estimate | None, n: int, women: int) -> Reading:
    assert estimate is not None, "a reading without rows of both kinds"
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": n, "women": women}


def table(readings: Readings) -> str:
    """Return a Markdown table a population: a row a model, a column a reading, each with its 95 % interval and n."""
    parts = []
    for population, models in readings.items():
        columns = list(next(iter(models.values())))
        lines = [f"| {population} | " + " | ".join(columns) + " |", "| --- " * (len(columns) + 1) + "|"]
        for name, found in models.items():
            cells = [
                f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}], n = {one['n']}" for one in found.values()
            ]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    main()
