"""A transformer's tokens are in the map where their pixels are in the picture, at any size and after any stage."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.models.vision_transformer import VisionTransformer

from birads_zoo.errors import UserError
from birads_zoo.interfaces import BackboneSpec
from birads_zoo.model.freezing import freeze_parts, frozen_parts
from birads_zoo.model.stages import cut_after
from birads_zoo_plugins.backbones import birads_zoo_backbones
from birads_zoo_plugins.backbones._transformers import Merging, PatchGrid, swin_map

BUNDLED = [spec for spec in birads_zoo_backbones() if isinstance(spec, BackboneSpec)]

STAGES = {spec.name: spec.stages for spec in BUNDLED}
VIT = {"image_size": 64, "patch_size": 16, "num_layers": 3, "num_heads": 2, "hidden_dim": 32, "mlp_dim": 64}
SWIN = {"patch_size": [4, 4], "embed_dim": 16, "depths": [2, 2], "num_heads": [2, 2], "window_size": [7, 7]}


@pytest.fixture
def vit():
    """A small ViT of torchvision, and the backbone with its layers."""
    torch.manual_seed(0)
    network = VisionTransformer(**VIT).eval()
    nn.init.normal_(network.class_token)
    return network, PatchGrid(network)


@pytest.fixture
def swin():
    """A small Swin of torchvision, and the backbone with the same weights. Both make a map of H/8×W/8."""
    torch.manual_seed(0)
    network = SwinTransformer(**SWIN).eval()
    backbone = swin_map(SwinTransformer(**SWIN, downsample_layer=Merging)).eval()
    backbone.load_state_dict(
        {name: value for name, value in network.state_dict().items() if not name.startswith("head.")}
    )
    return network, backbone


def outputs(network, module, images):
    """Return the output of `module` when `network` gets the images."""
    seen = []
    with module.register_forward_hook(lambda module, inputs, output: seen.append(output)), torch.no_grad():
        network(images)
    return seen[0]


def silenced(network):
    """Disable attention and perceptrons, so that every token only depends on its own pixels."""
    for name, parameter in network.named_parameters():
        if "out_proj" in name or "attn.proj" in name or "mlp.3" in name:
            nn.init.zeros_(parameter)
    return network


def test_the_map_is_torchvisions_patch_tokens_after_the_last_norm(vit):
    network, backbone = vit
    images = torch.rand(2, 3, 64, 64)
    tokens = outputs(network, network.encoder, images)
    with torch.no_grad():
        torch.testing.assert_close(backbone(images), tokens[:, 1:].mT.reshape(2, 32, 4, 4), rtol=0, atol=0)


def test_vit_b_16_gives_torchvisions_tokens_at_the_size_it_was_made_for():
    network = models.vit_b_16(num_classes=2).eval()
    backbone = PatchGrid(network)
    images = torch.rand(1, 3, 224, 224)
    tokens = outputs(network, network.encoder, images)
    with torch.no_grad():
        torch.testing.assert_close(backbone(images), tokens[:, 1:].mT.reshape(1, 768, 14, 14), rtol=0, atol=0)


@pytest.mark.parametrize(("name", "patch"), [("vit", 16), ("swin", 8)])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 3), (2, 0)])
def test_each_place_of_the_map_shows_its_pixels(name, patch, row, column, request):
    network = silenced(request.getfixturevalue(name)[1])
    images = torch.rand(1, 3, 3 * patch, 4 * patch)
    changed = images.clone()
    changed[..., row * patch : (row + 1) * patch, column * patch : (column + 1) * patch] += 1
    with torch.no_grad():
        moved = (network(changed) - network(images)).abs().sum(1)[0]
    expected = torch.zeros(3, 4, dtype=torch.bool)
    expected[row, column] = True
    assert torch.equal(moved > 1e-5, expected)


def test_a_picture_that_fills_no_patch_is_padded_with_its_edge(vit):
    images = torch.rand(1, 3, 70, 50)
    with torch.no_grad():
        maps = vit[1](images)
        assert maps.shape == (1, 32, 5, 4)
        torch.testing.assert_close(maps, vit[1](F.pad(images, (0, 14, 0, 10), mode="replicate")))


def test_a_picture_smaller_than_a_patch_has_one_place(vit):
    with torch.no_grad():
        assert vit[1](torch.rand(1, 3, 5, 7)).shape == (1, 32, 1, 1)


def test_position_embeddings_keep_their_size_and_follow_the_pictures(vit):
    """A ramp from left to right stays a ramp, the same in every row; the class token's embedding is not changed."""
    network = vit[1]
    ramp = torch.arange(4.0)[None, :, None].expand(4, 4, 32).flatten(0, 1)
    network.encoder.pos_embedding.data[0, 1:] = ramp
    positions = network._positions(6, 8)
    torch.testing.assert_close(positions[:, :1], network.encoder.pos_embedding[:, :1])
    grid = positions[0, 1:].reshape(6, 8, 32)
    torch.testing.assert_close(grid, grid[:1].expand(6, 8, 32))
    assert (grid[0].diff(dim=0) > 0).all()
    torch.testing.assert_close(grid.mean(), torch.tensor(1.5))
    assert network._positions(4, 4) is network.encoder.pos_embedding
    assert network.encoder.pos_embedding.shape == (1, 17, 32)


