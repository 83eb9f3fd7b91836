from itertools import combinations

import pytest
import torch
from torch import nn

from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.model.build import build_classifier
from birads_zoo.plugin.host import load_host
from birads_zoo.recipe import Recipe, changed_fields
from birads_zoo.recipes.ablations import apply_ablations, effective
from birads_zoo_plugins.ablations import birads_zoo_ablations

SPECS = {spec.name: spec for spec in birads_zoo_ablations()}
FULL = Recipe().replace(
    {
        "image.height": 32,
        "image.width": 32,
        "augmentation": "paper",
        "loss.class_weights": True,
        "model.backbone": "baseline_cnn",
        "model.pretrained": True,
        "model.weights": "imagenet.pth",
        "model.freeze": "all",
        "model.norm": "batch",
        "model.hidden": 8,
        "model.dropout": 0.5,
        "model.input_dropout": 0.5,
        "training.sampler": "balanced",
        "training.early_stopping": 5,
        "training.lesion_weight": 1.0,
        "dataset.views": "bilateral",
        "model.fusion": "difference",
    }
)
CHANGES = {
    "no-dropout": {"model.dropout": 0.0, "model.input_dropout": 0.0},
    "no-augmentation": {"augmentation.name": "none"},
    "no-class-weights": {"loss.class_weights": False},
    "no-oversampling": {"training.sampler": "natural"},
    "no-pretrained": {"model.pretrained": False, "model.weights": ""},
    "no-freeze": {"model.freeze": "none"},
    "no-early-stopping": {"training.early_stopping": 0},
    "no-lesions": {"training.lesion_weight": 0.0},
    "no-partner-view": {"dataset.views": "single", "model.fusion": "mean"},
}


@pytest.fixture(scope="module")
def host():
    return load_host(strict=True)


def test_every_ablation_is_tested_here():
    assert set(SPECS) == {*CHANGES, "no-batchnorm"}


@pytest.mark.parametrize("name", CHANGES)
def test_an_ablation_changes_what_it_says_and_nothing_else(name):
    assert SPECS[name].model is None
    assert changed_fields(FULL, SPECS[name].recipe(FULL)) == CHANGES[name]


@pytest.mark.parametrize("pair", list(combinations(CHANGES, 2)), ids="+".join)
def test_any_two_can_be_combined_in_either_order(host, pair):
    forward, backward = (apply_ablations(FULL.replace({"ablations": names}), host) for names in (pair, pair[::-1]))
    expected = FULL.replace({**CHANGES[pair[0]], **CHANGES[pair[1]]})
    assert forward.replace({"ablations": ()}) == backward.replace({"ablations": ()}) == effective(expected, host)


@pytest.mark.parametrize("name", CHANGES)
def test_an_ablation_without_effect_is_refused(host, name):
    without = FULL.replace({**CHANGES[name], "ablations": (name,)})
    with pytest.raises(UserError, match=f"ablation '{name}' changes nothing"):
        apply_ablations(without, host)


def test_partners_cannot_be_left_out_where_a_label_belongs_to_all_pictures(host):
    exams = FULL.replace({"dataset.views": "exam", "dataset.level": "patient", "ablations": ("no-partner-view",)})
    with pytest.raises(
        UserError, match=r"labels of the patient \(dataset\.level\) belong to several pictures: leave it out"
    ):
        apply_ablations(exams, host)
    images = exams.replace({"dataset.level": "image"})
    assert apply_ablations(images, host).dataset.views == "single"


RANDOM = FULL.replace(
    {"model.pretrained": False, "model.weights": "", "model.freeze": "none"}
    | {name: value for part in ("no-lesions", "no-partner-view") for name, value in CHANGES[part].items()}
)


def count_norms(model):
    return sum(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in model.modules())


def test_no_batchnorm_removes_it_from_backbone_and_head(host):
    with_norms = build_classifier(RANDOM, host, 3)
    without = build_classifier(RANDOM.replace({"ablations": ("no-batchnorm",)}), host, 3)
    kinds = [
        sum(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in m.modules()) for m in (with_norms, without)
    ]
    assert kinds == [4, 0]
    assert not [name for name in without.state_dict() if "running" in name]
    assert without(torch.rand(2, 1, 1, 32, 32)).shape == (2, 3)


def test_no_batchnorm_keeps_frozen_parts_frozen(host):
    recipe = RANDOM.replace({"model.freeze": "all", "ablations": ("no-batchnorm",)})
    with pytest.warns(BiradsZooWarning, match="has random weights"):
        model = build_classifier(recipe, host, 3).train()
    assert not model.backbone.training
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())


@pytest.mark.parametrize("name", ["resnet50", "efficientnet_b0", "mobilenet_v2"])
def test_no_batchnorm_works_for_torchvisions_networks(host, name):
    recipe = RANDOM.replace({"model.backbone": name, "ablations": ("no-batchnorm",)})
    model = build_classifier(recipe, host, 3).eval()
    with torch.no_grad():
        assert model(torch.rand(1, 1, 1, 32, 32)).shape == (1, 3)


def test_no_batchnorm_leaves_the_activation_that_timm_keeps_in_the_norm(host):
    model = build_classifier(RANDOM.replace({"model.backbone": "timm/test_efficientnet"}), host, 3)
    activations = [norm.act for norm in model.modules() if type(norm).__name__ == "BatchNormAct2d"]
    without = SPECS["no-batchnorm"].model(model)
    assert count_norms(without) == 0
    assert {id(act) for act in activations} <= {id(part) for part in without.modules()}


def test_no_batchnorm_and_no_dropout_commute(host):
    names = ("no-batchnorm", "no-dropout")
    models = []
    for order in (names, names[::-1]):
        torch.manual_seed(0)
        models.append(build_classifier(apply_ablations(RANDOM.replace({"ablations": order}), host), host, 3))
    assert str(models[0]) == str(models[1])
    assert "Dropout" not in str(models[0])
    assert all(torch.equal(a, b) for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True))


def test_no_batchnorm_of_a_classifier_without_any_is_refused(host, tmp_path):
    plugin = tmp_path / "plain.py"
    plugin.write_text(
        "from birads_zoo import BackboneSpec, hookimpl\n"
        "def build(context):\n"
        "    from torch import nn\n"
        "    return nn.Conv2d(context.in_channels, 4, 3)\n"
        "@hookimpl\n"
        "def birads_zoo_backbones():\n"
        "    return [BackboneSpec(name='plain', summary='one convolution', build=build)]\n"
    )
    recipe = RANDOM.replace({"model.backbone": "plain", "model.norm": "none", "ablations": ("no-batchnorm",)})
    with pytest.raises(UserError, match="ablation 'no-batchnorm' changes nothing here: plain and its head do not"):
        build_classifier(recipe, load_host([plugin]), 3)
