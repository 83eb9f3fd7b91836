"""Reads DMID: a sheet of abnormalities without a header, a text report per image, and pictures as TIFF and DICOM.

Source of the layout: P. Oza et al., "Digital mammography dataset for breast cancer diagnosis research (DMID) with
breast mass segmentation analysis", Biomedical Engineering Letters 14, 2024.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path, PurePosixPath

from birads_zoo import AuditEntry, DatasetContext, Index, Record, UserError, make_index, open_regular
from birads_zoo_plugins.datasets._csv_table import repaired
from birads_zoo_plugins.datasets._reading import values
from birads_zoo_plugins.datasets._reading.tables import Cell
from birads_zoo_plugins.datasets._reading.tree import check_root, list_tree
from birads_zoo_plugins.datasets.public._shared.entries import conflicting, dropped, merged_assessments
from birads_zoo_plugins.datasets.public._shared.named_tables import sheets_of
from birads_zoo_plugins.datasets.public._shared.suspicion import highest_assessment

_NAME = re.compile(r"IMG\s*(\d+)", re.IGNORECASE)
_VIEWS = {f"{view}{side}T": (side, view) for view in ("CC", "MLO") for side in "LR"}
_LABELS = {"M": "malignant", "B": "benign", "N": "normal"}  # in order of precedence
_BIRADS = re.compile(r"BI[- ]?RA+DS?\s*[:-]?([^\n\r]*)", re.IGNORECASE)
_PART = r"(?:[abc]\b|\s[bc]\b|\sa\b(?!\s+[^\W\d]))?"  # "4 a mass": "a" before a word is an article
_CATEGORY = rf"(?P<category>(?:[0-6]|VI|IV|V|I{{1,3}}){_PART})(?!\w|\.\d)"
_WORD = r"(?:(?!(?:and|in|on|for|right|left|respectively)\b)[^\W\d]{2}|[dwmyo]\b)"  # "weeks", "m", "o'clock"
_COUNT = rf"(?:\s*(?:[-–/]|to\b|or\b)\s*\d+)?(?:\s*{_WORD}|-[^\W\d]|\s*['’%])|\s*[-–/]\s*\d\d"
_FIRST = re.compile(
    rf"(?:\W|category\b|cat\b|score\b|assessment\b)*(?!I\s+{_WORD}){_CATEGORY}",  # "I advise" is not a category
    re.IGNORECASE,
)
_FURTHER = re.compile(
    rf"(?:\s*\(?(?:right|left)(?:\s+breast)?\)?)?\s*(?:[/,&–-]|and\b)\s*{_CATEGORY}(?!{_COUNT})", re.IGNORECASE
)
_DENSITY = re.compile(r"ACR\s*[-:]?\s*([A-D])\b", re.IGNORECASE)
_MASK_FOLDER = re.compile(r"mask|roi|pixel|annotation|contour", re.IGNORECASE)
"""Names of folders that hold masks, which have the names of the pictures."""
_KINDS = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".dcm", ".dicom")
"""Of copies of one picture the first kind is taken: the masks are TIFF files with the TIFF pictures' size."""


@dataclass(frozen=True, kw_only=True)
class _Files:
    """The files of the images, by the image's number: "7" for IMG007."""

    pictures: dict[str, str]
    masks: dict[str, str]
    reports: dict[str, str]


_Row = tuple[int, tuple[Cell, ...]]


