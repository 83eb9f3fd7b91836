"""Reads DICOM headers for data sets: facts about the exposure and the patient. Public: plugins may import it.

A data set need not decode pixels; the engine decodes DICOM files like any other picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from birads_zoo.data.decoding.images import is_dicom
from birads_zoo.data.dicom.elements import integer, read_elements
from birads_zoo.data.dicom.exposure import Laterality, find_exposure
from birads_zoo.data.dicom.header import read_header
from birads_zoo.data.dicom.identity import Identity, number_patients, patient_key, read_identity
from birads_zoo.data.picture import ImageError

__all__ = ["Facts", "Identity", "ImageError", "is_dicom", "number_patients", "patient_key", "read_facts", "read_size"]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts from a mammogram's header. Texts are "" where the header has no value.

    `device` is the machine's maker and model. `laterality` is "L" or "R"; `view` is a name such as "CC" or "MLO".
    `mirrored` says whether left and right are swapped in the picture, `None` where the header does not say. `age` is as
    DICOM writes it ("045Y"), `year` is the study's. `burnt_in` means that the header warns of text in the pixels,
    `bare` that the file lacks the prefix "DICM".

    `kinds` are the reasons why a picture is not a standard view of a whole breast, such as "magnified", "spot
    compression", "implant" or "partial". Then `view` is "", so that it is not compared with other views. `described`
    lists which of "side" and "view" only SeriesDescription or ProtocolName gives.

    `identity` holds the original ids of the patient and the study. Do not write them anywhere: `number_patients` turns
    them into numbers.
    """

    device: str
    laterality: Laterality
    view: str
    mirrored: bool | None
    age: str
    year: str
    burnt_in: bool
    bare: bool
    kinds: tuple[str, ...]
    described: tuple[str, ...]
    identity: Identity


def read_size(path: Path) -> tuple[int, int]:
    """Return a DICOM picture's width and height in pixels, from its header. Raises `ImageError`."""
    dataset = read_elements(path, ("Rows", "Columns")).dataset
    return integer(dataset, "Columns"), integer(dataset, "Rows")


def read_facts(path: Path) -> Facts:
    """Read a DICOM file's header, without its pixels.

    Raises:
        ImageError: for a file that is not a usable mammogram: another modality, raw or incomplete, or not readable. Its
            `reason` is short, the same text for the same problem, and holds no patient's name.

    """
    header = read_header(path)
    text = header.text
    exposure = find_exposure(text)
    return Facts(
        device=text.device,
        laterality=exposure.laterality,
        view=exposure.view,
        mirrored=exposure.mirrored,
        age=text.age,
        year=text.year,
        burnt_in=text.burnt_in,
        bare=header.bare,
        kinds=exposure.kinds,
        described=exposure.described,
        identity=read_identity(path),
    )
