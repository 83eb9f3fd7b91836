"""Reads INbreast: a sheet of pictures, AllDICOMs/ID_PATIENT_MG_SIDE_VIEW_ANON.dcm, and contours in AllXML/ID.xml.

Source of the layout: I. C. Moreira et al., "INbreast: Toward a Full-field Digital Mammographic Database", Academic
Radiology 19(2), 2012; names of files and columns as public loaders of "INbreast Release 1.0" read them.
"""

import math
import plistlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from xml.parsers.expat import ExpatError

from birads_zoo import AuditEntry, DatasetContext, Index, Lesion, Record, UserError, make_index, open_regular
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.tables import Cell
from birads_zoo_plugins.datasets._reading.tree import PICTURES, Tree, check_root, list_tree
from birads_zoo_plugins.datasets.public._shared.named_tables import NamedTable, find_table, has_table, recognise_table
from birads_zoo_plugins.datasets.public._shared.sizes import DICOM, misfit

SHEET, OLD_SHEET = "INbreast", "INbreast.xls"
COLUMNS = {
    "laterality": ("Laterality",),
    "view": ("View",),
    "image": ("File Name",),
    "density": ("ACR",),
    "assessment": ("Bi-Rads",),
}
MORE = {"age": ("Patient age",), "study_date": ("Acquisition date",)}
SIZES = ((2560, 3328), (3328, 4084))
"""Width and height of the pictures: the detector had two sizes."""

_NAME = re.compile(r"(?P<image>\d{6,9})(?:_(?P<patient>[0-9a-f]{8,16})_MG_[LR]_[A-Z]+(?:_ANON)?)?", re.IGNORECASE)
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, ExpatError, plistlib.InvalidFileException)
_POINT = re.compile(r"\(([^(),]*),([^(),]*)\)")


