"""Which versions of which libraries turn files into pixels: others may give other ones of the same file."""

from __future__ import annotations

import importlib.metadata
from importlib.util import find_spec

from PIL import features

_BUNDLED = {"libjpeg-turbo": "libjpeg_turbo", "libtiff": "libtiff"}  # what Pillow decodes with, as it calls these
_BUNDLED_FOR_DICOM = {"openjpeg": "jpg_2000"}


def decoders(*, dicom: bool) -> dict[str, str | None]:
    """Return the version of each library that decodes pictures, by its name, `None` where it is not installed.

    Those that decode DICOM files alone are named only if asked for: nothing else changes with them.
    """
    found = {"pillow": version("pillow")} | {name: features.version(known) for name, known in _BUNDLED.items()}
    if dicom:
        found["pydicom"] = version("pydicom")
        found["imagecodecs"] = version("imagecodecs") if find_spec("imagecodecs") else None
        found |= {name: features.version(known) for name, known in _BUNDLED_FOR_DICOM.items()}
    return found


def version(package: str) -> str | None:
    """Return the installed version of a package, `None` without it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
