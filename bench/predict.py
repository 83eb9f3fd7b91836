"""Images per second of an exported model's predictions, as ratios to the bare forward pass of its networks.

The bare pass is only every fold's network on a batch that is on the device. It is compared with predictions of the
run's pixel store (all work on a picture after decoding and placing: measuring it, moving it, the networks, calibration,
sets, distances, warnings) and of the files themselves, including decoding. The three take turns, so that a change of
the machine's speed affects all. On a CPU that others use too, rely on `cpu_ratio`: the processor seconds of the bare
pass divided by those of the other way, in all its threads. Writes `bench/results/predict-<device>-<run>.json`.

    python bench/predict.py runs/mobilenet_v2
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import numpy as np
import torch

from birads_zoo.artifact.export import export
from birads_zoo.artifact.model import Model, open_model
from birads_zoo.artifact.reading import in_order
from birads_zoo.artifact.samples import Ready, Sample
from birads_zoo.artifact.training_range import statistics_of
from birads_zoo.data.batches import as_images
from birads_zoo.data.prepare import Prepared
from birads_zoo.files import make_folder, write_text
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipes.registry import load_registry
from birads_zoo.runs.environment import describe_machine
from birads_zoo.runs.finished import prepare_again, read_run


def main() -> None:
    """Export the run, measure, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--format", choices=["safetensors", "onnx"], default="safetensors")
    parser.add_argument("--images", type=int, default=256, help="pictures per round; the run's are repeated")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3, help="rounds in which the three take turns")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    make_folder(arguments.out)  # before anything is measured

    host = load_host()
    data = prepare_again(read_run(arguments.run, host), host, Screen())
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "model"
        export(arguments.run, arguments.format, out, host, load_registry(), arguments.device, Screen())
        model = open_model(out, host, arguments.device)
        rows = list(itertools.islice(itertools.cycle(range(len(data.positions))), arguments.images))
        ways = {
            "bare": lambda: _bare(model, data, rows, arguments.batch_size),
            "store": lambda: _drain(model.predict_prepared(in_order(rows, _from_store(data)), arguments.batch_size)),
            "files": lambda: _drain(model.predict_prepared(model.read(_files(data, rows)), arguments.batch_size)),
        }
        speeds = measure(ways, len(rows), arguments.rounds)
    for way, rate in speeds["images_per_second"].items():
        print(f"{way:6}{rate:9.1f} images/s  {speeds['ratio'][way]:.3f}  by CPU seconds {speeds['cpu_ratio'][way]:.3f}")
    report = {
        "format": arguments.format,
        "networks": len(model.networks),
        "image": [model.manifest.recipe.image.height, model.manifest.recipe.image.width],
        "batch_size": arguments.batch_size,
        "images": len(rows),
        "rounds": arguments.rounds,
        "environment": msgspec.to_builtins(describe_machine(model.compute)),
        **speeds,
    }
    name = f"predict-{'gpu' if model.compute.device.type == 'cuda' else 'cpu'}-{model.manifest.run_id}.json"
    write_text(arguments.out / name, json.dumps(report, indent=2) + "\n")
    print(arguments.out / name)


def measure(ways: dict[str, Callable[[], None]], count: int, rounds: int) -> dict[str, dict[str, float]]:
    """Let all ways take turns; return their median images per second, and the medians of their ratios to "bare"."""
    rates: dict[str, list[float]] = {way: [] for way in ways}
    costs: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, work in ways.items():
            started, spent = time.perf_counter(), time.process_time()
            work()
            if number:  # the first round warms up: kernels are chosen, files are read into memory
                rates[way].append(count / (time.perf_counter() - started))
                costs[way].append(count / (time.process_time() - spent))
    return {
        "images_per_second": {way: round(statistics.median(each), 2) for way, each in rates.items()},
        "ratio": _ratios(rates),
        "cpu_ratio": _ratios(costs),
    }


def _ratios(rates: dict[str, list[float]]) -> dict[str, float]:
    return {
        way: round(statistics.median(a / b for a, b in zip(each, rates["bare"], strict=True)), 3)
        for way, each in rates.items()
    }


@torch.inference_mode()
def _bare(model: Model, data: Prepared, rows: list[int], batch_size: int) -> None:
    samples = data.samples[rows[:batch_size]]
    images = as_images(data.store.array[samples.pictures], model.compute.device)
    present = torch.from_numpy(samples.present).to(model.compute.device)
    for start in range(0, len(rows), batch_size):
        left = len(rows) - start
        outputs = [network(images[:left], present[:left]) for network in model.networks]
    outputs[-1][0].cpu()


def _from_store(data: Prepared) -> Callable[[int], Ready]:
    def prepare(row: int) -> Ready:
        sample = data.samples[row]
        pixels = data.store.array[sample.pictures]
        pictures = pixels[: len(data.own.names)]
        measured = np.stack([statistics_of(picture, picture.shape) for picture in pictures])
        return Ready(source="", pixels=pixels, present=sample.present, statistics=measured)

    return prepare


def _files(data: Prepared, rows: Iterable[int]) -> Iterable[Sample]:
    index = data.pictures
    paths = [index.root / name for name in index.rows["image_path"]]
    own = len(data.own.names)
    return (Sample(source="", pictures=tuple(paths[at] for at in data.samples[row].pictures), own=own) for row in rows)


def _drain(predictions: Iterable[object]) -> None:
    for _ in predictions:
        pass


if __name__ == "__main__":
    main()
