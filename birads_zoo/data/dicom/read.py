"""Decodes a DICOM file to one grey channel, shown as its header says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birads_zoo.data.dicom.burnt_in import without_marks
from birads_zoo.data.dicom.depth import agreed_display, numbers
from birads_zoo.data.dicom.elements import implausible
from birads_zoo.data.dicom.grey import Display, shades
from birads_zoo.data.dicom.header import Header, read_header
from birads_zoo.data.dicom.stream import read_stored
from birads_zoo.data.picture import GreyArray

READING = 3
"""Raise this whenever the same DICOM file would give other pixels."""

_ROWS = 256  # that are converted at once, to save memory
_LUMA = np.array([19595, 38470, 7471], dtype=np.uint32)  # ITU-R 601 in 1/65536, as in Pillow


def read_dicom(path: Path) -> GreyArray:
    """Decode the DICOM file `path` to H×W grey pixels: uint8 if its header says at most 8 stored bits, else uint16.

    The header is followed in the standard's order: modality table or rescale, VOI table or (first) window, inversion of
    MONOCHROME1 (see `grey.shades`). The range from black to white fills the dtype. Colour becomes ITU-R 601 luma. Pixel
    padding, everything hidden by the shutter, a white frame and bars become black. Marks burnt in beside the breast
    become as dark as the film (`burnt_in.without_marks`). Raises `ImageError` as `read_header` and `read_stored` do,
    and for a header that gives grey values that are not finite.
    """
    header = read_header(path)
    stored = read_stored(path, header)
    samples = stored.samples
    if header.display is not None:
        grey = _shown(samples, agreed_display(samples, header, stored.bits), header)
    else:
        grey = _luma(samples) if samples.shape[-1] == 3 else samples[..., 0].copy()
    if header.shutter is not None:
        top, bottom, left, right = header.shutter
        hidden = np.ones(grey.shape, np.bool_)
        hidden[top:bottom, left:right] = False
        grey[hidden] = 0
    return without_marks(grey)


def _shown(stored: NDArray[Any], display: Display, header: Header) -> GreyArray:
    table = _finite_shades(display)
    deep: Any = np.uint16 if header.stored > 8 else np.uint8  # as in `images.is_deep`, even if the stream differs
    levels = np.rint(table * np.iinfo(deep).max).astype(deep)
    by_place = np.roll(levels, display.lowest)
    shown: GreyArray = np.empty(stored.shape, deep)
    for top in range(0, len(stored), _ROWS):
        values = numbers(stored[top : top + _ROWS], signed=display.signed)
        places = values.astype(np.int32)
        if not header.overlaid:
            np.minimum(places, len(table) - 1, out=places)
        # Bits above the stored ones hold overlays. The remaining bits of a negative number are its two's complement.
        places &= len(table) - 1
        part = by_place[places]
        if header.padding is not None:
            part[(values >= header.padding[0]) & (values <= header.padding[1])] = 0
        shown[top : top + _ROWS] = part
    return shown


def _finite_shades(display: Display) -> NDArray[np.float64]:
    try:
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            return shades(display)
    except FloatingPointError:
        implausible("its rescale and window give grey values that are not finite")


def _luma(colour: NDArray[Any]) -> NDArray[np.uint8]:
    luma = np.empty(colour.shape[:2], np.uint8)
    for top in range(0, len(colour), _ROWS):
        luma[top : top + _ROWS] = (colour[top : top + _ROWS].astype(np.uint32) @ _LUMA + (1 << 15)) >> 16
    return luma
