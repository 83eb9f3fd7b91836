"""Tables as data sets publish them, and the question whether a folder is one of them."""

import csv

import pytest

from birads_zoo_plugins.datasets import birads_zoo_datasets


@pytest.fixture
def write_csv():
    """Write a text table: `write_csv(file, rows)`; the first row is the header."""

    def write(file, rows, separator=","):
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines, delimiter=separator).writerows(rows)
        return file

    return write


@pytest.fixture
def write_book():
    """Write a workbook: `write_book(file, {"sheet": rows})`."""

    def write(file, sheets):
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

    return write


@pytest.fixture
def recognise():
    """Ask a data set whether a folder is one of its own: `recognise("cmmd", folder)` → why, or ""."""
    specs = {spec.name: spec for spec in birads_zoo_datasets()}
    return lambda name, folder: specs[name].recognise(folder)
