from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from birads_zoo.data.batches import Batch
from birads_zoo.devices import choose_compute
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.randomness import seed_libraries
from birads_zoo.recipe import ModelSection, TrainingSection
from birads_zoo.training.loop import Fit


class Pictures:
    """Bright and dark 16×16 pictures in memory, shuffled by the generator."""

    def __init__(self, count: int, batch_size: int) -> None:
        noise = torch.rand(count, 1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        self.targets = torch.arange(count) % 2
        self.images = 0.5 * noise + 0.5 * self.targets[:, None, None, None, None]
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.targets) // self.batch_size)

    def epoch(self, generator: np.random.Generator | None) -> Iterator[Batch]:
        count = len(self.targets)
        order = np.arange(count) if generator is None else generator.permutation(count)
        for start in range(0, count, self.batch_size):
            rows = torch.from_numpy(order[start : start + self.batch_size])
            present = torch.ones(len(rows), 1, dtype=torch.bool)
            yield Batch(images=self.images[rows], present=present, targets=self.targets[rows], positions=rows)


@pytest.fixture
def make_fit(tmp_path):
    """Build a `Fit` of a one-convolution classifier; every call starts from the same weights."""

    def make(folder="run", *, validation=True, batch_norm=True, criterion=None, batch_size=4, **section):
        seed_libraries(0, "weights")
        backbone = nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4) if batch_norm else nn.Identity(), nn.ReLU()
        )
        head = build_head(ModelSection(dropout=section.pop("dropout", 0.2)), 4, 7, 7, 2)
        classifier = Classifier(backbone, head, pixel_mean=(0.5,) * 3, pixel_std=(0.5,) * 3)
        classifier.to(memory_format=torch.channels_last)
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        return Fit(
            classifier=classifier,
            forward=Classifier.forward_details,
            batches=Pictures(24, batch_size),
            validation=Pictures(10, 4) if validation else None,
            augment=nn.Identity(),
            criterion=criterion or nn.CrossEntropyLoss(),
            classes=("dark", "bright"),
            section=TrainingSection(**{"learning_rate": 0.01, "epochs": 3, **section}),
            compute=choose_compute("cpu", "float32"),
            seed=5,
            fold=0,
            folder=path,
            recipe="the digest of a recipe",
        )

    return make


@pytest.fixture
def ignore():
    """Callbacks for `train` that do nothing."""
    return SimpleNamespace(step=lambda images: None, epoch=lambda record: None)