def load(context: DatasetContext) -> Index:
    """Read DMID: 510 images. The sheet names no patients, so `patient_id` is empty.

    `label` is "normal", "benign" or "malignant", `abnormality` the sheet's code, such as "CIRC"; assessment and density
    come from the report. `mask` is the picture of the marked masses, where there is one. The circles of the sheet are
    not read, because the corner at which their coordinates start could not be verified.
    Raises `UserError` for a missing or unreadable root, and one without the sheet.
    """
    tree = list_tree(check_root("dmid", context))
    sheet = _find_sheet(tree.root, tree.files)
    if not sheet:
        raise UserError(
            f"no Metadata.xlsx below {tree.root} with rows like 'IMG001, CCLT, G, CIRC, B': dmid needs it beside its "
            "reports and pictures, all unpacked"
        )
    files = _sort_files(tree.files)
    records: list[Record] = []
    audit: list[AuditEntry] = []
    for image, rows in _read_sheet(tree.root / sheet).items():
        record, entries = _read_image(image, rows, files, tree.root)
        if record["label"] or record["assessment"]:
            records.append(record)
            audit += entries
        else:
            audit.append(dropped(record, "no readable label"))
    return make_index(tree.root, records, audit, own=("abnormality", "subcategory", "mask"))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like DMID, or "" where it does not."""
    sheet = _find_sheet(folder, files)
    return f"{sheet.rpartition('/')[2]} with rows for IMG001 and others" if sheet else ""


def _find_sheet(root: Path, files: Iterable[str]) -> str:
    named = (file for file in files if re.fullmatch(r"metadata\.(xlsx|csv)", file.rpartition("/")[2].lower()))
    return next((file for file in named if _read_sheet(root / file)), "")


def _read_sheet(path: Path) -> dict[str, list[_Row]]:
    """Return the rows of each image by its number, below a legend; {} for a file that is not such a sheet."""
    rows: dict[str, list[_Row]] = defaultdict(list)
    try:
        for sheet in sheets_of(path):
            for number, cells in sheet:
                name = _NAME.fullmatch(values.text(cells[0]))
                if name and len(cells) > 4:
                    rows[name[1].lstrip("0")].append((number, cells))
    except UserError:
        return {}
    return dict(rows)


def _sort_files(files: Sequence[str]) -> _Files:
    sorted_files = _Files(pictures={}, masks={}, reports={})
    for file in sorted(files, key=lambda file: (_kind(file), file)):
        path = PurePosixPath(file)
        name = _NAME.match(path.stem)
        if not name:
            continue
        image = name[1].lstrip("0")
        if path.suffix.lower() == ".txt":
            sorted_files.reports.setdefault(image, file)
        elif _kind(file) < len(_KINDS):
            is_mask = any(_MASK_FOLDER.search(part) for part in path.parts[:-1]) or path.stem != name[0]
            (sorted_files.masks if is_mask else sorted_files.pictures).setdefault(image, file)
    return sorted_files


def _kind(file: str) -> int:
    suffix = PurePosixPath(file).suffix.lower()
    return _KINDS.index(suffix) if suffix in _KINDS else len(_KINDS)


def _read_image(image: str, rows: Sequence[_Row], files: _Files, root: Path) -> tuple[Record, list[AuditEntry]]:
    texts = [[values.text(cell).upper() for cell in cells] for _, cells in rows]
    side, view = _VIEWS.get(texts[0][1].replace(" ", ""), ("", ""))
    codes = {text[4] for text in texts}
    labels = [label for code, label in _LABELS.items() if code in codes]
    report = _read_report(root / files.reports[image]) if image in files.reports else ""
    line = _BIRADS.search(report)
    written = _categories(line[1]) if line else []
    assessments = [values.assessment(category) for category in written]
    density = _DENSITY.search(report)
    record = {
        "row": rows[0][0],
        "image_path": files.pictures.get(image, f"TIFF Images/IMG{image.zfill(3)}.tif"),
        "patient_id": "",
        "laterality": side,
        "view": view,
        "assessment": highest_assessment(assessments),
        "label": labels[0] if labels else "",
        "density": density[1].upper() if density else "",
        "abnormality": " ".join(dict.fromkeys(text[3] for text in texts)),
        "subcategory": max(map(values.subcategory, written), default=""),
        "mask": files.masks.get(image, ""),
    }
    entries = [*merged_assessments(record, assessments), *conflicting(record, labels)]
    if not side:
        entries.append(repaired(record, "unreadable view", f"{texts[0][1]!r}; side and view left empty"))
    if not record["assessment"]:
        problem = (
            f"{line[1].strip()!r} is not a category"
            if line
            else f"no report Img{image.zfill(3)}.txt with a BI-RADS line"
        )
        entries.append(repaired(record, "no assessment", f"{problem}; left empty"))
    return record, entries


def _categories(line: str) -> list[str]:
    """Return the categories at the start of a line: "4a" and "2" of "4a & 2, review after 6 weeks"."""
    written: list[str] = []
    match = _FIRST.match(line)
    while match:
        written.append(match["category"])
        match = _FURTHER.match(line, match.end())
    return written


def _read_report(path: Path) -> str:
    try:
        with TextIOWrapper(open_regular(path), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError as error:
        raise UserError(f"cannot read the report {path}: {error.strerror}") from None
