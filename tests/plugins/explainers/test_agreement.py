"""The explainers agree with public implementations on a ResNet. Where these leave the papers, the tests say so."""

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
    """Features less their mean over the map."""

    def forward(self, features):
        return features - features.mean((2, 3), keepdim=True)


@pytest.fixture
def networks():
    """Build one ResNet twice: torchvision's, and ours around its layers. 4×4 places at 64×64, and positive logits."""

    def build(last=None, steepness=3.0):
        torch.manual_seed(0)
        theirs = ResNet(BasicBlock, [1, 1, 1, 1])
        theirs.layer4 = last or nn.Identity()
        theirs.fc = nn.Linear(256, 5)
        nn.init.normal_(theirs.fc.weight, mean=0.1 * steepness, std=steepness)
        nn.init.constant_(theirs.fc.bias, 10)
        parts = [theirs.get_submodule(name) for name in (*LINE, "layer4")]
        head = build_head(ModelSection(dropout=0.0), 256, 4, 4, 5)
        head.rest.logits.load_state_dict(theirs.fc.state_dict())
        return theirs.eval(), Classifier(
            nn.Sequential(*parts), head, pixel_mean=(0.0,) * 3, pixel_std=(1.0,) * 3
        ).eval()

    return build


@pytest.fixture
def images():
    return torch.rand(2, 1, 1, 64, 64, generator=torch.Generator().manual_seed(0))


def compared(networks, images, ours, theirs):
    """Return our and their maps, 2×4×4, before anything is cut off or scaled; and both as they come out, 2×64×64."""
    reference, model = networks
    raw = []

    class Spied(getattr(pytorch_grad_cam, theirs)):
        def get_cam_image(self, *args):
            raw.append(np.asarray(super().get_cam_image(*args)))
            return raw[-1]

    with Spied(reference, [reference.layer4]) as cam:
        out = cam(images[:, 0].repeat(1, 3, 1, 1), [ClassifierOutputTarget(target) for target in TARGETS.tolist()])
    score = ClassScore(classifier=model, images=images, targets=TARGETS, present=torch.ones(images.shape[:2]).bool())
    logits = score.of_images(images, score.samples)
    assert (logits > 1).all()  # what follows would not hold for negative ones; see the tests of ablation-cam
    with torch.no_grad():
        relevance = getattr(_cam, ours)(score)[:, 0]
    return relevance.numpy(), raw[0], out


def stretched(maps):
    low, high = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    return (maps - low) / (high - low)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("grad-cam", "GradCAM"),
        ("hires-cam", "HiResCAM"),
        ("layer-cam", "LayerCAM"),
        ("grad-cam-plus-plus", "GradCAMPlusPlus"),
    ],
)
def test_gradient_cams_agree_with_pytorch_grad_cam(networks, images, explain, name, theirs):
    """Its Grad-CAM++ adds 1e-6 to a denominator of the size of g², as no paper does: so its head is steep here."""
    both = networks(steepness=300.0 if name == "grad-cam-plus-plus" else 3.0)
    ours, reference, out = compared(both, images, name.replace("-", "_"), theirs)
    assert np.abs(reference).max() > 0.01
    np.testing.assert_allclose(ours, reference, rtol=1e-4, atol=1e-4 * np.abs(reference).max())
    # It stretches what it returns to [0, 1]; ours keeps 0 where nothing speaks for the class.
    np.testing.assert_allclose(stretched(explain(name, both[1], images, TARGETS)[:, 0].numpy()), out, atol=1e-4)


def test_ablation_cam_agrees_with_pytorch_grad_cam_but_for_the_score_it_divides_by(networks, images):
    reference, model = networks()
    ours, theirs, _ = compared((reference, model), images, "ablation_cam", "AblationCAM")
    logits = model(images).gather(1, TARGETS[:, None])[:, 0].detach().numpy()
    np.testing.assert_allclose(ours / logits[:, None, None], theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


def test_score_cam_agrees_with_pytorch_grad_cam(networks, images, monkeypatch):
    """Which enlarges masks by the corners' centres; the authors' own code, and ours, by the pixels' edges."""
    monkeypatch.setattr(nn, "UpsamplingBilinear2d", lambda size: nn.Upsample(size=size, mode="bilinear"))
    ours, theirs, _ = compared(networks(), images, "score_cam", "ScoreCAM")
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


def test_eigen_cam_agrees_with_pytorch_grad_cam_on_centred_features(networks, images):
    """It centres features, which the paper does not, and leaves the sign to chance."""
    ours, theirs, _ = compared(networks(Centred()), images, "eigen_cam", "EigenCAM")
    signs = np.sign((ours * theirs).sum((1, 2), keepdims=True))
    scale = np.linalg.norm(theirs, axis=(1, 2), keepdims=True) / np.linalg.norm(ours, axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(ours * signs * scale, theirs, atol=1e-4 * np.abs(theirs).max())


def test_guided_backpropagation_agrees_with_captum_where_all_rectifiers_are_modules(networks, images):
    _, model = networks()
    with pytest.warns(UserWarning, match="backward hooks on ReLU"):
        theirs = GuidedBackprop(model).attribute(images.clone().requires_grad_(), target=TARGETS)
    with torch.no_grad():
        ours = _pixels._guided(
            ClassScore(classifier=model, images=images, targets=TARGETS, present=torch.ones(images.shape[:2]).bool())
        )
    torch.testing.assert_close(ours, theirs[:, :, 0], rtol=1e-4, atol=1e-4 * theirs.abs().max().item())


def test_gradient_shap_agrees_with_captum_on_the_same_draws(networks, images, monkeypatch):
    _, model = networks()
    torch.manual_seed(3)
    draws = [(torch.rand(()), torch.randn(1, 1, 64, 64)) for _ in range(50)]
    torch.manual_seed(3)
    with torch.no_grad():
        present = torch.ones(images.shape[:2]).bool()
        score = ClassScore(classifier=model, images=images, targets=TARGETS, present=present)
        ours = _pixels.gradient_shap(score, draws=50, noise=0.1)
    theirs = 0
    for share, noise in draws:
        monkeypatch.setattr(np.random, "uniform", lambda low, high, count, share=share: np.full(count, share.item()))
        shap = GradientShap(model).attribute(images + 0.1 * noise, torch.zeros_like(images), 1, target=TARGETS)
        theirs = theirs + shap[:, :, 0] / 50
    torch.testing.assert_close(ours, theirs.float(), rtol=1e-4, atol=1e-4 * theirs.abs().max().item())
