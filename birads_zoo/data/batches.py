"""Makes batches on the device: from a GPU's memory if the whole split fits there, else streamed by a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from birads_zoo.data.index.views import Samples
from birads_zoo.data.picture import GreyArray

SAMPLER_POWERS = {"natural": 1.0, "balanced": 0.0, "sqrt-balanced": 0.5}
"""A class is drawn in proportion to its count to this power."""

_AHEAD = 4  # streamed batches that are made before they are needed
_CHUNK = 256  # pictures moved at once when the split becomes resident


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """N samples of V views, all on the device.

    - `images`: N×V×1×H×W float32 in [0, 1]. An absent picture is replaced by a copy of the sample's first one.
    - `present`: N×V bool, which pictures are present.
    - `targets`: N int64, class numbers.
    - `positions`: N int64, the samples' numbers, 0 … S−1, in the data that `Batches` was built from.
    - `lesions`: N×O×H×W float32, the maps of each sample's first O pictures as `data.lesions.lesion_maps` draws them;
      `None` if `Batches` has no lesions.

    Where several processes share the batches, `images`, `present` and `lesions` are of this process's `share`.
    """

    images: Tensor
    present: Tensor
    targets: Tensor
    positions: Tensor
    lesions: Tensor | None = None


class Batches:
    """Yields S samples in batches. Sample i is the V pictures `pixels[samples.pictures[i]]`; its class is `labels[i]`.

    `pixels` is N×H×W, uint8 or uint16, usually memory-mapped; `labels` is S, int64. For `sampler` see `plan_epoch`.

    If the samples' pictures take at most `memory_limit` bytes, they are `resident`: they are moved to the device once,
    as they are stored. Otherwise a thread reads them from `pixels` batch by batch, a few ahead, so that training does
    not wait for pictures that come from the disk. Both ways give the same batches. The default limit is half of the
    free memory of a CUDA device, and 0 for a CPU. `lesions` is S×O×H×W int8 and is always resident. Of several
    processes that share each batch, this one is number `rank` of `ranks`.
    """

    def __init__(
        self,
        pixels: GreyArray,
        samples: Samples,
        labels: NDArray[np.int64],
        batch_size: int,
        device: torch.device,
        sampler: str = "natural",
        memory_limit: int | None = None,
        lesions: NDArray[np.int8] | None = None,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        if labels.shape != (len(samples),):
            raise ValueError(f"{len(samples)} samples need as many labels, not {labels.shape}")
        self._pixels, self._samples, self._labels = pixels, samples.pictures, labels
        self._batch_size, self._sampler, self._device = batch_size, sampler, torch.device(device)
        self._rank, self._ranks = rank, ranks
        self._targets = torch.tensor(labels, dtype=torch.int64, device=self._device)
        self._present = torch.tensor(samples.present, device=self._device)
        self._lesions = None if lesions is None else torch.from_numpy(lesions).to(self._device)
        rows, local = np.unique(samples.pictures, return_inverse=True)
        picture_bytes = int(np.prod(pixels.shape[1:])) * pixels.dtype.itemsize
        limit = _default_limit(self._device) if memory_limit is None else memory_limit
        self.resident = len(rows) * picture_bytes <= limit
        self._moved: tuple[Tensor, Tensor] | None = None  # the pictures' bits, and S×V positions in them
        if self.resident:
            places = torch.from_numpy(local.reshape(samples.pictures.shape)).to(self._device)
            self._moved = (_move(pixels, rows, self._device), places)

    def __len__(self) -> int:
        """Return the number of batches in an epoch with a generator."""
        return len(plan_sizes(len(self._labels), self._batch_size))

    def epoch(self, generator: np.random.Generator | None) -> Iterator[Batch]:
        """Yield an epoch's batches, sampled with `generator`. Without one: each sample once, in order, for prediction.

        The order is moved to the device once. After that, a resident epoch on CUDA never waits for the host.
        """
        plan = plan_epoch(self._labels, self._batch_size, self._sampler, generator)
        if not plan:
            return
        order = torch.from_numpy(np.concatenate(plan)).to(self._device)
        positions = torch.split(order, [len(chosen) for chosen in plan])
        shares = [share(len(chosen), self._rank, self._ranks) for chosen in plan]
        own = tuple(chosen[part] for chosen, part in zip(positions, shares, strict=True))
        numbers = [chosen[part] for chosen, part in zip(plan, shares, strict=True)]
        for images, seen, chosen in zip(self._images(numbers, own), own, positions, strict=True):
            lesions = None if self._lesions is None else self._lesions[seen].float()
            yield Batch(
                images=images,
                present=self._present[seen],
                targets=self._targets[chosen],
                positions=chosen,
                lesions=lesions,
            )

    def _images(self, plan: list[NDArray[np.int64]], positions: tuple[Tensor, ...]) -> Iterator[Tensor]:
        if self._moved is not None:
            bits, places = self._moved
            for chosen in positions:
                rows = places[chosen]
                yield _unit(bits.index_select(0, rows.flatten()).view(*rows.shape, *bits.shape[1:]))
        else:
            for gathered in self._stream(plan):
                yield _unit(gathered.to(self._device, non_blocking=True))

    def _gather(self, chosen: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(_bits(self._pixels[self._samples[chosen]]))

    def _stream(self, plan: list[NDArray[np.int64]]) -> Iterator[Tensor]:
        """Gather in another thread, a few batches ahead. Its exceptions are raised here, and it ends with this."""
        pinned = self._device.type == "cuda"

        def gather(chosen: NDArray[np.int64]) -> Tensor:
            gathered = self._gather(chosen)
            return gathered.pin_memory() if pinned else gathered

        waiting: deque[Future[Tensor]] = deque()
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
            try:
                for chosen in plan:
                    waiting.append(pool.submit(gather, chosen))
                    if len(waiting) > _AHEAD:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


def share(count: int, rank: int, ranks: int) -> slice:
    """Return which of `count` samples process number `rank` of `ranks` has: all of too few to give each two."""
    if count < 2 * ranks:
        return slice(0, count)
    return slice(count * rank // ranks, count * (rank + 1) // ranks)


def plan_epoch(
    labels: NDArray[np.int64], batch_size: int, sampler: str, generator: np.random.Generator | None
) -> list[NDArray[np.int64]]:
    """Return each batch's sample numbers for one epoch. An epoch has as many draws as there are samples.

    - "natural": every sample once, in random order.
    - "balanced": with replacement, each class equally likely.
    - "sqrt-balanced": with replacement, a class's probability in proportion to the square root of its count.

    Without a `generator`: every sample once, in order. The last batch of a training epoch is never a single sample,
    because batch norm cannot use one: that sample joins the batch before.
    """
    count = len(labels)
    if generator is None:
        order = np.arange(count)
        return [order[start : start + batch_size] for start in range(0, count, batch_size)]
    if count == 0:
        return []
    if sampler == "natural":
        order = generator.permutation(count)
    else:
        order = generator.choice(count, size=count, p=_odds(labels, sampler))
    return np.split(order, np.cumsum(plan_sizes(count, batch_size))[:-1])


def plan_sizes(count: int, batch_size: int) -> list[int]:
    """Return the sizes of a training epoch's batches."""
    full, left = divmod(count, batch_size)
    sizes = [batch_size] * full
    if left == 1 and sizes:
        sizes[-1] += 1
    elif left:
        sizes.append(left)
    return sizes


