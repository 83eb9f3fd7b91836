"""Conformance checks: every bundled part passes, and each way to break a contract is reported."""

import dataclasses

import pytest
import torch
from torch import nn

from birads_zoo import (
    AblationSpec,
    AugmentationSpec,
    BackboneFamily,
    BackboneSpec,
    UserError,
    conformance,
)
from birads_zoo.plugin.host import load_host
from birads_zoo.plugin.kinds import KINDS
from birads_zoo.plugin.lightness import heavy_modules_of

HOST = load_host()
BUNDLED = [(kind.name, name) for kind in KINDS if kind.name != "tracker" for name in HOST.of_kind(kind.name)]
"""Trackers are checked in tests/plugins/trackers, where their packages are loaded anyway."""

LARGE = ("swin_t", "vit_b_16")


@pytest.mark.parametrize(
    ("kind", "name"),
    [pytest.param(*part, id="-".join(part), marks=[pytest.mark.slow] * (part[1] in LARGE)) for part in BUNDLED],
)
def test_every_bundled_part_keeps_its_contract(kind, name):
    assert conformance.check(HOST, kind, name) == []


def backbone(build, **fields):
    return BackboneSpec(name="x", summary="s", build=build, **fields)


def texts(findings):
    return [f"{finding.severity}: {finding}" for finding in findings]


class Applies(nn.Module):
    """A 3×3 convolution to four channels, and a function of its result."""

    def __init__(self, function):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, stride=8)
        self.function = function

    def forward(self, images):
        return self.function(self.conv(images))


class Raises(nn.Module):
    def forward(self, images):
        raise ValueError("two\nlines")


class WithUnused(Applies):
    def __init__(self):
        super().__init__(torch.relu)
        self.head = nn.Linear(4, 1000)


def family(resolve, names=("a", "b")):
    return BackboneFamily(prefix="x", summary="s", names=lambda: names, resolve=resolve)


def member(name, function=torch.relu):
    return BackboneSpec(name=f"x/{name}", summary="s", build=lambda context: Applies(function))


@pytest.mark.parametrize(
    ("checked", "message"),
    [
        (family(member), []),
        (family(member, ()), ["error: names() lists no member"]),
        (family(lambda name: member("b")), ["error: it has 'x/a', whose name is 'x/b'"]),
        (family(lambda name: None), ["error: it has 'x/a', which is None instead of a BackboneSpec"]),
        (family(lambda name: [][0]), ["error: it failed: IndexError: list index out of range"]),
        (
            family(lambda name: member(name, lambda x: [x])),
            ["error: the module returned a value of type list, not a tensor"],
        ),
    ],
)
def test_the_first_member_of_a_family_is_checked(checked, message):
    assert [text.partition(" (")[0] for text in texts(conformance.check_spec(checked))] == message


def test_a_sound_backbone_has_no_findings():
    assert conformance.check_backbone(backbone(lambda context: Applies(torch.relu))) == []


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.mean((2, 3)), "error: 2×1×64×64 images became 2×4, but a feature map 2×D×h×w is expected"),
        (lambda x: x[:1], "error: 2×1×64×64 images became 1×4×8×8, but a feature map 2×D×h×w is expected"),
        (lambda x: x[:, :, :0], "error: 2×1×64×64 images became 2×4×0×8, but a feature map 2×D×h×w is expected"),
        (lambda x: [x], "error: the module returned a value of type list, not a tensor"),
        (lambda x: x.round().long(), "error: the feature map holds torch.int64 instead of floating-point numbers"),
        (lambda x: x / 0, "error: 2×1×64×64 images became 2×4×8×8, with values that are not finite"),
        (lambda x: x.detach(), "error: gradients do not reach its parameters: the result is detached"),
        (lambda x: x * 0, "error: no gradient reaches its parameters"),
        (lambda x: (x * 0).sqrt(), "error: the gradients of its parameters are not finite"),
        (lambda x: x - x.mean(0), "error: in evaluation mode an image's features depend on the other images"),
        (lambda x: x.mean((2, 3), keepdim=True), "warning: its feature map is 1×1 at 64×64: heat maps will be flat"),
        (
            lambda x: x.mean((2, 3), keepdim=True).expand_as(x),
            "warning: its feature map is the same everywhere: heat maps will be flat",
        ),
    ],
)
def test_each_way_to_break_the_feature_map_contract(function, message):
    findings = texts(conformance.check_backbone(backbone(lambda context: Applies(function))))
    assert findings[0].startswith(message)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (backbone(lambda context: "net"), "error: `build` returned a value of type str, not a module"),
        (backbone(lambda context: Raises()), "error: it failed: ValueError: two lines"),
        (backbone(lambda context: nn.Conv2d(3, 4, 3)), "error: it failed: RuntimeError: "),
        (
            backbone(lambda context: WithUnused()),
            "warning: 2 parameters do nothing, such as 'head.weight': leave them out",
        ),
        (backbone(lambda context: nn.AvgPool2d(2)), "warning: it has no parameters to train"),
        (
            backbone(lambda context: Applies(torch.relu), stages=("conv", "layer4")),
            "error: its stage 'layer4' is not part of the module; its children are conv",
        ),
        (
            backbone(lambda context: Applies(torch.relu), pixel_std=(0.0,)),
            "error: whose `pixel_std` has a value that is not above 0",
        ),
    ],
)
def test_each_fault_of_a_backbones_spec(spec, message):
    assert texts(conformance.check_backbone(spec))[0].startswith(message)


