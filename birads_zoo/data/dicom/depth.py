"""Decides how many bits a DICOM picture's samples have if its header and its pixels disagree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from birads_zoo.data.dicom.elements import implausible
from birads_zoo.data.dicom.grey import Display, Lut
from birads_zoo.data.dicom.header import Header
from birads_zoo.data.picture import ImageError

_OVERSHOOT = 1 / 8  # of the range: more than lossy compression adds, less than another bit would add


def agreed_display(samples: NDArray[Any], header: Header, bits: int | None) -> Display:
    """Return how to show H×W stored samples. `bits` is the depth of their compressed stream, `None` without a stream.

    Samples that fit in the header's bits have that depth: many encoders write 12 bits as 16, and lossy ones may
    overshoot a little at an edge. If the stream has fewer bits than the header says, or has more and uses them, the
    stream is right and the header is wrong. Bits above the header's are ignored if the header says that overlays are
    stored there. Pixel padding is ignored too.

    Raises:
        ImageError: "implausible header" if samples do not fit for no known reason, or if the window or a table is made
            for other bits than the stream's; "does not decode" if they do not fit in the stream's own bits.

    """
    assert header.display is not None, "colour has no display"
    display = header.display
    if not _fit(samples, display, header.padding, slack=0 if bits is None else _OVERSHOOT):
        if header.overlaid:
            return display
        if bits is None:
            implausible(f"its pixels have values beyond the {display.bits} bits that it says")
        if bits <= display.bits:
            raise ImageError("does not decode", f"damaged pixels: values beyond their {bits} bits")
        return _of_bits(display, bits)
    if bits is not None and bits < display.bits:
        return _of_bits(display, bits)
    return display


def numbers(samples: NDArray[Any], *, signed: bool) -> NDArray[Any]:
    """Return stored samples as numbers: decoders return the bits of `signed` samples in unsigned types."""
    return samples.view(f"i{samples.dtype.itemsize}") if signed else samples


def _fit(samples: NDArray[Any], display: Display, padding: tuple[int, int] | None, slack: float) -> bool:
    values = numbers(samples, signed=display.signed)
    if _within(values, display, slack):
        return True
    if padding is None:
        return False
    return _within(values[(values < padding[0]) | (values > padding[1])], display, slack)


def _within(values: NDArray[Any], display: Display, slack: float) -> bool:
    """Return whether the values can be stored. A negative value may also be its low bits, without the sign's bits."""
    most = (1 << display.bits) * (1 + slack)
    return not values.size or bool(values.min() >= display.lowest and values.max() < most)


def _of_bits(display: Display, bits: int) -> Display:
    """Return the display for samples of `bits` bits; raise if its window or table is made for the header's bits."""
    corrected = replace(display, bits=bits)
    if (middle := _middle(display)) is not None:
        fewer, more = sorted((display, corrected), key=lambda candidate: candidate.bits)
        made_for = fewer if _range(fewer)[0] <= middle <= _range(fewer)[1] else more
        if made_for is not corrected:
            implausible(
                f"its compressed pixels have {bits} bits where it says {display.bits}, and its window or table is not "
                "made for them"
            )
    return corrected


def _range(display: Display) -> tuple[float, float]:
    """Return the lowest and the highest possible input of the display's first table or window."""
    low, high = float(display.lowest), float(display.lowest + (1 << display.bits) - 1)
    if isinstance(display.modality, Lut):
        return low, high
    ends = display.modality.slope * low, display.modality.slope * high
    return min(ends) + display.modality.intercept, max(ends) + display.modality.intercept


def _middle(display: Display) -> float | None:
    """Return the middle of the inputs that the display's first table or its window is made for; `None` without."""
    table = display.modality if isinstance(display.modality, Lut) else display.voi
    if table is None:
        return None
    return table.first + (len(table.entries) - 1) / 2 if isinstance(table, Lut) else table.center
