"""Reads the phantom: synthetic mammograms in KAUMDS' layout, with true lesions and probabilities in `truth/`."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import TextIOWrapper
from math import nan
from pathlib import Path

import pandas as pd

from birads_zoo import DatasetContext, Index, Lesion, UserError, chance_column, open_regular, phantom
from birads_zoo_plugins.datasets import _kaumds
from birads_zoo_plugins.datasets._options import KaumdsOptions

CATEGORIES = ("1", "3", "4", "5")
TRUTH_FILE = "truth/lesions.csv"
CHANCES_FILE = "truth/probabilities.csv"
TRUTH_COLUMNS = ("image_path", "mask_path", "x", "y", "radius")  # the columns that are read


def load(context: DatasetContext) -> Index:
    """Read the phantom at the root; without a root, make the phantom of the options in the cache once, and read it.

    Raises `UserError` for a root without a readable `truth/lesions.csv` and `truth/probabilities.csv`, and for all that
    the reader of KAUMDS refuses.
    """
    root = context.root
    if root is None:
        root = phantom(patients=context.options.patients, seed=context.options.seed)
    index = _kaumds.load(DatasetContext(root=root, options=KaumdsOptions()))
    lesions = _read_truth(index.root / TRUTH_FILE)
    chances = _read_chances(index.root / CHANCES_FILE)
    paths = index.rows["image_path"]
    columns = {"lesions": pd.Series([lesions.get(path, ()) for path in paths], dtype="object")}
    columns |= {name: pd.Series([by_path.get(path, nan) for path in paths]) for name, by_path in chances.items()}
    return replace(index, rows=index.rows.assign(**columns))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like a phantom, or "" where it does not."""
    return f"its {TRUTH_FILE}" if (folder / TRUTH_FILE).is_file() else ""


def _read_truth(path: Path) -> dict[str, tuple[Lesion, ...]]:
    """Return the lesions of each picture that has any."""
    lesions: dict[str, tuple[Lesion, ...]] = {}
    for number, line in _lines(path, TRUTH_COLUMNS):
        x, y, radius = (_number(path, number, line, name) for name in ("x", "y", "radius"))
        lesion = Lesion(x0=x - radius, y0=y - radius, x1=x + radius, y1=y + radius, mask_path=line["mask_path"])
        lesions[line["image_path"]] = (*lesions.get(line["image_path"], ()), lesion)
    return lesions


def _read_chances(path: Path) -> dict[str, dict[str, float]]:
    """Return each category's probabilities by picture, under its column's name (`birads_zoo.chance_column`)."""
    chances: dict[str, dict[str, float]] = {chance_column("assessment", category): {} for category in CATEGORIES}
    for number, line in _lines(path, ("image_path", *CATEGORIES)):
        for category in CATEGORIES:
            by_path = chances[chance_column("assessment", category)]
            by_path[line["image_path"]] = _number(path, number, line, category)
    return chances


def _lines(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number and the cells of each line of a file that has at least these columns."""
    try:
        with TextIOWrapper(open_regular(path), encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise UserError(f"{path} has no column {missing[0]!r}: make the phantom again with birads-zoo phantom")
            for line in reader:
                yield reader.line_num, line
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist, so this is not a phantom of this version: make it again with birads-zoo phantom, "
            "or give --dataset kaumds for real pictures"
        ) from None
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror}; make the phantom again with birads-zoo phantom"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is damaged ({error}): make the phantom again with birads-zoo phantom") from None


def _number(path: Path, line: int, cells: dict[str, str], name: str) -> float:
    try:
        return float(cells[name])
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{path}, line {line}: {name} is not a number; make the phantom again with birads-zoo phantom"
        ) from error
