"""On a CUDA device every bundled backbone trains as it does on the CPU. Run by `make gpu`."""

import json
import math

import pytest
import torch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture(scope="module")
def clear_phantom(zoo, tmp_path_factory):
    """A phantom large enough for a small network to learn from."""
    root = tmp_path_factory.mktemp("gpu") / "phantom"
    said = zoo("phantom", "--patients", 60, "--size", "256x192", "--out", root)
    assert said.status == 0, said.err
    return root


# Transformers get small pictures: the CPU would take minutes otherwise.
@pytest.mark.parametrize(
    ("backbone", "size"),
    [
        ("baseline_cnn", "128x96"),
        ("mobilenet_v2", "128x96"),
        ("efficientnet_b0", "128x96"),
        ("resnet50", "128x96"),
        ("swin_t", "64x48"),
        ("vit_b_16", "64x48"),
    ],
)
def test_low_precision_on_cuda_reaches_the_cpus_metrics(zoo, clear_phantom, tmp_path, backbone, size):
    accuracy, precision = {}, {}
    random = () if backbone == "baseline_cnn" else ("--no-pretrained",)
    for device in ("cpu", "cuda"):
        out = tmp_path / device
        said = zoo(
            "run", "--root", clear_phantom, "--backbone", backbone, *random, "--image-size", size,
            "--folds", 2, "--epochs", 6, "--device", device, "--out", out, "--json",
        )  # fmt: skip
        assert said.status == 0, said.err
        metrics = json.loads(said.out)
        accuracy[device] = metrics["accuracy"]
        (folder,) = out.iterdir()
        precision[device] = json.loads((folder / "environment.json").read_text())["precision"]
    assert precision["cuda"] == ("bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16")
    # Two runs that differ by rounding alone differ like two seeds: three standard errors of a difference of shares.
    noise = 3 * math.sqrt(2 * 0.25 / metrics["n"])
    assert abs(accuracy["cpu"] - accuracy["cuda"]) <= noise
