"""Reads CBIS-DDSM: four tables with one row per abnormality, and a folder for each published picture.

Source of the layout: R. S. Lee et al., "A curated mammography data set for use in computer-aided detection and
diagnosis research", Scientific Data 4:170177, 2017, and the four tables themselves.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from birads_zoo import AuditEntry, DatasetContext, Index, Record, UserError, make_index
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.paths import AMBIGUOUS
from birads_zoo_plugins.datasets._reading.tables import Cell
from birads_zoo_plugins.datasets._reading.tree import PICTURES, Tree, check_root, list_tree
from birads_zoo_plugins.datasets.public._cbis_masks import Pair, find_lesions, pair_of
from birads_zoo_plugins.datasets.public._shared.entries import merged_abnormalities
from birads_zoo_plugins.datasets.public._shared.named_tables import find_table, has_table, recognise_table
from birads_zoo_plugins.datasets.public._shared.suspicion import highest_assessment, worst_finding

TABLES = {f"{kind}_case_description_{part}_set": part for kind in ("calc", "mass") for part in ("test", "train")}
"""The tables' names, and the part of the official split in each."""
COLUMNS = {
    "patient_id": ("patient_id",),
    "density": ("breast_density",),
    "laterality": ("left or right breast",),
    "view": ("image view",),
    "type": ("abnormality type",),
    "assessment": ("assessment",),
    "pathology": ("pathology",),
    "image_path": ("image file path",),
}
_MORE = {
    "subtlety": ("subtlety",),
    "mask": ("ROI mask file path",),
    "cut": ("cropped image file path",),
}

_FINDINGS = {"MALIGNANT": "malignant", "BENIGN": "benign", "BENIGN_WITHOUT_CALLBACK": "benign"}


@dataclass(frozen=True, kw_only=True)
class _Abnormality:
    """A table's row: its number through all tables, the part of the split, and its cells."""

    row: int
    part: str
    cells: dict[str, Cell]


def load(context: DatasetContext) -> Index:
    """Read CBIS-DDSM: 3,568 abnormalities of 1,566 patients in 3,032 pictures.

    At least one of the four tables is needed.

    A picture has one row, with the most suspicious assessment and finding of its abnormalities; `row` is the number of
    the first of these through the tables, in the order of their names. 71 pictures were published twice, for their mass
    and their calcifications, and are also one row. `split` is "train" or "test", and empty for pictures in both.
    Pictures are found by the folders in the tables' paths (the patient's or the series' UID) or by their names; lesions
    come from masks, where there are any (see `_cbis_masks`).
    Raises `UserError` for a missing or unreadable root, and one without a valid table.
    """
    tree = list_tree(check_root("cbis-ddsm", context))
    films: dict[tuple[str, ...], list[_Abnormality]] = defaultdict(list)
    for abnormality in _read_tables(tree):
        cells = abnormality.cells
        breast = (values.patient(cells["patient_id"]), values.laterality(cells["laterality"]))
        films[(*breast, values.view(cells["view"]))].append(abnormality)
    places = _Places(tree)
    records: list[Record] = []
    audit: list[AuditEntry] = []
    for (patient, side, view), abnormalities in films.items():
        record, entries = _read_film(places, (patient, side, view), abnormalities)
        records.append(record)
        audit += entries
    audit += _in_both_parts(abnormality for film in films.values() for abnormality in film)
    return make_index(tree.root, records, audit, own=("lesion_types", "subtlety", "abnormalities"))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like CBIS-DDSM, or "" where it does not."""
    return next((reason for name in TABLES if (reason := recognise_table(folder, files, name, COLUMNS))), "")


def _read_tables(tree: Tree) -> Iterable[_Abnormality]:
    present = [name for name in TABLES if has_table(tree, name)]
    if not present:
        raise UserError(
            f"no {next(iter(TABLES))}.csv below {tree.root}, nor any other of the four: cbis-ddsm needs the tables of "
            "case descriptions there; they are separate downloads"
        )
    row = 0
    for name in present:
        for _, cells in find_table(tree, "cbis-ddsm", name, COLUMNS, _MORE).rows():
            row += 1
            yield _Abnormality(row=row, part=TABLES[name], cells=cells)


class _Places:
    """Finds pictures by the names of their folders, and by their own names."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.root = tree.root
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for file in tree.files:
            path = PurePosixPath(file)
            if path.suffix.lower() in PICTURES:
                for name in {*path.parent.parts, path.stem}:
                    self._by_name[name].append(file)

    def pair(self, abnormality: _Abnormality) -> Pair:
        """Return the files that may be an abnormality's mask: in its folder, and in its two paths' series."""
        mask, cut = (values.path(abnormality.cells[name]) for name in ("mask", "cut"))
        return pair_of(mask, cut, lambda path: self.find(path) if path else (), self._tree.find)

    def find(self, published: str) -> tuple[str, ...]:
        """Return the files that a table's path may mean: one, several when ambiguous, or none.

        A path is FOLDER/STUDY/SERIES/000000.dcm. Some downloads keep FOLDER and name the rest by dates and numbers;
        others keep only SERIES. Both have one full picture; cut-outs and masks are in folders with other names.
        """
        if file := self._tree.find(published):
            return (file,)
        parts = published.split("/")
        for name in (parts[0], *parts[2:3]):
            if files := self._by_name.get(name):
                return tuple(files)
        return ()


