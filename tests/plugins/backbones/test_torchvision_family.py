"""torchvision's networks end at their last feature map, found in their graphs, with torchvision's weights."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torchvision import models

from birads_zoo import conformance
from birads_zoo.errors import UserError
from birads_zoo.interfaces import BackboneContext
from birads_zoo.model.placing import place_size
from birads_zoo.model.stages import cut_after
from birads_zoo_plugins.backbones._torchvision_family import names, resolve

FAMILIES = {  # a member of each, the shape of its map at 64×96, and the module that gives it in torchvision
    "resnet18": ((512, 2, 3), "layer4"),
    "shufflenet_v2_x0_5": ((1024, 2, 3), "conv5"),
    "squeezenet1_1": ((512, 3, 5), "features"),
    "regnet_x_400mf": ((400, 2, 3), "trunk_output"),
    "swin_t": ((768, 2, 3), "permute"),
    "densenet121": ((1024, 2, 3), "features"),
}


def build(name, height=64, width=96, channels=3, pretrained=False):
    context = BackboneContext(in_channels=channels, height=height, width=width, pretrained=pretrained)
    return resolve(name).build(context).eval()


LARGE = ("swin_t", "densenet121")
MEMBERS = [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in FAMILIES]


@pytest.mark.parametrize("name", MEMBERS)
def test_the_map_is_torchvisions_last_with_torchvisions_weights(name):
    shape, last = FAMILIES[name]
    network, backbone = models.get_model(name, weights=None).eval(), build(name)
    state = network.state_dict()
    backbone.load_state_dict({key: state[key] for key in backbone.state_dict()})
    seen = []
    images = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        with network.get_submodule(last).register_forward_hook(lambda module, inputs, output: seen.append(output)):
            network(images)
        maps = backbone(images)
    assert maps.shape == (2, *shape)
    expected = F.relu(seen[0]) if name == "densenet121" else seen[0]  # a function between its features and their mean
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-4)
    heads = {key.partition(".")[0] for key in state.keys() - backbone.state_dict().keys()}
    assert heads <= {"fc", "classifier", "head"}


@pytest.mark.parametrize("name", ["squeezenet1_1", pytest.param("vit_b_32", marks=pytest.mark.slow)])
def test_conformance_at_the_size_of_its_weights(name):
    assert conformance.check_backbone(resolve(name)) == []


def test_a_grey_picture_is_repeated():
    backbone, grey = build("resnet18", channels=1), torch.rand(1, 1, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(backbone(grey), backbone(grey.expand(-1, 3, -1, -1)))


@pytest.mark.slow
def test_a_network_with_parts_for_a_size_is_made_for_the_next_fitting_size():
    """maxvit cuts its last map into windows of 7×7 places of 32 pixels."""
    backbone = build("maxvit_t", 200, 224)
    with torch.no_grad():
        assert backbone(torch.rand(1, 3, 200, 224)).shape == (1, 512, 7, 7)
    context = BackboneContext(in_channels=3, height=200, width=224, pretrained=False)
    assert place_size(backbone, context, 7, 7) == (32, 32)


def test_a_size_that_does_not_fit_is_refused_with_sizes_that_do():
    with pytest.raises(UserError) as refused:
        build("alexnet", 32, 40)
    assert str(refused.value) == (
        "torchvision/alexnet takes no pictures of 32x40, even if padded; it takes 224x224 or 64x96: set image.height "
        "and image.width (--image-size HxW)"
    )


@pytest.mark.parametrize(
    ("stage", "shape"), [("layer2", (128, 8, 12)), ("layer3.0", (256, 4, 6)), ("bn1", (64, 32, 48))]
)
def test_a_network_ends_after_a_stage(stage, shape):
    whole = build("resnet18")
    cut = cut_after(copy.deepcopy(whole), stage, whole.stage_names(), "resnet18")
    seen = []
    images = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        with whole.get_submodule(stage.replace("layer2", "layer2.1")).register_forward_hook(
            lambda module, inputs, output: seen.append(output)
        ):
            whole(images)
        maps = cut(images)
    assert maps.shape == (2, *shape)
    if stage != "bn1":
        torch.testing.assert_close(maps, seen[0])
    assert "layer4.0.conv1.weight" not in cut.state_dict()
    assert cut.stage_names()[-1].startswith(stage)


def test_a_network_ends_nowhere_else():
    backbone = build("swin_t")
    with pytest.raises(UserError, match=r"cannot end after a part 'features\.1'; its stages are features\.0\.0, "):
        cut_after(backbone, "features.1", backbone.stage_names(), "torchvision/swin_t")  # its channels are last there


def test_stages_cover_what_is_trained_in_order():
    backbone = build("squeezenet1_1")
    stages = backbone.stage_names()
    assert stages[0] == "features.0"
    assert stages[-1] == "features.12"
    assert all(any(name.startswith(f"{stage}.") for stage in stages) for name, _ in backbone.named_parameters())


def test_a_spec_has_torchvisions_settings_of_input_and_weights():
    spec = resolve("vit_b_16.IMAGENET1K_SWAG_E2E_V1")
    assert spec.usual_size == (384, 384)
    assert spec.weights == "torchvision's IMAGENET1K_SWAG_E2E_V1, trained at 384x384"
    assert "SWAG/blob/main/LICENSE" in spec.licence
    assert resolve("resnet50").weights == "torchvision's IMAGENET1K_V2, trained at 224x224"
    assert resolve("resnet50.IMAGENET1K_V1").weights == "torchvision's IMAGENET1K_V1, trained at 224x224"
    assert "ImageNet's own terms" in resolve("resnet50").licence


@pytest.mark.parametrize("name", ["resnet19", "resnet50.IMAGENET1K_V3", "fasterrcnn_resnet50_fpn"])
def test_an_unknown_name_is_a_key_error(name):
    assert name not in names()
    with pytest.raises(KeyError):
        resolve(name)


def test_networks_with_their_own_input_transform_apply_it():
    """googlenet was trained with other statistics than its weights' page states, and converts the input itself."""
    backbone = build("googlenet")
    images = torch.rand(1, 3, 64, 96)
    network = models.googlenet(weights=None, init_weights=False, transform_input=True).eval()
    state = network.state_dict()
    backbone.load_state_dict({key: state[key] for key in backbone.state_dict()})
    seen = []
    with torch.no_grad():
        with network.inception5b.register_forward_hook(lambda module, inputs, output: seen.append(output)):
            network(images)
        torch.testing.assert_close(backbone(images), seen[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "tag"), [("resnet18", "IMAGENET1K_V1"), ("vit_b_32", "IMAGENET1K_V1"), ("resnet50.IMAGENET1K_V1", None)]
)
def test_pretrained_fetches_torchvisions_weights_of_the_name(name, tag, monkeypatch):
    network, _, own_tag = name.partition(".")
    fetched = []

    def fetch(url, **kwargs):
        fetched.append(url)
        return models.get_model(network, weights=None).state_dict()

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fetch)
    build(name, pretrained=True)
    assert fetched == [models.get_model_weights(network)[tag or own_tag].url]
