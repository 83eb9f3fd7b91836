"""Decodes a PGM, PNG, JPEG, TIFF, BMP or DICOM file to one grey channel, or gives the reason why it cannot."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, PpmImagePlugin, TiffImagePlugin

from birads_zoo.data.decoding.orientation import UPRIGHT, is_on_its_side, orientation_of, turned
from birads_zoo.data.decoding.png_chunks import has_too_many_chunks, without_texts
from birads_zoo.data.dicom.frame import has_long_header, has_too_many_scans
from birads_zoo.data.dicom.prefix import START, has_prefix, is_bare
from birads_zoo.data.picture import GreyArray, ImageError, Picture, check_size
from birads_zoo.files.refusal import refuse_if_passing
from birads_zoo.files.regular import open_regular


class _Tiff(TiffImagePlugin.TiffImageFile):
    """A TIFF file that may have 0 as white at more than 8 bits. Pillow alone reads these in one byte order only.

    `white_is_zero` is the value of black in such a file, whose pixels have to be inverted after reading. Up to 8 bits
    Pillow inverts them itself.
    """

    white_is_zero: int | None = None

    def _setup(self) -> None:
        bits = self.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
        unsigned = self.tag_v2.get(TiffImagePlugin.SAMPLEFORMAT, (1,)) == (1,)
        if self.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0 and unsigned and 8 < bits[0] <= 16:
            self.tag_v2[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] = 1
            self.white_is_zero = (1 << bits[0]) - 1
        super()._setup()


def _png(path: Path) -> PngImagePlugin.PngImageFile:
    if has_too_many_chunks(path):
        raise ValueError("its PNG chunks are too short and too many; save it again")
    lean = without_texts(path)
    return PngImagePlugin.PngImageFile(path if lean is None else lean, str(path))


def _jpeg(path: Path) -> JpegImagePlugin.JpegImageFile:
    content = path.read_bytes()
    if has_too_many_scans(content):
        raise ValueError("it has more than 100 scans; save it again")
    if has_long_header(content):
        raise ValueError("it has more than 10,000 segments, or bytes between them; save it again")
    return JpegImagePlugin.JpegImageFile(path)


def _pgm(path: Path) -> PpmImagePlugin.PpmImageFile:
    with path.open("rb") as file:
        if not _PGM_HEADER.match(file.read(_LONGEST_PGM_HEADER)):  # Pillow reads comments of any length, byte by byte
            raise ValueError("its PGM header is damaged or longer than 4 KB")
    return PpmImagePlugin.PpmImageFile(path)


# The plugins are called directly, not through Image.open: that accepts dozens of formats that no mammogram has, and
# its size limit is process-wide, so another library may set it. The limit here is LARGEST_AREA.
_FORMATS: tuple[tuple[bytes, Callable[[Path], ImageFile.ImageFile]], ...] = (
    (b"\xff\xd8\xff", _jpeg),
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"P", _pgm),
    (b"II*\x00", _Tiff),
    (b"MM\x00*", _Tiff),
    (b"BM", BmpImagePlugin.BmpImageFile),
)
_PGM_HEADER = re.compile(rb"P[1-6](?:(?:\s|#[^\r\n]*[\r\n])+\d+){2}")
_LONGEST_PGM_HEADER = 4096  # bytes
_MOST_RUNS = 10_000_000  # pixels and bytes: Pillow decodes run lengths in Python, so these already take seconds
_DEEP = {"I", "I;16", "I;16L", "I;16B", "I;16N"}  # Pillow's names for grey pixels of more than 8 bits


def read_image(path: Path, at_least: tuple[int, int] | None = None) -> GreyArray:
    """Decode `path` to H×W grey pixels, uint8 or, for files of more than 8 bits, uint16.

    Colour becomes ITU-R 601 luma, which keeps R = G = B exactly. The picture is turned upright by the orientation tag
    of EXIF or TIFF. `at_least` = (height, width) allows a JPEG to be decoded at 1/2, 1/4 or 1/8 of its size, as long as
    neither side of the upright picture becomes smaller than that. A DICOM picture is shown as its header says, over the
    whole range of its dtype (`dicom.read.read_dicom`).

    Raises:
        ImageError: if the picture cannot be used.
        StorageError: if the system could not read the file just now; this says nothing about the picture.

    """
    return read_picture(path, at_least).pixels


def read_picture(path: Path, at_least: tuple[int, int] | None = None) -> Picture:
    """Decode `path` like `read_image`, and return also by how much the decoder scaled it down."""
    if is_dicom(path):
        from birads_zoo.data.dicom.read import read_dicom

        return Picture(pixels=read_dicom(path), reduction=1)
    with open_image(path) as image:
        longest = max(image.size)
        # Pillow turns TIFF files when it loads them, but no other files.
        orientation = UPRIGHT if isinstance(image, TiffImagePlugin.TiffImageFile) else orientation_of(image)
        try:
            if isinstance(image, JpegImagePlugin.JpegImageFile):
                _draft(image, at_least, orientation)
            pixels = turned(_grey(image), orientation)
        except ImageError:
            raise
        except Exception as error:  # broken bytes can raise any error, not only OSError
            refuse_if_passing(path, error)
            raise ImageError("does not decode", _first_line(error)) from error
    return Picture(pixels=pixels, reduction=_power_of_two(longest / max(pixels.shape)))


def is_deep(path: Path) -> bool:
    """Return whether `read_image` gives uint16, from the header alone; false for a file that does not open."""
    try:
        if is_dicom(path):
            from birads_zoo.data.dicom.header import read_header

            return read_header(path).stored > 8
        with open_image(path) as image:
            return image.mode in _DEEP
    except ImageError:
        return False


def is_dicom(path: Path) -> bool:
    """Return whether a file is DICOM by its content. Its name does not matter, and it may lack the prefix "DICM".

    Raises `ImageError` if the file cannot be read.
    """
    start = _start(path)
    return has_prefix(start) or is_bare(start)


def open_image(path: Path) -> ImageFile.ImageFile:
    """Open a file that is not DICOM, in the format of its first bytes. Reads the header only. Raises `ImageError`."""
    start = _start(path)
    if not start:
        raise ImageError("does not decode", "the file is empty")
    plugin = next((plugin for magic, plugin in _FORMATS if start.startswith(magic)), None)
    if plugin is None:
        raise ImageError(
            "does not decode", f"neither PGM, PNG, JPEG, TIFF, BMP nor DICOM: it starts with {start[:16]!r}"
        )
    try:
        image = plugin(path)
    except Exception as error:  # as above
        refuse_if_passing(path, error)
        raise ImageError("does not decode", _first_line(error)) from error
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        image.filename = ""  # else Pillow maps the file to memory, and some versions do that wrongly if it is turned
    try:
        check_size(*image.size)
        _check_run_lengths(image, path)
    except ImageError:
        image.close()
        raise
    return image


def _check_run_lengths(image: ImageFile.ImageFile, path: Path) -> None:
    """Raise `ImageError` for a BMP file whose run lengths would take minutes: short files may have many of them."""
    if not any(tile[0] == "bmp_rle" for tile in image.tile):
        return
    width, height = image.size
    size = path.stat().st_size
    if max(width * height, size) > _MOST_RUNS:
        most, this = _MOST_RUNS // 1_000_000, f"{width}×{height} pixels in {size / 1e6:.1f} MB"
        reason = f"a BMP file with run lengths may have {most} megapixels and {most} MB, and this one has {this}"
        raise ImageError("too large", f"{reason}; save it as PNG")


def _start(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(START)
    except FileNotFoundError as error:
        raise ImageError("no file", "it does not exist") from error
    except (OSError, MemoryError) as error:
        refuse_if_passing(path, error)
        raise ImageError("unreadable file", getattr(error, "strerror", "") or str(error)) from error


def _draft(image: JpegImagePlugin.JpegImageFile, at_least: tuple[int, int] | None, orientation: int) -> None:
    """Let libjpeg skip the colour (if it can) and any detail finer than `at_least` needs in the upright picture."""
    if at_least is None:
        image.draft("L", image.size)
    else:
        height, width = at_least[::-1] if is_on_its_side(orientation) else at_least
        image.draft("L", (max(width, 1), max(height, 1)))


def _grey(image: ImageFile.ImageFile) -> GreyArray:
    if image.mode in _DEEP:
        deep = _deep(np.asarray(image))
        black = image.white_is_zero if isinstance(image, _Tiff) else None
        return deep if black is None else np.uint16(black) - deep
    if image.mode == "F":
        raise ImageError("does not decode", "floating-point pixels; save them as 8 or 16 bits")
    return np.asarray(_flat(image).convert("L"), dtype=np.uint8)


def _deep(values: NDArray[np.generic]) -> NDArray[np.uint16]:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > np.iinfo(np.uint16).max:
        raise ImageError("does not decode", f"grey values from {low} to {high}; save them as 8 or 16 bits")
    return values.astype(np.uint16, copy=False)


def _flat(image: Image.Image) -> Image.Image:
    """Convert what Pillow's conversion to grey does not handle: ink that is not inverted, and palettes."""
    if image.mode == "CMYK" and isinstance(image, JpegImagePlugin.JpegImageFile) and "adobe" not in image.info:
        # Pillow assumes that every CMYK JPEG stores 255 − ink as Adobe's do. Files without Adobe's marker store ink.
        bands = [band.point([255 - value for value in range(256)]) for band in image.split()]
        return Image.merge("CMYK", bands)
    if image.mode in ("P", "PA"):
        return image.convert("RGB")
    return image


def _power_of_two(ratio: float) -> int:
    return min((1, 2, 4, 8), key=lambda step: abs(step - ratio))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
