"""Each class activation map is compared with slow, plain sums and loops from its paper."""

import pytest
import torch
from torch import nn

from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection
from birads_zoo_plugins.explainers import _cam
from birads_zoo_plugins.explainers._score import ClassScore

TARGETS = torch.tensor([0, 2])


def scored(channels=6, views=2, rectified=True, **section):
    """Return the scores of two samples by a network with 4×3 places."""
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Conv2d(1, channels, 4, stride=4), nn.ReLU() if rectified else nn.Identity())
    head = build_head(ModelSection(**section), channels, 4, 3, 3)
    model = Classifier(backbone, head, pixel_mean=(0.5,), pixel_std=(0.2,)).eval()
    images, present = torch.rand(2, views, 1, 16, 12), torch.ones(2, views, dtype=torch.bool)
    return ClassScore(classifier=model, images=images, targets=TARGETS, present=present)


def test_hires_cam_adds_up_to_a_linear_score():
    score = scored()
    bias = score.classifier.head.rest.logits.bias[TARGETS]
    total = _cam.hires_cam(score).sum((1, 2, 3)) + bias
    torch.testing.assert_close(total, score.of_images(score.images, score.samples))


def test_grad_cam_and_hires_cam_are_the_same_under_average_pooling_and_not_under_maximum_pooling():
    average, largest = scored(), scored(pooling="max")
    torch.testing.assert_close(_cam.grad_cam(average), _cam.hires_cam(average))
    assert not torch.allclose(_cam.grad_cam(largest), _cam.hires_cam(largest))


def test_hires_cam_is_empty_where_maximum_pooling_took_nothing():
    score = scored(pooling="max", channels=1)
    assert (_cam.hires_cam(score) != 0).flatten(2).sum(2).max() == 1


def test_grad_cam_plus_plus_weighs_by_its_closed_form():
    score = scored(hidden=8)
    gradient, features = score.gradient(), score.features
    total = features.sum((-2, -1), keepdim=True)
    alpha = (gradient**2 / (2 * gradient**2 + total * gradient**3)).nan_to_num()
    weights = (alpha * gradient.relu()).sum((-2, -1), keepdim=True)
    torch.testing.assert_close(_cam.grad_cam_plus_plus(score), (weights * features).sum(2))


def test_grad_cam_plus_plus_does_not_blow_up_on_features_of_both_signs():
    score = scored(rectified=False)
    score.classifier.head.rest.logits.weight.data *= 1e3
    assert score.features.sum((-2, -1)).min() < 0
    weights_at_most = score.gradient().relu().sum((-2, -1), keepdim=True) / 2
    assert (_cam.grad_cam_plus_plus(score).abs() <= (weights_at_most * score.features.abs()).sum(2) + 1e-6).all()


@pytest.mark.parametrize("channels", [5, 12, 40])
@pytest.mark.parametrize("rectified", [True, False])
def test_eigen_cam_projects_on_the_first_right_singular_vector(channels, rectified):
    score = scored(channels, rectified=rectified)
    places = score.features.flatten(3).mT
    vectors = torch.linalg.svd(places.double()).Vh[:, :, 0, :, None]
    expected = (places.double() @ vectors)[..., 0].reshape(2, 2, 4, 3)
    expected *= torch.where(expected.amax((-2, -1), keepdim=True) > -expected.amin((-2, -1), keepdim=True), 1, -1)
    maps = _cam.eigen_cam(score).double()
    maps *= expected.norm(dim=(-2, -1), keepdim=True) / maps.norm(dim=(-2, -1), keepdim=True)
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-4)
    assert not rectified or maps.min() > -1e-6


def test_eigen_cam_of_zero_features_is_zero():
    score = scored()
    nn.init.zeros_(score.classifier.backbone[0].weight)
    nn.init.zeros_(score.classifier.backbone[0].bias)
    assert not _cam.eigen_cam(score).any()


HEADS = [{}, {"pooling": "max", "hidden": 5}, {"fusion": "difference"}, {"evidence": True, "pooling": "max"}]


@pytest.mark.parametrize("section", HEADS)
def test_ablation_cam_silences_one_channel_of_one_view_at_a_time(section, monkeypatch):
    monkeypatch.setattr(_cam, "_NUMBERS_AT_ONCE", 7 * 2 * 6 * 12)  # seven copies at once, which does not divide 24
    score = scored(**section)
    with torch.no_grad():
        expected = torch.zeros(2, 2, 4, 3)
        for n in range(2):
            for v in range(2):
                for k in range(6):
                    features = score.features.clone()
                    features[n, v, k] = 0
                    fall = (score.classifier.head(score.features) - score.classifier.head(features))[n, TARGETS[n]]
                    expected[n, v] += fall * score.features[n, v, k]
        torch.testing.assert_close(_cam.ablation_cam(score), expected)


def test_ablation_cam_keeps_its_sign_when_the_logit_is_negative():
    score = scored()
    with torch.no_grad():
        maps = _cam.ablation_cam(score)
        score.classifier.head.rest.logits.bias -= 100
        torch.testing.assert_close(_cam.ablation_cam(score), maps, rtol=1e-3, atol=1e-4)
    assert maps.max() > 0.01


@pytest.mark.parametrize("section", HEADS)
def test_score_cam_masks_by_one_channel_of_one_view_at_a_time(section, monkeypatch):
    monkeypatch.setattr(_cam, "at_once", lambda images: 7)
    score = scored(**section)
    with torch.no_grad():
        scores = torch.zeros(2, 2, 6)
        for n in range(2):
            for v in range(2):
                for k in range(6):
                    mask = nn.functional.interpolate(score.features[n, v, k][None, None], (16, 12), mode="bilinear")
                    images = score.images.clone()
                    images[n, v] *= (mask[0] - mask.min()) / (mask.max() - mask.min()).clamp(min=1e-12)
                    scores[n, v, k] = score.classifier(images)[n, TARGETS[n]]
        expected = (scores.softmax(2)[..., None, None] * score.features).sum(2)
        torch.testing.assert_close(_cam.score_cam(score), expected)


def test_a_changed_view_is_scored_with_the_others_and_changes_no_features():
    score = scored(fusion="difference", hidden=5)
    before, images = score.features.clone(), score.images.clone()
    images[:, 1] = 0
    with torch.no_grad():
        torch.testing.assert_close(
            score.of_view(images[:, 1], score.features, 1, score.samples), score.of_images(images, score.samples)
        )
    assert torch.equal(score.features, before)
