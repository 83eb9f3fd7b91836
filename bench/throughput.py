"""Images per second of the trainer, with and without augmentation, as ratios to the fastest bare step.

The bare step is forward, loss, backward and optimiser on random tensors that are already on the device, in the same
shape, with the same classifier. It is tried in every precision that may be the fastest on the device, in both memory
layouts, and with `--compile` also compiled; `bare` is the fastest of these. Trainer and bare steps take turns, so that
a change of the machine's speed affects all. Writes `bench/results/throughput-<device>.json`.

    python bench/throughput.py --backbones resnet50 --batch-size 32
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import nn

from birads_zoo.data.batches import Batches
from birads_zoo.data.index.views import Samples
from birads_zoo.devices import Compute, choose_compute, precisions, with_precision
from birads_zoo.files import make_folder, write_text
from birads_zoo.interfaces import AugmentationContext, LossContext
from birads_zoo.model.build import build_classifier
from birads_zoo.model.classifier import Classifier
from birads_zoo.plugin.host import Host, load_host
from birads_zoo.progress import Screen
from birads_zoo.randomness import numpy_generator, seed_libraries
from birads_zoo.recipe import Recipe, recipe_digest
from birads_zoo.recipes.compose import compose
from birads_zoo.recipes.registry import load_registry
from birads_zoo.runs.environment import describe_machine
from birads_zoo.training.loop import Fit, train
from birads_zoo.training.optimisation import make_optimiser
from birads_zoo.training.step_times import choose_precision

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
    parser.add_argument("--compile", action="store_true", help="also try torch.compile, which takes minutes on a CPU")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--name", default=None, help="name of the JSON file; default: throughput-cpu or throughput-gpu")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    make_folder(arguments.out)  # before anything is measured

    host = load_host()
    compute = choose_compute(arguments.device, "auto")
    settings = [
        Setting(precision=precision, layout=layout, compiled=compiled)
        for precision in precisions(compute.device)
        for layout in ("channels last", "contiguous")
        for compiled in ((False, True) if arguments.compile else (False,))
    ]
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
            row = measure(recipe, host, compute, steps, arguments.rounds, settings)
            rows.append(row)
            print(
                f"{backbone:28}{augmentation:8}{row['trainer']:8.1f} of{row['bare']:8.1f} images/s: {row['ratio']:.3f} "
                f"({row['fastest']})",
                flush=True,
            )
            write_text(path, json.dumps(report | {"results": rows}, indent=2) + "\n")  # kept if the script is stopped
    print(path)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A way to compute the bare step."""

    precision: str
    layout: str
    compiled: bool

    def __str__(self) -> str:
        return f"{self.precision}, {self.layout}{', compiled' * self.compiled}"


def measure(
    recipe: Recipe, host: Host, compute: Compute, steps: int, rounds: int, settings: Sequence[Setting]
) -> dict[str, Any]:
    """Let trainer and bare steps take turns; return medians and the median of the rounds' ratios."""
    trainer: list[float] = []
    rates: dict[Setting, list[float]] = {setting: [] for setting in settings}
    built = _classifier(recipe, host, compute)  # once, because drawing a large network's weights takes seconds
    bares = {setting: _step_of(copy.deepcopy(built), recipe, host, compute, setting) for setting in settings}
    with tempfile.TemporaryDirectory() as cache:
        chosen = choose_precision(recipe, host, len(CLASSES), compute, Path(cache), Screen(quiet=True))
    for number in range(rounds + 1):
        rate = _trainer(copy.deepcopy(built), recipe, host, chosen, steps)
        for setting, step in bares.items():
            of_setting = _rate(step, recipe, compute, steps)
            if number:  # the first round warms up: kernels are chosen, memory is allocated
                rates[setting].append(of_setting)
        if number:
            trainer.append(rate)
    medians = {setting: statistics.median(values) for setting, values in rates.items()}
    fastest = max(medians, key=medians.__getitem__)
    ratios = [t / b for t, b in zip(trainer, rates[fastest], strict=True)]
    return {
        "backbone": recipe.model.backbone,
        "augmentation": recipe.augmentation.name,
        "trainer": round(statistics.median(trainer), 2),
        "trainer_precision": chosen.precision_name,
        "bare": round(medians[fastest], 2),
        "fastest": str(fastest),
        "bares": {str(setting): round(value, 2) for setting, value in medians.items()},
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


def _step_of(
    classifier: Classifier, recipe: Recipe, host: Host, compute: Compute, setting: Setting
) -> Callable[[], None]:
    """Return a function that takes one bare step with `classifier`."""
    if setting.layout == "contiguous":
        classifier = classifier.to(memory_format=torch.contiguous_format)
    size, device = recipe.training.batch_size, compute.device
    criterion, optimiser = _criterion(recipe, host, compute), make_optimiser(classifier, recipe.training)
    images = torch.rand(size, 1, 1, recipe.image.height, recipe.image.width, device=device)
    targets = torch.randint(0, len(CLASSES), (size,), device=device)
    forward = torch.compile(classifier.train()) if setting.compiled else classifier.train()
    precise = with_precision(device, setting.precision)

    def step() -> None:
        with precise.precision():
            logits = forward(images)
        criterion(logits.float(), targets).backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


def _rate(step: Callable[[], None], recipe: Recipe, compute: Compute, steps: int) -> float:
    compute.wait()
    started = time.perf_counter()
    for _ in range(steps):
        step()
    compute.wait()
    return steps * recipe.training.batch_size / (time.perf_counter() - started)


def _classifier(recipe: Recipe, host: Host, compute: Compute) -> Classifier:
    seed_libraries(0, "bench")
    return compute.place(build_classifier(recipe, host, len(CLASSES)))


def _criterion(recipe: Recipe, host: Host, compute: Compute) -> nn.Module:
    spec, options = host.loss(recipe.loss.name), host.options("loss", recipe.loss.name, recipe.loss.options)
    context = LossContext(class_counts=(1,) * len(CLASSES), class_weights=False, ordinal=True, options=options)
    return spec.build(context).to(compute.device)


if __name__ == "__main__":
    main()
