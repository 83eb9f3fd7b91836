import copy

import pytest
import torch
from torch import nn

from birads_zoo.interfaces import ExplainerContext
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection
from birads_zoo_plugins.explainers import birads_zoo_explainers

SPEC = next(spec for spec in birads_zoo_explainers() if spec.name == "grad-cam")
ALL = torch.ones(3, 2, dtype=torch.bool)


def classifier(freeze="none", pooling="avg"):
    torch.manual_seed(0)
    backbone = nn.Sequential(
        nn.Conv2d(1, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.5), nn.AvgPool2d(2)
    )
    head = build_head(ModelSection(pooling=pooling, norm="batch", hidden=5, dropout=0.5), 6, 8, 6, 3)
    return Classifier(backbone, head, pixel_mean=(0.0,), pixel_std=(1.0,), freeze=freeze).eval()


def spot_finder():
    """Return a backbone that only averages grey values, and a head for which class 1 is bright and class 0 is dark."""
    head = build_head(ModelSection(dropout=0.0), 1, 8, 8, 2)
    nn.init.zeros_(head.rest.logits.bias)
    head.rest.logits.weight.data = torch.tensor([[-1.0], [1.0]])
    return Classifier(nn.AvgPool2d(4), head, pixel_mean=(0.0,), pixel_std=(1.0,))


def test_the_map_is_where_the_evidence_is():
    images = torch.zeros(1, 1, 1, 32, 32)
    images[..., 20:28, 4:12] = 1
    heat = SPEC.build(ExplainerContext(classifier=spot_finder()))(images, torch.tensor([1]), ALL[:1, :1])
    assert heat.shape == (1, 1, 32, 32)
    assert heat[0, 0, 22:26, 6:10].min() == 1
    assert heat[0, 0, :16].max() == 0
    assert heat[0, 0, 24, 8] > heat[0, 0, 24, 14]


def test_a_map_without_evidence_stays_zero():
    images = torch.rand(2, 1, 1, 32, 32)
    heat = SPEC.build(ExplainerContext(classifier=spot_finder()))(images, torch.tensor([0, 1]), ALL[:2, :1])
    assert not heat[0].any()
    assert heat[1].max() == 1


def test_maps_are_equations_1_and_2_of_the_paper():
    model = classifier()
    images, targets = torch.rand(3, 1, 1, 32, 24), torch.tensor([0, 1, 2])
    heat = SPEC.build(ExplainerContext(classifier=model))(images, targets, ALL[:, :1])
    features = model.features(images).detach().requires_grad_()
    for number, target in enumerate(targets):
        (gradient,) = torch.autograd.grad(model.head(features)[number, target], features)
        cam = torch.einsum("d,dhw->hw", gradient[number, 0].mean((1, 2)), features[number, 0]).clamp(min=0)
        expected = nn.functional.interpolate(cam[None, None], size=(32, 24), mode="bilinear")[0, 0]
        torch.testing.assert_close(heat[number, 0], expected / expected.max().clamp(min=1e-12))


@pytest.mark.parametrize("freeze", ["none", "early", "all"])
@pytest.mark.parametrize("pooling", ["avg", "max", "gem", "flatten"])
def test_every_view_gets_its_own_map_in_range(freeze, pooling):
    heat = SPEC.build(ExplainerContext(classifier=classifier(freeze, pooling)))(
        torch.rand(2, 2, 1, 32, 24), torch.tensor([0, 2]), ALL[:2]
    )
    assert heat.shape == (2, 2, 32, 24)
    assert torch.isfinite(heat).all()
    assert heat.min() >= 0
    assert heat.max() <= 1
    assert not torch.equal(heat[:, 0], heat[:, 1])


def test_images_do_not_affect_each_other():
    explain = SPEC.build(ExplainerContext(classifier=classifier()))
    images, targets = torch.rand(3, 2, 1, 32, 24), torch.tensor([0, 1, 2])
    together = explain(images, targets, ALL)
    torch.testing.assert_close(explain(images[1:2], targets[1:2], ALL[1:2]), together[1:2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("grad", [True, False])
def test_the_classifier_is_not_changed(grad):
    model = classifier("early")
    model.head.rest.dropout.train()  # a part's own mode must be kept
    before = copy.deepcopy(model)
    gradients = [torch.rand_like(p) if p.requires_grad else None for p in model.parameters()]
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        parameter.grad = None if gradient is None else gradient.clone()
    images = torch.rand(2, 1, 1, 32, 24)
    with torch.set_grad_enabled(grad):
        heat = SPEC.build(ExplainerContext(classifier=model))(images, torch.tensor([0, 1]), ALL[:2, :1])
        assert torch.is_grad_enabled() == grad
    assert not heat.requires_grad
    assert images.grad is None
    modes = [part.training for part in model.modules()]
    assert modes == [part.training for part in before.modules()]
    state = before.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        assert parameter.requires_grad == (gradient is not None)
        assert parameter.grad is None if gradient is None else torch.equal(parameter.grad, gradient)
    for part in model.modules():
        assert not part._forward_hooks
        assert not part._backward_hooks
        assert not part._forward_pre_hooks
