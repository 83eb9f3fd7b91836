import os
from pathlib import Path

import pytest
import torch

from birads_zoo.plugin.host import load_host
from birads_zoo.recipe import Recipe


@pytest.fixture(scope="session")
def host():
    return load_host(strict=True)


@pytest.fixture(scope="session")
def mobilenet_weights():
    folder = os.environ.get("BIRADS_ZOO_WEIGHTS")
    if not folder:
        pytest.skip("BIRADS_ZOO_WEIGHTS names no folder of weights")
    path = Path(folder) / "mobilenet_v2_imagenet.pth"
    if not path.is_file():
        pytest.skip(f"there is no {path.name} in BIRADS_ZOO_WEIGHTS")
    return path


@pytest.fixture
def small():
    """A recipe of the smallest bundled network on small images, from random weights."""
    return Recipe().replace(
        {
            "image.height": 32,
            "image.width": 40,
            "model.backbone": "baseline_cnn",
            "model.pretrained": False,
            "training.precision": "float32",
        }
    )


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)