def _odds(labels: NDArray[np.int64], sampler: str) -> NDArray[np.float64]:
    """Return each sample's probability of being drawn: its class's probability, shared among the class's samples."""
    power = SAMPLER_POWERS[sampler]
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    odds = (counts**power / counts)[inverse]
    normal: NDArray[np.float64] = odds / odds.sum()
    return normal


def _default_limit(device: torch.device) -> int:
    if device.type != "cuda":
        return 0
    free, _ = torch.cuda.mem_get_info(device)
    return free // 2


def _move(pixels: GreyArray, rows: NDArray[np.int64], device: torch.device) -> Tensor:
    """Copy `rows` to the device in chunks, because the split may not fit into the host's memory."""
    dtype = torch.int16 if pixels.dtype == np.uint16 else torch.uint8
    moved = torch.empty((len(rows), *pixels.shape[1:]), dtype=dtype, device=device)
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        moved[start : start + len(chunk)] = torch.from_numpy(_bits(pixels[chunk])).to(device)
    return moved


def _bits(pixels: GreyArray) -> NDArray[Any]:
    """Return the same bits in a type that torch can index and convert on every device: int16 for uint16."""
    return pixels.view(np.int16) if pixels.dtype == np.uint16 else pixels


def as_images(pixels: GreyArray, device: torch.device) -> Tensor:
    """Convert stored pictures N×V×H×W, of 8 or 16 bits, to a classifier's input: N×V×1×H×W float32 in [0, 1]."""
    return _unit(torch.from_numpy(_bits(pixels)).to(device))


def _unit(bits: Tensor) -> Tensor:
    """Convert N×V×H×W stored bits to N×V×1×H×W float32 in [0, 1]."""
    if bits.dtype == torch.int16:
        return (bits.to(torch.int32) & 0xFFFF).div(65535).unsqueeze(2)
    return bits.div(255).unsqueeze(2)  # integers divide to float32 in one pass
