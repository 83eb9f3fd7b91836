"""Properties of every explainer, on toy classifiers with planted evidence and on every bundled backbone and head."""

import pytest
import torch
from torch import nn

from birads_zoo.explanation.heat_maps import explain_sample
from birads_zoo.interfaces import BackboneContext, BackboneSpec
from birads_zoo.model.build import feature_map_size
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection
from birads_zoo_plugins.backbones import birads_zoo_backbones
from birads_zoo_plugins.explainers import birads_zoo_explainers

BUNDLED = [spec for spec in birads_zoo_backbones() if isinstance(spec, BackboneSpec)]

EVERY = [spec.name for spec in birads_zoo_explainers()]
SIGNED = [name for name in EVERY if name not in ("eigen-cam", "score-cam", "grad-cam-plus-plus", "layer-cam")]
"""Explainers that distinguish evidence for a class from evidence against it: other weights are never negative."""
SPOT = (slice(20, 28), slice(4, 12))
GREY = (slice(4, 12), slice(20, 28))


def pictures(views=1):
    """A dark picture with a grey patch, and in the first view a bright spot."""
    images = torch.full((1, views, 1, 32, 32), 0.1)
    images[..., *GREY] = 0.5
    images[:, 0, :, *SPOT] = 1
    return images


def peak(heat):
    """Return the row and column of the largest value of an H×W map."""
    return divmod(heat.argmax().item(), heat.shape[1])


def inside(place, patch):
    return all(span.start <= at < span.stop for at, span in zip(place, patch, strict=True))


@pytest.mark.parametrize("name", EVERY)
def test_each_map_peaks_where_the_evidence_was_planted(explain, spotter, name):
    heat = explain(name, spotter(), pictures(), [1])[0, 0]
    assert heat.max() == 1
    assert inside(peak(heat), SPOT)
    assert heat[SPOT].mean() > 5 * heat[GREY].mean()


@pytest.mark.parametrize("name", SIGNED)
def test_evidence_for_a_class_is_not_shown_for_the_other(explain, spotter, name):
    heat = explain(name, spotter(), pictures(), [0])[0, 0]
    assert heat[SPOT].max() <= 1e-6


@pytest.mark.parametrize("name", EVERY)
def test_the_view_with_the_evidence_shows_it(explain, spotter, name):
    images = pictures(views=2).flip(1)
    heat = explain(name, spotter(), images, [1])
    assert heat.shape == (1, 2, 32, 32)
    assert inside(peak(heat[0, 1]), SPOT)
    assert heat[0, 0, *SPOT].mean() < 0.1 or name == "eigen-cam"


@pytest.mark.parametrize("name", SIGNED)
def test_the_same_finding_in_the_other_breast_is_evidence_against_the_class(explain, spotter, name):
    images = pictures(views=2)
    images[:, 1, :, *SPOT] = 0.9
    heat = explain(name, spotter("difference"), images, [1])
    assert inside(peak(heat[0, 0]), SPOT)
    assert heat[0, 1, *SPOT].max() <= 1e-6


@pytest.mark.parametrize("name", EVERY)
def test_the_pixels_of_an_absent_view_do_not_change_the_map(explain, spotter, name):
    images, present = pictures(views=2), torch.tensor([[True, False]])
    alone, others = [], []
    for fusion in ("mean", "difference"):
        torch.manual_seed(0)
        alone.append(explain(name, spotter(fusion), images, [1], present)[:, 0])
        torch.manual_seed(0)
        others.append(
            explain(name, spotter(fusion), images + 0.3 * present.logical_not()[..., None, None, None], [1], present)[
                :, 0
            ]
        )
    torch.testing.assert_close(alone, others)
    assert inside(peak(alone[0][0]), SPOT)


@pytest.mark.parametrize("name", EVERY)
def test_a_frozen_backbone_is_explained_like_any_other(explain, spotter, name):
    torch.manual_seed(0)
    thawed = explain(name, spotter(), pictures(), [1])
    torch.manual_seed(0)
    assert torch.equal(explain(name, spotter(freeze="all"), pictures(), [1]), thawed)


