"""KAUMDS (published as KAU-BCMD): a sheet with a row an image, and `mammograms/BIRAD 1/…jpg` or `Birad1/b1/…jpg`.

Source of the layout: A. S. Alsolami, W. Shalash, W. Alsaggaf, S. Ashoor, H. Refaat, M. Elmogy, "King Abdulaziz
University Breast Cancer Mammogram Dataset (KAU-BCMD)", Data 6(11), 2021.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from birads_zoo import AuditEntry, DatasetContext, Index, Record, UserError, make_index
from birads_zoo_plugins.datasets import _values as values
from birads_zoo_plugins.datasets._columns import Table, check_mapping, find_table, require_columns
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._merging import merged_ids
from birads_zoo_plugins.datasets._options import KaumdsOptions
from birads_zoo_plugins.datasets._paths import Place, doubtful, moved
from birads_zoo_plugins.datasets._tables import Cell, note_encoding, read_sheets
from birads_zoo_plugins.datasets._tree import Tree, check_root, list_tree

NEEDED = ("image_path", "patient_id", "assessment")

_MARK = {"density": "Percentage of glandular tissue density"}
"""A column that tells its sheet from others with the needed ones."""
_FOLDER = "mammograms/"  # some copies of the sheet have it in their paths, and some of the data have it on the disk
_NAME = re.compile(r"(?P<year>(?:19|20)\d\d)?_?.*_\s*(?P<view>CC|MLO)_(?P<side>[LR])\.\w+$", re.IGNORECASE)
_CATEGORY = r"(?:^|/)(?P<assessment>BI-?RADS?[ _-]?[0-6])/"
_FOLDERS = re.compile(_CATEGORY, re.IGNORECASE)
_FILED = re.compile(_CATEGORY + r"(?:[^/]+/)*[^/]*?(?P<patient>BC ?\d{6,7})[^/]*\.jpe?g$", re.IGNORECASE)


def load(context: DatasetContext) -> Index:
    """Read KAUMDS: 5386 rows, 996 patients. `options.table` names the sheet's file where it is not to be searched.

    Pictures in the folders of the categories that no row names are listed in the audit; with `options.unlisted` each
    gets a row (numbered after the sheet's last) from its path, which tells its category, patient, view and side.

    A picture's path is its real one where the file exists, and the sheet's with `.jpg` where it does not. Where the
    sheet and the picture's folder say different categories the assessment is left empty. Raises `UserError` for a
    missing or unreadable root, a root without the sheet, and a sheet without a needed column.
    """
    options: KaumdsOptions = context.options
    check_mapping(options.columns)
    tree = list_tree(check_root("kaumds", context))
    table = _find_sheet(tree, options)
    rows = [
        (number, cells)
        for number, cells in table.rows()
        # Else a stray total or note, not an image's row.
        if not (values.is_blank(cells["image_path"]) and values.is_blank(cells["patient_id"]))
    ]
    places = _find_pictures(tree, table.sheet.file, [_sheet_path(cells["image_path"]) for _, cells in rows])
    records: list[Record] = []
    audit: list[AuditEntry] = note_encoding(table.sheet)
    for (number, cells), place in zip(rows, places, strict=True):
        record, entries = _read_row(number, cells, place.path)
        if place.reason:
            audit.append(repaired(record, place.reason, place.detail))
        records.append(record)
        audit += entries
    unlisted = _unlisted(tree, {record["image_path"] for record in records})
    if options.unlisted:
        last = max((record["row"] for record in records), default=table.header_row)
        records += [_read_path(last + at, path) for at, path in enumerate(unlisted, start=1)]
    audit += [
        AuditEntry(
            row=0,
            image_path=path,
            patient_id=_read_path(0, path)["patient_id"],
            action="unlisted",
            reason="taken, labelled by its folder" if options.unlisted else "the sheet has no row for this picture",
        )
        for path in unlisted
    ]
    if not records:
        raise UserError(f"{table.sheet.place} has a header in row {table.header_row} and no row below it")
    return make_index(tree.root, *merged_ids(records, audit, options))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like KAUMDS, "" where it does not: its folders and names of pictures, or its sheet."""
    filed = next(filter(_FILED.search, files), "")
    if filed:
        return f"pictures in folders of BI-RADS categories with its names, such as {filed}"
    for file in (file for file in files if file.count("/") < 2 and _is_sheet(file)):
        try:
            tables = [find_table(sheet, _MARK) for sheet in read_sheets(folder / file)]
        except UserError:
            continue
        if any(all(name in table.places for name in (*NEEDED, *_MARK)) for table in tables):
            return f"{PurePosixPath(file).name} with its columns"
    return ""


def _is_sheet(file: str) -> bool:
    return file.lower().endswith(".xlsx") and not PurePosixPath(file).name.startswith(("~$", "."))


def _find_sheet(tree: Tree, options: KaumdsOptions) -> Table:
    """Return the sheet that has the needed columns, wherever it is and whatever it is called."""
    if options.table:
        files = [tree.root / options.table]
    else:
        files = [
            tree.root / file for file in sorted(tree.files, key=lambda file: (file.count("/"), file)) if _is_sheet(file)
        ]
    wanted = "a sheet with columns like 'PatientID', 'Assesment' and 'Image path'"
    if not files:
        raise UserError(f"no .xlsx file below {tree.root}: kaumds needs {wanted} there, or --table FILE")
    best: Table | None = None
    for file in files:
        for sheet in read_sheets(file):
            table = find_table(sheet, options.columns)
            if _complete(table, options):
                return table
            if best is None or len(table.places) > len(best.places):
                best = table
    # One column of three in common is chance; with two it is the right sheet with a column missing.
    alike = best is not None and (bool(options.table) or sum(name in best.places for name in NEEDED) > 1)
    if best is None or not alike:
        names = ", ".join(repr(file.relative_to(tree.root).as_posix()) for file in files)
        raise UserError(f"no sheet of kaumds below {tree.root}: looked for {wanted} in {names}")
    require_columns(best, NEEDED, options.columns)
    raise AssertionError("an incomplete table lacks a needed or a mapped column")


def _complete(table: Table, options: KaumdsOptions) -> bool:
    return all(name in table.places for name in (*NEEDED, *options.columns))


def _sheet_path(cell: Cell) -> str:
    """Return the sheet's path with `.jpg` for `.dcm`: as JPEG the pictures were published."""
    return re.sub(r"\.dcm$", ".jpg", values.path(cell).lstrip("/"), flags=re.IGNORECASE)


def _find_pictures(tree: Tree, sheet: Path, paths: Sequence[str]) -> list[Place]:
    """Return where the pictures of the sheet's paths are, and the path itself of one that is not there.

    A path counts with or without the leading folder, from the root or from the sheet. What is not found so is looked
    for by its name in any folder, that of its category first. A picture in another category's folder is not taken
    where the sheet has a row of its name in that category too: some exams have rows in two.
    """
    beside = sheet.parent
    # A copy unpacked one folder deeper has its sheet there too, and paths count from the sheet.
    inside = beside != tree.root and beside.is_relative_to(tree.root)
    starts = ("", f"{beside.relative_to(tree.root).as_posix()}/") if inside else ("",)
    by_name: dict[str, list[str]] = defaultdict(list)
    for file in tree.files:
        if file.lower().endswith((".jpg", ".jpeg")):
            by_name[_name(file)].append(file)
    named = {(_folder(path), _name(path)) for path in paths}

    def find(path: str) -> Place:
        bare = path[len(_FOLDER) :] if path.lower().startswith(_FOLDER) else path
        for start in starts:
            for spelling in (path, bare, _FOLDER + bare):
                if found := tree.find(start + spelling):
                    return Place(path=found)
        alike = by_name[_name(path)]
        own = [file for file in alike if _folder(file) == _folder(path)]
        free = [file for file in alike if (_folder(file), _name(file)) not in named]
        candidates = own or free
        return moved(path, candidates[0]) if len(candidates) == 1 else doubtful(path, candidates)

    return [find(path) if path else Place(path="") for path in paths]


def _name(path: str) -> str:
    """Return a picture's name without its suffix, as copies that changed its spaces or case have it too."""
    return values.folded(PurePosixPath(path).stem)


def _folder(path: str) -> str:
    """Return the category that a path's folders say, "" for none."""
    found = _FOLDERS.search(path)
    return values.assessment(found["assessment"]) if found else ""


def _unlisted(tree: Tree, named: set[str]) -> list[str]:
    return [file for file in tree.files if file not in named and _FILED.search(file)]


def _read_path(number: int, path: str) -> Record:
    filed = _FILED.search(path)
    assert filed is not None
    cells: dict[str, Cell] = {"image_path": path, "patient_id": filed["patient"], "assessment": filed["assessment"]}
    return _read_row(number, cells, path)[0]


def _read_row(number: int, cells: dict[str, Cell], path: str) -> tuple[Record, list[AuditEntry]]:
    patient = values.patient(cells["patient_id"])
    repairs: list[tuple[str, str]] = []
    name = _NAME.search(PurePosixPath(path).name)

    density, cleaned = values.density(cells.get("density"))
    if cleaned:
        repairs.append(("dirty density", f"{values.text(cells['density'])!r} read as {density}"))
    elif not density and not values.is_blank(cells.get("density")):
        repairs.append(("unreadable density", f"{values.text(cells['density'])!r} fits no category; left empty"))

    laterality = values.laterality(cells.get("laterality"))
    if not laterality and name:
        laterality = name["side"].upper()
        repairs.append(("no laterality", f"{laterality} taken from the file's name"))
    view = values.view(cells.get("view"))
    if not view and name:
        view = name["view"].upper()
        repairs.append(("no view", f"{view} taken from the file's name"))
    date = values.date(cells.get("study_date"))
    if not date and name and name["year"]:
        date = name["year"]
        repairs.append(("no study date", f"{date} taken from the file's name"))
    age = values.age(cells.get("age"))
    if age != age and not values.is_blank(cells.get("age")):
        repairs.append(("unreadable age", f"{values.text(cells['age'])!r} is no age; left empty"))
    assessment = values.assessment(cells["assessment"])
    if not assessment and not values.is_blank(cells["assessment"]):
        repairs.append(("unreadable assessment", f"{values.text(cells['assessment'])!r}; left empty"))

    if assessment and (folder := _folder(path)) not in ("", assessment):
        repairs.append(("category conflict", f"the sheet says {assessment}, the folder {folder}; left empty"))
        assessment = ""

    record = {
        "row": number,
        "image_path": path,
        "patient_id": patient,
        "exam_id": values.exam(patient, cells.get("exam_id"), date),
        "laterality": laterality,
        "view": view,
        "assessment": assessment,
        "density": density,
        "age": age,
        "study_date": date,
    }
    return record, [repaired(record, reason, detail) for reason, detail in repairs]
