"""Collects facts of picture files without decoding pixels: from the folder, the header and the index."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from PIL import JpegImagePlugin

from birads_zoo.data.decoding.images import is_dicom, open_image
from birads_zoo.data.decoding.orientation import upright_size
from birads_zoo.data.dicom.header import read_header
from birads_zoo.data.dicom.stream import syntax_name
from birads_zoo.data.picture import ImageError
from birads_zoo.interfaces import Index

FACTS = ("width", "height", "bytes", "mode", "format", "exif", "quality", "device", "folder", "source", "year")
"""The columns of `file_facts`."""

_STANDARD = 57.625  # the mean of ITU-T T.81's table K.1 (luminance), which is quality 50
_UNREAD: dict[str, Any] = {
    **dict.fromkeys(("width", "height", "bytes", "quality"), np.nan),
    "mode": "",
    "format": "",
    "exif": False,
    "device": "",
}


def file_facts(index: Index) -> pd.DataFrame:
    """Return a row per index row, in its order, with the columns `FACTS`.

    Reads headers only, in threads. If the file is absent or its header cannot be read, floats are NaN and texts "".

    - width, height: of the upright picture, in pixels (float).
    - bytes: the file's size (float).
    - mode: "L", "RGB", …; for a DICOM file such as "MONOCHROME2, 12 bits".
    - format: such as "JPEG" or "DICOM, RLE Lossless".
    - exif: whether the file has EXIF data.
    - quality: libjpeg's quality of a JPEG, 1 to 100, estimated from the mean of its luminance table (float); NaN for
      other formats.
    - device: the maker and the model in a DICOM header, else "".
    - folder: the path of the file's folder.
    - source: from the table, "" if unknown.
    - year: the first four digits of the study date, NaN without one.
    """
    paths = list(index.rows["image_path"])
    with ThreadPoolExecutor() as threads:
        facts = pd.DataFrame(list(threads.map(_header, (index.root / path if path else None for path in paths))))
    facts["folder"] = [str(PurePosixPath(path).parent) if path else "" for path in paths]
    facts["source"] = index.rows["source"].to_numpy()
    facts["year"] = pd.to_numeric(index.rows["study_date"].str.extract(r"^(\d{4})", expand=False)).to_numpy(float)
    return facts.reindex(columns=list(FACTS))


def _header(path: Path | None) -> dict[str, Any]:
    if path is None:
        return _UNREAD
    try:
        if is_dicom(path):
            return _dicom_header(path)
        with open_image(path) as image:
            tables = image.quantization if isinstance(image, JpegImagePlugin.JpegImageFile) else {}
            width, height = upright_size(image)
            return {
                "width": float(width),
                "height": float(height),
                "bytes": float(path.stat().st_size),
                "mode": image.mode,
                "format": image.format or "",
                "exif": "exif" in image.info,
                "quality": _quality(float(np.mean(tables[min(tables)]))) if tables else np.nan,
                "device": "",
            }
    except ImageError:
        return _UNREAD


def _dicom_header(path: Path) -> dict[str, Any]:
    header = read_header(path)
    return {
        "width": float(header.columns),
        "height": float(header.rows),
        "bytes": float(path.stat().st_size),
        "mode": f"{header.photometric}, {header.stored} bits" if header.display else "RGB",
        "format": f"DICOM, {syntax_name(header.syntax)}",
        "exif": False,
        "quality": np.nan,
        "device": header.text.device,
    }


def _quality(coarseness: float) -> float:
    """Invert libjpeg's scaling of its table: 5000/quality percent below quality 50, else 200 − 2·quality percent."""
    percent = 100 * coarseness / _STANDARD
    return 5000 / percent if percent > 100 else (200 - percent) / 2
