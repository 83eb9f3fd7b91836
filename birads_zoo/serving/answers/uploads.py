"""The pictures of a request: finds the side and view of each, and makes a sample of them for the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from birads_zoo.data.decoding.images import is_dicom
from birads_zoo.data.dicom.exposure import Exposure, find_exposure
from birads_zoo.data.dicom.header import read_header
from birads_zoo.data.picture import ImageError
from birads_zoo.errors import UserError

if TYPE_CHECKING:
    from birads_zoo.artifact.manifest import Manifest
    from birads_zoo.artifact.model import Model
    from birads_zoo.artifact.samples import Sample

FIELDS = ("L_CC", "L_MLO", "R_CC", "R_MLO")
"""The fields of a form that give the side and view of their file."""

_UNKNOWN = Exposure(laterality="", view="", mirrored=None)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A picture of a request: the content of its file, and the `field` of the form that it was sent in, "" for none."""

    content: bytes
    field: str = ""


@dataclass(frozen=True, kw_only=True)
class SavedPicture:
    """An upload in the file `path`; `laterality` and `view` are "" if neither its field nor its header gives them."""

    path: Path
    laterality: str
    view: str

    @property
    def name(self) -> str:
        """The picture's name in error messages, which do not name its file."""
        return f"{self.laterality} {self.view}".strip() or "the picture"


def accepted_views(manifest: Manifest) -> str:
    """Return a description of the pictures that the model of `manifest` takes in one request."""
    names = manifest.view_names
    if len(names) == 1:
        return "one picture"
    if manifest.level == "image":
        return f"the first picture, and with it {', '.join(names[1:])}"
    return f"{', '.join(names)} of one {'breast' if manifest.level == 'breast' else 'exam'}"


def identify_picture(path: Path, field: str) -> SavedPicture:
    """Find the side and view of the picture in `path` by the form's `field`, or else by its DICOM header.

    Raises:
        UserError: if the field and the header disagree.

    """
    try:
        exposure = find_exposure(read_header(path).text) if is_dicom(path) else _UNKNOWN
    except ImageError:  # reading its pixels will say what is wrong
        exposure = _UNKNOWN
    if field not in FIELDS:
        return SavedPicture(path=path, laterality=exposure.laterality, view=exposure.view)
    laterality, view = field.split("_")
    if exposure.laterality not in ("", laterality) or exposure.view not in ("", view):
        header = f"{exposure.laterality} {exposure.view}".strip()
        raise UserError(f"the field {field} has a picture whose DICOM header says {header}; use the field of that name")
    return SavedPicture(path=path, laterality=laterality, view=view)


def sample_of(model: Model, pictures: Sequence[SavedPicture]) -> Sample:
    """Make one sample of all of a request's pictures, by the rules of `birads-zoo predict`.

    Raises:
        UserError: if a side or view that the model needs is unknown, two pictures are of the same view, or a picture is
            not one that the model takes (`accepted_views`).

    """
    if len(model.manifest.view_names) > 1:
        for number, picture in enumerate(pictures, start=1):
            if not (picture.laterality and picture.view):
                raise UserError(
                    f"the side and view of picture {number} are unknown; send it as the form's field "
                    f"{', '.join(FIELDS[:-1])} or {FIELDS[-1]}, or as a DICOM file whose header gives them"
                )
        names = [picture.name for picture in pictures]
        if twice := [name for name in names if names.count(name) > 1]:
            raise UserError(f"two pictures are of {twice[0]}; send only one of them")
    rows = [
        {
            "image_path": str(picture.path),
            "patient_id": "pictures",
            "laterality": picture.laterality,
            "view": picture.view,
        }
        for picture in pictures
    ]
    samples = [sample for sample in model.samples(pd.DataFrame(rows)) if not sample.error]
    looked_at = samples[0].pictures if samples else ()
    if rest := [picture.name for picture in pictures if picture.path not in looked_at]:
        raise UserError(f"this model does not look at {rest[0]} here: it takes {accepted_views(model.manifest)}")
    return samples[0]
