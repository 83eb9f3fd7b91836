"""Stores a frozen backbone's features on disk: computed once for all folds, seeds, heads and targets that use them.

They are in `<cache>/features/<key>.safetensors`. The key is a hash of the pixels, the backbone's weights and how the
features are computed. It does not cover code: a plugin's author may change what a backbone does and keep its weights.
Therefore the first batch is always computed, and stored features are used only if they are equal to it bit for bit.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from birads_zoo.data.cache_entries import is_features
from birads_zoo.devices import Compute
from birads_zoo.errors import UserError, warn
from birads_zoo.files import StorageError, make_folder
from birads_zoo.files.abandoned import clear_abandoned
from birads_zoo.files.owner import check_owner
from birads_zoo.files.tensors import read_tensors, write_tensors
from birads_zoo.model.classifier import Classifier
from birads_zoo.training.predict import BatchSource

LARGEST = 4 * 2**30
"""The most bytes of feature maps to keep in memory; larger ones are computed again in every epoch."""
ROOM = 8 * 2**30
"""The most bytes of all stored features on the disk; the least recently used files are deleted first."""


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """The header of a file. `FORMAT` is part of the key, so that files of another format are never read."""

    FORMAT: ClassVar[int] = 2


@dataclass(frozen=True, kw_only=True)
class FeatureStore:
    """Where features are stored, and of which pictures: the `pictures` of the pixel store with this `digest`."""

    cache: Path
    digest: str
    pictures: NDArray[np.int64]


@torch.no_grad()
def frozen_features(
    classifier: Classifier, source: BatchSource, compute: Compute, pooled: bool, store: FeatureStore
) -> Tensor | None:
    """Return the pooled features P×F of P pictures, in float32, or their maps P×h×w×D as computed, on the device.

    They are in the order of `source`, which yields the store's pictures, each as a separate sample. `None` if there are
    more than `LARGEST` bytes of maps.
    """
    classifier.eval()
    path = store.cache / "features" / f"{_key(classifier, compute, pooled, store)}.safetensors"
    batches = _compute(classifier, source, compute, pooled)
    first = next(batches)
    stored = _load(path, compute)
    if stored is not None and len(stored) == len(store.pictures) and torch.equal(stored[: len(first)], first):
        with contextlib.suppress(OSError):  # on a read-only disk it is only not known to be used
            path.touch()
        return stored
    computed, size = [first], first.nbytes
    for features in batches:
        computed.append(features)
        size += features.nbytes
        if not pooled and size > LARGEST:
            return None
    features = torch.cat(computed)
    _save(path, features)
    return features


def _compute(classifier: Classifier, source: BatchSource, compute: Compute, pooled: bool) -> Iterator[Tensor]:
    for batch in source.epoch(None):
        with compute.precision():
            features = classifier.features(batch.images)
            result = classifier.head.pool(features).float() if pooled else features.movedim(2, -1)
        yield result[:, 0].contiguous()


def _key(classifier: Classifier, compute: Compute, pooled: bool, store: FeatureStore) -> str:
    settings = (
        _Header.FORMAT,
        store.digest,
        compute.describe(),
        repr(classifier.backbone),
        repr(classifier.head.pool) if pooled else "",
    )
    digest = hashlib.sha256(repr(settings).encode() + store.pictures.tobytes())
    for name, tensor in classifier.state_dict().items():
        if not name.startswith("head."):
            digest.update(name.encode() + tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:40]


def _load(path: Path, compute: Compute) -> Tensor | None:
    if not path.exists():
        return None
    check_owner(path)
    try:
        tensors = read_features(path)
    except UserError as error:
        warn(str(error))
        return None
    return tensors["features"].to(compute.device)


def read_features(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file of stored features.

    Raises:
        UserError: when it is not what was written.

    """
    tensors, _ = read_tensors(path, _Header, f"the file of features {path}", "they are computed again when needed")
    return tensors


def _save(path: Path, features: Tensor) -> None:
    try:
        clear_abandoned(make_folder(path.parent))
        write_tensors(path, {"features": features.cpu()}, _Header())
        _make_room(path)
    except (StorageError, OSError):
        return  # with a full disk the next run computes them again; this run needs no file


def _make_room(newest: Path) -> None:
    files = [file for file in newest.parent.iterdir() if is_features(file)]  # nothing else is deleted
    stored = [(file.stat().st_mtime_ns, file.stat().st_size, file) for file in files]
    used = sum(size for _, size, _ in stored)
    for _, size, file in sorted(stored):
        if used <= ROOM or file == newest:
            return
        file.unlink(missing_ok=True)
        used -= size
