"""Folding batch norms into convolutions keeps the function; norms that cannot be folded are kept."""

import pytest
import torch
from torch import nn

from birads_zoo.interfaces import BackboneContext, Outputs
from birads_zoo.model.build import feature_map_size
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.folding import folded
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection


def classifier_of(backbone, channels, stirred=True):
    """Return a classifier of grey pictures whose norms, if stirred, are far from the identity."""
    torch.manual_seed(0)
    if stirred:
        for norm in norms(backbone):
            nn.init.normal_(norm.running_mean)
            nn.init.uniform_(norm.running_var, 0.2, 2)
            nn.init.uniform_(norm.weight, -1, 2)
            nn.init.normal_(norm.bias)
    return Classifier(backbone, build_head(ModelSection(), channels, 4, 4, 4), pixel_mean=(0.5,), pixel_std=(0.3,))


def norms(module):
    return [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]


def pictures():
    return torch.rand((3, 2, 1, 32, 32), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("backbone", "left"), [("mobilenet_v2", 0), ("resnet50", 0), ("baseline_cnn", 3)])
def test_bundled_backbones_keep_their_function(host, backbone, left):
    spec = host.backbone(backbone)
    context = BackboneContext(in_channels=len(spec.pixel_mean), height=32, width=32, pretrained=False)
    built = spec.build(context)
    head = build_head(ModelSection(), *feature_map_size(built, context), 4)
    classifier = Classifier(built, head, pixel_mean=spec.pixel_mean, pixel_std=spec.pixel_std).eval()
    with torch.no_grad():
        for part in norms(classifier):
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.normal_(part.running_mean, std=0.1)
        lighter = folded(classifier, pictures())
        assert len(norms(lighter)) == left, "norms that follow a convolution are folded, others stay"
        torch.testing.assert_close(lighter(pictures()), classifier(pictures()), rtol=1e-4, atol=1e-5)


def test_the_classifier_itself_is_not_changed():
    classifier = classifier_of(nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()), 4)
    classifier.train()
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    lighter = folded(classifier, pictures())
    assert lighter is not classifier
    assert not lighter.training
    assert all(part.training for part in classifier.modules())
    assert all(torch.equal(before[name], value) for name, value in classifier.state_dict().items())


class _OutOfOrder(nn.Module):
    """Its children are listed as if the norm came right after the convolution, but a ReLU is between them."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, images):
        return self.norm(self.convolution(images).relu())


def test_children_that_are_called_in_another_order_are_not_folded():
    classifier = classifier_of(_OutOfOrder(), 4)
    assert folded(classifier, pictures()) is classifier


class _NormFirst(nn.Module):
    """Its children are listed as if the norm came after the convolution, which has other channels."""

    def __init__(self):
        super().__init__()
        self.stem, self.convolution, self.norm = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 4, 3), nn.BatchNorm2d(8)

    def forward(self, images):
        return self.convolution(self.norm(self.stem(images)))


class _Keeps(nn.Module):
    """It keeps its last map, which cannot be copied because it has a graph."""

    def __init__(self):
        super().__init__()
        self.convolution, self.norm, self.last = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), None

    def forward(self, images):
        self.last = self.norm(self.convolution(images))
        return self.last


@pytest.mark.parametrize("backbone", [_NormFirst, _Keeps])
def test_modules_that_cannot_be_folded_or_copied_are_kept(backbone):
    classifier = classifier_of(backbone(), 4)
    classifier(pictures())
    assert folded(classifier, pictures()) is classifier


def test_a_shift_of_all_logits_hides_no_difference():
    classifier = classifier_of(_OutOfOrder(), 4)
    nn.init.constant_(classifier.head.rest.logits.bias, 1000.0)
    assert folded(classifier, pictures()) is classifier


def test_a_shift_of_all_logits_counts_if_probabilities_depend_on_it():
    classifier = classifier_of(_OutOfOrder(), 4)
    first_is_none = Outputs(logits=3, scores=lambda logits: nn.functional.pad(logits, (1, 0)), rule="r")
    for shared, left_alone in ((first_is_none, True), (None, False)):
        classifier.head = build_head(ModelSection(), 4, 4, 4, 4, outputs=shared)
        nn.init.constant_(classifier.head.rest.logits.weight, 1.0)  # so that all logits are wrong by the same amount
        assert (folded(classifier, pictures()) is classifier) == left_alone


def test_a_norm_without_running_statistics_is_kept():
    layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, track_running_stats=False))
    classifier = classifier_of(layers, 4, stirred=False)
    assert len(norms(folded(classifier, pictures()))) == 1
