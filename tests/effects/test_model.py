"""Section `model`, from the recipe to modules."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn


def kinds(module):
    return [type(part) for part in module.modules()]


@pytest.mark.follows("model.backbone", "model.options")
def test_the_named_backbone_is_built_with_its_options(built):
    assert built().backbone.stem.out_channels == 4
    assert built({"model.options.width": 6}).backbone.stem.out_channels == 6
    other = built({"model.backbone": "baseline_cnn", "model.pretrained": False}).backbone
    assert not hasattr(other, "context")


@pytest.mark.follows("image.height", "image.width")
def test_a_backbone_knows_the_size_of_its_pictures(built):
    context = built().backbone.context
    assert (context.height, context.width) == (48, 32)


@pytest.mark.follows("model.channels", "model.pixel_mean", "model.pixel_std")
def test_pixels_come_in_as_many_channels_and_normalised_as_asked_for(built):
    assert built().backbone.stem.in_channels == 3
    grey = built({"model.channels": 1})
    assert grey.backbone.stem.in_channels == 1
    assert grey.pixel_mean.tolist() == [0.5], "the mean over its own channels"
    own = built({"model.channels": 1, "model.pixel_mean": [0.25], "model.pixel_std": [0.125]})
    images = torch.full((1, 1, 48, 32), 0.5)
    assert own.normalise(images).unique().tolist() == [2.0]
    assert grey.normalise(images).unique().tolist() == [0.0]


@pytest.mark.follows("model.pretrained", "model.weights")
def test_weights_are_fetched_or_loaded_or_neither(built, tmp_path):
    assert built().backbone.context.pretrained
    assert not built({"model.pretrained": False}).backbone.context.pretrained
    weights = {name: torch.full_like(value, 0.125) for name, value in built().backbone.state_dict().items()}
    save_file(weights, tmp_path / "net.safetensors")
    loaded = built({"model.weights": str(tmp_path / "net.safetensors")}).backbone
    assert not loaded.context.pretrained, "nothing is fetched that a file replaces"
    assert all((value == 0.125).all() for value in loaded.state_dict().values())


@pytest.mark.follows("model.last_stage")
def test_the_head_follows_the_last_stage(built):
    assert built().head.rest.logits.in_features == 12
    cut = built({"model.last_stage": "middle"})
    assert cut.head.rest.logits.in_features == 8
    assert not hasattr(cut.backbone, "end")


@pytest.mark.follows("model.freeze")
@pytest.mark.parametrize(("freeze", "trained"), [("none", "stem middle end"), ("early", "middle end"), ("all", "")])
def test_what_is_frozen_is_not_trained(built, freeze, trained):
    backbone = built({"model.freeze": freeze}).backbone
    parts = {name.split(".")[0] for name, parameter in backbone.named_parameters() if parameter.requires_grad}
    assert parts == set(trained.split())


@pytest.mark.follows("model.evidence", "training.lesion_weight")
def test_places_are_classified_when_asked_for(built):
    features = torch.rand(2, 1, 12, 5, 3)
    assert built().head.forward_details(features)[1].shape == features.shape
    evidence = {"model.evidence": True, "model.pooling": "max"}
    assert built(evidence).head.forward_details(features)[1].shape == (2, 1, 4, 5, 3)
    marked = built(evidence | {"training.lesion_weight": 1.0})
    assert not torch.equal(marked.head.rest.logits.bias, built(evidence).head.rest.logits.bias)


@pytest.mark.follows("model.pooling")
def test_maps_are_pooled_as_asked_for(built):
    features = torch.tensor([1.0, 2.0, 6.0]).reshape(1, 1, 1, 1, 3)
    pools = {name: built({"model.pooling": name}).head.pool(features) for name in ("avg", "max", "gem", "flatten")}
    assert (pools["avg"].item(), pools["max"].item()) == (3.0, 6.0)
    assert pools["gem"].item() == pytest.approx((225 / 3) ** (1 / 3), rel=1e-5)
    assert pools["flatten"].tolist() == [[[1.0, 2.0, 6.0]]]


@pytest.mark.follows("model.fusion")
def test_views_are_fused_as_asked_for(built):
    pooled, present = torch.tensor([[[1.0], [4.0]]]), torch.ones(1, 2, dtype=torch.bool)
    wanted = {"mean": [2.5], "max": [4.0], "difference": [1.0, -3.0], "concat": [1.0, 4.0]}
    for fusion, vector in wanted.items():
        head = built({"dataset.views": "bilateral", "model.fusion": fusion}).head
        assert head.fuse(pooled, present)[0].tolist() == [vector]
    attentive = built({"dataset.views": "bilateral", "model.fusion": "attention"}).head
    assert attentive.fuse(torch.zeros(1, 2, 12), present)[1].tolist() == [[0.5, 0.5]]


@pytest.mark.follows("model.norm", "model.input_dropout", "model.hidden", "model.dropout")
def test_the_head_has_the_parts_asked_for_in_their_order(built):
    assert kinds(built({"model.dropout": 0.0}).head.rest)[1:] == [nn.Linear]
    parts = {"model.norm": "layer", "model.input_dropout": 0.125, "model.hidden": 7, "model.dropout": 0.25}
    rest = built(parts).head.rest
    assert kinds(rest)[1:] == [nn.LayerNorm, nn.Dropout, nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]
    assert (rest.input_dropout.p, rest.dropout.p) == (0.125, 0.25)
    assert (rest.hidden.out_features, rest.logits.in_features, rest.logits.out_features) == (7, 7, 4)
    assert kinds(built({"model.norm": "batch"}).head.rest)[1] is nn.BatchNorm1d
