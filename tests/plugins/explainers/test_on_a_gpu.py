"""A CUDA device gives the same heat maps and scores as the CPU. Run by `make gpu`."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from birads_zoo.explanation.heat_maps import explain_sample
from birads_zoo.interfaces import BackboneContext, BackboneSpec, ExplainerContext
from birads_zoo.model.build import feature_map_size
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection
from birads_zoo_plugins.backbones import birads_zoo_backbones
from birads_zoo_plugins.explainers import birads_zoo_explainers

BUNDLED = [spec for spec in birads_zoo_backbones() if isinstance(spec, BackboneSpec)]

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
DEVICE = "cuda"
AT_KINKS = ("integrated-gradients", "gradient-shap")
"""They add up gradients of pixels, which jump where a ReLU is at its kink: changing each weight by 1e-7 of itself moves
their maps by up to 0.012 on one CPU (ResNet-50 and MobileNetV2 at 64×64), all others' by less than 4e-4."""


@pytest.fixture(autouse=True)
def _whole_float32():
    """Let convolutions compute in float32 on both devices: TF32 keeps 10 bits of 23."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


@pytest.mark.parametrize("backbone", [spec.name for spec in BUNDLED])
@pytest.mark.parametrize("explainer", birads_zoo_explainers(), ids=lambda spec: spec.name)
def test_maps_agree_with_the_cpus(backbone, explainer):
    spec = next(bundled for bundled in BUNDLED if bundled.name == backbone)
    torch.manual_seed(0)
    context = BackboneContext(in_channels=len(spec.pixel_mean), height=64, width=64, pretrained=False)
    built = spec.build(context)
    head = build_head(ModelSection(), *feature_map_size(built, context), 4)
    classifier = Classifier(built, head, pixel_mean=spec.pixel_mean, pixel_std=spec.pixel_std)
    images, targets = torch.rand(2, 1, 1, 64, 64), torch.tensor([0, 3])
    _see_pictures(classifier)
    classifier.eval()
    context = ExplainerContext(classifier=classifier, options=explainer.options())
    on_cpu = explain_sample(classifier, explainer.build(context), images, targets, 2)
    classifier.to(DEVICE)
    elsewhere = explain_sample(classifier, explainer.build(context), images, targets, 2)
    np.testing.assert_allclose(elsewhere, on_cpu, rtol=0, atol=0.03 if explainer.name in AT_KINKS else 1e-3)


@torch.no_grad()
def _see_pictures(classifier: Classifier) -> None:
    """Let batch norms see pictures: otherwise the signal of random networks fades, and maps are only rounding."""
    for module in classifier.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # the mean of all batches
    classifier.train()
    for _ in range(2):
        classifier(torch.rand(8, 1, 1, 64, 64))


def test_scores_agree_with_the_cpus(zoo, phantom_root, tmp_path):
    result = zoo(
        "run", "--dataset", "phantom", "--root", phantom_root, "--backbone", "baseline_cnn", "--image-size", "64x48",
        "--folds", 2, "--epochs", 4, "--device", "cpu", "--set", "training.precision=float32", "--out", tmp_path,
    )  # fmt: skip
    assert result.status == 0, result.err
    tables = {}
    for device in ("cpu", DEVICE):
        run = shutil.copytree(tmp_path / "baseline_cnn", tmp_path / f"run-{device}")
        result = zoo("explain", run, "--explainer", "grad-cam", "--device", device)
        assert result.status == 0, result.err
        tables[device] = pd.read_csv(run / "explanations" / "explanations.csv").select_dtypes("number")
    # In untrained networks the signal fades until rounding decides the map, and so how like it a trained one's is: on a
    # GPU single scores differed by up to 0.007. A map moved to a random place differs too, by up to 0.005 with other
    # convolutions on the same CPU. In these columns the means have to agree.
    likeness, baselines = ("ssim", "rank_correlation"), ("random_", "untrained_")
    by_rounding = [name for name in tables["cpu"] if name in likeness or name.startswith(baselines)]
    assert len(by_rounding) == 8, "a column was renamed: which group does it belong to?"
    rest = tables["cpu"].columns.difference(by_rounding)
    pd.testing.assert_frame_equal(tables[DEVICE][rest], tables["cpu"][rest], rtol=0, atol=1e-3)
    on_gpu, on_cpu = (tables[device][by_rounding].mean() for device in (DEVICE, "cpu"))
    pd.testing.assert_series_equal(on_gpu, on_cpu, rtol=0, atol=0.03)
