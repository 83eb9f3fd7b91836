"""Reads the elements of a DICOM header that a picture needs. None of these elements (`_READ`) names a person.

pydicom skips all other elements. These are read as bytes, so that a wrong value becomes a reason and never a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.data.dicom.elements import (
    Elements,
    content,
    decimals,
    implausible,
    integer,
    lut,
    read_elements,
    text,
)
from birads_zoo.data.dicom.grey import Display, Function, Lut, Rescale, Window
from birads_zoo.data.dicom.wording import TEXT_ELEMENTS, HeaderText, header_text
from birads_zoo.data.picture import ImageError, check_size
from birads_zoo.files.refusal import refuse_if_passing

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
"""The photometric interpretations of colour pictures, which are converted to luma."""

_READ = (
    *("Modality", "PresentationIntentType", "BodyPartExamined"),
    *("NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence"),
    *("ShutterShape", "ShutterLeftVerticalEdge", "ShutterRightVerticalEdge"),
    *("ShutterUpperHorizontalEdge", "ShutterLowerHorizontalEdge"),
    *TEXT_ELEMENTS,
)
_OVERLAY_BITS = tuple(range(0x60000102, 0x60200102, 0x20000))  # OverlayBitPosition of each of 16 overlays
_PARTS = ("ROI MASK IMAGES", "CROPPED IMAGES")  # series of CBIS-DDSM that are not mammograms
_KINDS = {  # modalities that messages may quote (PS3.3, C.7.3.1.1.1); any other text could be a person's name
    *("CR", "CT", "DX", "ES", "IO", "MR", "NM", "OP", "OT", "PR", "PT", "PX", "RF", "RG", "SEG", "SM", "SR", "US"),
    *("XA", "XC"),
}
_RAW = (  # the SOP classes for processing: digital mammography, digital X-ray, breast projections
    *("1.2.840.10008.5.1.4.1.1.1.2.1", "1.2.840.10008.5.1.4.1.1.1.1.1", "1.2.840.10008.5.1.4.1.1.13.1.5"),
)
_FILMS = ("CR", "DX", "OT")  # modalities of digitised films and of old computed radiography


@dataclass(frozen=True, kw_only=True, eq=False)
class Header:
    """The header of a picture. `display` is `None` for colour, which has 8 bits per sample.

    `padding` is the range of stored values that are not part of the picture. `overlaid` is true if bits above the
    stored ones hold overlays (retired, PS3.5, 8.1.2). `shutter` is the visible box (top, bottom, left, right; bottom
    and right excluded). `syntax` is the transfer syntax's UID. `bare` is true if the file lacks the preamble and the
    prefix "DICM".
    """

    rows: int
    columns: int
    samples: int
    photometric: str
    planar: int
    allocated: int
    stored: int
    signed: bool
    display: Display | None
    padding: tuple[int, int] | None
    overlaid: bool
    shutter: tuple[int, int, int, int] | None
    syntax: str
    text: HeaderText
    bare: bool


def read_header(path: Path) -> Header:
    """Read and check the header of a DICOM file. Pixels are not read.

    Raises:
        ImageError: "does not decode" (broken, or of a kind that is not supported), "incomplete header", "implausible
            header", "no pixels", "several frames" (tomosynthesis), "not a mammogram" (another modality), "raw image"
            (for processing), "too small", "too large". Its text has names of elements and numbers, but no person.

    """
    elements = read_elements(path, (*_READ, *_OVERLAY_BITS))
    try:
        return _header(elements)
    except ImageError:
        raise
    except Exception as error:  # broken bytes can raise any error
        refuse_if_passing(path, error)
        raise ImageError("does not decode", f"a damaged DICOM header ({type(error).__name__})") from None


def _header(elements: Elements) -> Header:
    dataset = elements.dataset
    _check_kind(elements)
    rows, columns = integer(dataset, "Rows"), integer(dataset, "Columns")
    frames = text(dataset, "NumberOfFrames")
    if frames not in ("", "0", "1"):
        raise ImageError("several frames", "a tomosynthesis or a series; give its synthetic view or single slices")
    check_size(columns, rows)
    samples = integer(dataset, "SamplesPerPixel", 1)
    photometric = text(dataset, "PhotometricInterpretation")
    allocated, stored = integer(dataset, "BitsAllocated"), integer(dataset, "BitsStored")
    high = integer(dataset, "HighBit", stored - 1)
    signed = integer(dataset, "PixelRepresentation", 0)
    if not elements.syntax:
        raise ImageError("incomplete header", "it has no TransferSyntaxUID")
    if photometric in ("MONOCHROME1", "MONOCHROME2"):
        if samples != 1 or allocated not in (8, 16) or not 1 < stored <= allocated or high != stored - 1 or signed > 1:
            layout = f"{stored} bits in {allocated}, the highest of them {high}, representation {signed}"
            implausible(f"{samples} samples of {layout}")
    elif photometric in COLOURS:
        if samples != 3 or (allocated, stored, signed) != (8, 8, 0):
            raise ImageError("does not decode", f"colour of {samples} samples of {stored} bits; save it as grey")
    elif not photometric:
        raise ImageError("incomplete header", "it has no PhotometricInterpretation")
    else:
        known = photometric if photometric == "PALETTE COLOR" else "unknown"
        raise ImageError("does not decode", f"{known} pixels are not grey levels; save it as MONOCHROME2")
    grey = photometric not in COLOURS
    return Header(
        rows=rows,
        columns=columns,
        samples=samples,
        photometric=photometric,
        planar=integer(dataset, "PlanarConfiguration", 0),
        allocated=allocated,
        stored=stored,
        signed=signed == 1,
        display=_display(dataset, stored, photometric, signed=signed == 1) if grey else None,
        padding=_padding(dataset, signed=signed == 1) if grey else None,
        overlaid=any(integer(dataset, tag, 0) >= stored for tag in _OVERLAY_BITS),
        shutter=_shutter(dataset, rows, columns),
        syntax=elements.syntax,
        text=header_text(dataset),
        bare=elements.bare,
    )


def _check_kind(elements: Elements) -> None:
    dataset = elements.dataset
    modality = text(dataset, "Modality")
    breast = "BREAST" in text(dataset, "BodyPartExamined")
    if modality and modality != "MG" and not (breast and modality in _FILMS):
        name = modality if modality in _KINDS else "another kind"
        raise ImageError("not a mammogram", f"its modality is {name}, not MG")
    if text(dataset, "SeriesDescription") in _PARTS:
        raise ImageError("not a mammogram", "a mask or a cut-out, says its SeriesDescription")
    if text(dataset, "PresentationIntentType") == "FOR PROCESSING" or elements.sop_class in _RAW:
        raise ImageError("raw image", "meant for processing, not for presentation; give the processed one")


def _display(dataset: Dataset, bits: int, photometric: str, *, signed: bool) -> Display:
    modality: Rescale | Lut | None = lut(dataset, "ModalityLUTSequence", signed=signed)
    if modality is None:
        slope = decimals(dataset, "RescaleSlope") or (1.0,)
        intercept = decimals(dataset, "RescaleIntercept") or (0.0,)
        modality = Rescale(slope=slope[0], intercept=intercept[0])
        if modality.slope == 0:
            implausible("its RescaleSlope is 0")
    below_zero = not isinstance(modality, Lut) and (signed or modality.intercept < 0)
    voi: Lut | Window | None = lut(dataset, "VOILUTSequence", signed=below_zero)
    return Display(
        bits=bits,
        signed=signed,
        modality=modality,
        voi=voi if voi is not None else _window(dataset),
        inverted=photometric == "MONOCHROME1",
    )


def _window(dataset: Dataset) -> Window | None:
    """Return the first window, which is the file's default (PS3.3, C.11.2.1.2)."""
    centers, widths = decimals(dataset, "WindowCenter"), decimals(dataset, "WindowWidth")
    if not centers and not widths:
        return None
    if not centers or not widths:
        raise ImageError("incomplete header", "a window needs WindowCenter and WindowWidth; one of them is missing")
    name = text(dataset, "VOILUTFunction").split("\\")[0].strip()
    functions: dict[str, Function] = {"": "LINEAR", "LINEAR": "LINEAR"}
    functions |= {"LINEAR_EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}
    if name not in functions:
        implausible("its VOILUTFunction is none of LINEAR, LINEAR_EXACT and SIGMOID")
    window = Window(center=centers[0], width=widths[0], function=functions[name])
    if window.width < 1 if window.function == "LINEAR" else window.width <= 0:
        implausible(f"its WindowWidth is {window.width:g}")
    return window


def _padding(dataset: Dataset, *, signed: bool) -> tuple[int, int] | None:
    if not content(dataset, "PixelPaddingValue"):
        return None
    value = integer(dataset, "PixelPaddingValue", signed=signed)
    limit = integer(dataset, "PixelPaddingRangeLimit", value, signed=signed)
    return min(value, limit), max(value, limit)


def _shutter(dataset: Dataset, rows: int, columns: int) -> tuple[int, int, int, int] | None:
    """Return the visible box of a rectangular display shutter, whose edges are the first hidden lines (C.7.6.11)."""
    if "RECTANGULAR" not in text(dataset, "ShutterShape"):
        return None
    edges = [
        decimals(dataset, f"Shutter{edge}")
        for edge in ("UpperHorizontalEdge", "LowerHorizontalEdge", "LeftVerticalEdge", "RightVerticalEdge")
    ]
    if not all(edges):
        raise ImageError("incomplete header", "its rectangular shutter lacks an edge")
    top, bottom, left, right = (int(edge[0]) for edge in edges)
    box = max(top, 0), min(bottom - 1, rows), max(left, 0), min(right - 1, columns)
    if box[0] >= box[1] or box[2] >= box[3]:
        implausible("its shutter leaves nothing")
    return box
