"""Attributions to pixels: their sums, and the rule of guided backpropagation for several rectifiers."""

import pytest
import torch
import torch.nn.functional as F
from captum.attr import GuidedBackprop
from torch import nn

from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection
from birads_zoo_plugins.explainers import _pixels
from birads_zoo_plugins.explainers._guided import rectified_gradients
from birads_zoo_plugins.explainers._score import ClassScore

TARGETS = torch.tensor([0, 2, 1])


class Called(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, images):
        return self.function(images)


def scored(activation=None, views=2, **section):
    torch.manual_seed(0)
    activation = nn.ReLU() if activation is None else activation
    backbone = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), activation, nn.Conv2d(6, 6, 3, stride=2, padding=1), activation
    )
    head = build_head(ModelSection(**section), 6, 12, 8, 3)
    model = Classifier(backbone, head, pixel_mean=(0.5,), pixel_std=(0.1,)).eval()
    images, present = torch.rand(3, views, 1, 24, 16), torch.ones(3, views, dtype=torch.bool)
    return ClassScore(classifier=model, images=images, targets=TARGETS, present=present)


@pytest.mark.parametrize("section", [{}, {"fusion": "difference", "hidden": 8}])
def test_integrated_gradients_add_up_to_the_difference_from_a_black_picture(section):
    score = scored(**section)
    with torch.no_grad():
        difference = score.of_images(score.images, score.samples) - score.of_images(
            torch.zeros_like(score.images), score.samples
        )
        total = _pixels.integrated_gradients(score, steps=50).sum((1, 2, 3))
    largest = difference.abs().max().item()
    assert largest > 0.01
    torch.testing.assert_close(total, difference, rtol=0, atol=0.03 * largest)


def test_gradient_shap_estimates_picture_times_gradient_of_a_linear_network():
    score = scored(nn.Identity())
    with torch.no_grad():
        exact = _pixels.integrated_gradients(score, steps=50)
        estimated = _pixels.gradient_shap(score, draws=50, noise=0.1)
    weights = (exact / score.images[:, :, 0]).abs()
    assert ((estimated - exact).abs() <= 5 * 0.1 / 50**0.5 * weights + 1e-6).all()  # five standard errors
    assert not torch.allclose(estimated, exact)


def test_occlusion_is_the_mean_fall_under_the_squares_that_cover_a_pixel():
    score = scored()
    fall, covered = torch.zeros(3, 2, 24, 16), torch.zeros(24, 16)
    with torch.no_grad():
        unchanged = score.of_images(score.images, score.samples)
        for top in range(0, 23):
            for left in range(0, 15):  # squares of two pixels, moved by one
                covered[top : top + 2, left : left + 2] += 1
                for view in range(2):
                    images = score.images.clone()
                    images[:, view, :, top : top + 2, left : left + 2] = 0
                    here = (unchanged - score.of_images(images, score.samples))[:, None, None]
                    fall[:, view, top : top + 2, left : left + 2] += here
        torch.testing.assert_close(_pixels.occlusion(score), fall / covered, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("integrated_gradients", {"steps": 50}),
        ("gradient_shap", {"draws": 50, "noise": 0.1}),
        pytest.param("occlusion", {}, marks=pytest.mark.slow),
        ("guided_grad_cam", {}),
    ],
)
def test_the_number_of_pictures_at_once_changes_nothing(method, options, monkeypatch):
    maps = []
    for count in (1, 2, 5, 1000):
        monkeypatch.setattr("birads_zoo_plugins.explainers._score.at_once", lambda images, count=count: count)
        monkeypatch.setattr(_pixels, "at_once", lambda images, count=count: count)
        torch.manual_seed(0)
        with torch.no_grad():
            maps.append(getattr(_pixels, method)(scored(hidden=8), **options))
    for other in maps[1:]:
        torch.testing.assert_close(other, maps[0], rtol=1e-4, atol=1e-6)


VALUES = torch.tensor([-2.0, -0.5, 0.5, 5.0, 7.0])
UPSTREAM = torch.tensor([1.0, -1.0])


def guided(function):
    """Return the gradient at every value through `function`, for a positive and a negative upstream gradient."""
    values = VALUES.repeat(2, 1).requires_grad_()
    with rectified_gradients():
        (gradient,) = torch.autograd.grad((function(values) * UPSTREAM[:, None]).sum(), values)
    return gradient


@pytest.mark.parametrize(
    "rectify", [F.relu, torch.relu, torch.Tensor.relu, nn.ReLU(), nn.ReLU(inplace=True), lambda x: x.clone().relu_()]
)
def test_a_relu_passes_positive_gradients_of_positive_inputs(rectify):
    def function(values):
        return rectify(values * 1.0)

    assert torch.equal(guided(function), torch.tensor([[0.0, 0, 1, 1, 1], [0, 0, 0, 0, 0]]))


@pytest.mark.parametrize("rectify", [F.relu6, nn.ReLU6(), nn.ReLU6(inplace=True)])
def test_a_relu6_passes_nothing_above_its_ceiling_either(rectify):
    def function(values):
        return rectify(values * 1.0)

    assert torch.equal(guided(function), torch.tensor([[0.0, 0, 1, 1, 0], [0, 0, 0, 0, 0]]))


@pytest.mark.parametrize("smooth", [nn.SiLU(), nn.SiLU(inplace=True), nn.GELU(), nn.Hardswish(), nn.Mish(), nn.ELU()])
def test_a_smooth_rectifier_passes_the_positive_part_of_its_own_gradient(smooth):
    values = VALUES.repeat(2, 1).requires_grad_()
    (plain,) = torch.autograd.grad((smooth(values * 1.0) * UPSTREAM[:, None]).sum(), values)
    torch.testing.assert_close(guided(lambda values: smooth(values * 1.0)), plain.clamp(min=0))


def test_other_uses_of_a_rectifiers_input_keep_their_gradient():
    assert torch.equal(guided(lambda values: values + F.relu(values))[1], torch.full((5,), -1.0))


def test_gates_and_everything_outside_keep_their_gradient():
    values = VALUES.clone().requires_grad_()
    plain = torch.autograd.grad(-torch.sigmoid(values).sum(), values)[0]
    assert torch.equal(guided(torch.sigmoid)[1], plain)
    with pytest.raises(ZeroDivisionError), rectified_gradients():
        _ = 1 / 0
    assert torch.equal(torch.autograd.grad(-F.relu(values).sum(), values)[0], torch.tensor([-0.0, 0, -1, -1, -1]))


@pytest.mark.parametrize("activation", [nn.ReLU6(), nn.SiLU(), Called(F.relu)])
def test_guided_backpropagation_differs_from_the_plain_gradient_where_captums_does_not(activation):
    score = scored(activation)
    images = score.images.clone().requires_grad_()
    (plain,) = torch.autograd.grad(score.of_images(images, score.samples).sum(), images)
    with pytest.warns(UserWarning, match="backward hooks on ReLU"):
        by_captum = GuidedBackprop(score.classifier).attribute(images, target=TARGETS)
    assert torch.equal(by_captum, plain)
    assert not torch.allclose(_pixels._guided(score), plain[:, :, 0])


def test_guided_grad_cam_is_guided_backpropagation_where_grad_cam_sees_something():
    score = scored()
    with torch.no_grad():
        product, fine = _pixels.guided_grad_cam(score), _pixels._guided(score)
    coarse = F.interpolate(_pixels.grad_cam(score).relu(), (24, 16), mode="bilinear")
    torch.testing.assert_close(product, fine * coarse)
    assert product.any()
