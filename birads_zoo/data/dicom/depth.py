"""How many bits a DICOM picture's samples have, where its header and its pixels disagree about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from birads_zoo.data.dicom.elements import implausible
from birads_zoo.data.dicom.grey import Display, Lut
from birads_zoo.data.dicom.header import Header
from birads_zoo.data.picture import ImageError

_OVERSHOOT = 1 / 8  # of the range: more than lossy compression adds to it, less than another bit would


def agreed_display(samples: NDArray[Any], header: Header, bits: int | None) -> Display:
    """Return how to show H×W stored samples whose compressed stream has so many `bits`, `None` without a stream.

    Samples that fit in the header's bits are taken for such: many encoders write 12 bits as 16, and where they lose
    detail, an edge may overshoot by a little. A stream of fewer bits than the header says, or of more that are used, is
    right about it, and the header is wrong. Bits above the header's are left out where the header says that overlays
    are kept there, and so is pixel padding.

    Raises:
        ImageError: "implausible header", where samples do not fit and nothing says why, and where the window or a table
            is made for other bits than the stream's; "does not decode", where they do not fit in the stream's own.

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
    """Return stored samples as the numbers they are: of `signed` ones decoders leave the bits, in unsigned types."""
    return samples.view(f"i{samples.dtype.itemsize}") if signed else samples


def _fit(samples: NDArray[Any], display: Display, padding: tuple[int, int] | None, slack: float) -> bool:
    values = numbers(samples, signed=display.signed)
    if _within(values, display, slack):
        return True
    if padding is None:
        return False
    return _within(values[(values < padding[0]) | (values > padding[1])], display, slack)


def _within(values: NDArray[Any], display: Display, slack: float) -> bool:
    """Tell whether the values can be stored; a negative one may also be its bits alone, without those of the sign."""
    most = (1 << display.bits) * (1 + slack)
    return not values.size or bool(values.min() >= display.lowest and values.max() < most)


def _of_bits(display: Display, bits: int) -> Display:
    """Return the display of samples of other bits; raise where it is made for those that the header says."""
    own = replace(display, bits=bits)
    if (middle := _middle(display)) is not None:
        fewer, more = sorted((display, own), key=lambda one: one.bits)
        made_for = fewer if _range(fewer)[0] <= middle <= _range(fewer)[1] else more
        if made_for is not own:
            implausible(
                f"its compressed pixels have {bits} bits where it says {display.bits}, and its window or table is not "
                "made for them"
            )
    return own


def _range(display: Display) -> tuple[float, float]:
    """Return the lowest and highest input that the first table or the window of the display can get."""
    low, high = float(display.lowest), float(display.lowest + (1 << display.bits) - 1)
    if isinstance(display.modality, Lut):
        return low, high
    ends = display.modality.slope * low, display.modality.slope * high
    return min(ends) + display.modality.intercept, max(ends) + display.modality.intercept


def _middle(display: Display) -> float | None:
    """Return the middle of the inputs for which the display's first table, or its window, is made; `None` without."""
    table = display.modality if isinstance(display.modality, Lut) else display.voi
    if table is None:
        return None
    return table.first + (len(table.entries) - 1) / 2 if isinstance(table, Lut) else table.center
