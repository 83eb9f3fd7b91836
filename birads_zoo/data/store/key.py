"""What a pixel store is called by: the pictures in it, how they are read and placed, and what decoded them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from birads_zoo.data.decoding.images import is_dicom
from birads_zoo.data.decoding.versions import decoders, version
from birads_zoo.data.dicom.read import READING
from birads_zoo.data.picture import ImageError
from birads_zoo.recipe import ImageSection


@dataclass(frozen=True, kw_only=True)
class StoreKey:
    """`pictures` is a hash over the files' content, in their order, and over how they are read and placed.

    `decoders` are the versions of what decodes them and makes their contrast alike: with others a pixel may differ by a
    grey level, so that is another store of the same pictures.
    """

    pictures: str
    decoders: Mapping[str, str | None]

    @property
    def digest(self) -> str:
        """The name of the store's folder."""
        return hashlib.sha256(self.pictures.encode() + msgspec.json.encode(dict(self.decoders))).hexdigest()[:40]


def find_key(paths: Sequence[Path], section: ImageSection, made: int, workers: int) -> StoreKey:
    """Hash the files by threads; one that cannot be read counts as empty. `made` numbers how stores are made."""
    whole = hashlib.sha256(f"{made}\n".encode() + msgspec.json.encode(section))
    with ThreadPoolExecutor(workers) as pool:
        for content in pool.map(_content_hash, paths):
            whole.update(content)
        dicom = any(pool.map(_is_dicom, paths))
    if dicom:
        whole.update(f"dicom {READING}".encode())
    found = decoders(dicom=dicom)
    if section.contrast == "clahe":
        found["kornia"] = version("kornia")
    return StoreKey(pictures=whole.hexdigest()[:40], decoders=found)


def _content_hash(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).digest()
    except OSError:
        return bytes(32)  # building finds out what is wrong with it


def _is_dicom(path: Path) -> bool:
    try:
        return is_dicom(path)
    except ImageError:
        return False
