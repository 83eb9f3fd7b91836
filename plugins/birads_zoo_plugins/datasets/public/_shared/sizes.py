"""Checks whether a picture still has the size for which marks were made."""

import warnings
from collections.abc import Sequence
from pathlib import Path

from birads_zoo import open_regular
from birads_zoo.dicom import ImageError, is_dicom, read_size

DICOM = (".dcm", ".dicom")
Size = tuple[int, int] | None
"""Width and height in pixels; None where a file's header cannot be read."""
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def misfit(picture: Path, sizes: Sequence[tuple[int, int]], marks: str) -> tuple[str, str]:
    """Return why marks ("2 outlines") that were made for these sizes do not fit a picture: a reason and a detail.

    Sizes are (width, height) in pixels. Both texts are empty where the marks fit, for DICOM files, which are as
    published, and for missing files, which the audit reports elsewhere. Only the header of other files is read.
    """
    if picture.suffix.lower() in DICOM or not picture.is_file():
        return "", ""
    size = _size(picture)
    if size is None:
        return "size unknown", f"the picture's size cannot be read: {marks} left out"
    if size not in sizes:
        published = " or ".join(f"{width}×{height}" for width, height in sizes)
        return "picture of another size", f"the picture is not {published} pixels as published: {marks} left out"
    return "", ""


def size_of(picture: Path) -> Size:
    """Return the size in a picture's header, also for a DICOM file."""
    try:
        return read_size(picture) if is_dicom(picture) else _size(picture)
    except ImageError:
        return None


def _size(picture: Path) -> tuple[int, int] | None:
    """Return the width and height in a picture's header, or None where it cannot be read."""
    from PIL import Image

    try:
        with open_regular(picture) as file:
            head = file.read(24)
        if head.startswith(_PNG) and len(head) == 24:  # read here, because Pillow unpacks all texts before the pixels
            return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a large size does no harm, because nothing is decoded
            with Image.open(picture) as image:
                return image.size
    except Exception:  # a damaged file may raise anything in a decoder
        return None
