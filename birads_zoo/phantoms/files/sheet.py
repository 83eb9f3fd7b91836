"""Writes KAUMDS' metadata sheet for a phantom, with the irregularities of the real sheet."""

import io
import re
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
from openpyxl import Workbook

from birads_zoo.phantoms.cohort import Cohort, exposures
from birads_zoo.randomness import numpy_generator

FILE_NAME = "correctSheetlast.xlsx"

COLUMNS = (
    "Study date",
    "PatientID",
    "Patient age ",
    "Breast  type",
    "Breast view",
    "Percentage of\n grandular tissue(density)",
    "Assesment",
    "Image path",
    None,
    None,
    None,
    None,
)
"""The header as in KAUMDS, including its spaces, misspellings and nameless columns."""

_DENSITIES = {"A": "0%-25%", "B": "26%-50%", "C": "51%-75%", "D": ">75%"}
_DIRTY = (("B", "26% -50%"), ("A", "0%-50%"), ("B", "26%-505"), ("C", "51-75%"))
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip file can hold

Cell = str | int | date | None


def write_sheet(path: Path, cohort: Cohort, seed: int) -> None:
    """Write the workbook: a summary in the sheet `tabel `, and a row per picture in `correctSheet`."""
    generator = numpy_generator(seed, "phantom", "sheet")
    rows = _rows(cohort, generator)
    workbook = Workbook()
    summary = workbook.active
    summary.title = "tabel "
    summary.append(["ASSESEMENT ", "number of cases "])
    for category in "12345":
        name = f"BIRAD {category}"
        summary.append([name, sum(row[6] == name for row in rows)])
    summary.append(["sum ", len(rows)])
    sheet = workbook.create_sheet("correctSheet")
    for row in [list(COLUMNS), *rows]:
        sheet.append(row)
    sheet.append([None, None, len(rows)])  # the stray total at the foot of the age column
    buffer = io.BytesIO()
    workbook.save(buffer)
    path.write_bytes(_without_time(buffer.getvalue()))


def _rows(cohort: Cohort, generator: np.random.Generator) -> list[list[Cell]]:
    women = [*cohort.pictured, *cohort.unpictured]
    rows: list[list[Cell]] = []
    for place in generator.permutation(len(women)):
        woman = women[place]
        for side, view in exposures():
            rows.append(
                [
                    woman.study_date,
                    woman.patient_id,
                    woman.age,
                    side,
                    view,
                    _DENSITIES[woman.density],
                    f"BIRAD {woman.category(side)}",
                    woman.image_path(view, side) + ".dcm",
                    *[None] * 4,
                ]
            )
    for density, dirty in _DIRTY:
        clean = [row for row in rows if row[5] == _DENSITIES[density]]
        if clean:
            clean[generator.integers(len(clean))][5] = dirty
    rows[0][10], rows[min(3, len(rows) - 1)][11] = 4, 76  # stray numbers in columns without a name
    return rows


def _without_time(content: bytes) -> bytes:
    """Remove the time of writing from a workbook, so that a seed always gives the same file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "docProps/core.xml":
                part = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"1980-01-01T00:00:00Z", part)
            new.writestr(zipfile.ZipInfo(name, _EPOCH), part, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
