"""The phantom: synthetic mammograms read like KAUMDS, with the true lesions from the folder's `truth/`."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from birads_zoo import DatasetContext, Index, Lesion, UserError, phantom
from birads_zoo_plugins.datasets import _kaumds
from birads_zoo_plugins.datasets._options import KaumdsOptions

TRUTH_FILE = "truth/lesions.csv"
TRUTH_COLUMNS = ("image_path", "mask_path", "x", "y", "radius")  # those that are read


def load(context: DatasetContext) -> Index:
    """Read the phantom at the root; without a root, make the default one in the cache, once, and read that.

    Raises `UserError` for a root without a readable `truth/lesions.csv`, and whatever KAUMDS' reader objects to.
    """
    root = phantom() if context.root is None else context.root
    index = _kaumds.load(DatasetContext(root=root, options=KaumdsOptions()))
    lesions = _read_truth(index.root / TRUTH_FILE)
    found = [lesions.get(path, ()) for path in index.rows["image_path"]]
    return replace(index, rows=index.rows.assign(lesions=pd.Series(found, dtype="object")))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like a phantom, "" where it does not."""
    return f"its {TRUTH_FILE}" if (folder / TRUTH_FILE).is_file() else ""


def _read_truth(path: Path) -> dict[str, tuple[Lesion, ...]]:
    """Return the lesions of each picture that has any."""
    if not path.is_file():
        raise UserError(f"{path} does not exist, so this is no phantom: give --dataset kaumds for real pictures")
    lesions: dict[str, tuple[Lesion, ...]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in TRUTH_COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"{path} has no column {missing[0]!r}: make the phantom anew with birads-zoo phantom")
        for line in reader:
            try:
                x, y, radius = float(line["x"]), float(line["y"]), float(line["radius"])
            except (TypeError, ValueError) as error:
                raise UserError(
                    f"{path}, line {reader.line_num}: x, y and radius are no numbers; "
                    "make the phantom anew with birads-zoo phantom"
                ) from error
            lesion = Lesion(x0=x - radius, y0=y - radius, x1=x + radius, y1=y + radius, mask_path=line["mask_path"])
            lesions[line["image_path"]] = (*lesions.get(line["image_path"], ()), lesion)
    return lesions
