import copy

import pytest
import torch
from torch import nn

from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def backbone():
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        nn.Sequential(nn.Conv2d(4, 5, 3, stride=2, bias=False), nn.BatchNorm2d(5), nn.Dropout(0.5)),
        nn.Sequential(nn.Conv2d(5, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU()),
    )


def classifier(freeze="none", norm="none", stages=()):
    head = build_head(ModelSection(norm=norm), channels=6, height=3, width=4, classes=4)
    return Classifier(backbone(), head, pixel_mean=MEAN, pixel_std=STD, freeze=freeze, stages=stages)


def state(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def changed(before, module):
    return {name for name, tensor in module.state_dict().items() if not torch.equal(before[name], tensor)}


def train_a_step(model, images):
    model.train()
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    nn.functional.cross_entropy(model(images), torch.arange(len(images)) % 4).backward()
    optimiser.step()


def test_one_grey_channel_gives_the_features_of_three_equal_ones():
    model = classifier().eval()
    images = torch.rand(2, 3, 1, 16, 18)
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    three = (images.flatten(0, 1).repeat(1, 3, 1, 1) - mean) / std
    features = model.features(images)
    assert features.shape == (2, 3, 6, 4, 5)
    torch.testing.assert_close(features.flatten(0, 1), model.backbone(three), rtol=1e-5, atol=1e-5)


def test_a_backbone_of_one_channel_gets_one_channel():
    head = build_head(ModelSection(), 2, 1, 1, 4)
    model = Classifier(nn.Conv2d(1, 2, 3), head, pixel_mean=(0.5,), pixel_std=(0.25,))
    torch.testing.assert_close(model.normalise(torch.full((1, 1, 2, 2), 0.75)), torch.ones(1, 1, 2, 2))


def test_logits_are_the_head_of_the_features():
    model = classifier().eval()
    images = torch.rand(2, 2, 1, 16, 18)
    assert torch.equal(model(images), model.head(model.features(images)))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_pixels_have_the_memory_format_of_the_weights(memory_format):
    model = classifier().eval()
    images = torch.rand(4, 1, 1, 16, 18)
    before = model(images)
    model.to(memory_format=memory_format)
    assert model.normalise(images[:, 0]).is_contiguous(memory_format=memory_format)
    torch.testing.assert_close(model(images), before, rtol=1e-4, atol=1e-5)


def test_nothing_frozen_trains_everything():
    model = classifier()
    before = state(model)
    train_a_step(model, torch.rand(8, 1, 1, 16, 18))
    assert model.frozen == "none"
    assert changed(before, model) == set(before) - {"pixel_mean", "pixel_std"}


def test_a_frozen_backbone_keeps_weights_statistics_and_mode():
    model = classifier("all", norm="batch")
    before = state(model)
    train_a_step(model, torch.rand(8, 1, 1, 16, 18))
    assert not {name for name in changed(before, model) if not name.startswith("head.")}
    assert "head.rest.norm.running_mean" in changed(before, model)
    assert not any(part.training for part in model.backbone.modules())
    assert model.head.training


def test_a_frozen_backbone_builds_no_graph_and_has_no_dropout():
    model = classifier("all").train()
    images = torch.rand(2, 1, 1, 16, 18)
    assert not model.features(images).requires_grad
    assert torch.equal(model.features(images), model.features(images))
    assert model(images).requires_grad


def test_a_frozen_backbone_passes_gradients_to_images_that_require_them():
    images = torch.rand(2, 1, 1, 16, 18)
    frozen, free = classifier("all").eval(), classifier("none").eval()
    free.load_state_dict(frozen.state_dict())
    inputs = images.clone().requires_grad_(), images.clone().requires_grad_()
    for model, pixels in zip((frozen, free), inputs, strict=True):
        model(pixels)[:, 0].sum().backward()
    assert inputs[0].grad.any()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    assert all(parameter.grad is None for parameter in frozen.backbone.parameters())


def test_early_freezing_freezes_the_first_half_of_the_children_rounded_down():
    model = classifier("early")
    before = state(model)
    train_a_step(model, torch.rand(8, 1, 1, 16, 18))
    assert model.frozen_parts == ("0",)
    assert {name.split(".")[1] for name in changed(before, model) if name.startswith("backbone.")} == {"1", "2"}


def test_early_freezing_uses_the_stages_that_a_plugin_names():
    model = classifier("early", stages=("0.0", "0.1", "1", "2"))
    trained = {name for name, parameter in model.backbone.named_parameters() if parameter.requires_grad}
    assert model.frozen_parts == ("0.0", "0.1")
    assert {name.split(".")[0] for name in trained} == {"1", "2"}


def test_early_freezing_of_one_stage_freezes_it():
    assert classifier("early", stages=("1",)).frozen_parts == ("1",)


def test_a_stage_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="its stages name 'layer9', which the module does not have"):
        classifier("early", stages=("0", "layer9"))


def test_early_freezing_of_a_module_without_parts_is_refused():
    head = build_head(ModelSection(), 2, 1, 1, 4)
    with pytest.raises(ValueError, match="no stages, so none of them can be frozen as early ones; freeze none or"):
        Classifier(nn.Conv2d(1, 2, 3), head, pixel_mean=(0.5,), pixel_std=(0.5,), freeze="early")


def test_a_copy_stays_frozen():
    model = copy.deepcopy(classifier("all")).train()
    assert not model.backbone.training
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())
