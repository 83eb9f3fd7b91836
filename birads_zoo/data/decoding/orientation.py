"""Turns pictures upright by the orientation tag of EXIF and TIFF, and gives their size after that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, PngImagePlugin, TiffImagePlugin

from birads_zoo.data.decoding.png_chunks import chunks_of
from birads_zoo.files.refusal import refuse_if_passing

UPRIGHT = 1
_ON_ITS_SIDE = (5, 6, 7, 8)  # orientations in which the file's rows are columns of the picture
_LARGEST_EXIF = 1 << 20  # bytes; a JPEG file can hold 64 KiB


def orientation_of(image: ImageFile.ImageFile) -> int:
    """Return the orientation, 1 to 8 (TIFF 6.0, tag 274), in a picture's file; 1 if there is no valid one.

    Reads headers only. A damaged EXIF block is ignored, because the pixels can still be used.
    """
    try:
        value = _tags(image).get(ExifTags.Base.Orientation, UPRIGHT)
    except Exception as error:  # broken bytes can raise any error
        refuse_if_passing(Path(str(image.filename)), error)
        return UPRIGHT
    return value if isinstance(value, int) and 1 <= value <= 8 else UPRIGHT


def upright_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Return the (width, height) of a picture after it is turned upright, from its header."""
    width, height = image.size
    if isinstance(image, TiffImagePlugin.TiffImageFile):  # its `size` is turned only in some versions of Pillow
        width, height = image.tag_v2[TiffImagePlugin.IMAGEWIDTH], image.tag_v2[TiffImagePlugin.IMAGELENGTH]
    return (height, width) if is_on_its_side(orientation_of(image)) else (width, height)


def is_on_its_side(orientation: int) -> bool:
    """Return whether turning a picture of this orientation upright swaps its height and width."""
    return orientation in _ON_ITS_SIDE


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return the H×W pixels turned upright and not mirrored."""
    if is_on_its_side(orientation):
        pixels = pixels.T
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _tags(image: ImageFile.ImageFile) -> Any:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return image.tag_v2
    if isinstance(image, PngImagePlugin.PngImageFile):
        if late := _late_exif(image):
            exif = Image.Exif()
            exif.load(late)
            return exif
        return Image.Image.getexif(image)  # PngImageFile's own method decodes all pixels to read what comes after them
    return image.getexif()


def _late_exif(image: PngImagePlugin.PngImageFile) -> bytes:
    """Return the eXIf chunk after a PNG file's pixels, which Pillow has not read yet; b"" without one."""
    if "exif" in image.info:
        return b""
    path = Path(str(image.filename))
    chunk = next(((start, length) for kind, start, length in chunks_of(path) if kind == b"eXIf"), None)
    if chunk is None:
        return b""
    start, length = chunk
    with path.open("rb") as file:
        file.seek(start)
        return file.read(min(length, _LARGEST_EXIF))
