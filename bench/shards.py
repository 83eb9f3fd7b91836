"""Images per second that a shuffled epoch reads, from the pixel store and from formats of shards, on one core.

The same synthetic pictures are written as the memory-mapped pixel store, and as shards of WebDataset, LitData and
Mosaic Streaming. Each format reads all pictures in random order in batches, first from the disk and then from the
system's page cache; formats take turns. Writes `bench/results/shards-cpu.json`.

    pip install webdataset litdata mosaicml-streaming
    python bench/shards.py --folder /scratch
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from birads_zoo.data.batches import Batches
from birads_zoo.data.index.views import Samples
from birads_zoo.devices import choose_compute
from birads_zoo.files import make_folder, write_text
from birads_zoo.randomness import numpy_generator
from birads_zoo.runs.environment import describe_machine

BATCH, IN_SHARD = 32, 1000
Epoch = Callable[[int], Iterator[int]]
"""Takes the number of an epoch, and yields the pictures of each batch that was read."""


def main() -> None:
    """Write all formats, read them in turns, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the shards are made; a temporary folder by default")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    make_folder(arguments.out)  # before anything is measured

    torch.set_num_threads(1)
    rates: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        pixels = numpy_generator(0, "shards").integers(
            0, 256, (arguments.pictures, arguments.size, arguments.size), np.uint8
        )
        epochs = {
            name: write(make_folder(Path(folder) / name), pixels)
            for name, write in (
                ("pixel store", pixel_store),
                ("webdataset", webdataset_shards),
                ("litdata", litdata_shards),
                ("mosaicml-streaming", mosaic_shards),
            )
        }
        for number in range(arguments.rounds):
            for name, epoch in epochs.items():
                for cache in ("disk", "page cache"):
                    if cache == "disk":
                        _drop(Path(folder) / name)
                    rate = _rate(epoch, number, len(pixels))
                    rates.setdefault(name, {}).setdefault(cache, []).append(rate)
                    print(f"{name:20}{cache:12}{rate:10.0f} images/s", flush=True)
    report = {
        "pictures": arguments.pictures,
        "size": arguments.size,
        "images_per_second": {
            name: {cache: round(statistics.median(values)) for cache, values in of.items()}
            for name, of in rates.items()
        },
        "versions": {name: importlib.metadata.version(name) for name in rates if name != "pixel store"},
        "environment": msgspec.to_builtins(describe_machine(choose_compute("cpu", "float32"))),
    }
    write_text(arguments.out / "shards-cpu.json", json.dumps(report, indent=2) + "\n")


def pixel_store(folder: Path, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Epoch:
    """Write the pictures as one array, which training maps into memory."""
    np.save(folder / "pixels.npy", pixels)

    def epoch(number: int) -> Iterator[int]:
        stored = np.load(folder / "pixels.npy", mmap_mode="r")
        samples = Samples.alone(np.arange(len(stored)))
        batches = Batches(stored, samples, np.zeros(len(stored), np.int64), BATCH, torch.device("cpu"))
        for batch in batches.epoch(numpy_generator(number, "order")):
            yield len(batch.images)

    return epoch


def webdataset_shards(folder: Path, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Epoch:
    """Write tar files of 1000 pictures; an epoch shuffles the shards, and the samples in a buffer of 1000."""
    import webdataset

    with webdataset.ShardWriter(str(folder / "%05d.tar"), maxcount=IN_SHARD, verbose=0) as writer:
        for number, picture in enumerate(pixels):
            writer.write({"__key__": f"{number:09d}", "bin": picture.tobytes()})
    size = pixels.shape[1:]
    shards = sorted(map(str, folder.glob("*.tar")))

    def epoch(number: int) -> Iterator[int]:
        order = numpy_generator(number, "order").permutation(len(shards))
        data = webdataset.WebDataset([shards[k] for k in order], shardshuffle=False).shuffle(IN_SHARD)
        yield from _batched(np.frombuffer(sample["bin"], np.uint8).reshape(size) for sample in data)

    return epoch


def litdata_shards(folder: Path, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Epoch:
    """Write LitData's chunks of 64 MB; an epoch shuffles as `StreamingDataset(shuffle=True)` does."""
    from litdata import StreamingDataset
    from litdata.streaming import Cache

    cache = Cache(str(folder), chunk_bytes="64MB")
    for number, picture in enumerate(pixels):
        cache[number] = {"picture": picture}
    cache.done()
    cache.merge()

    def epoch(number: int) -> Iterator[int]:
        data = StreamingDataset(str(folder), shuffle=True, seed=number)
        yield from _batched(sample["picture"] for sample in data)

    return epoch


def mosaic_shards(folder: Path, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Epoch:
    """Write Mosaic's shards of 64 MB; an epoch shuffles as `StreamingDataset(shuffle=True)` does."""
    from streaming import MDSWriter, StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    with MDSWriter(out=str(folder / "mds"), columns={"picture": "ndarray"}) as writer:
        for picture in pixels:
            writer.write({"picture": picture})

    def epoch(number: int) -> Iterator[int]:
        clean_stale_shared_memory()
        data = StreamingDataset(local=str(folder / "mds"), shuffle=True, shuffle_seed=number, batch_size=BATCH)
        yield from _batched(sample["picture"] for sample in data)

    return epoch


def _batched(pictures: Iterator[Any]) -> Iterator[int]:
    """Make float32 batches as training needs them."""
    while chosen := list(itertools.islice(pictures, BATCH)):
        images = torch.from_numpy(np.stack([np.asarray(picture) for picture in chosen])).div(255)
        yield len(images)


def _rate(epoch: Epoch, number: int, count: int) -> float:
    started = time.perf_counter()
    read = sum(epoch(number))
    if read != count:
        raise RuntimeError(f"{read} of {count} pictures were read")
    return count / (time.perf_counter() - started)


def _drop(folder: Path) -> None:
    """Write a folder's files to the disk, and remove them from the system's page cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
