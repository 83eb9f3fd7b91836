"""DDSM-299, marked against unmarked: what a study's runs say by image, by breast, and of a woman's two breasts.

Reads the predictions of `birads-zoo compare --dataset ddsm --target marked`, out of fold, and writes `readings.json`,
`readings.md` and `predictions.csv` (a row an image, the fold of each seed, the probability of "marked" by each network
and seed). Settings were chosen on the women of one fixed half, by a hash of their numbers; the other half is reported.

    python bench/ddsm_299_readings.py studies/ddsm-299-marked ddsm-299 --out bench/results/ddsm-299/marked
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.evaluation.intervals import intervals, rate
from birads_zoo.evaluation.rows import OutOfFold
from birads_zoo.files import make_folder, write_text
from birads_zoo.results.estimate import Estimate

BREAST = ["patient_id", "laterality"]
POPULATIONS = ("women chosen on", "other women", "all women")


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """One network's predictions: n rows `about` the images; of S seeds the chance of "marked" and the fold, n×S."""

    about: pd.DataFrame
    chances: NDArray[np.float64]
    folds: NDArray[np.int64]

    def where(self, rows: NDArray[np.bool_]) -> Scores:
        """Return the scores of some of the rows."""
        return Scores(about=self.about[rows], chances=self.chances[rows], folds=self.folds[rows])

    def breasts(self) -> Scores:
        """Return the mean of each breast's images; a breast is marked if any of them is."""
        frame = self.about[[*BREAST, "marked"]].copy()
        seeds = [f"seed {seed}" for seed in range(self.chances.shape[1])]
        folds = [f"fold {seed}" for seed in range(self.chances.shape[1])]
        frame[seeds], frame[folds] = self.chances, self.folds
        rules = {"marked": "max"} | dict.fromkeys(seeds, "mean") | dict.fromkeys(folds, "first")
        found = frame.groupby(BREAST, as_index=False).agg(rules)
        return Scores(about=found, chances=found[seeds].to_numpy(), folds=found[folds].to_numpy())

    def together(self) -> Scores:
        """Return the mean of the seeds' predictions, as one network's; their folds differ, so no row has one."""
        mean = self.chances.mean(axis=1, keepdims=True)
        return Scores(about=self.about, chances=mean, folds=np.zeros(mean.shape, np.int64))


def main() -> None:
    """Read every network of the study and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, help="the folder that compare left")
    parser.add_argument("root", type=Path, help="the unpacked folder, with its labels.csv")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    labels = pd.read_csv(arguments.root / "labels.csv", dtype=str, keep_default_na=False).set_index("image_path")
    networks = dict(read_study(arguments.study, labels))
    if not networks:
        parser.error(f"{arguments.study}/runs holds no finished run")
    readings = {name: read(scores) for name, scores in sorted(networks.items())}
    out = make_folder(arguments.out)
    write_text(out / "readings.json", json.dumps(readings, indent=2) + "\n")
    write_text(out / "readings.md", table(readings))
    write_text(out / "predictions.csv", predictions(networks).to_csv(index=False, float_format="%.4g"))
    print(table(readings))


def read_study(study: Path, labels: pd.DataFrame) -> Iterator[tuple[str, Scores]]:
    """Yield each network's name and scores, the seeds in order and the images in one order for all."""
    runs: dict[str, dict[int, pd.DataFrame]] = {}
    for folder in sorted((study / "runs").iterdir()):
        if not (folder / "predictions.csv").is_file():
            continue
        recipe = tomllib.loads((folder / "recipe.toml").read_text(encoding="utf-8"))
        rows = pd.read_csv(folder / "predictions.csv", dtype={"patient_id": str}).sort_values("image_path")
        runs.setdefault(recipe["model"]["backbone"], {})[recipe.get("seed", 0)] = rows.reset_index(drop=True)
    for name, seeds in runs.items():
        frames = [seeds[seed] for seed in sorted(seeds)]
        first = frames[0]
        assert all(frame["image_path"].equals(first["image_path"]) for frame in frames), f"{name}: other images by seed"
        about = first[["image_path", "patient_id", "laterality", "view"]].copy()
        about["marked"] = (first["label"] == "marked").to_numpy()
        about["kind"] = labels.loc[first["image_path"], "lesion_types"].to_numpy()
        yield (
            name,
            Scores(
                about=about,
                chances=np.stack([frame["probability_marked"] for frame in frames], axis=1),
                folds=np.stack([frame["fold"] for frame in frames], axis=1),
            ),
        )


