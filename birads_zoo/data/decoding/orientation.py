"""Which way up a picture is: the orientation tag of EXIF and TIFF, obeyed, and the size that a picture has then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, PngImagePlugin, TiffImagePlugin

from birads_zoo.data.decoding.png_chunks import chunks_of

UPRIGHT = 1
_ON_ITS_SIDE = (5, 6, 7, 8)  # orientations in which the file's rows are columns of the picture
_LARGEST_EXIF = 1 << 20  # bytes; a JPEG file can hold 64 KiB


def orientation_of(image: ImageFile.ImageFile) -> int:
    """Return the orientation, 1 to 8 (TIFF 6.0, tag 274), that a picture's file says; 1 where it says none that is.

    Reads headers only. A damaged EXIF block says nothing: the pixels are there all the same.
    """
    try:
        found = _tags(image).get(ExifTags.Base.Orientation, UPRIGHT)
    except Exception:  # what broken bytes make a reader raise is open
        return UPRIGHT
    return found if isinstance(found, int) and 1 <= found <= 8 else UPRIGHT


def upright_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Return the (width, height) that a picture has once it is turned, by its header."""
    width, height = image.size
    if isinstance(image, TiffImagePlugin.TiffImageFile):  # whose `size` is turned in some versions of Pillow only
        width, height = image.tag_v2[TiffImagePlugin.IMAGEWIDTH], image.tag_v2[TiffImagePlugin.IMAGELENGTH]
    return (height, width) if is_on_its_side(orientation_of(image)) else (width, height)


def is_on_its_side(orientation: int) -> bool:
    """Tell whether height and width change places when a picture of this orientation is turned."""
    return orientation in _ON_ITS_SIDE


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return H×W pixels as they are to be seen: upright, and not mirrored."""
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
        return Image.Image.getexif(image)  # its own one decodes all pixels, to look behind them
    return image.getexif()


def _late_exif(image: PngImagePlugin.PngImageFile) -> bytes:
    """Return the eXIf chunk that may come after a PNG file's pixels, where Pillow has not got yet; b"" without."""
    if "exif" in image.info:
        return b""
    path = Path(str(image.filename))
    found = next(((at, length) for kind, at, length in chunks_of(path) if kind == b"eXIf"), None)
    if found is None:
        return b""
    at, length = found
    with path.open("rb") as file:
        file.seek(at)
        return file.read(min(length, _LARGEST_EXIF))
