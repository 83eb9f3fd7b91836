"""timm's architectures give feature maps of the picture's shape with timm's weights, without a list of names."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from birads_zoo import conformance
from birads_zoo.errors import UserError
from birads_zoo.interfaces import BackboneContext
from birads_zoo.model.placing import place_size
from birads_zoo.model.stages import cut_after
from birads_zoo.model.weights import load_weights
from birads_zoo_plugins.backbones import _timm_fit
from birads_zoo_plugins.backbones._timm import TimmOptions, names, resolve
from birads_zoo_plugins.backbones._timm_map import as_feature_map

OLD_TIMM = tuple(map(int, timm.__version__.split(".")[:3])) < (1, 0, 31)


@pytest.fixture(autouse=True)
def known(request):
    """Skip a network that an older timm does not have."""
    callspec = getattr(request.node, "callspec", None)
    name = callspec.params.get("name") if callspec else None
    if OLD_TIMM and name == "test_maxvit":
        pytest.skip("timm has it from 1.0.31 on")


FAMILIES = {  # a member of each, its size here, the shape of its map, and the layout of its features in timm
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
LARGE = ("densenet121", "swin_tiny_patch4_window7_224", "vit_small_patch14_reg4_dinov2", "xcit_nano_12_p16_224")
MEMBERS = [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in FAMILIES]


def build(name, height=64, width=96, channels=3, **options):
    context = BackboneContext(
        in_channels=channels, height=height, width=width, pretrained=False, options=TimmOptions(**options)
    )
    return resolve(name).build(context).eval()


def timm_network(name, size):
    """Make timm's network with its head, for pictures of this size."""
    kwargs = {"img_size": size} if timm.get_pretrained_cfg(name).fixed_input_size else {}
    return timm.create_model(name, **kwargs).eval()


def folded(network, images, how):
    """Return timm's features of images as a map, by the layout of the family."""
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


@pytest.mark.parametrize("name", MEMBERS)
def test_the_map_is_timms_features_folded_with_timms_weights(name, tmp_path):
    size, shape, how = FAMILIES[name]
    reference, backbone = timm_network(name, size), build(name, *size)
    load_weights(backbone, saved(reference, tmp_path / "weights.safetensors"))
    images = torch.rand(2, 3, *size)
    with torch.no_grad():
        maps = backbone(images)
        assert maps.shape == (2, *shape)
        if how == "before its class token":
            (expected,) = reference.forward_intermediates(images, indices=1, norm=True, intermediates_only=True)
        else:
            expected = folded(reference, images, how)
        torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in MEMBERS if name != "gmlp_ti16_224"])
def test_weights_of_timms_size_and_channels_are_adapted(name, tmp_path):
    """A file as published by timm, for a network with one channel, another size and a picture that is not square."""
    reference = timm_network(name, timm.get_pretrained_cfg(name).input_size[1:])
    backbone = build(name, 96, 64, channels=1)
    load_weights(backbone, saved(reference, tmp_path / "weights.safetensors"))
    first = reference.pretrained_cfg["first_conv"]
    before, after = (network.get_submodule(first).weight for network in (reference, backbone))
    torch.testing.assert_close(after, before.sum(1, keepdim=True))
    with torch.no_grad():
        assert backbone(torch.rand(1, 1, 96, 64)).isfinite().all()


@pytest.mark.parametrize("name", MEMBERS)
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
    assert len(hooks) >= len(stages) - 3, "at most tokens and position embeddings are not modules"


def test_mixers_weights_of_another_size_are_refused(tmp_path):
    """The number of their weights is the picture's number of places, so that they cannot be adapted."""
    path = saved(timm_network("gmlp_ti16_224", (224, 224)), tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match=r"'blocks\.0\.\S+' has shape 196×196 there and 24×24 in the backbone"):
        load_weights(build("gmlp_ti16_224"), path)


