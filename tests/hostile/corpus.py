"""All hostile inputs, in a fixed order."""

from hostile import dicom_files, folders, pictures, settings, tables, weights
from hostile.case import Case

EVERY = 10
"""`make test` runs one of so many inputs unless it is heavy, and every control."""


def all_cases() -> list[Case]:
    return [case for module in (pictures, dicom_files, tables, settings, weights, folders) for case in module.cases()]


def in_quick_tests(number: int, case: Case) -> bool:
    return case.control or (number % EVERY == 0 and not case.heavy)
