import pytest
import torch
from torchvision import models

from birads_zoo.interfaces import BackboneContext, BackboneSpec
from birads_zoo_plugins.backbones import birads_zoo_backbones

BUNDLED = [spec for spec in birads_zoo_backbones() if isinstance(spec, BackboneSpec)]

SPECS = {spec.name: spec for spec in BUNDLED}
MAPS = {
    "baseline_cnn": (128, 6, 10),  # for 64×96
    "resnet50": (2048, 2, 3),
    "efficientnet_b0": (1280, 2, 3),
    "mobilenet_v2": (1280, 2, 3),
    "swin_t": (768, 2, 3),
    "vit_b_16": (768, 4, 6),
}
HEADS = {
    "resnet50": "fc.",
    "efficientnet_b0": "classifier.",
    "mobilenet_v2": "classifier.",
    "swin_t": "head.",
    "vit_b_16": "heads.",
}
LAST = {"resnet50": "layer4", "efficientnet_b0": "features", "mobilenet_v2": "features", "swin_t": "permute"}
"""torchvision's module that gives the feature map; vit_b_16 only takes one size there: see test_transformers."""


def build(name, pretrained=False):
    spec = SPECS[name]
    context = BackboneContext(in_channels=len(spec.pixel_mean), height=64, width=96, pretrained=pretrained)
    return spec.build(context)


def test_the_papers_four_networks_and_two_transformers_are_bundled():
    assert list(SPECS) == list(MAPS)


@pytest.mark.parametrize("name", MAPS)
def test_a_backbone_makes_a_feature_map(name):
    images = torch.rand(2, len(SPECS[name].pixel_mean), 64, 96)
    with torch.no_grad():
        assert build(name).eval()(images).shape == (2, *MAPS[name])


@pytest.mark.parametrize("name", MAPS)
def test_stages_cover_the_network_from_input_to_output(name):
    covered = []
    for parameter, _ in build(name).named_parameters():
        (stage,) = (stage for stage in SPECS[name].stages if f"{parameter}.".startswith(f"{stage}."))
        if stage not in covered[-1:]:
            covered.append(stage)
    assert covered == list(SPECS[name].stages)


@pytest.mark.parametrize("name", HEADS)
def test_weights_have_torchvisions_names(name):
    state = getattr(models, name)().state_dict()
    assert list(build(name).state_dict()) == [key for key in state if not key.startswith(HEADS[name])]


@pytest.mark.parametrize("name", LAST)
def test_torchvisions_weights_give_torchvisions_features(name):
    network = getattr(models, name)().eval()
    state = {key: value for key, value in network.state_dict().items() if not key.startswith(HEADS[name])}
    backbone = build(name).eval()
    backbone.load_state_dict(state)
    seen = []
    with (
        network.get_submodule(LAST[name]).register_forward_hook(lambda module, inputs, output: seen.append(output)),
        torch.no_grad(),
    ):
        network(images := torch.rand(2, 3, 64, 96))
        torch.testing.assert_close(backbone(images), seen[0], rtol=0, atol=0)


@pytest.mark.parametrize("name", HEADS)
def test_pretrained_fetches_torchvisions_first_weights(name, monkeypatch):
    fetched = []

    def fetch(url, **kwargs):
        fetched.append(url)
        return getattr(models, name)().state_dict()

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fetch)
    build(name, pretrained=True)
    assert fetched == [models.get_model_weights(name).IMAGENET1K_V1.url]


def test_the_papers_cnn_normalises_after_the_activation_and_pools_last():
    block = build("baseline_cnn").block1
    assert [type(part).__name__ for part in block] == ["Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d"]
    assert SPECS["baseline_cnn"].pixel_mean == (0.0, 0.0, 0.0)
    assert SPECS["baseline_cnn"].pixel_std == (1.0, 1.0, 1.0)