@pytest.mark.parametrize("layer", range(3))
def test_vit_ends_after_each_layer_with_that_layers_tokens_as_a_map(vit, layer):
    network, backbone = vit
    images = torch.rand(2, 3, 64, 64)
    tokens = outputs(network, network.encoder.layers[layer], images)
    cut = cut_after(backbone, f"encoder.layers.encoder_layer_{layer}", (), "vit")
    with torch.no_grad():
        torch.testing.assert_close(cut(images), tokens[:, 1:].mT.reshape(2, 32, 4, 4), rtol=1e-5, atol=1e-5)
    assert f"encoder.layers.encoder_layer_{layer + 1}.ln_1.weight" not in cut.state_dict()
    assert "encoder.ln.weight" not in cut.state_dict()


def test_vit_ends_after_its_patches_or_its_last_norm(vit):
    whole = list(vit[1].state_dict())
    assert list(cut_after(vit[1], "encoder.ln", (), "vit").state_dict()) == whole
    cut = cut_after(vit[1], "conv_proj", (), "vit")
    assert set(cut.state_dict()) == {"class_token", "conv_proj.weight", "conv_proj.bias", "encoder.pos_embedding"}
    assert cut(torch.rand(1, 3, 40, 40)).shape == (1, 32, 3, 3)


@pytest.mark.parametrize("part", ["class_token", "encoder.pos_embedding", "encoder", "encoder.layers.encoder_layer_7"])
def test_vit_ends_nowhere_else_and_names_its_stages(vit, part):
    stages = ("class_token", "conv_proj", "encoder.pos_embedding", "encoder.layers.encoder_layer_0", "encoder.ln")
    with pytest.raises(UserError) as error:
        cut_after(vit[1], part, stages, "vit")
    assert str(error.value) == (
        f"model.last_stage: vit cannot end after a part {part!r}; its stages are conv_proj, "
        "encoder.layers.encoder_layer_0, encoder.ln"
    )


def test_swin_is_bitwise_equal_to_torchvisions(swin):
    network, backbone = swin
    images = torch.rand(2, 3, 70, 52)
    expected = outputs(network, network.permute, images)
    with torch.no_grad():
        assert expected.shape == (2, 32, 9, 7)
        torch.testing.assert_close(backbone(images), expected, rtol=0, atol=0)


@pytest.mark.parametrize("stage", range(4))
def test_swin_ends_after_each_stage_with_a_map(swin, stage):
    network, backbone = swin
    images = torch.rand(2, 3, 64, 48)
    expected = outputs(network, network.features[stage], images).permute(0, 3, 1, 2)
    with torch.no_grad():
        torch.testing.assert_close(
            cut_after(backbone, f"features.{stage}", (), "swin")(images), expected, rtol=0, atol=0
        )


def test_swin_does_not_end_between_two_blocks(swin):
    with pytest.raises(
        UserError, match=r"swin cannot end after a part 'features\.1\.0'; its stages are features\.0, nor"
    ):
        cut_after(swin[1], "features.1.0", ("features.0", "norm"), "swin")


def test_freezing_the_early_half_of_vit_freezes_the_parts_before_its_layers(vit):
    network = vit[1]
    small = [name for name in STAGES["vit_b_16"] if "encoder_layer_" not in name or name.endswith(("_0", "_1", "_2"))]
    parts = frozen_parts(network, "early", small)
    assert parts == ("class_token", "conv_proj", "encoder.pos_embedding")
    network.train()
    freeze_parts(network, (*parts, "encoder.layers.encoder_layer_0"))
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    assert {"class_token", "encoder.pos_embedding", "conv_proj.weight"} <= frozen
    assert {name.split(".")[2] for name in frozen if ".layers." in name} == {"encoder_layer_0"}
    assert not network.encoder.layers[0].training
    assert network.encoder.layers[1].training


@pytest.mark.parametrize("name", ["vit", "swin"])
def test_bfloat16_changes_no_more_than_rounding_does(name, request):
    network = request.getfixturevalue(name)[1]
    images = torch.rand(2, 3, 72, 56)
    with torch.no_grad():
        exact = network(images)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = network(images).float()
    assert (rounded - exact).abs().max() < 0.05 * exact.abs().max()
