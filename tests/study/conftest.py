"""Fixtures of the study tests: tiny pictures of made-up patients, a model that memorises them, and quick runs."""

import csv

import numpy as np
import pytest
from PIL import Image

from birads_zoo.plugin.host import load_host
from birads_zoo.recipes.compose import compose
from birads_zoo.recipes.registry import load_registry

SIDE = 16
PLUGIN = """
from birads_zoo import AblationSpec, BackboneSpec, hookimpl

def pixels(context):
    from torch import nn
    return nn.PixelUnshuffle(context.height)  # every pixel a channel of a 1×1 map: the head is a linear model of pixels

def fails(context):
    raise RuntimeError("this one never builds")

def null(classifier):
    for parameter in classifier.parameters():
        parameter.requires_grad_(False).mul_(1.0).requires_grad_(True)  # an edit without any effect
    return classifier

@hookimpl
def birads_zoo_backbones():
    return [
        BackboneSpec(name="pixels", summary="the pixels themselves", build=pixels),
        BackboneSpec(name="broken", summary="fails", build=fails),
    ]

@hookimpl
def birads_zoo_ablations():
    return [AblationSpec(name="no-thing", summary="Changes nothing that matters", model=null)]
"""


@pytest.fixture(scope="session")
def memorising(tmp_path_factory):
    """The file of a plugin with the backbones `pixels` (a linear model of them) and `broken`."""
    path = tmp_path_factory.mktemp("plugin") / "memorising.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture(scope="session")
def host(memorising, few_repeats):
    """The host with that plugin."""
    return load_host([memorising])


@pytest.fixture(scope="session")
def write_pictures():
    """Return a function that writes a csv data set of 16×16 pictures.

    It is `write(root, patients, each, signal, pattern, seed)`. A random half of the patients has each label. A patient
    has `each` pictures, on two sides in turn. A picture is the sum of the label's pattern × `signal` (which a model may
    learn), the pattern of its `pattern`, "patient" or "breast" (which a model may memorise), and noise.
    """

    def write(root, patients, each, signal, pattern, seed):
        root.mkdir(parents=True)
        generator = np.random.default_rng(seed)
        of_label = generator.normal(size=(2, SIDE, SIDE))
        lines = []
        for patient, label in enumerate(generator.permutation(np.arange(patients) % 2)):
            of_patient = generator.normal(size=(2, SIDE, SIDE))
            for number in range(each):
                side = number % 2
                memorised = of_patient[side if pattern == "breast" else 0]
                noise = generator.normal(scale=0.3, size=(SIDE, SIDE))
                grey = np.clip(128 + 30 * (signal * of_label[label] + memorised + noise), 0, 255)
                name = f"{patient}-{number}.png"
                Image.fromarray(grey.astype(np.uint8)).save(root / name)
                lines.append([name, f"P{patient}", "LR"[side], "ab"[label]])
        with (root / "table.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["image_path", "patient_id", "laterality", "label"], *lines])
        return root

    return write


@pytest.fixture(scope="session")
def pixel_recipe(host):
    """Return a function that composes the linear model's recipe on such data: `pixel_recipe(root, **changes)`."""

    def make(root, **changes):
        small = {
            "dataset.name": "csv", "dataset.root": str(root), "dataset.target": "label", "model.backbone": "pixels",
            "image.height": SIDE, "image.width": SIDE, "image.crop": False, "image.orient": False,
            "augmentation": "none", "split.folds": 4, "split.validation": 0.0, "training.epochs": 6,
            "training.learning_rate": 0.05, "training.sampler": "natural", "model.dropout": 0.0,
        }  # fmt: skip
        fields = {key.replace("__", "."): value for key, value in changes.items()}
        return compose("default", small | fields, (), load_registry(), host)

    return make
