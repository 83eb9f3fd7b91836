"""DDSM-299, marked against unmarked: scores by film, by breast, and of a woman's two breasts compared.

Reads the out-of-fold predictions of a study (`study_predictions.py`) and writes `readings.json` and `readings.md`: each
network's mean over seeds, its seeds averaged as one model, and the networks named by `--average` averaged as one model.
Log-odds are averaged. Settings were chosen on one fixed half of the women, by a hash of their numbers; the other half
is reported separately.

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
from birads_zoo.files import make_folder, write_text
from birads_zoo.files.csv_files import read_frame
from birads_zoo.results.estimate import Estimate

WOMAN, BREAST = ["patient_id"], ["patient_id", "laterality"]
POPULATIONS = ("women chosen on", "other women", "all women")
SMALLEST = 1e-6  # probabilities are kept away from 0 and 1, whose log-odds are infinite

Reading = dict[str, float]
Readings = dict[str, dict[str, dict[str, Reading]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """A model's predictions: n rows `about` the films, and the log-odds of "marked" and the folds of S seeds, n×S."""

    about: pd.DataFrame
    odds: NDArray[np.float64]
    folds: NDArray[np.int64]

    def where(self, rows: NDArray[np.bool_]) -> Scores:
        """Return the scores of some of the rows."""
        return Scores(about=self.about[rows], odds=self.odds[rows], folds=self.folds[rows])

    def breasts(self) -> Scores:
        """Return the mean over each breast's films; a breast is marked if any of its films is."""
        keys = [self.about[name].to_numpy() for name in BREAST]
        odds = pd.DataFrame(self.odds).groupby(keys).mean()
        folds = pd.DataFrame(self.folds).groupby(keys).first()
        about = self.about.groupby(BREAST, as_index=False)["marked"].max()
        return Scores(about=about, odds=odds.to_numpy(), folds=folds.to_numpy())

    def compared(self) -> Scores:
        """Score each row by its breast's mean less the other breast's; 0 for a woman with films of only one breast."""
        sums, counts = _sums(self.odds, self.about, WOMAN)
        breast, films = _sums(self.odds, self.about, BREAST)
        other = np.divide(sums - breast, counts - films, out=breast / films, where=counts > films)
        return replace(self, odds=breast / films - other)


def main() -> None:
    """Read every model and write the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictions", type=Path, help="the table of study_predictions.py")
    parser.add_argument("root", type=Path, help="the unpacked folder, with its labels.csv")
    parser.add_argument("--average", nargs="+", default=[], metavar="MODEL", help="also average these as one model")
    parser.add_argument("--out", type=Path, help="the folder to write to; that of the predictions by default")
    arguments = parser.parse_args()
    out = make_folder(arguments.out or arguments.predictions.parent)  # before anything is computed

    labels = pd.read_csv(arguments.root / "labels.csv", dtype=str, keep_default_na=False).set_index("image_path")
    models = read_models(arguments.predictions, labels)
    if unknown := set(arguments.average) - models.keys():
        parser.error(f"{arguments.predictions} has no {', '.join(sorted(unknown))}, but {', '.join(models)}")
    readings = read(with_averages(models, arguments.average))
    write_text(out / "readings.json", json.dumps(readings, indent=2) + "\n")
    write_text(out / "readings.md", table(readings))
    print(table(readings))


def read_models(predictions: Path, labels: pd.DataFrame) -> dict[str, Scores]:
    """Return each model's scores; the table has one column of folds per seed, for all models."""
    rows = read_frame(predictions, {"patient_id": str})
    about = rows[["image_path", "patient_id", "laterality"]].copy()
    about["marked"] = (rows["label"] == "marked").to_numpy()
    about["mass"] = labels.loc[rows["image_path"], "lesion_types"].str.contains("MASS").to_numpy()
    probabilities = rows[[name for name in rows if name.endswith(", marked")]].clip(SMALLEST, 1 - SMALLEST)
    columns: dict[str, list[str]] = {}
    for column in probabilities:
        columns.setdefault(column.split(", ")[0], []).append(column)
    return {
        name: Scores(
            about=about,
            odds=logit(probabilities[by_seed].to_numpy()),
            folds=rows[[f"fold, {column.split(', ')[1]}" for column in by_seed]].to_numpy(),
        )
        for name, by_seed in sorted(columns.items())
    }


