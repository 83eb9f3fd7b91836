"""Reads mini-MIAS: `Info.txt` and mdb001.pgm … mdb322.pgm, the two breasts of 161 patients.

Source: J. Suckling et al., "The Mammographic Image Analysis Society Digital Mammogram Database", Excerpta Medica,
International Congress Series 1069, 1994; the columns and notes follow its `Info.txt`.
"""

import re
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path

from birads_zoo import AuditEntry, DatasetContext, Index, Lesion, Record, UserError, make_index, open_regular
from birads_zoo_plugins.datasets._reading.tree import Tree, check_root, list_tree

SIDE = 1024  # height and width of every picture, in pixels
_ROW = re.compile(r"mdb(?P<film>\d{3})\s+(?P<tissue>[FGD])\s+[A-Z]{4}\b\s*(?P<rest>(?:[BM]\b.*)?)")
_FINDINGS = {"": "normal", "B": "benign", "M": "malignant"}


def load(context: DatasetContext) -> Index:
    """Read mini-MIAS from the unpacked folder or its parent: 322 rows, 161 patients.

    `label` is normal, benign or malignant, `tissue` F, G or D, and `row` the picture's first line in `Info.txt`.
    Raises `UserError` for a missing or unreadable root, and a root without a valid `Info.txt`.
    """
    tree = list_tree(check_root("mini-mias", context))
    info = _find_info(tree)
    lines = _read_info(tree.root / info)
    folder = info.rpartition("/")[0]
    records: list[Record] = []
    audit: list[AuditEntry] = []
    for film in dict.fromkeys(film for _, film, _ in lines):
        listed = f"{folder}/mdb{film:03d}.pgm".lstrip("/")
        path = tree.find(listed) or listed
        film_lines = [(number, match) for number, listed_film, match in lines if listed_film == film]
        record, entry = _read_film(film, path, film_lines)
        records.append(record)
        audit += entry
    return make_index(tree.root, records, audit, own=("tissue",))


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like mini-MIAS, or "" where it does not."""
    folded_files = {file.lower(): file for file in reversed(files)}
    for folded, info in folded_files.items():
        above, _, name = folded.rpartition("/")
        film = f"{above}/mdb001.pgm".lstrip("/")
        if name == "info.txt" and film in folded_files:
            return f"{info.rpartition('/')[2]} beside {folded_files[film].rpartition('/')[2]}"
    return ""


def _find_info(tree: Tree) -> str:
    candidates = [file for file in tree.files if file.lower().rpartition("/")[2] == "info.txt"]
    if not candidates:
        raise UserError(
            f"no Info.txt below {tree.root}: mini-mias needs it beside its PGM files; give the folder that the "
            "archive was unpacked to"
        )
    return min(candidates, key=lambda file: (file.count("/"), file))


def _read_info(path: Path) -> list[tuple[int, int, re.Match[str]]]:
    """Return (line number, film number, the line's parts) of every line below the header that lists a film."""
    try:
        with TextIOWrapper(open_regular(path), encoding="latin-1") as file:
            text = file.read()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    lines: list[tuple[int, int, re.Match[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _ROW.fullmatch(line.strip()):
            lines.append((number, int(match["film"]), match))
        elif re.match(r"mdb\d", line):
            raise UserError(f"{path}, line {number}: {line.strip()!r} lists no film; download the archive again")
    if not lines:
        raise UserError(f"{path} lists no film (such as 'mdb001 G CIRC B 535 425 197'); download the archive again")
    return lines


def _read_film(film: int, path: str, lines: list[tuple[int, re.Match[str]]]) -> tuple[Record, list[AuditEntry]]:
    patient = f"mias{(film + 1) // 2:03d}"  # films 2k−1 and 2k are the two breasts of one patient
    findings = {_FINDINGS[match["rest"][:1]] for _, match in lines}
    label = next(name for name in ("malignant", "benign", "normal") if name in findings)
    record = {
        "row": lines[0][0],
        "image_path": path,
        "patient_id": patient,
        "exam_id": patient,  # each patient had one exam
        # Info.txt says that even numbers are left breasts. In 160 of the 161 pairs the even film's chest wall is at the
        # left edge of the picture and the odd film's at the right, as usual for these. (One pair is unclear.)
        "laterality": "L" if film % 2 == 0 else "R",
        "view": "MLO",  # all films of the database are
        "label": label,
        "lesions": tuple(_read_lesions(match["rest"] for _, match in lines)),
        "tissue": lines[0][1]["tissue"],
    }
    if len(findings) == 1:
        return record, []
    entry = AuditEntry(
        row=lines[0][0],
        image_path=path,
        patient_id=patient,
        action="repaired",
        reason="label conflict",
        detail=f"listed as {' and '.join(sorted(findings))}; taken as {label}",
    )
    return record, [entry]


def _read_lesions(rests: Iterable[str]) -> Iterable[Lesion]:
    """Yield the circles; some lesions have none, because they are spread widely ("*NOTE 3*") or not given."""
    for rest in rests:
        if match := re.fullmatch(r"[BM]\s+(\d+)\s+(\d+)\s+(\d+)", rest):
            x, y, radius = (float(number) for number in match.groups())
            top = SIDE - y  # Info.txt counts from the bottom left
            yield Lesion(x0=x - radius, y0=top - radius, x1=x + radius, y1=top + radius)
