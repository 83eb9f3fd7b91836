"""A frozen backbone's features on disk: computed once for all folds, seeds, heads and targets that use them.

They lie in `<cache>/features/<key>.safetensors`, where the key is a hash over the pixels, the backbone's weights and
how they are computed. Code has no such hash: a plugin's author may change what a backbone does and keep its weights.
So the first batch is always computed, and what is stored is taken only where it agrees to the last bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from birads_zoo.devices import Compute
from birads_zoo.errors import UserError
from birads_zoo.files import make_folder, whole_file
from birads_zoo.model.classifier import Classifier
from birads_zoo.training.loop import BatchSource
from birads_zoo.version import __version__

LARGEST = 4 * 2**30
"""Bytes of feature maps that are held in memory; more are computed anew in every epoch."""
ROOM = 8 * 2**30
"""Bytes that all stored features may take on the disk; the longest unused go first."""


_FORMAT = 1  # of a file; it is part of the key, so that a file of another format is never found


@dataclass(frozen=True, kw_only=True)
class FeatureStore:
    """Where features are kept, and of which pictures: `pictures` of the pixel store with this `digest`."""

    cache: Path
    digest: str
    pictures: NDArray[np.int64]


@torch.no_grad()
def still_features(
    classifier: Classifier, source: BatchSource, compute: Compute, pooled: bool, store: FeatureStore
) -> Tensor | None:
    """Return P pictures' pooled features P×F, in float32, or their maps P×h×w×D, as computed; in order, on the device.

    `source` yields the store's pictures, each as a sample of its own. `None` when there are more than `LARGEST` bytes
    of maps.
    """
    classifier.eval()
    path = store.cache / "features" / f"{_key(classifier, compute, pooled, store)}.safetensors"
    made = _made(classifier, source, compute, pooled)
    first = next(made)
    kept = _kept(path, compute)
    if kept is not None and len(kept) == len(store.pictures) and torch.equal(kept[: len(first)], first):
        path.touch()
        return kept
    found, size = [first], first.nbytes
    for features in made:
        found.append(features)
        size += features.nbytes
        if not pooled and size > LARGEST:
            return None
    features = torch.cat(found)
    _keep(path, features)
    return features


def _made(classifier: Classifier, source: BatchSource, compute: Compute, pooled: bool) -> Iterator[Tensor]:
    for batch in source.epoch(None):
        with compute.precision():
            features = classifier.features(batch.images)
            made = classifier.head.pool(features).float() if pooled else features.movedim(2, -1)
        yield made[:, 0].contiguous()


def _key(classifier: Classifier, compute: Compute, pooled: bool, store: FeatureStore) -> str:
    about = (
        _FORMAT,
        store.digest,
        compute.describe(),
        repr(classifier.backbone),
        repr(classifier.head.pool) if pooled else "",
    )
    whole = hashlib.sha256(repr(about).encode() + store.pictures.tobytes())
    for name, tensor in classifier.state_dict().items():
        if not name.startswith("head."):
            whole.update(name.encode() + tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()[:40]


def _kept(path: Path, compute: Compute) -> Tensor | None:
    try:
        return dict(safetensors.torch.load_file(path, device=str(compute.device))).get("features")
    except (OSError, safetensors.SafetensorError):  # not there, or damaged: they are computed again
        return None


def _keep(path: Path, features: Tensor) -> None:
    try:
        make_folder(path.parent)
        with whole_file(path) as temporary:
            metadata = {"format": str(_FORMAT), "birads_zoo": __version__}
            safetensors.torch.save_file({"features": features.cpu()}, temporary, metadata=metadata)
        _make_room(path)
    except (UserError, OSError, safetensors.SafetensorError):
        return  # a full disk costs the next run its time, and this one nothing


def _make_room(newest: Path) -> None:
    stored = [(file.stat().st_mtime_ns, file.stat().st_size, file) for file in newest.parent.glob("*.safetensors")]
    taken = sum(size for _, size, _ in stored)
    for _, size, file in sorted(stored):
        if taken <= ROOM or file == newest:
            return
        file.unlink(missing_ok=True)
        taken -= size
