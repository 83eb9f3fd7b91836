"""From run folders to what the tests need: the same rows in the same order, predicted once by every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.errors import UserError
from birads_zoo.evaluation.rows import OutOfFold
from birads_zoo.results.cost import Cost
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.runs.folder import read_cost, read_metrics
from birads_zoo.runs.predictions import labels_and_probabilities
from birads_zoo.study.execute import Failure


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What S seeds of one recipe predicted for n rows, sorted by their numbers, and what each run reported.

    `out_of_fold` has each seed's probabilities and folds; `patients` (n,) are ids, "" where unknown; `metrics` and
    `costs` are what each seed's run measured and cost.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    patients: NDArray[np.str_]
    classes: tuple[str, ...]
    out_of_fold: OutOfFold
    metrics: tuple[RunMetrics, ...]
    costs: tuple[Cost, ...]


def gather(folders: Sequence[Path]) -> Predicted:
    """Read the runs of one recipe, a folder a seed.

    Raises:
        UserError: for a file that is missing or damaged, or runs that predict other rows or have other labels.

    """
    first, *others = [_read(folder) for folder in folders]
    for folder, other in zip(folders[1:], others, strict=True):
        if said := difference(first, other):
            raise UserError(
                f"{folder} cannot be compared with {folders[0]}: {said}; run the study anew in another place"
            )
    read = [first, *others]
    return Predicted(
        rows=first.rows,
        labels=first.labels,
        patients=first.patients,
        classes=first.classes,
        out_of_fold=OutOfFold(
            probabilities=np.concatenate([one.out_of_fold.probabilities for one in read]),
            folds=np.concatenate([one.out_of_fold.folds for one in read]),
        ),
        metrics=tuple(one.metrics[0] for one in read),
        costs=tuple(one.costs[0] for one in read),
    )


def collect(
    folders: Mapping[str, Sequence[Path]], failures: Mapping[str, Failure]
) -> tuple[dict[str, Predicted], dict[str, Failure]]:
    """Read every variant's runs; one that cannot be compared with the first joins the `failures`, which are kept."""
    predicted: dict[str, Predicted] = {}
    failed = dict(failures)
    for name, own in folders.items():
        try:
            found = gather(own)
        except UserError as error:
            failed[name] = Failure(reason=str(error))
            continue
        first = next(iter(predicted), "")
        if first and (said := difference(predicted[first], found)):
            failed[name] = Failure(reason=f"it cannot be compared with {first}: {said}")
        else:
            predicted[name] = found
    return predicted, failed


def difference(one: Predicted, other: Predicted) -> str:
    """Say in what the rows of two differ, so that a paired comparison makes no sense; "" when in nothing."""
    if one.classes != other.classes:
        return f"its classes are {', '.join(other.classes)}, not {', '.join(one.classes)}"
    if not np.array_equal(one.rows, other.rows):
        alone = len(np.setxor1d(one.rows, other.rows))
        return f"{alone} rows were predicted by only one of the two"
    if not np.array_equal(one.labels, other.labels):
        return f"{int((one.labels != other.labels).sum())} rows have another label"
    if not np.array_equal(one.patients, other.patients):
        return f"{int((one.patients != other.patients).sum())} rows have another patient"
    return ""


def _read(folder: Path) -> Predicted:
    try:
        metrics, cost = read_metrics(folder), read_cost(folder)
        texts = {"patient_id": str, "label": str, "predicted": str, "part": str}
        frame = pd.read_csv(folder / "predictions.csv", dtype=texts, keep_default_na=False)
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
