"""All weights are randomised, and similar maps are recognised as similar."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from birads_zoo.devices import choose_compute
from birads_zoo.explanation.sanity import random_classifier, rank_correlations, similarities
from birads_zoo.plugin.host import load_host
from birads_zoo.runs.finished import read_run, trained_classifier

EVERYWHERE = np.ones((1, 20, 16), bool)


def random_maps(seed):
    return np.random.default_rng(seed).random((1, 20, 16)).astype(np.float32)


def test_every_weight_is_drawn_again_and_the_same_seed_draws_the_same(finished):
    host = load_host()
    run, compute = read_run(finished[0], host), choose_compute("cpu", "float32")
    images = [torch.rand(6, 1, 1, 32, 32)]
    trained = trained_classifier(run, host, 0, compute)

    def drawn(fold, draw):
        return random_classifier(run.recipe, host, len(run.classes), fold, draw, compute, images)

    first, again, others = drawn(0, 0), drawn(0, 0), [drawn(1, 0), drawn(0, 1)]
    for name, weight in first.named_parameters():
        assert torch.equal(weight, dict(again.named_parameters())[name])
        if weight.dim() > 1:
            assert not torch.equal(weight, dict(trained.named_parameters())[name])
            assert not any(torch.equal(weight, dict(other.named_parameters())[name]) for other in others)
    assert not any(part.training for part in first.modules())
    norms = [part for part in first.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert norms
    assert all(norm.running_mean.abs().max() > 1e-3 for norm in norms)  # from the pictures, not the initial 0
    assert first(images[0]).std(0).max() > 1e-4  # pictures have different outputs


def test_rank_correlation_is_spearmans_in_the_breast():
    first, second = random_maps(0), random_maps(1)
    inside = random_maps(2) > 0.4
    expected = spearmanr(first[inside], second[inside]).statistic
    assert rank_correlations(first, second, inside)[0] == pytest.approx(abs(expected))
    assert rank_correlations(first, first**3, EVERYWHERE)[0] == pytest.approx(1)
    assert rank_correlations(first, 1 - first, EVERYWHERE)[0] == pytest.approx(1)  # an inverted map is as similar


def test_flat_maps_have_no_order_to_compare():
    flat = np.zeros((1, 20, 16), np.float32)
    assert np.isnan(rank_correlations(random_maps(0), flat, EVERYWHERE)[0])
    assert np.isnan(rank_correlations(flat, random_maps(0), EVERYWHERE)[0])
    assert np.isnan(rank_correlations(flat, flat, EVERYWHERE)[0])


def test_similarity_is_1_for_equal_maps_and_about_0_for_unrelated_maps():
    first, second = random_maps(0), random_maps(1)
    assert similarities(first, first, EVERYWHERE)[0] == pytest.approx(1)
    assert abs(similarities(first, second, EVERYWHERE)[0]) < 0.15
    assert similarities(first, 1 - first, EVERYWHERE)[0] < -0.5
