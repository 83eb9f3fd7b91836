"""The pictures of a request: of which side and view each is, and which sample of the model they make."""

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
"""The fields of a form that say of which side and view their file is."""

_UNKNOWN = Exposure(laterality="", view="", mirrored=None)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A picture that a request brings: a whole file, and the `field` of the form that it came in, "" for none."""

    content: bytes
    field: str = ""


@dataclass(frozen=True, kw_only=True)
class Given:
    """An upload in the file `path`; `laterality` and `view` are "" where neither its field nor its header says them."""

    path: Path
    laterality: str
    view: str

    @property
    def name(self) -> str:
        """What the picture is called in errors, which do not name its file."""
        return f"{self.laterality} {self.view}".strip() or "the picture"


def taken(manifest: Manifest) -> str:
    """Say what the model of `manifest` looks at in one request."""
    names = manifest.view_names
    if len(names) == 1:
        return "one picture"
    if manifest.level == "image":
        return f"the picture that comes first, and with it {', '.join(names[1:])}"
    return f"{', '.join(names)} of one {'breast' if manifest.level == 'breast' else 'exam'}"


def give(path: Path, field: str) -> Given:
    """Find the side and the view of the picture in `path`, by the form's `field`, or else by its DICOM header.

    Raises:
        UserError: where the field and the header disagree.

    """
    try:
        said = find_exposure(read_header(path).text) if is_dicom(path) else _UNKNOWN
    except ImageError:  # what is wrong with it is said when its pixels are read
        said = _UNKNOWN
    if field not in FIELDS:
        return Given(path=path, laterality=said.laterality, view=said.view)
    laterality, view = field.split("_")
    if said.laterality not in ("", laterality) or said.view not in ("", view):
        header = f"{said.laterality} {said.view}".strip()
        raise UserError(f"the field {field} holds a picture whose DICOM header says {header}; name the field by that")
    return Given(path=path, laterality=laterality, view=view)


def sample_of(model: Model, given: Sequence[Given]) -> Sample:
    """Put a request's pictures together to one sample, by the rules of `birads-zoo predict`; all of them are in it.

    Raises:
        UserError: where the side or view of one is unknown that must be known, two are of the same, or one does not
            belong to what the model looks at (`taken`).

    """
    if len(model.manifest.view_names) > 1:
        for number, one in enumerate(given, start=1):
            if not (one.laterality and one.view):
                raise UserError(
                    f"nothing says of which side and view picture {number} is; send it as the form's field "
                    f"{', '.join(FIELDS[:-1])} or {FIELDS[-1]}, or as a DICOM file whose header says it"
                )
        names = [one.name for one in given]
        if twice := [name for name in names if names.count(name) > 1]:
            raise UserError(f"two pictures are of {twice[0]}; give one")
    rows = [
        {"image_path": str(one.path), "patient_id": "given", "laterality": one.laterality, "view": one.view}
        for one in given
    ]
    samples = [sample for sample in model.samples(pd.DataFrame(rows)) if not sample.error]
    looked_at = samples[0].pictures if samples else ()
    if left := [one.name for one in given if one.path not in looked_at]:
        raise UserError(f"this model does not look at {left[0]} here: it takes {taken(model.manifest)}")
    return samples[0]
