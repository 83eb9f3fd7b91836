"""Reads CSAW-CC: a table with one row per picture, DICOM files, and masks of the cancers found at screening.

Source of the layout: F. Strand, "CSAW-CC (mammography)", Karolinska Institutet, 2022, as public programs read it. The
cohort is that of K. Dembrower, P. Lindholm, F. Strand, "A Multi-million Mammography Image Dataset and Population-Based
Screening Cohort", Journal of Digital Imaging 33, 2020.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from birads_zoo import DatasetContext, Index, Record, make_index
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.tables import Cell
from birads_zoo_plugins.datasets._reading.tree import Tree, check_root, list_tree
from birads_zoo_plugins.datasets.public._shared.entries import dropped
from birads_zoo_plugins.datasets.public._shared.named_tables import find_table, recognise_table

_TABLE = "CSAW-CC_breast_cancer_screening_data"
_COLUMNS = {
    "patient_id": ("anon_patientid",),
    "image_path": ("anon_filename",),
    "year": ("exam_year",),
    "laterality": ("imagelaterality",),
    "view": ("viewposition",),
    "case": ("x_case",),
    "cancer_side": ("x_cancer_laterality",),
    "timing": ("rad_timing",),
    "recalled": ("rad_recall",),
}
_MORE = {"percent_density": ("libra_percentdensity",)}
_TIMINGS = {"1": "screen-detected", "2": "interval cancer", "3": "later cancer"}
"""Time of the diagnosis of this breast's cancer: within 60 days of the exam, within two years, or later."""
_RECALLED = {"0": "not recalled", "1": "recalled"}


def load(context: DatasetContext) -> Index:
    """Read CSAW-CC: 98,788 pictures of 8,723 women, without BI-RADS categories.

    `label` is of the picture's breast: "no cancer", "screen-detected", "interval cancer" (within two years) or "later
    cancer". The other breast of a woman with cancer has "no cancer". `recall` is the decision at this exam,
    `percent_density` LIBRA's, and `mask` the file of the marked cancer, where there is one. `age` is unknown, because
    the table only has age bands. Raises `UserError` for a missing or unreadable root, and one without the table.
    """
    tree = list_tree(check_root("csaw-cc", context))
    table = find_table(tree, "csaw-cc", _TABLE, _COLUMNS, _MORE)
    records: list[Record] = []
    audit = []
    for number, cells in table.rows():
        record = _read_row(number, cells, tree)
        if not record["label"]:
            written = {name: values.text(cells[name]) for name in ("case", "cancer_side", "timing")}
            detail = ", ".join(f"{_COLUMNS[name][0]} {written[name] or 'blank'}" for name in written)
            audit.append(dropped(record, "no readable label", detail))
            continue
        records.append(record)
        if not record["laterality"]:
            side = values.text(cells["laterality"])
            audit.append(repaired(record, "unreadable laterality", f"{side!r}; left empty"))
    return make_index(tree.root, records, audit, own=("recall", "percent_density", "mask"))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like CSAW-CC, or "" where it does not."""
    return recognise_table(folder, files, _TABLE, _COLUMNS)


def _read_row(number: int, cells: dict[str, Cell], tree: Tree) -> Record:
    patient, year = _plain(cells["patient_id"]), _plain(cells["year"])
    written = values.path(cells["image_path"])
    stem = PurePosixPath(written).name.removesuffix(".dcm")
    side = values.laterality(cells["laterality"])
    return {
        "row": number,
        "image_path": _file(tree, stem) or written,
        "patient_id": patient,
        "exam_id": values.exam(patient, year, ""),
        "laterality": side,
        "view": values.view(cells["view"]),
        "label": _label(cells, side),
        "study_date": values.date(year),
        "recall": _RECALLED.get(_plain(cells["recalled"]), ""),
        "percent_density": values.text(cells["percent_density"]),
        "mask": _file(tree, f"{stem}_mask"),
    }


def _label(cells: dict[str, Cell], side: str) -> str:
    case, cancer_side = _plain(cells["case"]), values.laterality(cells["cancer_side"])
    if case == "0":
        return "no cancer"
    if case != "1" or not side or not cancer_side:
        return ""
    return _TIMINGS.get(_plain(cells["timing"]), "") if side == cancer_side else "no cancer"


def _plain(cell: Cell) -> str:
    """Return a whole number's digits: columns with blanks are often saved as 1.0."""
    return values.text(cell).removesuffix(".0")


def _file(tree: Tree, stem: str) -> str:
    """Return the file with this name in any folder, or "" where there is none; names are unique."""
    return next(iter(tree.ending(stem)), "")
