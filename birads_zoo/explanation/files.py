"""Writes and reads the folder `explanations/` of a run: the table, the maps, and each explainer's results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.errors import UserError
from birads_zoo.explanation.faithfulness import BASELINES, DECISIVE_SCORES
from birads_zoo.files import documents
from birads_zoo.files.csv_files import read_frame, write_frame
from birads_zoo.results.explanations import Explanations

FOLDER = "explanations"
_CHANCE = ("random", "pointing")  # known exactly, in the column pointing_chance
COLUMNS = (
    *("explainer", "row", "image_path", "patient_id", "laterality", "view", "density", "age", "study_date"),
    *("fold", "label", "predicted", "explained", "probability", *DECISIVE_SCORES, "energy_in_breast", "breast_share"),
    *("pointing", "pointing_chance", "energy_in_lesion", "rank_correlation", "ssim"),
    *(f"{baseline}_{name}" for baseline in BASELINES for name in BASELINES[baseline] if (baseline, name) != _CHANCE),
    *("faithful", "overlay"),
)
"""The columns of `explanations.csv`."""

_TABLE, _RESULTS = "explanations.csv", "explanations.json"
FILES = (_TABLE, _RESULTS, "*.npz", "overlays/*/*.png")
"""Patterns of the files of the folder."""

_REMEDY = "make it again with birads-zoo explain"
_TEXTS = (
    *("image_path", "patient_id", "laterality", "view", "density", "study_date"),
    *("label", "predicted", "explainer", "explained", "faithful", "overlay"),
)


@dataclass(frozen=True, kw_only=True)
class ExplanationFolder:
    """The results of `birads-zoo explain` in `folder`: the table, and the content of `explanations.json`."""

    folder: Path
    table: pd.DataFrame
    explanations: Explanations

    def maps(self, explainer: str) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """Return the row numbers (n,) and maps n×H×W in [0, 1] of one explainer, in the order of its rows in `table`.

        Raises:
            UserError: when the file is missing or damaged.

        """
        path = self.folder / self.explanations.explainers[explainer].maps
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return arrays["row"], arrays["maps"]
        except (OSError, ValueError, KeyError) as error:
            raise _damaged(path, error) from None


def write_maps(path: Path, rows: NDArray[np.int64], maps: NDArray[np.float16]) -> None:
    """Write one explainer's maps n×H×W of the rows (n,), compressed and without pickle."""
    np.savez_compressed(path, row=rows, maps=maps)


def write_explanations(folder: Path, table: pd.DataFrame, explanations: Explanations) -> None:
    """Write the table and then `explanations.json`, which marks the folder as complete."""
    write_frame(folder / _TABLE, table)
    documents.write(folder / _RESULTS, explanations)


def read_explanations(run: Path) -> ExplanationFolder | None:
    """Read the results of `birads-zoo explain` in a run's folder; `None` if there are none.

    Raises:
        UserError: when a file is damaged, or of another format.

    """
    folder = run / FOLDER
    if not (folder / _RESULTS).exists():
        return None
    explanations = documents.read(folder / _RESULTS, Explanations, _REMEDY)
    try:
        table = read_frame(folder / _TABLE, dict.fromkeys(_TEXTS, str), _numbers())
    except (OSError, ValueError) as error:
        raise _damaged(folder / _TABLE, error) from None
    return ExplanationFolder(folder=folder, table=table, explanations=explanations)


def _numbers() -> dict[str, list[str]]:
    """Return the columns in which an empty cell is a missing number; in the others it is an empty text."""
    return {name: [""] for name in COLUMNS if name not in _TEXTS}


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} is damaged ({error}); {_REMEDY}")
