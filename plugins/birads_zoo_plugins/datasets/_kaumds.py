"""Reads KAUMDS (published as KAU-BCMD): a sheet of images, and `mammograms/BIRAD 1/…jpg` or `Birad1/b1/…jpg`.

Source of the layout: A. S. Alsolami, W. Shalash, W. Alsaggaf, S. Ashoor, H. Refaat, M. Elmogy, "King Abdulaziz
University Breast Cancer Mammogram Dataset (KAU-BCMD)", Data 6(11), 2021.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from birads_zoo import AuditEntry, DatasetContext, Index, Record, UserError, make_index
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._options import KaumdsOptions
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.columns import Table, check_mapping, find_table, require_columns
from birads_zoo_plugins.datasets._reading.merging import merged_ids
from birads_zoo_plugins.datasets._reading.paths import Place, doubtful, moved
from birads_zoo_plugins.datasets._reading.tables import Cell, note_encoding, read_sheets
from birads_zoo_plugins.datasets._reading.tree import Tree, check_root, list_tree

NEEDED = ("image_path", "patient_id", "assessment")

_MARK = {"density": "Percentage of glandular tissue density"}
"""A column that distinguishes the sheet from other sheets with the needed columns."""
_FOLDER = "mammograms/"  # in the paths of some copies of the sheet, and on the disk in some copies of the data
_NAME = re.compile(r"(?P<year>(?:19|20)\d\d)?_?.*_\s*(?P<view>CC|MLO)_(?P<side>[LR])\.\w+$", re.IGNORECASE)
_CATEGORY = r"(?:^|/)(?P<assessment>BI-?RADS?[ _-]?[0-6])/"
_FOLDERS = re.compile(_CATEGORY, re.IGNORECASE)
_FILED = re.compile(_CATEGORY + r"(?:[^/]+/)*[^/]*?(?P<patient>BC ?\d{6,7})[^/]*\.jpe?g$", re.IGNORECASE)


def load(context: DatasetContext) -> Index:
    """Read KAUMDS: 5386 rows, 996 patients. `options.table` names the sheet's file; without it the sheet is searched.

    Pictures in the folders of the categories without a row in the sheet are listed in the audit. With
    `options.unlisted` each gets a row (numbered after the sheet's last) from its path, which has the category, the
    patient, the view and the side.

    A picture's path is the real one where the file exists, and otherwise the sheet's with `.jpg`. Where the sheet and
    the picture's folder have different categories the assessment is left empty. Raises `UserError` for a
    missing or unreadable root, a root without the sheet, and a sheet without a needed column.
    """
    options: KaumdsOptions = context.options
    check_mapping(options.columns)
    tree = list_tree(check_root("kaumds", context))
    table = _find_sheet(tree, options)
    rows = [
        (number, cells)
        for number, cells in table.rows()
        # Other rows are totals or notes, not images.
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
    """Return why a folder looks like KAUMDS (its folders and names, or its sheet), or "" where it does not."""
    example = next(filter(_FILED.search, files), "")
    if example:
        return f"pictures in folders of BI-RADS categories with its names, such as {example}"
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
    """Return the sheet that has the needed columns, in any folder and under any name."""
    if options.table:
        files = [tree.root / options.table]
    else:
        files = [
            tree.root / file for file in sorted(tree.files, key=lambda file: (file.count("/"), file)) if _is_sheet(file)
        ]
    expected = "a sheet with columns like 'PatientID', 'Assesment' and 'Image path'"
    if not files:
        raise UserError(f"no .xlsx file below {tree.root}: kaumds needs {expected} there, or --table FILE")
    best: Table | None = None
    for file in files:
        for sheet in read_sheets(file):
            table = find_table(sheet, options.columns)
            if _complete(table, options):
                return table
            if best is None or len(table.places) > len(best.places):
                best = table
    # One of three columns may match by chance; with two it is the right sheet with a column missing.
    alike = best is not None and (bool(options.table) or sum(name in best.places for name in NEEDED) > 1)
    if best is None or not alike:
        names = ", ".join(repr(file.relative_to(tree.root).as_posix()) for file in files)
        raise UserError(f"no sheet of kaumds below {tree.root}: looked for {expected} in {names}")
    require_columns(best, NEEDED, options.columns)
    raise AssertionError("an incomplete table lacks a needed or a mapped column")


def _complete(table: Table, options: KaumdsOptions) -> bool:
    return all(name in table.places for name in (*NEEDED, *options.columns))


def _sheet_path(cell: Cell) -> str:
    """Return the sheet's path with `.jpg` for `.dcm`, because the pictures were published as JPEG."""
    return re.sub(r"\.dcm$", ".jpg", values.path(cell).lstrip("/"), flags=re.IGNORECASE)


def _find_pictures(tree: Tree, sheet: Path, paths: Sequence[str]) -> list[Place]:
    """Return the places of the pictures of the sheet's paths; a missing picture keeps the sheet's path.

    A path is tried with and without the leading folder, from the root and from the sheet. A picture not found in this
    way is searched by name in all folders, that of its category first. A picture in another category's folder is not
    taken where the sheet has a row with its name in that category too: some exams have rows in two categories.
    """
    folder = sheet.parent
    # A copy unpacked one folder deeper has its sheet there too, and paths start at the sheet.
    inside = folder != tree.root and folder.is_relative_to(tree.root)
    starts = ("", f"{folder.relative_to(tree.root).as_posix()}/") if inside else ("",)
    by_name: dict[str, list[str]] = defaultdict(list)
    for file in tree.files:
        if file.lower().endswith((".jpg", ".jpeg")):
            by_name[_name(file)].append(file)
    named = {(_folder(path), _name(path)) for path in paths}

    def find(path: str) -> Place:
        bare = path[len(_FOLDER) :] if path.lower().startswith(_FOLDER) else path
        for start in starts:
            for spelling in (path, bare, _FOLDER + bare):
                if file := tree.find(start + spelling):
                    return Place(path=file)
        alike = by_name[_name(path)]
        same_category = [file for file in alike if _folder(file) == _folder(path)]
        unclaimed = [file for file in alike if (_folder(file), _name(file)) not in named]
        candidates = same_category or unclaimed
        return moved(path, candidates[0]) if len(candidates) == 1 else doubtful(path, candidates)

    return [find(path) if path else Place(path="") for path in paths]


def _name(path: str) -> str:
    """Return a picture's name without its suffix and without regard to spaces and case."""
    return values.folded(PurePosixPath(path).stem)


def _folder(path: str) -> str:
    """Return the category in a path's folders, or "" for none."""
    match = _FOLDERS.search(path)
    return values.assessment(match["assessment"]) if match else ""


def _unlisted(tree: Tree, named: set[str]) -> list[str]:
    return [file for file in tree.files if file not in named and _FILED.search(file)]


def _read_path(number: int, path: str) -> Record:
    match = _FILED.search(path)
    assert match is not None
    cells: dict[str, Cell] = {"image_path": path, "patient_id": match["patient"], "assessment": match["assessment"]}
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
        repairs.append(("unreadable age", f"{values.text(cells['age'])!r} is not an age; left empty"))
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
