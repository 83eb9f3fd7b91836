"""Seconds and memory of a run's evaluation, and of the search for duplicates, for more and more images.

The rows are random: patients with two images on average, four ordinal classes of which two are positive, five folds,
and six attributes with groups. `exponent` is that of the growth between two sizes: 1 where twice the rows take twice
the time. Writes `bench/results/growth-cpu.json`.

    python bench/growth.py --images 2000 20000 200000
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from birads_zoo.data.splits.split import choose_validation
from birads_zoo.devices import choose_compute
from birads_zoo.evaluation.curves import RESAMPLES as OF_BANDS
from birads_zoo.evaluation.curves import curves
from birads_zoo.evaluation.decisions import read_cost
from birads_zoo.evaluation.folds import score_folds
from birads_zoo.evaluation.levels import read_levels
from birads_zoo.evaluation.metrics import evaluate
from birads_zoo.evaluation.positive import positives_of, read_positive
from birads_zoo.evaluation.probabilities.conformal import read_conformal
from birads_zoo.evaluation.probabilities.recalibration import read_calibration
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.evaluation.statistics.comparison import gain_over_best
from birads_zoo.evaluation.statistics.intervals import RESAMPLES, intervals
from birads_zoo.evaluation.statistics.resampling import clusters, resample
from birads_zoo.evaluation.subgroups import read_subgroups
from birads_zoo.files import make_folder, write_text
from birads_zoo.inspection.copies.duplicates import find_duplicates
from birads_zoo.inspection.copies.fingerprints import LOOKS, Fingerprint
from birads_zoo.runs.environment import describe_machine

CLASSES, SHARES = ("BI-RADS 2", "BI-RADS 3", "BI-RADS 4", "BI-RADS 5"), (0.45, 0.3, 0.2, 0.05)
COSTS = ((0, 1, 2, 3), (2, 0, 1, 2), (6, 4, 0, 1), (12, 8, 2, 0))
FOLDS, COMPARED = 5, ("macro_f1", "macro_auroc")

Work = tuple[str, Callable[[], object]]


def main() -> None:
    """Measure all sizes, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", nargs="+", type=int, default=[2000, 20_000, 200_000])
    parser.add_argument("--pictures", nargs="*", type=int, default=[2000, 20_000, 100_000], help="for duplicates")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    make_folder(arguments.out)  # before anything is measured

    compute = choose_compute("cpu", "float32")
    report: dict[str, Any] = {"environment": msgspec.to_builtins(describe_machine(compute))}
    for name, sizes, works in (
        ("evaluation", arguments.images, evaluations),
        ("duplicates", arguments.pictures, duplicates),
    ):
        rows = []
        for size in sizes:
            parts = {}
            compute.forget_peak()
            for part, work in works(size):
                started = time.perf_counter()
                work()
                parts[part] = round(time.perf_counter() - started, 3)
            peak = compute.peak_memory()
            total = round(sum(parts.values()), 2)
            rows.append({"images": size, "seconds": total, "peak_memory": peak, "parts": parts})
            if len(rows) > 1:
                first = rows[-2]
                rows[-1]["exponent"] = round(math.log(total / first["seconds"]) / math.log(size / first["images"]), 2)
            print(name, json.dumps(rows[-1]), flush=True)
        report[name] = rows
        write_text(arguments.out / "growth-cpu.json", json.dumps(report, indent=2) + "\n")


def evaluations(size: int) -> Iterator[Work]:
    """Yield all parts of the evaluation of a run with `size` test rows."""
    test, validation = drawn(size, 0), drawn(size // 5, 1)
    folds, shifts = test.folds, {fold: np.array([-0.1, 0.0, 0.1, 0.2]) for fold in range(FOLDS)}
    shortcuts = {f"shortcut {number}": drawn(size, 2 + number).probabilities for number in range(3)}
    resamples = resample(test.patients, RESAMPLES, generator(3))

    def split() -> None:
        for fold in range(FOLDS):
            rest = np.flatnonzero(folds != fold)
            choose_validation(clusters(test.patients[rest]), test.labels[rest], 0.1, 0, fold)

    def draw() -> None:
        bands = resample(test.patients, OF_BANDS, generator(4))
        positive, scores = positives_of(test)
        curves(positive, scores, bands)
        for k in range(len(CLASSES)):
            curves(test.labels == k, test.probabilities[:, k], bands)

    yield "choice of validation rows", split
    yield "resamples", lambda: resample(test.patients, RESAMPLES, generator(3))
    yield "metrics", lambda: evaluate(test.labels, test.probabilities, folds, CLASSES)
    yield "intervals", lambda: intervals(test.labels, test.out_of_fold, test.patients, ordinal=True)
    yield "folds", lambda: score_folds(test.labels, test.probabilities, test.patients, folds, CLASSES, ordinal=True)
    yield (
        "gain",
        lambda: gain_over_best(
            test.labels, test.probabilities, shortcuts, folds, test.patients, COMPARED, ordinal=True
        ),
    )
    yield "positive classes", lambda: read_positive(test, resamples)
    yield "costs", lambda: read_cost(test, COSTS)
    yield "subgroups", lambda: read_subgroups(test, resamples)
    yield "levels", lambda: read_levels(test, "mean", generator(3))
    yield "calibration", lambda: read_calibration(test, validation, shifts)
    yield "conformal sets", lambda: read_conformal(test, validation, 0.9, chose_epoch=False, leak="none")
    yield "curves with bands", draw


def duplicates(size: int) -> Iterator[Work]:
    """Yield the search among the fingerprints of `size` different pictures."""
    draws = generator(0)
    shape = [draws.normal(0, 0.5, (8, 8)) for _ in LOOKS]  # breasts are alike: their hashes agree more than by chance

    def detail(side: int) -> np.ndarray[Any, Any]:
        fine = draws.standard_normal((side, side), np.float32)
        return (fine / np.linalg.norm(fine)).astype(np.float16)

    prints = [
        Fingerprint(
            digest=str(number),
            brightest=255,
            deep=False,
            spectra=tuple((mean + draws.normal(0, 1, (8, 8))).astype(np.float32) for mean in shape),
            details=tuple(detail(look.side) for look in LOOKS),
        )
        for number in range(size)
    ]
    yield "search", lambda: find_duplicates(prints)


def drawn(size: int, seed: int) -> PredictedRows:
    """Draw rows: a network's logits are the truth, an effect of the patient, and noise."""
    draws, patients = generator(seed), max(size // 2, 1)
    of = np.sort(draws.integers(0, patients, size))
    labels = draws.choice(len(CLASSES), patients, p=SHARES)[of]
    logits = draws.normal(0, 1, (size, len(CLASSES))) + draws.normal(0, 0.7, (patients, len(CLASSES)))[of]
    logits[np.arange(size), labels] += 1.2
    about = {
        "density": draws.choice(list("ABCD"), size),
        "age": draws.integers(30, 85, size).astype(str),
        "view": draws.choice(["CC", "MLO"], size),
        "laterality": draws.choice(["L", "R"], size),
        "study_date": draws.choice(["2023-05-01", "2024-05-01", "2025-05-01"], size),
        "source": draws.choice(["film", "digital"], size),
    }
    return PredictedRows(
        labels=labels,
        probabilities=np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
        patients=of.astype(str),
        folds=draws.integers(0, FOLDS, patients)[of],
        about=pd.DataFrame(about),
        classes=CLASSES,
        ordinal=True,
        positive=(2, 3),
    )


def generator(seed: int) -> np.random.Generator:
    """Return the generator of one part of the data."""
    return np.random.default_rng([17, seed])


if __name__ == "__main__":
    main()
