"""Explainers differentiate the class's score, so that networks with fewer logits than classes are explained too."""

import pytest
import torch

from birads_zoo.interfaces import OutputsContext
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection
from birads_zoo_plugins.explainers import birads_zoo_explainers
from birads_zoo_plugins.losses import birads_zoo_losses

EVERY = [spec.name for spec in birads_zoo_explainers()]
CORN = next(spec for spec in birads_zoo_losses() if spec.name == "corn")


@pytest.fixture
def ordinal(spotter):
    """The spotter with one logit for its two classes: the difference of its two logits."""
    classifier = spotter()
    head = build_head(ModelSection(dropout=0.0), 2, 8, 8, 2, outputs=CORN.outputs(OutputsContext(classes=2)))
    head.rest.logits.weight.data = torch.tensor([[10.0, -2.0]])
    head.rest.logits.bias.data.zero_()
    classifier.head = head
    return classifier


@pytest.fixture
def picture():
    """A dark picture with a grey patch, evidence for class 0, and a bright spot, evidence for class 1."""
    image = torch.full((1, 1, 1, 32, 32), 0.1)
    image[..., 4:12, 20:28] = 0.5
    image[..., 20:28, 4:12] = 1
    return image


def test_the_network_is_the_same(ordinal, spotter, picture):
    softmax = spotter()
    torch.testing.assert_close(
        ordinal.probabilities(ordinal(picture)), softmax.probabilities(softmax(picture)), rtol=1e-4, atol=0
    )


@pytest.mark.parametrize("name", EVERY)
def test_each_map_peaks_where_the_evidence_was_planted(explain, ordinal, picture, name):
    heat = explain(name, ordinal, picture, [1])[0, 0]
    row, column = divmod(heat.argmax().item(), 32)
    assert 20 <= row < 28
    assert 4 <= column < 12


@pytest.mark.parametrize("name", ["grad-cam", "hires-cam", "layer-cam"])
@pytest.mark.parametrize("target", [0, 1])
def test_maps_by_gradients_equal_those_of_the_softmax_network(explain, ordinal, spotter, picture, name, target):
    """The gradients of both scores have the same direction, and maps are divided by their maximum."""
    torch.testing.assert_close(
        explain(name, ordinal, picture, [target]), explain(name, spotter(), picture, [target]), rtol=1e-4, atol=1e-5
    )
