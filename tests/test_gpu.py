"""On a CUDA device every bundled backbone reaches the same metrics as on the CPU. Run by `make gpu`."""

import json

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
    result = zoo("phantom", "--patients", 60, "--size", "256x192", "--out", root)
    assert result.status == 0, result.err
    return root


# Transformers get small pictures, and the large networks few epochs: the CPU would take minutes otherwise.
@pytest.mark.parametrize(
    ("backbone", "size", "epochs"),
    [
        ("baseline_cnn", "128x96", 16),
        ("mobilenet_v2", "128x96", 4),
        ("efficientnet_b0", "128x96", 4),
        ("resnet50", "128x96", 4),
        ("swin_t", "64x48", 4),
        ("vit_b_16", "64x48", 4),
    ],
)
def test_low_precision_on_cuda_reaches_the_cpus_metrics(zoo, clear_phantom, tmp_path, backbone, size, epochs):
    area, precision = {}, {}
    random = () if backbone == "baseline_cnn" else ("--no-pretrained",)
    for device in ("cpu", "cuda"):
        out = tmp_path / device
        result = zoo(
            "run", "--root", clear_phantom, "--backbone", backbone, *random, "--image-size", size,
            "--folds", 2, "--epochs", epochs, "--device", device, "--out", out, "--json",
        )  # fmt: skip
        assert result.status == 0, result.err
        area[device] = json.loads(result.out)["macro"]["auroc"]
        (folder,) = out.iterdir()
        precision[device] = json.loads((folder / "environment.json").read_text())["precision"]
    assert precision["cuda"] == ("bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16")
    # Two runs that differ by rounding alone differ like two seeds, whose areas have a standard deviation of 0.05 here.
    assert abs(area["cpu"] - area["cuda"]) <= 0.2
    if backbone == "baseline_cnn":
        assert min(area.values()) > 0.65, "it had enough epochs to learn"
