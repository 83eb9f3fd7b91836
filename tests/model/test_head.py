import math

import pytest
import torch
from torch import nn

from birads_zoo.model.head import AveragePool, GeneralizedMeanPool, MaxPool, build_head
from birads_zoo.recipe import ModelSection


def parts(head):
    return [name for name, _ in head.rest.named_children()]


def test_the_head_has_the_parts_of_the_recipe_in_the_documented_order():
    section = ModelSection(norm="batch", input_dropout=0.5, hidden=8, dropout=0.3)
    head = build_head(section, channels=6, height=2, width=3, classes=4)
    assert parts(head) == ["norm", "input_dropout", "hidden", "activation", "dropout", "logits"]
    assert head.rest.input_dropout.p == 0.5
    assert head.rest.dropout.p == 0.3


def test_parts_that_the_recipe_leaves_out_are_not_built():
    head = build_head(ModelSection(dropout=0.0), channels=6, height=2, width=3, classes=4)
    assert parts(head) == ["logits"]
    assert head.rest.logits.in_features == 6


def test_layer_norm_normalises_each_row():
    head = build_head(ModelSection(norm="layer", dropout=0.0), 6, 2, 3, 4)
    assert isinstance(head.rest.norm, nn.LayerNorm)


@pytest.mark.parametrize("pooling", ["avg", "max", "gem", "flatten"])
@pytest.mark.parametrize("views", [1, 3])
def test_every_pooling_takes_any_number_of_views(pooling, views):
    head = build_head(ModelSection(pooling=pooling, hidden=5), 6, 2, 3, 4)
    features = torch.rand(2, views, 6, 2, 3)
    pooled = head.pool(features)
    assert pooled.shape == (2, views, 36 if pooling == "flatten" else 6)
    assert head(features).shape == (2, 4)


@pytest.mark.parametrize("pooling", ["avg", "max", "gem", "flatten"])
def test_classifying_pooled_features_is_the_whole_head(pooling):
    head = build_head(ModelSection(pooling=pooling, norm="batch", hidden=5), 6, 2, 3, 4).eval()
    features = torch.rand(3, 2, 6, 2, 3)
    torch.testing.assert_close(head.forward_pooled(head.pool(features)).logits, head(features), rtol=0, atol=0)


def test_only_a_learnt_pooling_is_not_fixed():
    fixed = {
        pooling: build_head(ModelSection(pooling=pooling), 6, 2, 3, 4).pool_is_fixed
        for pooling in ("avg", "max", "gem", "flatten")
    }
    assert fixed == {"avg": True, "max": True, "gem": False, "flatten": True}


def test_gem_lies_between_average_and_maximum_and_reaches_both():
    features = torch.rand(2, 1, 6, 4, 5) + 0.1
    average, largest = AveragePool()(features), MaxPool()(features)
    torch.testing.assert_close(GeneralizedMeanPool(power=1.0)(features), average)
    torch.testing.assert_close(GeneralizedMeanPool(power=200.0)(features), largest, rtol=0.02, atol=0)
    between = GeneralizedMeanPool()(features)
    assert (between >= average).all()
    assert (between <= largest).all()


def test_gem_learns_its_power_and_stays_finite_on_dead_channels():
    pool = GeneralizedMeanPool()
    features = torch.rand(2, 1, 6, 4, 5)
    features[:, :, 0] = 0
    features.requires_grad_()
    pool(features).sum().backward()
    assert pool.power.grad is not None
    assert torch.isfinite(pool.power.grad).all()
    assert pool.power.grad.abs() > 0
    assert torch.isfinite(features.grad).all()


def test_gem_does_not_overflow_half_precision():
    pooled = GeneralizedMeanPool()(torch.full((1, 1, 2, 3, 3), 500.0, dtype=torch.float16))
    torch.testing.assert_close(pooled, torch.full((1, 1, 2), 500.0), rtol=1e-3, atol=0)


def test_evidence_starts_at_0_and_a_picture_has_that_of_its_most_suspicious_place():
    section = ModelSection(evidence=True, pooling="max", dropout=0.0)
    features = torch.rand(4, 1, 6, 2, 3)
    assert (build_head(section, 6, 2, 3, classes=3).eval()(features) == 0).all(), (
        "without marked lesions the bias starts at 0"
    )
    head = build_head(section, 6, 2, 3, classes=3, marked=True).eval()
    torch.testing.assert_close(head(features), torch.tensor([[0, -math.log(6), -math.log(6)]]).expand(4, 3))
    with torch.no_grad():
        head.evidence.logits.weight.normal_(generator=torch.Generator().manual_seed(0))
    logits, evidence, weights = head.forward_details(features)
    assert weights is None
    assert evidence.shape == (4, 1, 3, 2, 3)
    assert (evidence[:, :, 0] == 0).all(), "log-odds are against the first class"
    torch.testing.assert_close(logits, evidence[:, 0].amax((-2, -1)) + head.rest.logits.bias)


def test_with_the_other_breast_the_difference_of_evidence_is_added():
    head = build_head(ModelSection(evidence=True, pooling="max", dropout=0.0, fusion="difference"), 6, 2, 3, 2).eval()
    with torch.no_grad():
        head.evidence.logits.weight[1] = 1.0
    views = torch.rand(2, 1, 6, 2, 3), torch.rand(2, 1, 6, 2, 3)
    first, second = (head.pool(head.evidence(view))[:, 0] for view in views)
    torch.testing.assert_close(head(torch.cat(views, dim=1)), 2 * first - second + head.rest.logits.bias)
    assert not head.pool_is_fixed
