"""The values that the bundled trackers write, under names that all four services accept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from birads_zoo import EpochRecord, RunStarted

Plain = str | int | float | bool


def scalars(record: EpochRecord) -> dict[str, float]:
    """Return an epoch's known figures, as "val_loss/fold-0"."""
    figures = asdict(record)
    fold, _ = figures.pop("fold"), figures.pop("epoch")
    return {f"{name}/fold-{fold}": value for name, value in figures.items() if value is not None}


def results(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return a run's metrics, as "test/macro_f1"."""
    return {f"test/{name}": value for name, value in metrics.items()}


def settings(run: RunStarted) -> dict[str, Plain]:
    """Return the run's settings as one flat table: the recipe's fields, as "model.dropout", and the data's."""
    about = {"target": run.target, "classes": run.classes, "rows": run.counts, "resumed": run.resumed}
    return dict(_flat(run.recipe)) | dict(_flat({"run_id": run.run_id, **about}))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Plain]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, str | int | float):
            yield f"{prefix}{key}", value
        else:
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
