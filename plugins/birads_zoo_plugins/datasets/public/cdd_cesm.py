"""Reads CDD-CESM: a sheet of images, JPEG files in two folders, and outlines drawn with the VGG Image Annotator.

Source of the layout: R. Khaled et al., "Categorized contrast enhanced mammography dataset for diagnostic and artificial
intelligence research", Scientific Data 9:122, 2022.
"""

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from birads_zoo import AuditEntry, DatasetContext, Index, Lesion, Record, make_index
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.tables import Cell
from birads_zoo_plugins.datasets._reading.tree import Tree, check_root, list_tree
from birads_zoo_plugins.datasets.public._shared.entries import conflicting, dropped, merged_assessments
from birads_zoo_plugins.datasets.public._shared.named_tables import find_table, has_table, recognise_table
from birads_zoo_plugins.datasets.public._shared.suspicion import highest_assessment

_TABLE = "Radiology manual annotations"
_OUTLINES = "Radiology hand drawn segmentations"
_COLUMNS = {
    "image": ("Image_name",),
    "patient_id": ("Patient_ID",),
    "laterality": ("Side",),
    "kind": ("Type",),
    "age": ("Age",),
    "density": ("Breast density (ACR)", "ACR"),
    "assessment": ("BIRADS",),
    "view": ("View",),
    "label": ("Pathology Classification/ Follow up",),
}
_KINDS = {"DM": "low-energy", "CESM": "subtracted", "CM": "subtracted"}
_LABELS = ("malignant", "benign", "normal")  # in order of precedence
_SEVERAL = "$"  # separates the findings of one image


def load(context: DatasetContext) -> Index:
    """Read CDD-CESM: 2006 images of 326 patients, of which `options.images` selects 1003, or all with "both".

    `image_kind` is "low-energy", which looks like a plain mammogram, or "subtracted", which shows the contrast agent.
    An image with several findings ("4$2") gets the most suspicious. Only low-energy images have a density.
    Raises `UserError` for a missing or unreadable root, and one without the sheet.
    """
    tree = list_tree(check_root("cdd-cesm", context))
    table = find_table(tree, "cdd-cesm", _TABLE, _COLUMNS)
    shapes, audit = _read_outlines(tree)
    pictures = _pictures(tree)
    records: list[Record] = []
    for number, cells in table.rows():
        name = values.text(cells["image"])
        if not name:
            continue
        record, entries = _read_row(number, cells, pictures.get(values.folded(name), f"{name}.jpg"))
        if context.options.images not in ("both", record["image_kind"]):
            audit.append(dropped(record, "another kind of image", record["image_kind"]))
        elif not record["assessment"] and not record["label"]:
            audit.append(dropped(record, "no readable label", values.text(cells["assessment"])))
        else:
            lesions, skipped = _lesions(shapes.get(values.folded(name), []))
            records.append({**record, "lesions": lesions})
            audit += entries
            if skipped:
                audit.append(repaired(record, "outline without an extent", f"left out: {', '.join(skipped)}"))
    return make_index(tree.root, records, audit, own=("image_kind", "subcategory"))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like CDD-CESM, or "" where it does not."""
    return recognise_table(folder, files, _TABLE, _COLUMNS)


def _pictures(tree: Tree) -> dict[str, str]:
    """Return the pictures by their names without suffix; the names are unique and begin with the patient."""
    return {
        values.folded(Path(file).stem): file
        for file in reversed(tree.files)
        if file.lower().endswith((".jpg", ".jpeg", ".png"))
    }


def _read_row(number: int, cells: dict[str, Cell], path: str) -> tuple[Record, list[AuditEntry]]:
    written = values.text(cells["assessment"]).split(_SEVERAL)
    assessments = [values.assessment(text) for text in written]
    kind = values.text(cells["kind"])
    findings = {text.strip().lower() for text in values.text(cells["label"]).split(_SEVERAL)}
    labels = [label for label in _LABELS if label in findings]
    patient = values.patient(cells["patient_id"])
    record = {
        "row": number,
        "image_path": path,
        "patient_id": patient,
        "exam_id": patient,  # each patient had one exam
        "laterality": values.laterality(cells["laterality"]),
        "view": values.view(cells["view"]),
        "assessment": highest_assessment(assessments),
        "label": labels[0] if labels else "",
        "density": values.density(cells["density"])[0],
        "age": values.age(cells["age"]),
        "image_kind": _KINDS.get(kind.upper(), kind),
        "subcategory": max(map(values.subcategory, written)),
    }
    entries = [*merged_assessments(record, assessments), *conflicting(record, labels)]
    if not record["assessment"] and not values.is_blank(cells["assessment"]):
        entries.append(repaired(record, "unreadable assessment", f"{values.text(cells['assessment'])!r}; left empty"))
    return record, entries


def _read_outlines(tree: Tree) -> tuple[dict[str, list[Mapping[str, Any]]], list[AuditEntry]]:
    """Return the drawn shapes by their image's name without suffix, and audit entries for unreadable ones."""
    shapes: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    if not has_table(tree, _OUTLINES):
        detail = f"no {_OUTLINES} (.csv) beside the sheet: no lesions are known"
        return shapes, [_note("", "no outlines", detail)]
    columns = {"image": ("#filename",), "shape": ("region_shape_attributes",)}
    audit = []
    for number, cells in find_table(tree, "cdd-cesm", _OUTLINES, columns).rows():
        name = values.text(cells["image"])
        try:
            shape = json.loads(values.text(cells["shape"]) or "{}")
        except ValueError:
            audit.append(_note(name, "unreadable outline", f"row {number} of the outlines"))
            continue
        if isinstance(shape, dict) and shape:
            shapes[values.folded(Path(name).stem)].append(shape)
    return shapes, audit