@pytest.mark.skipif(OLD_TIMM, reason="older versions of timm state fewer licences")
def test_a_spec_has_timms_settings_of_input_and_weights():
    spec = resolve("vit_small_patch14_reg4_dinov2.lvd142m")
    assert spec.name == "timm/vit_small_patch14_reg4_dinov2.lvd142m"
    assert spec.usual_size == (518, 518)
    assert spec.image_size is None
    assert spec.pixel_mean == (0.485, 0.456, 0.406)
    assert spec.grey
    assert spec.weights == "timm/vit_small_patch14_reg4_dinov2.lvd142m on the Hugging Face hub, trained at 518x518"
    assert spec.licence == "apache-2.0"
    assert resolve("test_vit").licence == (
        "apache-2.0; ImageNet's own terms (non-commercial research) may bind the weights"
    )
    assert resolve("vgg11").pixel_std == (0.229, 0.224, 0.225)
    without = resolve("coatnet_0_224")
    assert (without.weights, without.licence) == ("", "")


@pytest.mark.parametrize("name", ["resnet50000", "resnet50.no_such_tag", "tv_resnet50"])
def test_an_unknown_name_is_a_key_error(name):
    assert name not in names()
    with pytest.raises(KeyError):
        resolve(name)


def test_names_are_all_architectures_with_and_without_tags():
    assert {"resnet50", "resnet50.a1_in1k", "test_vit", "coatnet_0_224"} <= set(names())
    assert set(timm.list_models()) < set(names())


@pytest.mark.parametrize("name", ["test_vit", "test_mambaout", pytest.param("test_maxvit", marks=pytest.mark.slow)])
def test_conformance_at_usual_sizes(name):
    assert conformance.check_backbone(resolve(name)) == []


def test_a_picture_that_fills_no_patch_is_padded_with_its_edge():
    """80×56 pixels with patches of 16: five full rows, and four columns of which the last covers half a patch."""
    backbone = build("test_vit", 80, 56)
    images = torch.rand(1, 3, 80, 56)
    with torch.no_grad():
        maps = backbone(images)
        assert maps.shape == (1, 64, 5, 4)
        whole = build("test_vit", 80, 64)
        whole.load_state_dict(backbone.state_dict())
        continued = torch.cat([images, images[..., -1:].expand(-1, -1, -1, 8)], dim=-1)
        torch.testing.assert_close(maps, whole(continued))
    context = BackboneContext(in_channels=3, height=80, width=56, pretrained=False)
    assert place_size(backbone, context, 5, 4) == (16, 16)


@pytest.mark.skipif(OLD_TIMM, reason="older versions of timm give no feature map of ConViT")
def test_a_network_for_squares_sees_a_square_and_shows_the_picture():
    """convit only takes squares; the places beside the picture are cropped from the map."""
    backbone = build("convit_tiny", 64, 48, channels=1)
    with torch.no_grad():
        assert backbone(torch.rand(1, 1, 64, 48)).shape == (1, 192, 4, 3)


@pytest.fixture
def picky(monkeypatch):
    """Let networks be made only for 160×160 pixels in three channels."""

    def created(name, channels, size, **settings):
        if (channels, size) != (3, (160, 160)):
            raise AssertionError
        return timm.create_model(name, num_classes=0, img_size=size)

    monkeypatch.setattr("birads_zoo_plugins.backbones._timm_fit.created", created)
    _timm_fit._tried.cache_clear()
    _timm_fit.fit.cache_clear()
    yield
    _timm_fit._tried.cache_clear()
    _timm_fit.fit.cache_clear()


@pytest.mark.usefixtures("picky")
def test_a_size_that_does_not_fit_is_refused_with_sizes_that_do():
    with pytest.raises(UserError) as refused:
        build("test_vit", 80, 40)
    assert str(refused.value) == (
        "timm/test_vit takes no pictures of 80x40, even if padded; it takes 160x160: set image.height and image.width "
        "(--image-size HxW)"
    )


