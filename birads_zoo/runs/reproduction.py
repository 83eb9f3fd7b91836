"""Compares two finished runs of the same recipe and data, bit by bit, and names what may explain a difference."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np
import pandas as pd
from safetensors.torch import load_file

from birads_zoo.errors import UserError
from birads_zoo.files import documents
from birads_zoo.files.tensors import tensors_digest
from birads_zoo.results.environment import Environment
from birads_zoo.runs.finished import Finished

NAME = "reproduction.json"


class Reproduction(msgspec.Struct, frozen=True, kw_only=True):
    """How a repetition of a run compares with it, over its n test predictions.

    Attributes:
        run: the folder of the run.
        repetition: the folder of its repetition.
        n: the number of test predictions.
        equal: whether all predictions and all weights have the same bits.
        changed_classes: how many predictions have another class.
        largest_difference: the largest difference of a probability.
        changed_weights: the checkpoints, out of `checkpoints`, whose weights differ.
        differences: what was not the same for both runs: versions, threads, the device and so on, as (then, now).

    """

    FORMAT: ClassVar[int] = 1

    run: str
    repetition: str
    n: int
    equal: bool
    changed_classes: int
    largest_difference: float
    changed_weights: tuple[str, ...]
    checkpoints: int
    differences: dict[str, tuple[str, str]]

    @property
    def text(self) -> str:
        """The comparison in two or three sentences."""
        if self.equal:
            lines = [f"bit-equal: {self.n} predictions and the weights of {self.checkpoints} networks"]
        else:
            lines = [
                f"not bit-equal: {self.changed_classes} of {self.n} predictions have another class, and a probability "
                f"differs by up to {self.largest_difference:.2g}; the weights of {len(self.changed_weights)} of "
                f"{self.checkpoints} networks differ"
            ]
        if self.differences:
            changes = ", ".join(f"{name} {then} then, {now} now" for name, (then, now) in self.differences.items())
            lines.append(f"what was not the same: {changes}")
        elif not self.equal:
            lines.append(
                "versions, threads and hardware are the same: a plugin may draw random numbers of its own, or the "
                "device may add in another order each time"
            )
        return "\n".join(lines)


def compare(run: Finished, repetition: Finished) -> Reproduction:
    """Compare a run with its repetition, and write the result to `reproduction.json` in the folder of the latter.

    Raises:
        UserError: if the two did not predict the same rows.

    """
    then, now = (_by_row(finished.test) for finished in (run, repetition))
    about = ["image_path", "patient_id", "fold", "label"]
    if not then[about].equals(now[about]):
        raise UserError(f"{repetition.folder} did not predict the rows of {run.folder}: it is no repetition of it")
    columns = [name for name in map(str, then) if name.startswith("probability_")]
    differences = np.abs(then[columns].to_numpy(np.float64) - now[columns].to_numpy(np.float64))
    networks = sorted(path.relative_to(run.folder) for path in run.folder.glob("checkpoints/*/best.safetensors"))
    changed = [
        path.as_posix() for path in networks if _weights(run.folder / path) != _weights(repetition.folder / path)
    ]
    largest = float(differences.max(initial=0.0))
    result = Reproduction(
        run=str(run.folder),
        repetition=str(repetition.folder),
        n=len(then),
        equal=largest == 0 and not changed,
        changed_classes=int((then["predicted"] != now["predicted"]).sum()),
        largest_difference=largest,
        changed_weights=tuple(changed),
        checkpoints=len(networks),
        differences=_differences(run.environment, repetition.environment),
    )
    documents.write(repetition.folder / NAME, result)
    return result


def _by_row(predictions: pd.DataFrame) -> pd.DataFrame:
    return predictions.sort_values(["image_path", "fold"]).reset_index(drop=True)


def _weights(path: Path) -> str:
    """Return a digest of a checkpoint's weights, without its header, which has the seconds of each epoch."""
    return tensors_digest(load_file(path)) if path.exists() else ""


def _differences(then: Environment, now: Environment) -> dict[str, tuple[str, str]]:
    values = {name: (getattr(then, name), getattr(now, name)) for name in _SAME}
    values |= {name: (then.versions.get(name), now.versions.get(name)) for name in then.versions | now.versions}
    return {name: (str(a), str(b)) for name, (a, b) in values.items() if a != b}


_SAME = ("python", "platform", "cpus", "device", "device_name", "precision", "threads", "processes", "commit")
