"""Computes a pixel store's key from its pictures, how they are read and placed, and what decoded them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from birads_zoo.data.decoding.images import is_dicom
from birads_zoo.data.decoding.versions import decoders, version
from birads_zoo.data.dicom.read import READING
from birads_zoo.data.picture import ImageError
from birads_zoo.files.refusal import refuse_if_passing, retried
from birads_zoo.files.regular import open_regular
from birads_zoo.recipe import ImageSection

_SETTLED = 2.0  # seconds after which a further change to a file must show in its times
_hashes: dict[tuple[object, ...], bytes] = {}
"""The hashes of this process, by what the system says of a file, so that a study reads every file only once."""


@dataclass(frozen=True, kw_only=True)
class StoreKey:
    """The key of a pixel store.

    `pictures` is a hash of the files' content, in their order, and of how they are read and placed. `decoders` are the
    versions of the libraries that decode them and equalise their contrast. With other versions a pixel may differ by a
    grey level, so they make another store of the same pictures.
    """

    pictures: str
    decoders: Mapping[str, str | None]

    @property
    def digest(self) -> str:
        """The name of the store's folder."""
        return hashlib.sha256(self.pictures.encode() + msgspec.json.encode(dict(self.decoders))).hexdigest()[:40]


def find_key(paths: Sequence[Path], section: ImageSection, store_format: int, workers: int) -> StoreKey:
    """Hash the files in threads. A file that cannot be read counts as empty. `store_format` is a store's `FORMAT`."""
    pictures = hashlib.sha256(f"{store_format}\n".encode() + msgspec.json.encode(section))
    with ThreadPoolExecutor(workers) as pool:
        for content in pool.map(retried(_content_hash), paths):
            pictures.update(content)
        dicom = any(pool.map(retried(_is_dicom), paths))
    if dicom:
        pictures.update(f"dicom {READING}".encode())
    versions = decoders(dicom=dicom)
    if section.contrast == "clahe":
        versions["kornia"] = version("kornia")
    return StoreKey(pictures=pictures.hexdigest()[:40], decoders=versions)


def _content_hash(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            facts = os.fstat(file.fileno())
            same = (path, facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
            if same in _hashes:
                return _hashes[same]
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).digest()
            if time.time() - max(facts.st_mtime, facts.st_ctime) > _SETTLED:
                _hashes[same] = digest
            return digest
    except OSError as error:
        refuse_if_passing(path, error)
        return bytes(32)  # building the store finds the reason


def _is_dicom(path: Path) -> bool:
    try:
        return is_dicom(path)
    except ImageError:
        return False
