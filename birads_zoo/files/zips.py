"""Finds parts of ZIP files (XLSX workbooks, PyTorch's weights) that unpack to far more than they should."""

from __future__ import annotations

import zipfile
from typing import BinaryIO

_UNSUSPICIOUS = 10_000_000  # bytes unpacked
_DENSEST = 100  # bytes for each packed byte; sheets of tables have about 15


def bloated_part(file: BinaryIO, largest: dict[str, int]) -> str:
    """Return the name and the unpacked size of a part that is suspiciously large, or "". Nothing is unpacked.

    `largest` gives the most bytes of parts by the start of their names, longer starts first. Python's and PyTorch's
    readers unpack no more than the size that is stated here.

    Raises:
        zipfile.BadZipFile: for a file that is not a ZIP file.

    """
    with zipfile.ZipFile(file) as archive:
        for part in archive.infolist():
            most = next((size for start, size in largest.items() if part.filename.startswith(start)), part.file_size)
            if part.file_size > min(most, max(_UNSUSPICIOUS, _DENSEST * part.compress_size)):
                return f"{part.file_size // 1_000_000} MB in {part.filename[:99]!r}"
    return ""
