"""Writes the test predictions of all runs of a study to one table, so that scores can be recomputed without the runs.

The table has one row per sample: its names, its label, the fold of each seed, and the probability of each class by each
model and seed, `MODEL, seed S, CLASS`; of two classes only the second. If models were split differently, as in a
leakage study, each has its own folds, `fold, MODEL, seed S`.

    python bench/study_predictions.py studies/compare --out predictions.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from birads_zoo.files import check_file, make_folder
from birads_zoo.files.csv_files import read_frame, write_frame

ABOUT = ("image_path", "patient_id", "laterality", "view", "source", "label")


def main() -> None:
    """Read the study's finished runs and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, help="the folder that compare, ablate or leakage wrote")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    check_file(arguments.out)  # before anything is computed
    make_folder(arguments.out.parent)

    runs = read_runs(arguments.study)
    if not runs:
        parser.error(f"{arguments.study}/runs holds no finished run")
    write_frame(arguments.out, table(runs))


def read_runs(study: Path) -> dict[tuple[str, int], pd.DataFrame]:
    """Return the test predictions of each finished run by model and seed, sorted by picture."""
    runs: dict[tuple[str, int], pd.DataFrame] = {}
    for file in sorted((study / "runs").glob("*/predictions.csv")):
        name, seed, *mark = file.parent.name.replace("~", "/").split("@")  # such as `resnet50@0` or `resnet50@0@image`
        rows = read_frame(file, {"patient_id": str})
        runs["@".join([name, *mark]), int(seed)] = rows.sort_values("image_path").reset_index(drop=True)
    return runs


def table(runs: dict[tuple[str, int], pd.DataFrame]) -> pd.DataFrame:
    """Return one table of all runs; raises ValueError if they do not have the same samples."""
    first = next(iter(runs.values()))
    columns = {name: first[name] for name in ABOUT if name in first}
    folds: dict[str, pd.Series[int]] = {}
    for (model, seed), rows in sorted(runs.items()):
        if not rows["image_path"].equals(first["image_path"]):
            raise ValueError(f"{model}, seed {seed}: other samples than the first run's")
        folds[f"fold, {model}, seed {seed}"] = rows["fold"]
    seeds = sorted({seed for _, seed in runs})
    shared = {
        f"fold, seed {seed}": [fold for name, fold in folds.items() if name.endswith(f", seed {seed}")]
        for seed in seeds
    }
    if all(fold.equals(of_seed[0]) for of_seed in shared.values() for fold in of_seed):
        folds = {name: of_seed[0] for name, of_seed in shared.items()}
    classes = [name for name in first if name.startswith("probability_")]
    probabilities = {
        f"{model}, seed {seed}, {name.removeprefix('probability_')}": rows[name].map("{:.4g}".format).astype(float)
        for (model, seed), rows in sorted(runs.items())
        for name in (classes[1:] if len(classes) == 2 else classes)
    }
    return pd.DataFrame(columns | folds | probabilities)


if __name__ == "__main__":
    main()
