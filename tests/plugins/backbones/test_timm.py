"""timm's architectures are feature maps of the picture's shape, with timm's own weights, without a list of them."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from birads_zoo.interfaces import BackboneContext
from birads_zoo.model.weights import load_weights
from birads_zoo_plugins.backbones._timm import TimmOptions, resolve

FAMILIES = {  # a member of each, the size it is built for here, its map there, and where its features lie in timm
    "test_resnet": ((64, 96), (96, 2, 3), "channels first"),
    "test_convnext": ((64, 96), (64, 2, 3), "channels first"),
    "test_efficientnet": ((64, 96), (256, 2, 3), "channels first"),
    "mobilenetv4_conv_small_035": ((64, 96), (336, 2, 3), "channels first"),
    "regnetx_002": ((64, 96), (368, 2, 3), "channels first"),
    "densenet121": ((64, 96), (1024, 2, 3), "channels first"),
    "test_maxvit": ((64, 96), (128, 2, 3), "channels first"),
    "swin_tiny_patch4_window7_224": ((64, 96), (768, 2, 3), "channels last"),
    "test_vit": ((64, 96), (64, 4, 6), "tokens after 1"),
    "vit_small_patch14_reg4_dinov2": ((56, 84), (384, 4, 6), "tokens after 5"),
    "gmlp_ti16_224": ((64, 96), (128, 4, 6), "tokens after 0"),
    "xcit_nano_12_p16_224": ((64, 96), (128, 4, 6), "before its class token"),
}


def build(name, height=64, width=96, channels=3, **options):
    context = BackboneContext(
        in_channels=channels, height=height, width=width, pretrained=False, options=TimmOptions(**options)
    )
    return resolve(name).build(context).eval()


def theirs(name, size):
    """Make timm's own network with its head, for pictures of that size."""
    sized = {"img_size": size} if timm.get_pretrained_cfg(name).fixed_input_size else {}
    return timm.create_model(name, **sized).eval()


def folded(network, images, how):
    """Return timm's features of images as a map, by what is known of the family."""
    features = network.forward_features(images)
    if how == "channels last":
        return features.permute(0, 3, 1, 2)
    if how.startswith("tokens"):
        rows, columns = (side // network.feature_info[0]["reduction"] for side in images.shape[-2:])
        return features[:, int(how[-1]) :].mT.reshape(len(images), -1, rows, columns)
    return features


def saved(network, path):
    save_file({name: value.contiguous().clone() for name, value in network.state_dict().items()}, path)
    return path


@pytest.mark.parametrize("name", FAMILIES)
def test_the_map_is_timms_features_folded_with_timms_weights(name, tmp_path):
    size, shape, how = FAMILIES[name]
    reference, backbone = theirs(name, size), build(name, *size)
    load_weights(backbone, saved(reference, tmp_path / "weights.safetensors"))
    images = torch.rand(2, 3, *size)
    with torch.no_grad():
        maps = backbone(images)
        assert maps.shape == (2, *shape)
        if how == "before its class token":
            (wanted,) = reference.forward_intermediates(images, indices=1, norm=True, intermediates_only=True)
        else:
            wanted = folded(reference, images, how)
        torch.testing.assert_close(maps, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "gmlp_ti16_224"])
def test_weights_of_timms_size_and_channels_are_adapted(name, tmp_path):
    """A file as timm publishes it, into a network for one channel, another size and a picture that is not square."""
    own = theirs(name, timm.get_pretrained_cfg(name).input_size[1:])
    backbone = build(name, 96, 64, channels=1)
    load_weights(backbone, saved(own, tmp_path / "weights.safetensors"))
    first = own.pretrained_cfg["first_conv"]
    before, after = (network.get_submodule(first).weight for network in (own, backbone))
    torch.testing.assert_close(after, before.sum(1, keepdim=True))
    with torch.no_grad():
        assert backbone(torch.rand(1, 1, 96, 64)).isfinite().all()


@pytest.mark.parametrize("name", FAMILIES)
def test_stages_go_from_input_to_output_and_cover_what_is_trained(name):
    backbone = build(name)
    stages = backbone.stage_names()
    trained = [name for name, parameter in backbone.named_parameters() if parameter.requires_grad]
    assert len(stages) > 3
    for parameter in trained:
        assert sum(f"{parameter}.".startswith(f"{stage}.") for stage in stages) == 1, parameter
    modules = dict(backbone.named_modules())
    order = []
    hooks = [
        modules[stage].register_forward_pre_hook(lambda *_, stage=stage: order.append(stage))
        for stage in stages
        if stage in modules
    ]
    with torch.no_grad():
        backbone(torch.rand(1, 3, 64, 96))
    assert list(dict.fromkeys(order)) == [stage for stage in stages if stage in modules]
    assert len(hooks) >= len(stages) - 3, "tokens and position embeddings at most are no modules"
