"""All explainers on small networks of the bundled transformers' code."""

import pytest
import torch
from torch import nn
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.models.vision_transformer import VisionTransformer

from birads_zoo.conformance.model import _require_unchanged
from birads_zoo.explanation.heat_maps import explain_sample
from birads_zoo.interfaces import ExplainerContext
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection
from birads_zoo_plugins.backbones._transformers import Merging, PatchGrid, swin_map
from birads_zoo_plugins.explainers import _pixels, birads_zoo_explainers

SPECS = {spec.name: spec for spec in birads_zoo_explainers()}
SIZE = (52, 40)  # not multiples of the patches
TRANSFORMERS = ["vit", "swin"]
EVERY = [pytest.param(name, marks=[pytest.mark.slow] * (name == "occlusion")) for name in SPECS]
LOCAL = [name for name in SPECS if name not in ("eigen-cam", "score-cam", "ablation-cam")]
"""Explainers whose maps follow the evidence of a place. The others have one weight per channel for the whole map: with
features of both signs, as after a layer norm, they can show the background."""


def backbone(name):
    """Return a ViT with 8×8 patches, or a Swin that merges 4×4 patches to 8×8: maps of 7×5."""
    if name == "vit":
        sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32}
        return PatchGrid(VisionTransformer(image_size=64, patch_size=8, **sizes))
    sizes = {"embed_dim": 8, "depths": [2, 2], "num_heads": [2, 2], "window_size": [7, 7]}
    return swin_map(SwinTransformer(patch_size=[4, 4], **sizes, downsample_layer=Merging))


def classifier(name, body=None, **section):
    torch.manual_seed(0)
    section = ModelSection(**section)
    head = build_head(section, 16, 7, 5, 3)
    return Classifier(
        body or backbone(name), head, pixel_mean=(0.5,) * 3, pixel_std=(0.25,) * 3, freeze=section.freeze
    ).eval()


def pictures(count=3, views=1):
    return torch.rand(count, views, 1, *SIZE, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("transformer", TRANSFORMERS)
@pytest.mark.parametrize(("freeze", "views"), [("none", 1), ("all", 2)])
def test_a_map_does_not_depend_on_its_batch_and_nothing_else_changes(name, transformer, freeze, views):
    model = classifier(transformer, freeze=freeze, fusion="difference" if views == 2 else "mean")
    few = {option: 5 for option in ("steps", "draws") if option in SPECS[name].options.__struct_fields__}
    explainer = SPECS[name].build(ExplainerContext(classifier=model, options=SPECS[name].options(**few)))
    images, targets = pictures(3, views), torch.tensor([0, 2, 1])
    maps = explain_sample(model, explainer, images, targets, batch_size=3)
    assert maps.shape == (3, views, *SIZE)
    assert maps.min() >= 0
    assert maps.max() == 1
    alone = explain_sample(model, explainer, images, targets, batch_size=1)
    torch.testing.assert_close(torch.as_tensor(alone), torch.as_tensor(maps), rtol=1e-3, atol=1e-3)
    _require_unchanged(explainer, model, images, targets, torch.ones(3, views, dtype=torch.bool))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("transformer", TRANSFORMERS)
def test_a_frozen_transformer_has_the_maps_of_a_trained_one(explain, name, transformer):
    maps = []
    for freeze in ("none", "all"):
        model = classifier(transformer, freeze=freeze)
        torch.manual_seed(0)
        maps.append(explain(name, model, pictures(2), [1, 2], steps=5))
    torch.testing.assert_close(*maps, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["hires-cam", "layer-cam"])
@pytest.mark.parametrize("transformer", TRANSFORMERS)
@pytest.mark.parametrize(("row", "column"), [(0, 0), (5, 1), (2, 4)])
def test_a_head_that_reads_one_place_gets_a_map_of_that_place(explain, name, transformer, row, column):
    model = classifier(transformer, pooling="flatten", dropout=0.0)
    weight = torch.zeros(3, 16, 7, 5)
    images = pictures(1)
    with torch.no_grad():  # with the channels' signs there, so that everything there is evidence for class 1
        weight[1, :, row, column] = model.features(images)[0, 0, :, row, column]
    model.head.rest.logits.weight.data = weight.flatten(1)
    heat = explain(name, model, images, [1])[0, 0]
    places = nn.functional.interpolate(weight[1].abs().sum(0)[None, None], SIZE, mode="bilinear")[0, 0]
    assert torch.equal(heat > 0, places > 0)


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize("transformer", TRANSFORMERS)
def test_planted_evidence_is_found_at_its_place(explain, name, transformer):
    """Tokens only depend on their own pixels, and the classes are bright and dark: the spot is evidence for class 1."""
    body = backbone(transformer)
    for parameter, values in body.named_parameters():
        if any(part in parameter for part in ("out_proj", "attn.proj", "mlp.3", "pos_embedding")):
            nn.init.zeros_(values)
    model = classifier(transformer, body, dropout=0.0)
    images = torch.full((1, 1, 1, *SIZE), 0.1)
    images[..., 16:24, 24:32] = 1.0
    with torch.no_grad():
        maps = model.features(images)[0, 0]
        direction = maps[:, 2, 3] - maps[:, 0, 0]
        model.head.rest.logits.weight.data = torch.stack([-direction, direction, torch.zeros(16)])
    heat = explain(name, model, images, [1])[0, 0]
    row, column = divmod(heat.argmax().item(), SIZE[1])
    assert abs(row - 19.5) <= 8
    assert abs(column - 27.5) <= 8


@pytest.mark.parametrize("transformer", TRANSFORMERS)
def test_guided_backpropagation_reaches_the_perceptrons_gelus(transformer):
    model = classifier(transformer)
    score = _pixels.ClassScore(
        classifier=model, images=pictures(1), targets=torch.tensor([1]), present=torch.ones(1, 1).bool()
    )
    images = score.images.clone().requires_grad_()
    (plain,) = torch.autograd.grad(score.of_images(images, score.samples).sum(), images)
    with torch.no_grad():
        guided = _pixels._guided(score)
    assert guided.any()
    assert not torch.allclose(guided, plain[:, :, 0], rtol=0.01)
