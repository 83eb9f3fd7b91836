"""The five fusions of a sample's views, none of which depends on an absent view."""

import pytest
import torch

from birads_zoo.model.classifier import Classifier
from birads_zoo.model.fusion import build_fusion
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection

FUSIONS = ("mean", "max", "difference", "concat", "attention")
PRESENT = torch.tensor([[True, True, True, True], [True, False, True, False], [True, False, False, False]])


def fusion(name, features=5, views=4):
    """Build a fusion whose attention, if it has any, already weighs views differently."""
    torch.manual_seed(0)
    fuse, size = build_fusion(name, features, views)
    if name == "attention":
        torch.nn.init.normal_(fuse.score.weight)
    return fuse, size


def pooled(seed=1):
    return torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(seed))


def test_each_fusion_by_its_definition():
    values = pooled()
    mean, largest, difference, row = (fusion(name)[0](values, PRESENT)[0] for name in FUSIONS[:4])
    present = values[1][PRESENT[1]]
    torch.testing.assert_close(mean[1], present.mean(0))
    torch.testing.assert_close(largest[1], present.amax(0))
    torch.testing.assert_close(difference[1], torch.cat([values[1, 0], values[1, 0] - values[1, 2]]))
    torch.testing.assert_close(difference[0, 5:], values[0, 0] - values[0, 1:].mean(0))
    torch.testing.assert_close(row[1], torch.cat([values[1, 0], torch.zeros(5), values[1, 2], torch.zeros(5)]))


def test_an_absent_partner_leaves_no_difference():
    fused, _ = fusion("difference")[0](pooled(), PRESENT)
    assert (fused[2, 5:] == 0).all()


@pytest.mark.parametrize("name", FUSIONS)
def test_the_size_is_as_announced_and_only_attention_has_weights(name):
    fuse, size = fusion(name)
    fused, weights = fuse(pooled(), PRESENT)
    assert fused.shape == (3, size)
    assert (weights is not None) == (name == "attention")


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize("noise", [1e4, float("nan"), float("inf")])
def test_the_values_of_an_absent_view_change_nothing(name, noise):
    fuse, _ = fusion(name)
    fused, weights = fuse(pooled(), PRESENT)
    spoilt = torch.where(PRESENT[..., None], pooled(), noise)
    again, weighed = fuse(spoilt, PRESENT)
    assert torch.equal(fused, again)
    assert weights is None or torch.equal(weights, weighed)


@pytest.mark.parametrize("name", ["mean", "max", "attention"])
def test_the_order_of_the_views_does_not_matter(name):
    fuse, _ = fusion(name)
    order = torch.tensor([2, 0, 3, 1])
    fused, weights = fuse(pooled(), PRESENT)
    again, weighed = fuse(pooled()[:, order], PRESENT[:, order])
    torch.testing.assert_close(fused, again)
    if weights is not None:
        torch.testing.assert_close(weights[:, order], weighed)


def test_the_weights_of_attention_are_0_for_absent_views_and_sum_to_1():
    fuse, _ = fusion("attention")
    fused, weights = fuse(pooled(), PRESENT)
    assert (weights[~PRESENT] == 0).all()
    assert (weights[PRESENT] > 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert weights[2].tolist() == [1, 0, 0, 0]
    torch.testing.assert_close(fused, (weights[..., None] * pooled()).sum(1))


def test_the_attention_is_gated_as_in_the_paper_and_starts_as_the_mean():
    """Compared with eq. 9 of Ilse, Tomczak & Welling 2018."""
    fuse, _ = build_fusion("attention", 5, 4)
    everything = torch.ones(3, 4, dtype=torch.bool)
    torch.testing.assert_close(fuse(pooled(), everything)[0], pooled().mean(1))
    torch.nn.init.normal_(fuse.score.weight)
    content, gate = (pooled() @ part.weight.T + part.bias for part in (fuse.content, fuse.gate))
    scores = (torch.tanh(content) * torch.sigmoid(gate)) @ fuse.score.weight[0]
    torch.testing.assert_close(fuse(pooled(), everything)[1], scores.exp() / scores.exp().sum(1, keepdim=True))


def test_attention_learns_which_view_shows_the_class():
    """In a positive sample one random view shows the lesion; that view gets the largest weight."""
    torch.manual_seed(0)
    head = build_head(ModelSection(fusion="attention", dropout=0.0), 5, 1, 1, 2, views=4)
    generator = torch.Generator().manual_seed(4)
    targets, place = torch.randint(2, (256,), generator=generator), torch.randint(4, (256,), generator=generator)
    features = 0.3 * torch.randn(256, 4, 5, generator=generator)
    features[torch.arange(256), place, 0] += 3.0 * targets
    optimiser = torch.optim.Adam(head.parameters(), lr=0.02)
    for _ in range(80):
        optimiser.zero_grad()
        output = head.forward_pooled(features)
        torch.nn.functional.cross_entropy(output.logits, targets).backward()
        optimiser.step()
    positive = targets == 1
    assert (output.view_weights.argmax(1) == place)[positive].float().mean() > 0.95
    assert (output.logits.argmax(1) == targets).float().mean() > 0.95


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize("evidence", [False, True])
def test_a_whole_classifier_ignores_an_absent_picture_in_evaluation_mode(name, evidence):
    torch.manual_seed(0)
    backbone = torch.nn.Sequential(torch.nn.Conv2d(1, 6, 3, stride=2), torch.nn.BatchNorm2d(6), torch.nn.ReLU())
    section = ModelSection(fusion=name, evidence=evidence, norm="batch", hidden=7)
    head = build_head(section, 6, 7, 5, 3, views=4)
    for parameter in head.evidence.parameters():
        torch.nn.init.normal_(parameter)
    classifier = Classifier(backbone, head, pixel_mean=(0.5,), pixel_std=(0.5,))
    images = torch.rand(3, 4, 1, 16, 12)
    classifier.train()(images, PRESENT)  # so that running statistics are no longer the initial ones
    classifier.eval()
    noisy = torch.where(PRESENT[..., None, None, None], images, torch.rand(images.shape))
    torch.testing.assert_close(classifier(images, PRESENT), classifier(noisy, PRESENT), rtol=1e-6, atol=1e-6)
    assert not torch.allclose(classifier(images, PRESENT)[1], classifier(images)[1]), "a present picture matters"
    torch.testing.assert_close(classifier(images), classifier(images, torch.ones_like(PRESENT)), rtol=0, atol=0)


@pytest.mark.parametrize("name", FUSIONS)
def test_gradients_reach_only_the_views_that_are_present(name):
    fuse, _ = fusion(name)
    values = pooled().requires_grad_()
    fuse(values, PRESENT)[0].square().sum().backward()
    assert (values.grad[~PRESENT] == 0).all()
    assert (values.grad.abs().sum((1, 2)) > 0).all()