def chosen_on(patients: pd.Series[str]) -> NDArray[np.bool_]:
    """Say of each woman's number whether she is in the half on which settings were chosen."""
    return np.array([hashlib.sha256(patient.encode()).digest()[0] % 2 == 0 for patient in patients], dtype=bool)


def read(scores: Scores) -> dict[str, dict[str, dict[str, float]]]:
    """Return the readings of one network, by population of women."""
    half = chosen_on(scores.about["patient_id"])
    populations = dict(zip(POPULATIONS, (half, ~half, np.ones_like(half)), strict=True))
    return {name: _readings(scores.where(rows)) for name, rows in populations.items()}


def _readings(scores: Scores) -> dict[str, dict[str, float]]:
    marked, kind = scores.about["marked"].to_numpy(), scores.about["kind"].to_numpy()
    mass = np.array(["MASS" in each.upper() for each in kind])
    breasts = scores.breasts()
    return {
        "image": _area(scores),
        "image, seeds averaged": _area(scores.together()),
        "breast": _area(breasts),
        "breast, seeds averaged": _area(breasts.together()),
        "image, masses": _area(scores.where(~marked | mass)),
        "image, calcifications alone": _area(scores.where(~marked | ~mass)),
        "which of two breasts, seeds averaged": _which(breasts.together()),
    }


def _area(scores: Scores) -> dict[str, float]:
    """Return the ROC-AUC of "marked": of S seeds, the mean of their areas by fold."""
    labels = scores.about["marked"].to_numpy().astype(np.int64)
    patients = scores.about["patient_id"].to_numpy(dtype=str)
    both = np.stack([1 - scores.chances.T, scores.chances.T], axis=2)
    told = OutOfFold(probabilities=both, folds=scores.folds.T)
    return _told(
        intervals(labels, told, patients, ordinal=False, names={"macro_auroc"})["macro_auroc"],
        n=len(labels),
        women=len(set(patients)),
    )


def _which(breasts: Scores) -> dict[str, float]:
    """Return in what share of the women with one marked breast that breast has the higher mean."""
    frame = breasts.about.assign(chance=breasts.chances[:, 0])
    sides = frame.pivot_table(index="patient_id", columns="laterality", values=["chance", "marked"]).dropna()
    sides = sides[sides["marked", "L"] != sides["marked", "R"]]
    left_higher = sides["chance", "L"] > sides["chance", "R"]
    hits = (left_higher == (sides["marked", "L"] > sides["marked", "R"])).to_numpy()
    return _told(rate(hits, sides.index.to_numpy(dtype=str)), n=len(hits), women=len(hits))


def _told(estimate: Estimate | None, n: int, women: int) -> dict[str, float]:
    assert estimate is not None, "a reading without rows of both kinds"
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": n, "women": women}


def table(readings: dict[str, dict[str, dict[str, dict[str, float]]]]) -> str:
    """Return a Markdown table a population: a row a network, a column a reading, each with its 95 % interval."""
    parts = []
    for population in POPULATIONS:
        columns = list(next(iter(readings.values()))[population])
        lines = [f"| {population} | " + " | ".join(columns) + " |", "| --- " * (len(columns) + 1) + "|"]
        for name, found in readings.items():
            cells = [
                f"{reading['value']:.3f} [{reading['low']:.3f}, {reading['high']:.3f}], n = {reading['n']}"
                for reading in found[population].values()
            ]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def predictions(networks: dict[str, Scores]) -> pd.DataFrame:
    """Return a row an image: what it is, the fold of each seed, and what each network gave it."""
    first = next(iter(networks.values()))
    columns = {f"fold, seed {seed}": first.folds[:, seed] for seed in range(first.folds.shape[1])}
    for name, scores in sorted(networks.items()):
        columns |= {f"{name}, seed {seed}": chances for seed, chances in enumerate(scores.chances.T)}
    return pd.concat([first.about.drop(columns="kind").reset_index(drop=True), pd.DataFrame(columns)], axis=1)


if __name__ == "__main__":
    main()
