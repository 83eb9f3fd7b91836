"""DICOM headers for data sets: what one says of the exposure and of the patient. Public: plugins may import it.

Pixels are no concern of a data set; the engine decodes DICOM files like any other picture.
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
    """What a mammogram's header says. Texts are "" where it says nothing.

    `device` is the machine's maker and model. `laterality` is "L" or "R", `view` such as "CC" or "MLO". `mirrored` says
    whether left and right are swapped in the picture, `None` where the header does not tell. `age` is as DICOM writes
    it ("045Y"), `year` that of the study. `burnt_in` says that the header warns of text in the pixels, `bare` that the
    file lacks the prefix "DICM".

    `kinds` are what makes a picture no standard view of a whole breast, such as "magnified", "spot compression",
    "implant" or "partial": then `view` is "", so that it is not held against other views. `described` are those of
    "side" and "view" that SeriesDescription or ProtocolName alone tells.

    `identity` holds the patient's and the study's own ids. Do not write them anywhere: `number_patients` turns them
    into numbers.
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
    """Return a DICOM picture's width and height in pixels, as its header says them. Raises `ImageError`."""
    dataset = read_elements(path, ("Rows", "Columns")).dataset
    return integer(dataset, "Columns"), integer(dataset, "Rows")


def read_facts(path: Path) -> Facts:
    """Read a DICOM file's header, without its pixels.

    Raises:
        ImageError: for a file that is no usable mammogram: another modality, raw or incomplete, or not readable. Its
            `reason` is short and countable, and names nobody.

    """
    header = read_header(path)
    said = header.text
    exposure = find_exposure(said)
    return Facts(
        device=said.device,
        laterality=exposure.laterality,
        view=exposure.view,
        mirrored=exposure.mirrored,
        age=said.age,
        year=said.year,
        burnt_in=said.burnt_in,
        bare=header.bare,
        kinds=exposure.kinds,
        described=exposure.described,
        identity=read_identity(path),
    )