def test_a_backbone_is_built_for_its_channels_and_each_size():
    contexts = []

    def build(context):
        contexts.append((context.in_channels, context.height, context.width, context.pretrained))
        return nn.Conv2d(3, 4, 3)

    conformance.check_backbone(backbone(build, pixel_mean=(0.5,) * 3, pixel_std=(0.5,) * 3))
    assert contexts == [(3, 64, 64, False), (3, 96, 128, False)]


@pytest.mark.parametrize(
    ("fields", "sizes"),
    [
        ({"usual_size": (40, 32)}, [(40, 32), (40, 24)]),
        ({"image_size": (40, 32)}, [(40, 32)]),
        ({}, [(64, 64), (96, 128)]),
    ],
)
def test_a_backbone_is_tried_at_the_sizes_of_its_spec(fields, sizes):
    built = []

    def build(context):
        built.append((context.height, context.width))
        return nn.Conv2d(1, 4, 3)

    assert conformance.check_backbone(backbone(build, **fields)) == []
    assert built == sizes


def test_a_member_of_a_family_is_checked_by_its_full_name():
    assert conformance.check(HOST, "backbone", "timm/test_resnet") == []


def test_a_check_does_not_change_the_random_state():
    before = torch.random.get_rng_state()
    conformance.check_backbone(backbone(lambda context: Applies(torch.relu)))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_error_names_the_plugin():
    spec = dataclasses.replace(HOST.backbone("resnet50"), build=lambda context: nn.Flatten())
    registered = dataclasses.replace(HOST.backbones["resnet50"], spec=spec, plugin="acme-zoo 0.3")
    host = dataclasses.replace(HOST, backbones={"resnet50": registered})
    with pytest.raises(
        UserError, match=r"^backbone 'resnet50' \(plugin acme-zoo 0\.3\) breaks its contract: 2×3×64×64 "
    ):
        conformance.check(host, "backbone", "resnet50")


# ── The other kinds ──────────────────────────────────────────────────────────────────────────────────────────────


class Computes(nn.Module):
    """A module that calls a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x[:, :, 1:], "4×1×64×64 became 4×1×63×64: it must stay the same"),
        (lambda x: x.double(), "float32 pixels became torch.float64"),
        (lambda x: x * 2, "instead of [0, 1]"),
        (lambda x: x - 0.5, "pixels lie in [-0.5"),
        (lambda x: x / 0, "some pixels are not finite"),
        (lambda x: x.mul_(0.5), "it changes its input in place"),
        (
            lambda x: x * torch.rand(1, generator=torch.Generator().manual_seed(torch.seed())),
            "the same torch seed gives different pictures",
        ),
        (
            lambda images: (images + 0.1 * (images.shape[1] > 1)).clamp(0, 1),
            "it changed the values of a map in the second channel, which may only move with the picture",
        ),
        (lambda images: images[:, :1].flip(-1), "became (2, 1, "),
    ],
)
def test_each_way_to_break_an_augmentation(function, message):
    spec = AugmentationSpec(name="x", summary="s", build=lambda context: Computes(function))
    (finding,) = conformance.check_augmentation(spec)
    assert message in finding.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda recipe: recipe, "it changes no field of any recipe that was tried"),
        (lambda recipe: None, "`recipe` returned a value of type NoneType, not a Recipe"),
        (
            lambda recipe: recipe.replace({"model.dropot": 0}),
            "it failed: UserError: recipe: unknown key 'model.dropot'",
        ),
    ],
)
def test_each_way_to_break_an_ablation(change, message):
    (finding,) = conformance.check_ablation(AblationSpec(name="x", summary="s", recipe=change))
    assert finding.text.startswith(message)


def without_logits(classifier):
    classifier.head.rest.logits = nn.Identity()
    return classifier


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda classifier: None, "it failed: TypeError: it returned a NoneType, not the classifier it was given"),
        (lambda classifier: classifier.layer4, "it failed: AttributeError: 'Classifier' object has no attribute"),
        (without_logits, "the classifier that it changed no longer gives finite logits N×3"),
    ],
)
def test_each_way_to_break_an_ablation_of_the_model(change, message):
    (finding,) = conformance.check_ablation(AblationSpec(name="x", summary="s", model=change))
    assert finding.text.startswith(message)


def test_heavy_imports_of_a_file_are_found(tmp_path):
    file = tmp_path / "net.py"
    file.write_text("import numpy\nprint('torch')\n")
    assert heavy_modules_of(file) == ("numpy",)
    file.write_text("def build(context):\n    import numpy\n")
    assert heavy_modules_of(file) == ()
