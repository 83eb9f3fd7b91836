"""The explainers agree with public implementations on a ResNet. Deviations of these from the papers are noted."""

import numpy as np
import pytest
import pytorch_grad_cam
import torch
from captum.attr import GradientShap, GuidedBackprop
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection
from birads_zoo_plugins.explainers import _cam, _pixels
from birads_zoo_plugins.explainers._score import ClassScore

TARGETS = torch.tensor([1, 3])
LINE = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3")


class Centred(nn.Module):
    """Features minus their mean over the map."""

    def forward(self, features):
        return features - features.mean((2, 3), keepdim=True)


@pytest.fixture
def networks():
    """Build one ResNet twice: torchvision's, and a classifier of its layers. 4×4 places at 64×64, positive logits."""

    def build(last=None, steepness=3.0):
        torch.manual_seed(0)
        network = ResNet(BasicBlock, [1, 1, 1, 1])
        network.layer4 = last or nn.Identity()
        network.fc = nn.Linear(256, 5)
        nn.init.normal_(network.fc.weight, mean=0.1 * steepness, std=steepness)
        nn.init.constant_(network.fc.bias, 10)
        parts = [network.get_submodule(name) for name in (*LINE, "layer4")]
        head = build_head(ModelSection(dropout=0.0), 256, 4, 4, 5)
        head.rest.logits.load_state_dict(network.fc.state_dict())
        return network.eval(), Classifier(
            nn.Sequential(*parts), head, pixel_mean=(0.0,) * 3, pixel_std=(1.0,) * 3
        ).eval()

    return build


@pytest.fixture
def images():
    return torch.rand(2, 1, 1, 64, 64, generator=torch.Generator().manual_seed(0))


def compared(networks, images, function, class_name):
    """Return this project's and the reference's maps, 2×4×4, not yet clipped or scaled, and its final maps, 2×64×64."""
    reference, model = networks
    raw = []

    class Spied(getattr(pytorch_grad_cam, class_name)):
        def get_cam_image(self, *args):
            raw.append(np.asarray(super().get_cam_image(*args)))
            return raw[-1]

    with Spied(reference, [reference.layer4]) as cam:
        out = cam(images[:, 0].repeat(1, 3, 1, 1), [ClassifierOutputTarget(target) for target in TARGETS.tolist()])
    score = ClassScore(classifier=model, images=images, targets=TARGETS, present=torch.ones(images.shape[:2]).bool())
    logits = score.of_images(images, score.samples)
    assert (logits > 1).all()  # with negative logits they differ; see the tests of ablation-cam
    with torch.no_grad():
        relevance = getattr(_cam, function)(score)[:, 0]
    return relevance.numpy(), raw[0], out


def stretched(maps):
    low, high = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    return (maps - low) / (high - low)


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("grad-cam", "GradCAM"),
        ("hires-cam", "HiResCAM"),
        ("layer-cam", "LayerCAM"),
        ("grad-cam-plus-plus", "GradCAMPlusPlus"),
    ],
)
def test_gradient_cams_agree_with_pytorch_grad_cam(networks, images, explain, name, class_name):
    """Its Grad-CAM++ adds 1e-6 to a denominator of the size of g², unlike the papers, so the head is steep here."""
    both = networks(steepness=300.0 if name == "grad-cam-plus-plus" else 3.0)
    maps, reference, out = compared(both, images, name.replace("-", "_"), class_name)
    assert np.abs(reference).max() > 0.01
    np.testing.assert_allclose(maps, reference, rtol=1e-4, atol=1e-4 * np.abs(reference).max())
    # It stretches its maps to [0, 1]; here 0 stays 0, where there is no evidence for the class.
    np.testing.assert_allclose(stretched(explain(name, both[1], images, TARGETS)[:, 0].numpy()), out, atol=1e-4)


def test_ablation_cam_agrees_with_pytorch_grad_cam_up_to_division_by_the_score(networks, images):
    reference, model = networks()
    maps, expected, _ = compared((reference, model), images, "ablation_cam", "AblationCAM")
    logits = model(images).gather(1, TARGETS[:, None])[:, 0].detach().numpy()
    np.testing.assert_allclose(maps / logits[:, None, None], expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_score_cam_agrees_with_pytorch_grad_cam(networks, images, monkeypatch):
    """It enlarges masks by the corners' centres; the authors' code, and this project, by the pixels' edges."""
    monkeypatch.setattr(nn, "UpsamplingBilinear2d", lambda size: nn.Upsample(size=size, mode="bilinear"))
    maps, expected, _ = compared(networks(), images, "score_cam", "ScoreCAM")
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_eigen_cam_agrees_with_pytorch_grad_cam_on_centred_features(networks, images):
    """It centres features, which the paper does not, and leaves the sign undefined."""
    maps, expected, _ = compared(networks(Centred()), images, "eigen_cam", "EigenCAM")
    signs = np.sign((maps * expected).sum((1, 2), keepdims=True))
    scale = np.linalg.norm(expected, axis=(1, 2), keepdims=True) / np.linalg.norm(maps, axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(maps * signs * scale, expected, atol=1e-4 * np.abs(expected).max())


def test_guided_backpropagation_agrees_with_captum_where_all_rectifiers_are_modules(networks, images):
    _, model = networks()
    with pytest.warns(UserWarning, match="backward hooks on ReLU"):
        expected = GuidedBackprop(model).attribute(images.clone().requires_grad_(), target=TARGETS)
    with torch.no_grad():
        maps = _pixels._guided(
            ClassScore(classifier=model, images=images, targets=TARGETS, present=torch.ones(images.shape[:2]).bool())
        )
    torch.testing.assert_close(maps, expected[:, :, 0], rtol=1e-4, atol=1e-4 * expected.abs().max().item())


def test_gradient_shap_agrees_with_captum_on_the_same_draws(networks, images, monkeypatch):
    _, model = networks()
    torch.manual_seed(3)
    draws = [(torch.rand(()), torch.randn(1, 1, 64, 64)) for _ in range(50)]
    torch.manual_seed(3)
    with torch.no_grad():
        present = torch.ones(images.shape[:2]).bool()
        score = ClassScore(classifier=model, images=images, targets=TARGETS, present=present)
        maps = _pixels.gradient_shap(score, draws=50, noise=0.1)
    expected = 0
    for share, noise in draws:
        monkeypatch.setattr(np.random, "uniform", lambda low, high, count, share=share: np.full(count, share.item()))
        shap = GradientShap(model).attribute(images + 0.1 * noise, torch.zeros_like(images), 1, target=TARGETS)
        expected = expected + shap[:, :, 0] / 50
    torch.testing.assert_close(maps, expected.float(), rtol=1e-4, atol=1e-4 * expected.abs().max().item())