def _lesions(shapes: list[Mapping[str, Any]]) -> tuple[tuple[Lesion, ...], list[str]]:
    """Return the boxes of drawn shapes, and the names of shapes without a box, such as single points."""
    boxes = [_box(shape) for shape in shapes]
    lesions = tuple(box for box in boxes if box)
    return lesions, [str(shape.get("name")) for shape, box in zip(shapes, boxes, strict=True) if not box]


def _box(shape: Mapping[str, Any]) -> Lesion | None:
    """Return a shape's bounding box, or None where it has none or a number is not finite."""
    try:
        x0, y0, x1, y1 = corners = _corners(shape)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not all(map(math.isfinite, corners)):
        return None
    if shape["name"] in ("polygon", "polyline", "rect"):
        return Lesion(x0=x0, y0=y0, x1=x1, y1=y1, outline="box")
    return Lesion(x0=x0, y0=y0, x1=x1, y1=y1)


def _corners(shape: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Return a shape's left, top, right and bottom; an ellipse may be rotated by `theta` radians."""
    if shape["name"] in ("polygon", "polyline"):
        xs, ys = _numbers(shape["all_points_x"]), _numbers(shape["all_points_y"])
        return min(xs), min(ys), max(xs), max(ys)
    if shape["name"] == "rect":
        x, y, wide, high = _numbers([shape[name] for name in ("x", "y", "width", "height")])
        return x, y, x + wide, y + high
    radii = ("r", "r") if shape["name"] == "circle" else ("rx", "ry")
    x, y, across, down = _numbers([shape[name] for name in ("cx", "cy", *radii)])
    (theta,) = _numbers([shape.get("theta", 0)])
    wide = math.hypot(across * math.cos(theta), down * math.sin(theta))
    high = math.hypot(across * math.sin(theta), down * math.cos(theta))
    return x - wide, y - high, x + wide, y + high


def _numbers(items: Any) -> list[float]:
    """Return a JSON list as finite numbers. Raises `TypeError` and `ValueError` for anything else."""
    if not isinstance(items, list):
        raise TypeError("not a list")
    numbers = [float(item) for item in items]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a number is not finite")
    return numbers


def _note(name: str, reason: str, detail: str) -> AuditEntry:
    return AuditEntry(row=0, image_path=name, patient_id="", action="repaired", reason=reason, detail=detail)
