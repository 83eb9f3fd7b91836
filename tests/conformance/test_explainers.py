"""Conformance checks report each way to break an explainer's contract."""

import numpy as np
import pytest
import torch

from birads_zoo import ExplainerSpec, conformance


def explainer(function):
    return ExplainerSpec(
        name="x",
        summary="s",
        build=lambda context: lambda images, targets, present: function(context.classifier, images),
    )


def with_backward_pass(model, images):
    model(images).sum().backward()
    return images[:, :, 0]


def hooked(model, images):
    model.backbone.register_forward_hook(lambda *seen: None)
    return images[:, :, 0]


def with_backward_hook(model, images):
    model.head.register_full_backward_pre_hook(lambda *seen: None)
    return images[:, :, 0]


def with_parameter_hook(model, images):
    for parameter in model.head.parameters():
        parameter.register_hook(lambda gradient: gradient)
    return images[:, :, 0]


def switched(model, images):
    model.train()
    return images[:, :, 0]


def retrained(model, images):
    with torch.no_grad():
        model.head.rest.logits.bias += 1
    return images[:, :, 0]


def logit_by_logit(model, images):
    with torch.enable_grad():
        features = model.features(images).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(model.head(features)[:, 2].sum(), features)
    return model.over_pictures(gradient.sum(2), *images.shape[-2:]).clamp(0, 1)


def without_gradients(model, images):
    torch.set_grad_enabled(False)
    return images[:, :, 0]


def blackened(model, images):
    maps = images[:, :, 0].clone()
    images[:, :, :, 0] = 0
    return maps


def with_images_requiring_gradients(model, images):
    return images.requires_grad_()[:, :, 0]


NOT_RESTORED = "it does not leave the classifier's modes, gradients and hooks as they were"


@pytest.fixture
def grad_mode():
    yield
    torch.set_grad_enabled(True)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda model, images: images, "heat maps have the shape (3, 1, 1, 64, 48); expected (3, 1, 64, 48)"),
        (lambda model, images: images[:, :, 0] * 2, "heat maps run from "),
        (lambda model, images: images[:, :, 0] / 0, "heat maps hold values that are not finite"),
        (lambda model, images: images[:, :1, 0], "heat maps have the shape (3, 1, 64, 48); expected (3, 2, 64, 48)"),
        (lambda model, images: (images - images.mean(0)).abs()[:, :, 0], "depends on the other images of its batch"),
        (lambda model, images: torch.rand_like(images)[:, :, 0], "depends on the other images of its batch"),
        (
            lambda model, images: images.mean(1, keepdim=True).expand_as(images)[:, :, 0],
            "depends on the pixels of a picture that is absent",
        ),
        (lambda model, images: images[:, :, 0] * np.random.rand(), "the same torch seed gives different maps"),
        (with_backward_pass, NOT_RESTORED),
        (hooked, NOT_RESTORED),
        (with_backward_hook, NOT_RESTORED),
        (with_parameter_hook, NOT_RESTORED),
        (switched, NOT_RESTORED),
        (retrained, NOT_RESTORED),
        (without_gradients, "it turns torch's gradients off and does not turn them on again"),
        (blackened, "it changes the images it was given"),
        (with_images_requiring_gradients, "it changes the images it was given"),
        (logit_by_logit, "it failed: IndexError"),
        (lambda model, images: model.layer4, "'Classifier' object has no attribute 'layer4'"),
    ],
)
def test_each_way_to_break_an_explainer(function, message, grad_mode):
    (finding,) = conformance.check_spec(explainer(function))
    assert message in finding.text
    assert conformance.check_explainer(explainer(lambda model, images: images[:, :, 0])) == []
