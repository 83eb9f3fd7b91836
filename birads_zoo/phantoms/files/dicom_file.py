"""Writes a picture as a DICOM file: digital mammography, for presentation, 12 bits stored in 16, uncompressed."""

import io
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from birads_zoo.phantoms.cohort import Laterality, Woman
from birads_zoo.phantoms.drawing.anatomy import View
from birads_zoo.phantoms.drawing.fields import Plane
from birads_zoo.phantoms.drawing.film import Picture
from birads_zoo.version import __version__

_STORED = 12
_FILM = 240.0  # a picture's height in millimetres, before any framing
_VIEWS = {"CC": ("399162004", "cranio-caudal"), "MLO": ("399368009", "medio-lateral oblique")}
# The directions of the picture's rows and columns. In CC the outer half of a breast is up.
_RUNNING = {"L": {"CC": ["A", "R"], "MLO": ["A", "FR"]}, "R": {"CC": ["P", "L"], "MLO": ["P", "FL"]}}


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """The facts for a picture's header: the woman, the breast and the view.

    `height` is the original picture's height in pixels. With the picture's `steps` it gives the pixel spacing.
    """

    woman: Woman
    side: Laterality
    view: View
    height: int
    implant: bool


def dicom_bytes(picture: Picture, exposure: Exposure, seed: int) -> bytes:
    """Return the content of a picture's file; the same arguments give the same bytes.

    The header has the elements that the standard requires of a mammogram (PS3.3, A.27) and no private element.
    """
    woman, side, view = exposure.woman, exposure.side, exposure.view
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    number = 1 + 2 * (side == "L") + (view == "MLO")
    exam = [str(seed), woman.patient_id, woman.study_date.isoformat()]
    study_date = woman.study_date.strftime("%Y%m%d")
    elements = {
        "SOPClassUID": DigitalMammographyXRayImageStorageForPresentation,
        "SOPInstanceUID": generate_uid(entropy_srcs=[*exam, side, view]),
        "StudyInstanceUID": generate_uid(entropy_srcs=exam),
        "SeriesInstanceUID": generate_uid(entropy_srcs=[*exam, "series"]),
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "Modality": "MG",
        "PresentationIntentType": "FOR PRESENTATION",
        "Manufacturer": "birads-zoo",
        "ManufacturerModelName": "phantom",
        "SoftwareVersions": __version__,
        "PatientName": "",
        "PatientID": woman.patient_id,
        "PatientBirthDate": "",
        "PatientSex": "F",
        "PatientAge": f"{woman.age:03d}Y",
        "StudyDate": study_date,
        "StudyTime": "",
        "ContentDate": study_date,
        "ContentTime": "",
        "AcquisitionDate": study_date,
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "StudyID": "1",
        "SeriesNumber": 1,
        "InstanceNumber": number,
        "BodyPartExamined": "BREAST",
        "AnatomicRegionSequence": [_code("76752008", "Breast")],
        "ImageLaterality": side,
        "ViewPosition": view,
        "ViewCodeSequence": [_code(*_VIEWS[view])],
        "PatientOrientation": _RUNNING[side][view],
        "PositionerType": "MAMMOGRAPHIC",
        "BreastImplantPresent": "YES" if exposure.implant else "NO",
        "PartialView": "NO",
        "QualityControlImage": "NO",
        "BurnedInAnnotation": "NO",
        "ImagerPixelSpacing": [round(_FILM / exposure.height * step, 4) for step in picture.steps],
        "LossyImageCompression": "00",
    }
    for name, value in (elements | _pixels(picture.grey)).items():
        setattr(dataset, name, value)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    if value in {numbered for numbered, _ in _VIEWS.values()}:
        code.ViewModifierCodeSequence = []
    return code


def _pixels(grey: Plane) -> dict[str, object]:
    """Return the elements of the pixels: 0 is black, and the largest stored value is white."""
    white = 2**_STORED - 1
    stored = np.asarray(np.rint(np.clip(grey, 0, 1) * white), "<u2")
    return {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": grey.shape[0],
        "Columns": grey.shape[1],
        "BitsAllocated": 16,
        "BitsStored": _STORED,
        "HighBit": _STORED - 1,
        "PixelRepresentation": 0,
        "PixelIntensityRelationship": "LOG",
        "PixelIntensityRelationshipSign": -1,
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
        "RescaleType": "US",
        "PresentationLUTShape": "IDENTITY",
        "WindowCenter": (white + 1) / 2,
        "WindowWidth": white + 1,
        "VOILUTFunction": "LINEAR",
        "PixelData": stored.tobytes(),
    }