def load(context: DatasetContext) -> Index:
    """Read INbreast: 410 pictures; rows are numbered as in the sheet.

    Only the file names have the patient's id; where a copy has removed it, it is left empty. `subcategory` is "4A" to
    "4C" where the sheet has it, `findings` are the names of the contours, and `lesions` the boxes around them. They are
    left out where a picture does not have a published size. Raises `UserError` for a missing or unreadable root, one
    without the sheet, and one with the sheet only as an old workbook (XLS).
    """
    tree = list_tree(check_root("inbreast", context))
    sheet = _find_sheet(tree)
    pictures, contours = _find_pictures(tree), _find_contours(tree)
    records: list[Record] = []
    audit = [*sheet.notes]
    for number, cells in sheet.rows():
        image = values.text(cells["image"])
        if not image.isdecimal():
            continue  # the sheet's foot, not a picture
        record, entries = _read_row(number, image, cells, pictures)
        marks, trouble = _read_contours(tree.root / contours[image]) if image in contours else ([], "")
        if trouble:
            entries.append(repaired(record, "unreadable contours", f"{contours[image]}: {trouble}; left out"))
        reason, detail = misfit(tree.root / record["image_path"], SIZES, f"{len(marks)} marks") if marks else ("", "")
        if reason:
            entries.append(repaired(record, reason, detail))
            marks = []
        names = ", ".join(dict.fromkeys(name for name, _ in marks))
        records.append(record | {"lesions": tuple(lesion for _, lesion in marks), "findings": names})
        audit += entries
    if not records:
        raise UserError(f"{sheet.path} names no picture; download the release again")
    return make_index(tree.root, records, audit, own=("subcategory", "findings"))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like INbreast, or "" where it does not."""
    old = _old_sheet(files)
    return recognise_table(folder, files, SHEET, COLUMNS) or (f"the sheet {OLD_SHEET}" if old else "")


def _find_sheet(tree: Tree) -> NamedTable:
    if has_table(tree, SHEET):
        return find_table(tree, "inbreast", SHEET, COLUMNS, MORE)
    if old := _old_sheet(tree.files):
        raise UserError(f"{tree.root / old} is an old workbook: save it there as INbreast.csv or INbreast.xlsx")
    raise UserError(f"no {SHEET}.csv below {tree.root}: inbreast needs the sheet of the release beside AllDICOMs/")


def _old_sheet(files: Iterable[str]) -> str:
    return next((file for file in files if file.rpartition("/")[2].lower() == OLD_SHEET.lower()), "")


def _find_pictures(tree: Tree) -> dict[str, tuple[str, str]]:
    """Return each picture's file and patient by the picture's id; of several files, a DICOM file is preferred."""
    pictures: dict[str, tuple[str, str]] = {}
    for file in sorted(tree.files, key=lambda file: not file.lower().endswith(DICOM)):
        path = PurePosixPath(file)
        match = _NAME.fullmatch(path.stem)
        if match and path.suffix.lower() in PICTURES:
            pictures.setdefault(match["image"], (file, (match["patient"] or "").lower()))
    return pictures


def _find_contours(tree: Tree) -> dict[str, str]:
    """Return the files of the lesions' contours by the pictures' ids; those of the pectoral muscle are elsewhere."""
    paths = [PurePosixPath(file) for file in tree.files if file.lower().endswith(".xml")]
    return {path.stem: str(path) for path in paths if path.parent.name.lower() == "allxml"}


def _read_row(
    number: int, image: str, cells: dict[str, Cell], pictures: dict[str, tuple[str, str]]
) -> tuple[dict[str, Any], list[AuditEntry]]:
    path, patient = pictures.get(image, (f"AllDICOMs/{image}.dcm", ""))
    density, _ = values.density(cells["density"])
    record: dict[str, Any] = {
        "row": number,
        "image_path": path,
        "patient_id": patient,
        "laterality": values.laterality(cells["laterality"]),
        "view": values.view(cells["view"]),
        "assessment": values.assessment(cells["assessment"]),
        "subcategory": values.subcategory(cells["assessment"]),
        "density": density,
        "age": values.age(cells["age"]),
        "study_date": _month(values.text(cells["study_date"])),
    }
    record["exam_id"] = values.exam(patient, None, record["study_date"])
    entries = []
    if image in pictures and not patient:
        entries.append(repaired(record, "no patient id", "the file's name has none; left empty"))
    if not record["assessment"]:
        entries.append(repaired(record, "unreadable assessment", f"{values.text(cells['assessment'])!r}; left empty"))
    return record, entries


def _month(written: str) -> str:
    """Return "2010-01" for "201001"."""
    return values.date(re.sub(r"^(\d{4})(\d\d)$", r"\1-\2", written))


def _read_contours(path: Path) -> tuple[list[tuple[str, Lesion]], str]:
    """Return each contour's name and its box in pixels, and a text on the contours that cannot be read."""
    marks: list[tuple[str, Lesion]] = []
    damaged: list[str] = []
    try:
        with open_regular(path) as file:
            document = plistlib.load(file)
        regions = [region for image in document["Images"] for region in image["ROIs"]]
        named = [(str(region.get("Name", "")), "".join(map(str, region["Point_px"]))) for region in regions]
    except _UNREADABLE as error:
        return [], getattr(error, "strerror", "") or str(error) or type(error).__name__
    for name, points in named:
        try:
            lesion = _box(points)
        except ValueError as error:
            damaged.append(f"{name.strip() or 'a contour'} ({error})")
        else:
            marks += [(name.strip(), lesion)] if lesion else []
    return marks, ", ".join(damaged)


def _box(points: str) -> Lesion | None:
    """Return the box around "(x, y)(x, y)…", or None for no points. Raises `ValueError` for any other text."""
    corners = [(float(x), float(y)) for x, y in _POINT.findall(points)]
    if _POINT.sub("", points).strip(" ,") or not all(math.isfinite(value) for point in corners for value in point):
        raise ValueError("not all of its points can be read")
    if not corners:
        return None
    xs, ys = zip(*corners, strict=True)
    return Lesion(x0=min(xs), y0=min(ys), x1=max(xs), y1=max(ys), outline="box")
