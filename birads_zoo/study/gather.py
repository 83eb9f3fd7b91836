"""Reads the predictions of a study's runs: the same rows in the same order, predicted once by every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birads_zoo.errors import UserError
from birads_zoo.evaluation.rows import OutOfFold
from birads_zoo.files.csv_files import read_frame
from birads_zoo.results.cost import Cost
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.runs.completion import check_unchanged
from birads_zoo.runs.folder import read_cost, read_metrics
from birads_zoo.runs.predictions import labels_and_probabilities
from birads_zoo.study.executors.tasks import Failure


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """Predictions of S seeds of one recipe for n rows, sorted by their numbers, with each run's metrics and costs.

    `out_of_fold` has each seed's probabilities and folds. `patients` (n,) are ids, "" where unknown. `metrics` and
    `costs` have an entry per seed.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    patients: NDArray[np.str_]
    classes: tuple[str, ...]
    out_of_fold: OutOfFold
    metrics: tuple[RunMetrics, ...]
    costs: tuple[Cost, ...]


def gather(folders: Sequence[Path]) -> Predicted:
    """Read the runs of one recipe, one folder per seed.

    Raises:
        UserError: for a file that is missing, damaged or changed, or runs that predict other rows or have other labels.

    """
    first, *others = [_read(folder) for folder in folders]
    for folder, other in zip(folders[1:], others, strict=True):
        if reason := difference(first, other):
            raise UserError(
                f"{folder} cannot be compared with {folders[0]}: {reason}; run the study again in another place"
            )
    runs = [first, *others]
    return Predicted(
        rows=first.rows,
        labels=first.labels,
        patients=first.patients,
        classes=first.classes,
        out_of_fold=OutOfFold(
            probabilities=np.concatenate([run.out_of_fold.probabilities for run in runs]),
            folds=np.concatenate([run.out_of_fold.folds for run in runs]),
        ),
        metrics=tuple(run.metrics[0] for run in runs),
        costs=tuple(run.costs[0] for run in runs),
    )


def collect(
    folders: Mapping[str, Sequence[Path]], failures: Mapping[str, Failure]
) -> tuple[dict[str, Predicted], dict[str, Failure]]:
    """Read every variant's runs; a variant that cannot be compared with the first is added to the `failures`."""
    predicted: dict[str, Predicted] = {}
    failed = dict(failures)
    for name, run_folders in folders.items():
        try:
            variant = gather(run_folders)
        except UserError as error:
            failed[name] = Failure(reason=str(error))
            continue
        first = next(iter(predicted), "")
        if first and (reason := difference(predicted[first], variant)):
            failed[name] = Failure(reason=f"it cannot be compared with {first}: {reason}")
        else:
            predicted[name] = variant
    return predicted, failed


def difference(first: Predicted, second: Predicted) -> str:
    """Return how the rows of two recipes differ, so that they cannot be compared in pairs; "" without a difference."""
    if first.classes != second.classes:
        return f"its classes are {', '.join(second.classes)}, not {', '.join(first.classes)}"
    if not np.array_equal(first.rows, second.rows):
        alone = len(np.setxor1d(first.rows, second.rows))
        return f"{alone} rows were predicted by only one of the two"
    if not np.array_equal(first.labels, second.labels):
        return f"{int((first.labels != second.labels).sum())} rows have another label"
    if not np.array_equal(first.patients, second.patients):
        return f"{int((first.patients != second.patients).sum())} rows have another patient"
    return ""


def _read(folder: Path) -> Predicted:
    check_unchanged(folder, ("metrics.json", "cost.json", "predictions.csv"))
    try:
        metrics, cost = read_metrics(folder), read_cost(folder)
        texts = dict.fromkeys(("patient_id", "label", "predicted", "part"), str)
        frame = read_frame(folder / "predictions.csv", texts)
        frame = frame[frame["part"] == "test"].sort_values("row", ignore_index=True)
        labels, probabilities = labels_and_probabilities(frame, metrics.classes)
    except UserError as error:
        raise UserError(f"{error} (delete that folder first)") from None
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"the results in {folder} are damaged ({error}); delete that folder to run it again") from None
    if frame["row"].duplicated().any():
        raise UserError(f"{folder / 'predictions.csv'} has a row twice; delete that folder to run it again")
    return Predicted(
        rows=frame["row"].to_numpy(np.int64),
        labels=labels,
        patients=frame["patient_id"].to_numpy(np.str_),
        classes=metrics.classes,
        out_of_fold=OutOfFold(probabilities=probabilities[None], folds=frame["fold"].to_numpy(np.int64)[None]),
        metrics=(metrics,),
        costs=(cost,),
    )
