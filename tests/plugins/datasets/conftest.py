"""A small folder in KAUMDS' layout, with every peculiarity of the real sheet."""

import datetime
from pathlib import Path

import numpy as np
import pytest

from birads_zoo.interfaces import DatasetContext
from birads_zoo_plugins.datasets import birads_zoo_datasets

HEADER = [
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
    "Unnamed: 10",
]
DAY = datetime.datetime(2019, 4, 25)
ROWS = [
    [DAY, "BC000001", 51, "R", "CC", "0%-25%", "BIRAD 1", "mammograms/BIRAD 1/2019_BC000001_ CC_R.dcm", None, None, 4],
    [DAY, "BC000001", 51, "L", "MLO", "26% -50%", "BIRAD 1", "mammograms/BIRAD 1/2019_BC000001_ MLO_L.dcm"],
    [None, "BC 0000002", 60, "L", "CC", "0%-50%", "BIRAD 2", "mammograms/BIRAD 2/2018_BC0000002_ CC_L.dcm"],
    [DAY, "BC000003", 44, None, None, "26%-505", "BIRAD 3", "mammograms/BIRAD 3/2019_BC000003_ MLO_R.dcm"],
    [DAY, "BC000004", 70, "L", "CC", "51-75%", "BIRAD 4", "mammograms/BIRAD 4/2019_BC000004_ CC_L.dcm"],
    [DAY, "BC000005", 34, "L", "CC", ">75%", "BIRAD 5", "mammograms/BIRAD 5/2019_BC000005_ CC_L.dcm"],
]


@pytest.fixture
def load():
    """Load a data set by name: `load("csv", root, table="a.csv")`."""
    specs = {spec.name: spec for spec in birads_zoo_datasets()}

    def load_named(name, root, **options):
        return specs[name].load(DatasetContext(root=root, options=specs[name].options(**options)))

    return load_named


@pytest.fixture
def write_sheet():
    """Write a workbook: `write_sheet(file, rows, header)`; the rows are in its second sheet, as in the real one."""

    def write(file: Path, rows=ROWS, header=HEADER, first=None, foot=True) -> Path:
        import openpyxl

        book = openpyxl.Workbook()
        book.active.title = "tabel "
        for row in first or [["ASSESEMENT ", "number of cases "], ["BIRAD 1", 2]]:
            book.active.append(row)
        sheet = book.create_sheet("correctSheet")
        for row in [header, *rows]:
            sheet.append(row)
        if foot:
            sheet.cell(row=40, column=3, value=len(rows))  # a stray total at the foot of the age column
            sheet.cell(row=60_000, column=1).number_format = "0"  # formatted and empty: the sheet states 60,000 rows
        book.save(file)
        return file

    return write


@pytest.fixture
def write_picture():
    """Write a small grey picture: `write_picture(root / "a" / "b.jpg")`."""

    def write(file: Path) -> Path:
        from PIL import Image

        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (32, 48), 90).save(file)
        return file

    return write


@pytest.fixture
def kaumds(tmp_path, write_sheet):
    """A root with the sheet and no pictures."""
    write_sheet(tmp_path / "correctSheetlast.xlsx")
    return tmp_path


@pytest.fixture
def tree(tmp_path, write_dicom):
    """Two patients: one with two exams, one with one; also a raw file, a CT and a read-me."""
    breast = np.tile(np.arange(64, dtype=np.uint8), (48, 1))

    def write(name, patient, side, view, **more):
        fields = {"PatientID": patient, "ImageLaterality": side, "ViewPosition": view, "StudyInstanceUID": "1.2.3"}
        return write_dicom(tmp_path / name, breast, **fields | more)

    write("calm/a1.dcm", "QUUX-1", "L", "CC", PatientAge="051Y", StudyDate="20190425", StudyInstanceUID="1.2.1")
    write("calm/a2", "QUUX-1", "L", "MLO", PatientAge="051Y", StudyDate="20190425", StudyInstanceUID="1.2.1")
    write("calm/a10.dcm", "QUUX-1", "R", "CC", StudyDate="20210101", StudyInstanceUID="1.2.2")
    write("odd/b1.dcm", "QUUX-2", "R", "CC")
    write("odd/b2.dcm", None, "R", "CC")
    write("odd/raw.dcm", "QUUX-2", "R", "CC", PresentationIntentType="FOR PROCESSING")
    write("odd/ct.dcm", "QUUX-2", "R", "CC", Modality="CT")
    (tmp_path / "odd/notes.txt").write_text("Zelda Quux")
    (tmp_path / "DICOMDIR").write_bytes(b"no sample")
    return tmp_path