@pytest.mark.parametrize("name", EVERY)
def test_it_works_where_torchs_gradients_are_off(explain, spotter, name):
    with torch.no_grad():
        heat = explain(name, spotter(), pictures(), [1])
        assert not torch.is_grad_enabled()
    assert inside(peak(heat[0, 0]), SPOT)
    assert not heat.requires_grad


@pytest.mark.parametrize("name", EVERY)
def test_a_black_picture_gives_an_empty_map(explain, spotter, name):
    assert not explain(name, spotter(), torch.zeros(2, 1, 1, 32, 32), [0, 1]).isnan().any()
    if name != "gradient-shap":  # because of its noise
        assert not explain(name, spotter(), torch.zeros(1, 1, 1, 32, 32), [1]).any()


class Patches(nn.Module):
    """A small transformer: a token for every 8×8 pixels, folded back into a grid. Its features are of both signs."""

    def __init__(self, in_channels=1):
        super().__init__()
        self.embed = nn.Conv2d(in_channels, 16, 8, stride=8)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, activation="gelu", batch_first=True)

    def forward(self, images):
        tokens = self.embed(images)
        return self.layer(tokens.flatten(2).mT).mT.unflatten(2, tokens.shape[2:])


HEADS = [
    {"pooling": "avg", "norm": "layer"},
    {"pooling": "max", "hidden": 6},
    {"pooling": "gem"},
    {"pooling": "flatten", "norm": "batch"},
    {"evidence": True, "pooling": "max"},
    {"evidence": True, "pooling": "avg", "fusion": "difference"},
    {"fusion": "attention"},
    {"pooling": "gem", "fusion": "difference", "hidden": 6},
]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("section", HEADS, ids=lambda section: "-".join(map(str, section.values())))
def test_a_transformer_under_every_head(explain, name, section):
    torch.manual_seed(0)
    head = build_head(ModelSection(**section), 16, 5, 4, 3)
    for parameter in head.evidence.parameters():
        nn.init.normal_(parameter)
    model = Classifier(Patches(), head, pixel_mean=(0.5,), pixel_std=(0.5,)).eval()
    images = torch.rand(3, 2, 1, 40, 32)
    maps = explain_sample(model, lambda *batch: explain(name, model, *batch), images, torch.tensor([0, 1, 2]), 2)
    assert maps.shape == (3, 2, 40, 32)
    assert ((maps.max((-2, -1)) == 1) | (maps.max((-2, -1)) == 0)).all()
    assert maps.max() == 1


EXPENSIVE = {(name, large) for name in ("occlusion", "ablation-cam") for large in ("resnet50", "swin_t", "vit_b_16")}
"""Hundreds of passes of a large network; small ones are explained here and in test_transformers.py."""


@pytest.mark.parametrize(
    ("name", "backbone"),
    [
        pytest.param(name, spec, id=f"{name}-{spec.name}", marks=[pytest.mark.slow] * ((name, spec.name) in EXPENSIVE))
        for spec in BUNDLED
        for name in EVERY
        if name != "score-cam"
    ],
)
def test_every_bundled_backbone(explain, name, backbone):
    maps = one_map(explain, name, backbone)
    assert maps.shape == (1, 1, 64, 64)
    assert maps.min() >= 0
    assert maps.max() in (0, 1)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", BUNDLED, ids=lambda spec: spec.name)
def test_score_cam_on_every_bundled_backbone(explain, backbone):
    """From 128 to 2048 forward passes."""
    assert one_map(explain, "score-cam", backbone).max() == 1


_BUILT = {}


def one_map(explain, name, backbone):
    if backbone.name not in _BUILT:
        _BUILT.clear()  # the largest has 86 million weights
        _BUILT[backbone.name] = classifier_of(backbone)
    torch.manual_seed(0)
    return explain(name, _BUILT[backbone.name], torch.rand(1, 1, 1, 64, 64), [1], steps=3)


def classifier_of(backbone):
    torch.manual_seed(0)
    channels = len(backbone.pixel_mean)
    context = BackboneContext(in_channels=channels, height=64, width=64, pretrained=False)
    body = backbone.build(context)
    head = build_head(ModelSection(), *feature_map_size(body, context), 4)
    return Classifier(body, head, pixel_mean=backbone.pixel_mean, pixel_std=backbone.pixel_std, freeze="all").eval()
