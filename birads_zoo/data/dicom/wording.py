"""Reads the texts of a DICOM header that describe an exposure, unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from birads_zoo.data.dicom.elements import decimals, text
from birads_zoo.data.picture import ImageError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

TEXT_ELEMENTS = (
    *("Manufacturer", "ManufacturerModelName"),
    *("ImageLaterality", "Laterality", "ViewPosition", "ViewCodeSequence", "PatientOrientation"),
    *("PartialView", "EstimatedRadiographicMagnificationFactor", "BreastImplantPresent"),
    *("SeriesDescription", "ProtocolName"),
    *("PatientAge", "StudyDate", "BurnedInAnnotation"),
)
"""The elements that `header_text` reads."""


@dataclass(frozen=True, kw_only=True)
class HeaderText:
    """Texts of the header, in capitals; "" if an element is absent.

    - `lateralities`: the picture's and the series'.
    - `view_codes`, `modifier_codes`: SNOMED codes.
    - `orientation`: the directions of rows and columns, such as ("A", "FR").
    - `partial`, `implant`: the picture shows a part of the breast, or a breast with an implant.
    - `magnification`: 0 if it is unknown.
    - `series`, `protocol`: descriptions. They may name a person, so only known words are taken from them.
    - `year`: of the study's date.
    - `device`: the maker and the model.
    - `burnt_in`: letters in the pixels may identify the patient.
    """

    lateralities: tuple[str, ...]
    view_position: str
    view_codes: tuple[str, ...]
    orientation: tuple[str, ...]
    age: str
    year: str
    device: str
    burnt_in: bool
    modifier_codes: tuple[str, ...] = ()
    partial: bool = False
    magnification: float = 0.0
    implant: bool = False
    series: str = ""
    protocol: str = ""


def header_text(dataset: Dataset) -> HeaderText:
    """Return the texts of the elements `TEXT_ELEMENTS`."""
    views = list(dataset["ViewCodeSequence"].value or ()) if "ViewCodeSequence" in dataset else []
    modifiers = [
        item
        for view in views
        if "ViewModifierCodeSequence" in view
        for item in view["ViewModifierCodeSequence"].value or ()
    ]
    date = text(dataset, "StudyDate")[:4]
    return HeaderText(
        lateralities=tuple(text(dataset, name) for name in ("ImageLaterality", "Laterality")),
        view_position=text(dataset, "ViewPosition"),
        view_codes=tuple(text(item, "CodeValue") for item in views),
        orientation=tuple(part.strip() for part in text(dataset, "PatientOrientation").split("\\") if part.strip()),
        age=text(dataset, "PatientAge"),
        year=date if date.isdigit() and len(date) == 4 else "",
        device=" ".join(filter(None, (text(dataset, "Manufacturer"), text(dataset, "ManufacturerModelName")))),
        burnt_in=text(dataset, "BurnedInAnnotation") == "YES",
        modifier_codes=tuple(text(item, "CodeValue") for item in modifiers),
        partial=text(dataset, "PartialView") == "YES",
        magnification=_magnification(dataset),
        implant=text(dataset, "BreastImplantPresent") == "YES",
        series=text(dataset, "SeriesDescription"),
        protocol=text(dataset, "ProtocolName"),
    )


def _magnification(dataset: Dataset) -> float:
    try:
        return next(iter(decimals(dataset, "EstimatedRadiographicMagnificationFactor")), 0.0)
    except ImageError:  # not a number; the pixels can still be used
        return 0.0
