"""Whether a picture still has the size that marks were made for."""

from collections.abc import Iterable
from pathlib import Path

DICOM = (".dcm", ".dicom")


def has_size(picture: Path, sizes: Iterable[tuple[int, int]]) -> bool:
    """Say whether a picture has one of these sizes (width, height) in pixels: of others only the header is read.

    A DICOM file is as it was published. A file that cannot be read has none; the audit says what it is.
    """
    if picture.suffix.lower() in DICOM:
        return True
    from PIL import Image

    try:
        with Image.open(picture) as image:
            return image.size in set(sizes)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
