"""Which pictures a user named, and predictions as the rows of a table."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from birads_zoo.artifact.judging import Prediction
from birads_zoo.data.images import ImageError, is_dicom
from birads_zoo.errors import UserError
from birads_zoo.tables import read_table_text

SUFFIXES = (".bmp", ".dcm", ".dicom", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff")
"""A folder's files with one of these are taken for pictures; others if they are DICOM, by content."""


def named_pictures(paths: Sequence[Path]) -> list[Path] | pd.DataFrame:
    """Return the files that `paths` name, and of folders the pictures anywhere below, sorted; hidden ones are left out.

    A single `.csv` file is a table instead, its `image_path` relative to its folder.

    Raises:
        UserError: for a path that does not exist, a folder without pictures, or a table that cannot be read.

    """
    if tables := [path for path in paths if path.suffix.lower() == ".csv"]:
        if len(paths) > 1:
            raise UserError(f"give the table {tables[0]} alone: it names its pictures itself")
        return _read_table(tables[0])
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"there is no {path}; give files, or a folder of files")
        if not path.is_dir():
            found.append(path)
            continue
        below = sorted(file for file in path.rglob("*") if file.is_file())
        shown = [file for file in below if not any(part.startswith(".") for part in file.relative_to(path).parts)]
        shown = [file for file in shown if _is_picture(file)]
        if not shown:
            raise UserError(f"{path} holds no pictures: none of its files is called {', '.join(SUFFIXES)}, or is DICOM")
        found += shown
    return found


def _is_picture(file: Path) -> bool:
    if file.suffix.lower() in SUFFIXES:
        return True
    try:
        return is_dicom(file) and file.name != "DICOMDIR"  # the index that DICOM discs carry
    except ImageError:
        # Without a suffix, or called by a UID, whose last number looks like one, it may be DICOM; its row says why it
        # is not read.
        return not file.suffix or file.suffix[1:].isdecimal()


def _read_table(path: Path) -> pd.DataFrame:
    found = read_table_text(path)
    try:
        table = pd.read_csv(io.StringIO(found.text), sep=found.separator, dtype=str, keep_default_na=False)
    except ValueError as error:  # what pandas raises for a table that is none
        raise UserError(f"cannot read the table {path}: {error}") from None
    if "image_path" in table:
        table["image_path"] = [str(path.parent / name) for name in table["image_path"]]
    return table


def columns_of(classes: Sequence[str], views: Sequence[str] = ()) -> list[str]:
    """Return the columns of `as_row`: `predictions.csv` has those of its kind by the same names.

    `views` are the names of a sample's views, where the model weighs them.
    """
    by_class = [f"{kind}_{name}" for kind in ("probability", "calibrated", "set") for name in classes]
    weights = [f"view_weight_{name}" for name in views]
    return ["image_path", "predicted", *by_class, *weights, "distance", "warnings", "error"]


def as_row(prediction: Prediction, classes: Sequence[str]) -> dict[str, object]:
    """Return a prediction as a table's row in `columns_of`; of an unreadable picture only the path and the error.

    The cells of `calibrated_<class>` are empty where nothing calibrated the model.
    """
    row: dict[str, object] = {"image_path": prediction.source, "error": prediction.error}
    if prediction.error:
        return row
    for name in classes:
        row[f"probability_{name}"] = prediction.probabilities[name]
        row[f"calibrated_{name}"] = prediction.calibrated.get(name, "")
        row[f"set_{name}"] = name in prediction.conformal_set
    row |= {f"view_weight_{name}": weight for name, weight in prediction.view_weights.items()}
    row |= {"predicted": prediction.predicted, "distance": prediction.distance}
    return row | {"warnings": "; ".join(prediction.warnings)}