def with_averages(models: dict[str, Scores], averaged: list[str]) -> dict[str, Scores]:
    """Return the models, each model's seeds averaged as one model, and the models `averaged` as one."""
    result = dict(models)
    result |= {f"{name}, seeds averaged": _together([scores]) for name, scores in models.items()}
    if averaged:
        result["average of " + ", ".join(averaged)] = _together([models[name] for name in averaged])
    return result


def _together(models: list[Scores]) -> Scores:
    """Return the mean over models and seeds; all rows get the fold 0, because the seeds' folds differ."""
    odds = np.concatenate([scores.odds for scores in models], axis=1).mean(axis=1, keepdims=True)
    return Scores(about=models[0].about, odds=odds, folds=np.zeros(odds.shape, np.int64))


def _sums(odds: NDArray[np.float64], about: pd.DataFrame, keys: list[str]) -> tuple[NDArray[np.float64], ...]:
    """Return, for each row, the sum over all rows with the same keys, and their number, n×1."""
    groups = pd.DataFrame(odds).groupby([about[name].to_numpy() for name in keys])
    return groups.transform("sum").to_numpy(), groups[[0]].transform("size").to_numpy(np.float64).reshape(-1, 1)


def chosen_on(patients: pd.Series[str]) -> NDArray[np.bool_]:
    """Return for each woman's number whether she is in the half on which settings were chosen."""
    return np.array([hashlib.sha256(patient.encode()).digest()[0] % 2 == 0 for patient in patients], dtype=bool)


def read(models: dict[str, Scores]) -> Readings:
    """Return the readings of each model, by population of women."""
    readings: Readings = {name: {} for name in POPULATIONS}
    for name, scores in models.items():
        half = chosen_on(scores.about["patient_id"])
        for population, rows in zip(POPULATIONS, (half, ~half, np.ones_like(half)), strict=True):
            readings[population][name] = _readings(scores.where(rows))
    return readings


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
    """Return the ROC-AUC of "marked": the mean over S seeds of the areas by fold."""
    labels = scores.about["marked"].to_numpy().astype(np.int64)
    patients = scores.about["patient_id"].to_numpy(dtype=str)
    chances = expit(scores.odds.T)
    predictions = OutOfFold(probabilities=np.stack([1 - chances, chances], axis=2), folds=scores.folds.T)
    estimate = intervals(labels, predictions, patients, ordinal=False, names={"macro_auroc"})["macro_auroc"]
    return _reading(estimate, n=len(labels), women=len(set(patients)))


def _which(breasts: Scores) -> Reading:
    """Return the share of the women with one marked breast in whom it scores higher; a tie counts half."""
    differences = breasts.compared()
    sides = breasts.about.groupby("patient_id")["marked"].agg(["size", "sum"])
    women = sides.index[(sides["size"] == 2) & (sides["sum"] == 1)]
    rows = breasts.about["marked"].to_numpy() & breasts.about["patient_id"].isin(women).to_numpy()
    more = differences.odds[rows]
    hits = np.stack([more > 0, more >= 0])  # (2, women, S)
    patients = breasts.about["patient_id"].to_numpy(dtype=str)[rows]
    clusters = np.broadcast_to(patients[:, None], hits.shape)
    return _reading(rate(hits.ravel(), clusters.ravel()), n=len(women), women=len(women))


def _reading(estimate: Estimate | None, n: int, women: int) -> Reading:
    assert estimate is not None, "a reading without rows of both kinds"
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": n, "women": women}


def table(readings: Readings) -> str:
    """Return one Markdown table per population: a row per model, and scores with 95 % intervals and n."""
    parts = []
    for population, models in readings.items():
        columns = list(next(iter(models.values())))
        lines = [f"| {population} | " + " | ".join(columns) + " |", "| --- " * (len(columns) + 1) + "|"]
        for name, values in models.items():
            cells = [
                f"{reading['value']:.3f} [{reading['low']:.3f}, {reading['high']:.3f}], n = {reading['n']}"
                for reading in values.values()
            ]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    main()
