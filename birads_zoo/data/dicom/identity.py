"""Whose picture a DICOM file is, without saying who that is: patients and their visits are numbered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from birads_zoo.data.dicom.elements import read_elements, text

_OF_A_PICTURE = re.compile(r"[_\- ](?:L|R|LEFT|RIGHT)[_\- ](?:CC|MLO|ML|LM|LMO)(?:[_\- ]\d+)?$")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The ids in a header: to compare with others and with a table, not to be written anywhere. "" is unknown."""

    patient: str = field(repr=False)
    study: str = field(repr=False)


def read_identity(path: Path) -> Identity:
    """Read PatientID (as `patient_key` has it) and StudyInstanceUID. Raises `ImageError`.

    Where the id is a picture's own, so is the study's: then it tells nothing.
    """
    dataset = read_elements(path, ("PatientID", "StudyInstanceUID")).dataset
    written = text(dataset, "PatientID")
    own = _OF_A_PICTURE.search(written) is not None
    return Identity(patient=patient_key(written), study="" if own else text(dataset, "StudyInstanceUID"))


def patient_key(written: str) -> str:
    """Return a patient id as it is compared: in capitals, without spaces.

    Some archives (CBIS-DDSM) give each picture an id of its own, the patient's with side and view behind it: these are
    cut off, for else a patient would be on both sides of a split.
    """
    return _OF_A_PICTURE.sub("", written.strip().upper()).replace(" ", "")


def number_patients(identities: Sequence[Identity]) -> list[tuple[str, str]]:
    """Return each picture's patient ("P0001", in the order in which they appear) and exam ("P0001_1"); "" if unknown.

    A number is no function of an id, so it cannot be turned back by trying all ids, as a hash could whose key is in
    the program, and it needs no key that must be kept for a run to be made again. It is the same for the same files
    in the same order: within a data set, which is all that folds by patient need. It does not link two data sets.
    """
    patients: dict[str, str] = {}
    exams: dict[tuple[str, str], str] = {}
    visits: dict[str, int] = {}
    found = []
    for one in identities:
        if not one.patient:
            found.append(("", ""))
            continue
        patient = patients.setdefault(one.patient, f"P{len(patients) + 1:04d}")
        if one.study and (one.patient, one.study) not in exams:
            visits[patient] = visits.get(patient, 0) + 1
            exams[one.patient, one.study] = f"{patient}_{visits[patient]}"
        found.append((patient, exams.get((one.patient, one.study), "")))
    return found
