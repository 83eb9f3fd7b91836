"""Step time and memory of training from a pixel store of which nothing is in memory, against one that is all there.

Batches are drawn from 100,000 synthetic pictures. Before each round the system drops the store from its page cache, so
every picture comes from the disk, as in training from a store larger than memory. Rounds from the first 2000 pictures,
which are in memory, take turns with these. `anonymous` is the memory of the process that is not the store's. Writes
`bench/results/large-store-<device>.json`.

    python bench/large_store.py --folder /scratch
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import nn

from birads_zoo.data.batches import Batches
from birads_zoo.data.index.views import Samples
from birads_zoo.devices import Compute, choose_compute
from birads_zoo.files import make_folder, write_text
from birads_zoo.model.build import build_classifier
from birads_zoo.model.classifier import Classifier
from birads_zoo.plugin.host import load_host
from birads_zoo.randomness import numpy_generator, seed_libraries
from birads_zoo.recipe import Recipe
from birads_zoo.runs.environment import describe_machine
from birads_zoo.training.optimisation import make_optimiser

CLASSES, IN_MEMORY = 4, 2000


def main() -> None:
    """Make the store, take turns, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--backbone", default="baseline_cnn")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5, help="in each round")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--folder", type=Path, help="where the store is made; a temporary folder by default")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    make_folder(arguments.out)  # before anything is measured

    compute = choose_compute(arguments.device, "auto")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        pixels = make_store(Path(folder) / "pixels.npy", arguments.pictures, arguments.size)
        report = measure(pixels, arguments, compute)
    path = arguments.out / f"large-store-{compute.device.type}.json"
    about = {"environment": msgspec.to_builtins(describe_machine(compute))}
    write_text(path, json.dumps(about | report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


def make_store(path: Path, count: int, size: int) -> np.memmap[Any, np.dtype[np.uint8]]:
    """Write random pictures, and open them as a run opens its pixel store."""
    writing = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, size, size))
    generator = numpy_generator(0, "store")
    for start in range(0, count, 1000):
        writing[start : start + 1000] = generator.integers(0, 256, writing[start : start + 1000].shape, np.uint8)
    writing.flush()
    del writing
    opened: np.memmap[Any, np.dtype[np.uint8]] = np.load(path, mmap_mode="r")
    return opened


def measure(
    pixels: np.memmap[Any, np.dtype[np.uint8]], arguments: argparse.Namespace, compute: Compute
) -> dict[str, Any]:
    """Return the median seconds of a step in both kinds of rounds, their ratio, and the memory."""
    changes = {"model.backbone": arguments.backbone, "model.pretrained": False}
    recipe = Recipe().replace(changes | {"image.height": arguments.size, "image.width": arguments.size})
    seed_libraries(0, "bench")
    classifier = compute.place(build_classifier(recipe, load_host(), CLASSES)).train()
    optimiser = make_optimiser(classifier, recipe.training)
    sources = {
        "store": _batches(pixels, len(pixels), arguments.batch_size, compute),
        "memory": _batches(pixels, IN_MEMORY, arguments.batch_size, compute),
    }
    seconds: dict[str, list[float]] = {"store": [], "memory": []}
    memory = []
    for number in range(arguments.rounds + 1):
        for name, source in sources.items():
            _drop(pixels)
            if name == "memory":
                pixels[:IN_MEMORY].max()
            steps = _steps(classifier, optimiser, source, arguments.steps, number, compute)
            if number:  # the first round warms up
                seconds[name] += steps
        memory.append(_anonymous())
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    return {
        "pictures": len(pixels),
        "bytes": pixels.nbytes,
        "backbone": arguments.backbone,
        "batch_size": arguments.batch_size,
        "seconds": {name: round(value, 4) for name, value in medians.items()},
        "ratio": round(medians["store"] / medians["memory"], 3),
        "anonymous": memory,
    }


def _batches(pixels: np.memmap[Any, Any], count: int, batch_size: int, compute: Compute) -> Batches:
    samples, labels = Samples.alone(np.arange(count)), np.arange(count) % CLASSES
    return Batches(pixels, samples, labels, batch_size, compute.device, memory_limit=0)  # else a GPU would hold it


def _steps(
    classifier: Classifier,
    optimiser: torch.optim.Optimizer,
    source: Batches,
    count: int,
    number: int,
    compute: Compute,
) -> list[float]:
    taken, started = [], time.perf_counter()
    for step, batch in enumerate(source.epoch(numpy_generator(number, "order"))):
        with compute.precision():
            logits = classifier(batch.images)
        nn.functional.cross_entropy(logits.float(), batch.targets).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad()
        compute.wait()
        taken.append(time.perf_counter() - started)
        if step + 1 == count:
            break
        started = time.perf_counter()
    return taken


def _drop(pixels: np.memmap[Any, Any]) -> None:
    """Remove the store from this process's memory and from the system's page cache."""
    pixels._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]
    with Path(str(pixels.filename)).open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _anonymous() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


if __name__ == "__main__":
    main()