@pytest.mark.usefixtures("picky")
def test_a_network_that_needs_three_channels_gets_a_grey_picture_three_times():
    fitted = _timm_fit.fit("test_vit", 1, (150, 100))
    assert (fitted.size, fitted.channels) == ((160, 160), 3)
    network = as_feature_map(_timm_fit.created("test_vit", 3, (160, 160)), fitted).eval()
    grey = torch.rand(1, 1, 150, 100)
    with torch.no_grad():
        torch.testing.assert_close(network(grey), network(grey.expand(-1, 3, -1, -1)))


def test_parts_without_effect_on_the_map_are_removed():
    """xcit's last blocks only compute its class token."""
    backbone = build("xcit_nano_12_p16_224")
    assert not [name for name in backbone.state_dict() if name.startswith(("cls_attn_blocks", "head"))]
    assert [name for name, parameter in backbone.named_parameters() if not parameter.requires_grad] == ["cls_token"]


@pytest.mark.parametrize(
    ("name", "stage", "shape"), [("test_vit", "blocks.2", (64, 4, 6)), ("test_convnext", "stages.1", (32, 8, 12))]
)
def test_a_network_ends_after_a_stage(name, stage, shape):
    whole = build(name)
    cut = build(name)
    cut.load_state_dict(whole.state_dict())
    seen = []
    images = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        with whole.get_submodule(stage).register_forward_hook(lambda module, inputs, output: seen.append(output)):
            whole(images)
        maps = cut_after(cut, stage, cut.stage_names(), name)(images)
    expected = seen[0] if seen[0].ndim == 4 else seen[0][:, 1:].mT.reshape(2, *shape)
    assert maps.shape == (2, *shape)
    torch.testing.assert_close(maps, expected)
    assert cut.stage_names()[-1] == stage
    assert not [entry for entry in cut.state_dict() if entry.startswith(("blocks.3", "stages.2", "norm."))]


def test_a_network_ends_nowhere_else_and_names_its_stages():
    backbone = build("test_convnext")
    whole = list(backbone.state_dict())
    with pytest.raises(UserError) as refused:
        cut_after(backbone, "stem", backbone.stage_names(), "timm/test_convnext")
    assert str(refused.value) == (
        "model.last_stage: timm/test_convnext cannot end after a part 'stem'; its stages are stem, stages.0, stages.1, "
        "stages.2, stages.3"
    )
    assert list(cut_after(backbone, "stages.3", backbone.stage_names(), "").state_dict()) == whole


def test_stochastic_depth_is_an_option_and_refused_where_there_is_none():
    rates = [getattr(part, "drop_prob", 0.0) for part in build("test_convnext", drop_path=0.2).modules()]
    assert max(rates) == pytest.approx(0.2)
    with pytest.raises(UserError) as refused:
        build("vgg11", drop_path=0.2)
    assert str(refused.value) == ("model.options.drop_path: timm/vgg11 has no stochastic depth; leave the option out")


def test_trial_networks_do_not_change_the_random_state():
    """The same seed gives the same weights, whether the network was built before or not."""
    _timm_fit.fit.cache_clear()
    _timm_fit._tried.cache_clear()
    states = []
    for _ in range(2):
        torch.manual_seed(0)
        states.append(build("test_vit", 48, 48).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_pretrained_fetches_timms_weights_of_the_tag(monkeypatch):
    fetched = []

    def fetch(location, *args, **kwargs):
        fetched.append(location)
        return timm.create_model("test_vit").state_dict()

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", fetch)
    context = BackboneContext(in_channels=1, height=64, width=64, pretrained=True, options=TimmOptions())
    backbone = resolve("test_vit.r160_in1k").build(context)
    assert fetched == ["timm/test_vit.r160_in1k"]
    assert backbone.pos_embed.shape == (1, 17, 64)


@pytest.mark.parametrize(("layout", "axis"), [("NHWC", 3), ("NCHW", 1)])
def test_features_with_as_many_columns_as_channels_are_read_by_timms_format(layout, axis):
    class Square(torch.nn.Module):
        num_features = 6
        output_fmt = layout

        def forward_features(self, images):
            return torch.zeros(len(images), 6, 5, 6)

    assert _timm_fit._reading(Square(), torch.zeros(1, 3, 32, 32)).axis == axis
