"""Fixtures that write files as data sets publish them, and call the data sets."""

import csv

import pytest

from birads_zoo.inspection.top_files import files_near
from birads_zoo_plugins.datasets.public import PUBLIC


@pytest.fixture
def write():
    """Write a text file with its folders: `write(root / "a" / "b.csv", text)`."""

    def write_text(file, text):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write_text


@pytest.fixture
def write_csv():
    """Write a text table: `write_csv(file, rows)`; the first row is the header."""

    def write_rows(file, rows, separator=","):
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines, delimiter=separator).writerows(rows)
        return file

    return write_rows


@pytest.fixture
def write_book():
    """Write a workbook: `write_book(file, {"sheet": rows})`."""

    def write_sheets(file, sheets):
        import openpyxl

        file.parent.mkdir(parents=True, exist_ok=True)
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        book.save(file)
        return file

    return write_sheets


@pytest.fixture
def write_sized():
    """Write a grey picture of a size: `write_sized(file, (width, height))`."""

    def write_picture(file, size):
        from PIL import Image

        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, 90).save(file)
        return file

    return write_picture


@pytest.fixture
def target():
    """Return a target by the data set's and the target's name: `target("ddsm", "marked")`."""
    targets = {(spec.name, target.name): target for spec in PUBLIC for target in spec.targets}
    return lambda dataset, name: targets[dataset, name]


@pytest.fixture
def recognise():
    """Return why a folder looks like a data set: `recognise("ddsm", folder)`."""
    specs = {spec.name: spec for spec in PUBLIC}
    return lambda name, folder: specs[name].recognise(folder, files_near(folder))
