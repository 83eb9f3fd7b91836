"""Images per second of every explainer's heat maps, and of their scoring, as ratios to the bare forward pass.

The bare pass is only one fold's network on images that are on the device. It is compared with each explainer's maps of
the same images, and with `removal`: deletion, insertion and ROAD of one map per image, which pass `removal_pictures`
pictures through the network. All take turns, so that a change of the machine's speed affects all. On a CPU that others
use too, rely on `cpu_ratio`. Writes `bench/results/explain-<device>-<run>.json`.

    python bench/explain.py runs/mobilenet_v2
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import torch
from predict import measure
from torch import Tensor

from birads_zoo.data.batches import as_images
from birads_zoo.devices import Compute, choose_compute
from birads_zoo.explanation.curves import PASSES_OF_A_MAP, Views, class_probability, measure_removal, prepare_removal
from birads_zoo.explanation.heat_maps import explain_sample
from birads_zoo.files import make_folder, write_text
from birads_zoo.interfaces import ExplainerContext
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.folding import folded
from birads_zoo.plugin.host import Host, load_host
from birads_zoo.progress import Screen
from birads_zoo.randomness import torch_generator
from birads_zoo.runs.environment import describe_machine
from birads_zoo.runs.finished import Finished, prepare_again, read_run, trained_classifier


def main() -> None:
    """Measure the named explainers, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--explainers", nargs="+", help="all by default; score-cam and occlusion take minutes on a CPU")
    parser.add_argument("--images", type=int, default=32, help="pictures per round; the run's are repeated")
    parser.add_argument("--batch-size", type=int, help="8 on a CPU and 32 on a GPU by default")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in which all take turns")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    make_folder(arguments.out)  # before anything is measured

    host = load_host()
    finished = read_run(arguments.run, host)
    compute = choose_compute(arguments.device, finished.recipe.training.precision)
    size = arguments.batch_size or (8 if compute.device.type == "cpu" else 32)
    ways = _ways(
        finished, host, compute, arguments.explainers or list(host.of_kind("explainers")), arguments.images, size
    )
    speeds = measure(ways, arguments.images, arguments.rounds)
    for way, rate in speeds["images_per_second"].items():
        print(
            f"{way:22}{rate:9.2f} images/s  {speeds['ratio'][way]:.4f}  by CPU seconds {speeds['cpu_ratio'][way]:.4f}"
        )
    report = {
        "image": [finished.recipe.image.height, finished.recipe.image.width],
        "batch_size": size,
        "images": arguments.images,
        "rounds": arguments.rounds,
        "removal_pictures": PASSES_OF_A_MAP,
        "environment": msgspec.to_builtins(describe_machine(compute)),
        **speeds,
    }
    name = f"explain-{'gpu' if compute.device.type == 'cuda' else 'cpu'}-{finished.folder.name}.json"
    write_text(arguments.out / name, json.dumps(report, indent=2) + "\n")
    print(arguments.out / name)


def _ways(
    finished: Finished, host: Host, compute: Compute, explainers: list[str], count: int, size: int
) -> dict[str, Callable[[], None]]:
    """Return the functions to measure: the bare pass, every explainer, and the scoring of maps."""
    data = prepare_again(finished, host, Screen())
    rows = list(itertools.islice(itertools.cycle(range(len(data.positions))), count))
    images = as_images(data.store.array[data.samples[rows].pictures], compute.device)
    targets = torch.zeros(count, dtype=torch.int64, device=compute.device)
    network = trained_classifier(finished, host, 0, compute)
    ways: dict[str, Callable[[], None]] = {"bare": partial(_bare, network, images, compute, size)}
    for name in explainers:
        explainer = host.explainer(name).build(_context(host, name, network))
        ways[name] = partial(explain_sample, network, explainer, images, targets, size)
    return ways | {"removal": partial(_remove, folded(network, images[:1]), images, targets, compute, size)}


def _context(host: Host, name: str, network: Classifier) -> ExplainerContext:
    return ExplainerContext(classifier=network, options=host.options("explainer", name, {}))


@torch.no_grad()
def _bare(network: Classifier, images: Tensor, compute: Compute, size: int) -> None:
    with compute.precision():
        outputs = [network(part) for part in torch.split(images, size)]
    outputs[-1].cpu()


def _remove(network: Classifier, images: Tensor, targets: Tensor, compute: Compute, size: int) -> None:
    """Score the pictures themselves as maps: the time does not depend on the map's values."""
    at_once = 8 if compute.device.type == "cpu" else 256
    for part, classes in zip(torch.split(images, size), torch.split(targets, size), strict=True):
        numbers = torch.arange(len(part), device=part.device)
        present = torch.ones(part.shape[:2], dtype=torch.bool, device=part.device)
        views = Views(images=part, present=present, targets=classes, samples=numbers, views=torch.zeros_like(numbers))
        probability = class_probability(network, views, compute, at_once)
        pictures = views.pictures
        noise = [torch_generator(0, "bench", number) for number in range(len(part))]
        removal = prepare_removal(pictures, pictures > 0, probability, noise)
        measure_removal(pictures, removal, probability)["road"].cpu()


if __name__ == "__main__":
    main()
