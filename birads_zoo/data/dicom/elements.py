"""Reads named elements of a DICOM file as bytes. Nothing else of the file is kept.

pydicom finds the elements, and their values are converted here. So a wrong value becomes a reason and never a crash,
and no text of the header gets into a warning or an error.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from birads_zoo.data.dicom.grey import Lut
from birads_zoo.data.dicom.prefix import START, is_bare
from birads_zoo.data.picture import ImageError
from birads_zoo.files.refusal import refuse_if_passing
from birads_zoo.files.regular import open_regular

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_LARGEST_LUT = 1 << 16
_HUSHED = ("ignore", None, Warning, re.compile("pydicom"), 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Elements:
    """The named elements of a file, unconverted, with the UIDs of its transfer syntax and of its SOP class.

    `bare` is true if the file is only a data set, without preamble and prefix.
    """

    dataset: Dataset
    syntax: str
    sop_class: str
    bare: bool


def read_elements(path: Path, names: tuple[str | int, ...], *, pixels: bool = False) -> Elements:
    """Return only the named elements. Raises `ImageError`."""
    import pydicom
    from pydicom.tag import Tag
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    silence_warnings()
    try:
        with open_regular(path) as file:
            start = file.read(START)
        bare = is_bare(start)  # only then may pydicom read a file without the DICOM prefix
        meta = _bare_meta(path, start) if bare else pydicom.filereader.read_file_meta_info(path)
        syntax = text(meta, "TransferSyntaxUID")
        if syntax == DeflatedExplicitVRLittleEndian:  # a few kilobytes can unpack to more than the memory holds
            raise ImageError("does not decode", "a deflated DICOM file; save it in another transfer syntax")
        tags = [Tag(name) for name in (*names, "SOPClassUID")]
        dataset = pydicom.dcmread(path, specific_tags=tags, stop_before_pixels=not pixels, force=bare)
    except ImageError:
        raise
    except Exception as error:  # broken bytes raise any error, and its text may quote the file
        refuse_if_passing(path, error)
        raise ImageError("does not decode", f"a damaged DICOM file ({type(error).__name__})") from None
    return Elements(
        dataset=dataset,
        syntax=syntax or (_guessed_syntax(dataset) if bare else ""),
        sop_class=text(dataset, "SOPClassUID") or text(meta, "MediaStorageSOPClassUID"),
        bare=bare,
    )


def _bare_meta(path: Path, start: bytes) -> Dataset:
    """Return the elements of group 2, which some data sets without the prefix begin with."""
    from pydicom.dataset import Dataset
    from pydicom.filereader import read_dataset

    if start[:2] != b"\x02\x00":
        return Dataset()
    with open_regular(path) as file:
        return read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag.group != 2)


def _guessed_syntax(dataset: Dataset) -> str:
    """Return the uncompressed transfer syntax that pydicom recognised while reading the elements."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def silence_warnings() -> None:
    """Silence pydicom's warnings: a fault of a file is an `ImageError` here, and the warnings quote headers.

    `warnings.catch_warnings` is not enough, because other threads read files at the same time.
    """
    if _HUSHED not in warnings.filters:
        warnings.filterwarnings("ignore", module="pydicom")


def text(dataset: Dataset, name: str) -> str:
    """Return an element's text without padding, in capitals; "" if it is absent or not a text."""
    return " ".join(content(dataset, name).decode("latin-1").strip("\0 \n\r\t").split()).upper()


def content(dataset: Dataset, name: str | int) -> bytes:
    """Return an element's bytes as they are in the file; b"" if it is absent or a sequence."""
    if name not in dataset:
        return b""
    value = dataset.get_item(name, keep_deferred=True).value
    if isinstance(value, str):  # pydicom converts the first element of some groups
        return value.encode("latin-1", "replace")
    return value if isinstance(value, bytes) else b""


def _order(dataset: Dataset, name: str | int) -> str:
    return "<" if getattr(dataset.get_item(name, keep_deferred=True), "is_little_endian", True) else ">"


def integer(dataset: Dataset, name: str | int, default: int | None = None, *, signed: bool = False) -> int:
    """Return a 16-bit integer (US or SS). If it is absent, return `default`, or raise "incomplete header" without."""
    value = content(dataset, name)
    if not value:
        if default is None:
            raise ImageError("incomplete header", f"it has no {name}")
        return default
    if len(value) != 2:
        implausible(f"its {name} has {len(value)} bytes, not 2")
    return int.from_bytes(value, "little" if _order(dataset, name) == "<" else "big", signed=signed)


def decimals(dataset: Dataset, name: str) -> tuple[float, ...]:
    """Return the numbers of a decimal or integer string (DS, IS); () if it is absent."""
    value = text(dataset, name)
    try:
        numbers = tuple(float(part) for part in value.split("\\")) if value else ()
    except ValueError:
        numbers = (math.nan,)
    if not all(map(math.isfinite, numbers)):
        implausible(f"its {name} is not a number")
    return numbers


def implausible(detail: str) -> NoReturn:
    """Raise the `ImageError` of a header that cannot be right. `detail` may quote its numbers, but no text."""
    raise ImageError("implausible header", detail)


def lut(dataset: Dataset, name: str, *, signed: bool) -> Lut | None:
    """Return the first table of a LUT sequence (PS3.3, C.11.1.1.1); `None` without one."""
    if name not in dataset or not dataset[name].value:
        return None
    item = dataset[name].value[0]
    descriptor = content(item, "LUTDescriptor")
    if len(descriptor) != 6:
        implausible(f"its {name} has no LUTDescriptor of three numbers")
    order = _order(item, "LUTDescriptor")
    count, first, bits = np.frombuffer(descriptor, f"{order}u2").tolist()
    count = count or _LARGEST_LUT
    element = item.get_item("LUTDescriptor", keep_deferred=True)
    vr = getattr(element, "VR", None)
    if first >= 1 << 15 and (vr == "SS" or (vr != "US" and signed)):
        first -= 1 << 16
    data = content(item, "LUTData")
    if bits <= 8 and count <= len(data) <= count + 1:
        entries = np.frombuffer(data[:count], np.uint8)
    elif len(data) == 2 * count:
        entries = np.frombuffer(data, f"{_order(item, 'LUTData')}u2")
    else:
        implausible(f"its {name} has {len(data)} bytes for {count} entries")
    if not 1 < bits <= 16 or int(entries.max()) >= 1 << bits:
        implausible(f"its {name} has entries beyond its {bits} bits")
    return Lut(first=first, bits=bits, entries=entries.astype(np.int64))