def _read_film(
    places: _Places, film: tuple[str, str, str], abnormalities: Sequence[_Abnormality]
) -> tuple[Record, list[AuditEntry]]:
    first = abnormalities[0]
    patient, side, view = film
    published = list(dict.fromkeys(values.path(item.cells["image_path"]) for item in abnormalities))
    matches = [files for path in published if (files := places.find(path))]
    pictures = [files[0] for files in matches if len(files) == 1]
    assessments = [values.assessment(item.cells["assessment"]) for item in abnormalities]
    findings = [_FINDINGS.get(values.text(item.cells["pathology"]).upper(), "") for item in abnormalities]
    parts = sorted({item.part for item in abnormalities})
    density, _ = values.density(first.cells["density"])
    marked = find_lesions(places.root, pictures[0], map(places.pair, abnormalities)) if pictures else None
    record: dict[str, Any] = {
        "row": first.row,
        "image_path": pictures[0] if pictures else published[0],
        "patient_id": patient,
        "exam_id": patient,  # each patient had one exam
        "laterality": side,
        "view": view,
        "assessment": highest_assessment(assessments),
        "label": worst_finding(findings),
        "density": density,
        "split": parts[0] if len(parts) == 1 else "",
        "lesion_types": _joined(abnormalities, "type"),
        "subtlety": _joined(abnormalities, "subtlety"),
        "abnormalities": str(len(abnormalities)),
        "lesions": marked.lesions if marked else (),
    }
    entries: list[AuditEntry] = []
    entries += merged_abnormalities(record, assessments, findings)
    if len(published) > 1:
        entries.append(repaired(record, "published twice", f"{' and '.join(map(_folder, published))}: one film"))
    if len(parts) > 1:
        entries.append(repaired(record, "in both parts of the split", f"{' and '.join(parts)}; split left empty"))
    if matches and not pictures:
        named = " or ".join(matches[0][:2])
        entries.append(repaired(record, AMBIGUOUS, f"may be {named}: keep one full picture there"))
    if not density:
        written = values.text(first.cells["density"])
        entries.append(repaired(record, "unreadable density", f"{written!r} is not a category from 1 to 4; left empty"))
    entries += [repaired(record, reason, detail) for reason, detail in (marked.remarks if marked else ())]
    return record, entries


def _folder(path: str) -> str:
    return path.partition("/")[0]


def _joined(abnormalities: Sequence[_Abnormality], column: str) -> str:
    return ", ".join(sorted({values.text(item.cells[column]).lower() for item in abnormalities} - {""}))


def _in_both_parts(abnormalities: Iterable[_Abnormality]) -> list[AuditEntry]:
    """Return a note on patients in both the training and the test set: the official split leaks."""
    parts: dict[str, set[str]] = defaultdict(set)
    for item in abnormalities:
        parts[values.patient(item.cells["patient_id"])].add(item.part)
    both = sorted(patient for patient, sets in parts.items() if len(sets) > 1)
    if not both:
        return []
    detail = f"{len(both)} are in both the training and the test set: {', '.join(both)}"
    reason = "patients in both parts of the split"
    return [AuditEntry(row=0, image_path="", patient_id="", action="repaired", reason=reason, detail=detail)]
