"""Images per second of the trainer, with and without augmentation, as ratios to the bare step.

The bare step is forward, loss, backward and optimiser on random tensors that are already on the device, in the same
shape, precision and memory layout, with the same classifier. Trainer and bare step take turns, so that a change of the
machine's speed affects both. Writes `bench/results/throughput-<device>.json`.

    python bench/throughput.py --backbones resnet50 --batch-size 32
"""

from __future__ import annotations

import argparse
import copy
import json
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
from birads_zoo.interfaces import AugmentationContext, LossContext
from birads_zoo.model.build import build_classifier
from birads_zoo.model.classifier import Classifier
from birads_zoo.plugin.host import Host, load_host
from birads_zoo.randomness import numpy_generator, seed_libraries
from birads_zoo.recipe import Recipe, recipe_digest
from birads_zoo.recipes.compose import compose
from birads_zoo.recipes.registry import load_registry
from birads_zoo.runs.environment import describe_machine
from birads_zoo.training.loop import Fit, train
from birads_zoo.training.optimisation import make_optimiser

CLASSES = ("BI-RADS 1", "BI-RADS 3", "BI-RADS 4", "BI-RADS 5")
CLIP, EMA = 0.0, 0.0  # neither is part of the bare step


def main() -> None:
    """Measure the named backbones and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--backbones", nargs="+", default=["baseline_cnn", "mobilenet_v2", "efficientnet_b0", "resnet50"]
    )
    parser.add_argument("--augmentations", nargs="+", default=["none", "paper", "mammo"])
    parser.add_argument("--batch-size", type=int, default=None, help="default: 32 on a CPU, 64 on a GPU")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--steps", type=int, default=None, help="steps per epoch; default: 3 on a CPU, 50 on a GPU")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in which trainer and bare step take turns")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--name", default=None, help="name of the JSON file; default: throughput-cpu or throughput-gpu")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    make_folder(arguments.out)  # before anything is measured

    host = load_host()
    compute = choose_compute(arguments.device, "auto")
    on_gpu = compute.device.type == "cuda"
    batch_size = arguments.batch_size or (64 if on_gpu else 32)
    steps = arguments.steps or (50 if on_gpu else 3)
    path = arguments.out / f"{arguments.name or ('throughput-gpu' if on_gpu else 'throughput-cpu')}.json"
    report = {
        "image_size": arguments.image_size,
        "batch_size": batch_size,
        "steps": steps,
        "rounds": arguments.rounds,
        "environment": msgspec.to_builtins(describe_machine(compute)),
    }
    rows = []
    for backbone in arguments.backbones:
        for augmentation in arguments.augmentations:
            recipe = compose(
                "default",
                {
                    "model.backbone": backbone,
                    "model.pretrained": False,
                    "augmentation": augmentation,
                    "image.height": arguments.image_size,
                    "image.width": arguments.image_size,
                    "training.batch_size": batch_size,
                    "training.epochs": 1,
                    "training.warmup_epochs": 0,
                    "training.sampler": "natural",
                    "training.ema": EMA,
                    "training.clip_norm": CLIP,
                },
                [],
                load_registry(),
                host,
            )
            row = measure(recipe, host, compute, steps, arguments.rounds)
            rows.append(row)
            print(
                f"{backbone:28}{augmentation:8}{row['trainer']:8.1f} of{row['bare']:8.1f} images/s: {row['ratio']:.3f}",
                flush=True,
            )
            write_text(path, json.dumps(report | {"results": rows}, indent=2) + "\n")  # kept if the script is stopped
    print(path)


def measure(recipe: Recipe, host: Host, compute: Compute, steps: int, rounds: int) -> dict[str, Any]:
    """Let trainer and bare step take turns; return medians and the median of the rounds' ratios."""
    trainer, bare = [], []
    built = _classifier(recipe, host, compute)  # once, because drawing a large network's weights takes seconds
    for number in range(rounds + 1):
        pair = (
            _trainer(copy.deepcopy(built), recipe, host, compute, steps),
            _bare(copy.deepcopy(built), recipe, host, compute, steps),
        )
        if number:  # the first round warms up: kernels are chosen, memory is allocated
            trainer.append(pair[0])
            bare.append(pair[1])
    ratios = [t / b for t, b in zip(trainer, bare, strict=True)]
    return {
        "backbone": recipe.model.backbone,
        "augmentation": recipe.augmentation.name,
        "trainer": round(statistics.median(trainer), 2),
        "bare": round(statistics.median(bare), 2),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
    }


def _trainer(classifier: Classifier, recipe: Recipe, host: Host, compute: Compute, steps: int) -> float:
    count = steps * recipe.training.batch_size
    generator = numpy_generator(0, "bench")
    pixels = generator.integers(0, 256, (count, recipe.image.height, recipe.image.width), dtype=np.uint8)
    labels = np.arange(count) % len(CLASSES)
    batches = Batches(pixels, Samples.alone(np.arange(count)), labels, recipe.training.batch_size, compute.device)
    section = recipe.augmentation
    context = AugmentationContext(
        height=recipe.image.height,
        width=recipe.image.width,
        options=host.options("augmentation", section.name, section.options),
    )
    with tempfile.TemporaryDirectory() as folder:
        fit = Fit(
            classifier=classifier,
            forward=Classifier.forward_details,
            batches=batches,
            validation=None,
            augment=host.augmentation(section.name).build(context).to(compute.device),
            criterion=_criterion(recipe, host, compute),
            classes=CLASSES,
            section=recipe.training,
            compute=compute,
            seed=0,
            fold=0,
            folder=Path(folder),
            recipe=recipe_digest(recipe),
        )
        return train(fit, lambda images: None, lambda epoch: None)[-1].images_per_second


def _bare(classifier: Classifier, recipe: Recipe, host: Host, compute: Compute, steps: int) -> float:
    criterion = _criterion(recipe, host, compute)
    optimiser = make_optimiser(classifier, recipe.training)
    size, device = recipe.training.batch_size, compute.device
    images = torch.rand(size, 1, 1, recipe.image.height, recipe.image.width, device=device)
    targets = torch.randint(0, len(CLASSES), (size,), device=device)
    classifier.train()
    _wait(compute)
    started = time.perf_counter()
    for _ in range(steps):
        with compute.precision():
            logits = classifier(images)
        criterion(logits.float(), targets).backward()
        optimiser.step()
        optimiser.zero_grad()
    _wait(compute)
    return steps * size / (time.perf_counter() - started)


def _classifier(recipe: Recipe, host: Host, compute: Compute) -> Classifier:
    seed_libraries(0, "bench")
    return compute.place(build_classifier(recipe, host, len(CLASSES)))


def _criterion(recipe: Recipe, host: Host, compute: Compute) -> nn.Module:
    spec, options = host.loss(recipe.loss.name), host.options("loss", recipe.loss.name, recipe.loss.options)
    context = LossContext(class_counts=(1,) * len(CLASSES), class_weights=False, ordinal=True, options=options)
    return spec.build(context).to(compute.device)


def _wait(compute: Compute) -> None:
    if compute.device.type == "cuda":
        torch.cuda.synchronize(compute.device)


if __name__ == "__main__":
    main()
