"""Lists the versions of the libraries that decode files: other versions may give other pixels."""

from __future__ import annotations

import importlib.metadata
from importlib.util import find_spec

from PIL import features

_BUNDLED = {"libjpeg-turbo": "libjpeg_turbo", "libtiff": "libtiff"}  # name → Pillow's name for a library in it
_BUNDLED_FOR_DICOM = {"openjpeg": "jpg_2000"}


def decoders(*, dicom: bool) -> dict[str, str | None]:
    """Return the version of each library that decodes pictures, by its name; `None` if it is not installed.

    Libraries that decode only DICOM files are listed only with `dicom`, because they change nothing else.
    """
    versions = {"pillow": version("pillow")} | {name: features.version(known) for name, known in _BUNDLED.items()}
    if dicom:
        versions["pydicom"] = version("pydicom")
        versions["imagecodecs"] = version("imagecodecs") if find_spec("imagecodecs") else None
        versions |= {name: features.version(known) for name, known in _BUNDLED_FOR_DICOM.items()}
    return versions


def version(package: str) -> str | None:
    """Return the installed version of a package; `None` if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
