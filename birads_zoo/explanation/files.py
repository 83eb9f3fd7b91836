"""Writes and reads the folder `explanations/` of a run: the table, the maps, and each explainer's results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.errors import UserError
from birads_zoo.explanation.faithfulness import BASELINES, DECISIVE_SCORES
from birads_zoo.files import documents
from birads_zoo.files.csv_files import read_frame, write_frame
from birads_zoo.files.digests import changed_files, sha256
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


def write_explanations(folder: Path, table: pd.DataFrame, explanations: Explanations) -> Explanations:
    """Write the table and then `explanations.json`, which marks the folder as complete; return its content.

    That is `explanations` with the digests of all files of the folder.
    """
    write_frame(folder / _TABLE, table)
    paths = sorted(path for pattern in FILES if pattern != _RESULTS for path in folder.glob(pattern))
    digests = {path.relative_to(folder).as_posix(): sha256(path) for path in paths}
    written = msgspec.structs.replace(explanations, files=digests)
    documents.write(folder / _RESULTS, written)
    return written


def read_explanations(run: Path) -> ExplanationFolder | None:
    """Read the results of `birads-zoo explain` in a run's folder; `None` if there are none.

    Overlays are not checked: they are only looked at.

    Raises:
        UserError: when a file is missing, damaged, or of another format.

    """
    folder = run / FOLDER
    if not (folder / _RESULTS).exists():
        return None
    explanations = documents.read(folder / _RESULTS, Explanations, _REMEDY)
    used = {name: digest for name, digest in explanations.files.items() if not name.startswith("overlays/")}
    for name in changed_files(folder, used, sha256):
        raise _damaged(folder / name, "it is missing or was changed after it was written")
    try:
        table = read_frame(folder / _TABLE, dict.fromkeys(_TEXTS, str), _numbers())
    except (OSError, ValueError) as error:
        raise _damaged(folder / _TABLE, error) from None
    return ExplanationFolder(folder=folder, table=table, explanations=explanations)


def changed_explanations(run: Path) -> list[str]:
    """Return the paths in a run's folder of files of `birads-zoo explain` that are missing or were changed.

    Raises:
        UserError: when `explanations.json` is damaged, or of another format.

    """
    folder = run / FOLDER
    if not (folder / _RESULTS).exists():
        return []
    explanations = documents.read(folder / _RESULTS, Explanations, _REMEDY)
    return [f"{FOLDER}/{name}" for name in changed_files(folder, explanations.files, sha256)]


def _numbers() -> dict[str, list[str]]:
    """Return the columns in which an empty cell is a missing number; in the others it is an empty text."""
    return {name: [""] for name in COLUMNS if name not in _TEXTS}


def _damaged(path: Path, error: Exception | str) -> UserError:
    return UserError(f"{path} is damaged ({error}); {_REMEDY}")
