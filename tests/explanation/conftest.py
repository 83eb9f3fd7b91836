"""Toy data with known evidence: a classifier that looks only at one region, and pictures with a breast."""

import numpy as np
import pytest
import torch
from torch import nn

from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection

HEIGHT, WIDTH = 48, 40


class Region(nn.Module):
    """A backbone that only passes on the brightness of the bright pixels of one region."""

    def __init__(self, region):
        super().__init__()
        self.register_buffer("region", region)

    def forward(self, pixels):
        return nn.functional.avg_pool2d((pixels - 0.5).relu() * self.region, 4)


@pytest.fixture
def reader():
    """Return a function that builds a classifier whose class 1 is a bright spot in a region: `reader(region, gain)`."""

    def build(region, gain):
        head = build_head(ModelSection(dropout=0.0), 1, HEIGHT // 4, WIDTH // 4, 2)
        head.rest.logits.weight.data = torch.tensor([[0.0], [gain]])
        head.rest.logits.bias.data = torch.tensor([0.0, -2.0])
        classifier = Classifier(Region(region.float()), head, pixel_mean=(0.0,), pixel_std=(1.0,))
        return classifier.eval()

    return build


@pytest.fixture
def breasts():
    """Return a function that makes n half ellipses on the left edge, as masks n×48×40."""

    def make(count):
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        mask = ((rows - 23.5) / 22) ** 2 + (columns / 32) ** 2 < 1
        return np.tile(mask, (count, 1, 1))

    return make


@pytest.fixture
def spots():
    """Return a function that makes n discs of radius 4 pixels at random places in the breast, as masks n×48×40."""

    def make(count, seed=0):
        generator = np.random.default_rng(seed)
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        ys, xs = generator.uniform(14, 34, count), generator.uniform(6, 20, count)
        return np.hypot(rows - ys[:, None, None], columns - xs[:, None, None]) < 4

    return make
