"""Numbers the patients and visits of DICOM files, so that no patient id is written anywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from birads_zoo.data.dicom.elements import read_elements, text

_OF_A_PICTURE = re.compile(r"[_\- ](?:L|R|LEFT|RIGHT)[_\- ](?:CC|MLO|ML|LM|LMO)(?:[_\- ]\d+)?$")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The ids in a header. They are compared with others and with a table, but never written. "" is unknown."""

    patient: str = field(repr=False)
    study: str = field(repr=False)


def read_identity(path: Path) -> Identity:
    """Read PatientID (in the form of `patient_key`) and StudyInstanceUID. Raises `ImageError`.

    If the patient id is unique to a picture, so is the study's id: then it is useless and left empty.
    """
    dataset = read_elements(path, ("PatientID", "StudyInstanceUID")).dataset
    written = text(dataset, "PatientID")
    of_a_picture = _OF_A_PICTURE.search(written) is not None
    return Identity(patient=patient_key(written), study="" if of_a_picture else text(dataset, "StudyInstanceUID"))


def patient_key(written: str) -> str:
    """Return a patient id in the form in which ids are compared: in capitals, without spaces.

    Some archives (CBIS-DDSM) give each picture an id of its own: the patient's id, then side and view. These endings
    are cut off, because otherwise a patient would be on both sides of a split.
    """
    return _OF_A_PICTURE.sub("", written.strip().upper()).replace(" ", "")


def number_patients(identities: Sequence[Identity]) -> list[tuple[str, str]]:
    """Return each picture's patient ("P0001", in the order in which they appear) and exam ("P0001_1"); "" if unknown.

    A number does not depend on the id. So nobody can recover the id by trying all ids, as with a hash whose key is in
    the program, and no key has to be kept to repeat a run. The same files in the same order get the same numbers. That
    is enough for folds by patient within a data set. Numbers do not link two data sets.
    """
    patients: dict[str, str] = {}
    exams: dict[tuple[str, str], str] = {}
    visits: dict[str, int] = {}
    numbers = []
    for identity in identities:
        if not identity.patient:
            numbers.append(("", ""))
            continue
        patient = patients.setdefault(identity.patient, f"P{len(patients) + 1:04d}")
        if identity.study and (identity.patient, identity.study) not in exams:
            visits[patient] = visits.get(patient, 0) + 1
            exams[identity.patient, identity.study] = f"{patient}_{visits[patient]}"
        numbers.append((patient, exams.get((identity.patient, identity.study), "")))
    return numbers
