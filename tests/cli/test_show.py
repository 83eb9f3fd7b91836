"""`birads-zoo show`."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("folder")


def test_a_part_is_shown_with_its_options(zoo):
    ended = zoo("show", "explainer", "integrated-gradients")
    assert ended.status == 0, ended.err
    assert ended.out.splitlines()[0].startswith("integrated-gradients, an explainer: Integrated gradients")
    assert "  plugin: birads-zoo " in ended.out
    assert "  options, set under [explainer.options]:\n    steps  int, ≥ 1, default 50\n" in ended.out
    assert "gradients along the line" in ended.out


def test_a_backbone_is_shown_with_its_pixels_weights_and_licence(zoo):
    said = zoo("show", "backbone", "resnet50").out
    assert "  input: 3 channels\n  pixel mean: 0.485, 0.456, 0.406\n" in said
    assert "  weights: ImageNet-1k" in said
    assert "  licence: torchvision IMAGENET1K_V1: code BSD-3-Clause" in said
    assert said.endswith("  options: none\n")
    assert "weights: none" in zoo("show", "backbone", "baseline_cnn").out


def test_a_data_set_is_shown_with_where_to_get_it(zoo):
    shown = json.loads(zoo("show", "datasets", "kau-bcmd", "--json").out)
    assert (shown["kind"], shown["name"], shown["aliases"]) == ("dataset", "kaumds", ["kau-bcmd"])
    assert "10.21227/a4cs-ax02" in shown["source"]
    assert shown["targets"] == ["birads", "suspicious", "density"]
    assert [option["name"] for option in shown["options"]] == ["table", "columns", "unlisted", "merge_ids"]
    assert shown["options"][2]["type"] == "bool"


def test_an_ablation_has_nothing_to_set(zoo):
    assert zoo("show", "ablation", "no-dropout").out.endswith("  options: none\n")


def test_a_recipe_is_shown_with_the_fields_that_it_sets(zoo):
    shown = zoo("show", "recipe", "demo").out
    assert shown.startswith("demo, a recipe: A small run on the phantom")
    assert '    model.backbone = "baseline_cnn"\n' in shown
    assert "    split.folds = 2\n" in shown
    about = json.loads(zoo("show", "recipes", "demo", "--json").out)
    assert (about["kind"], about["name"], about["fields"]["image.width"]) == ("recipe", "demo", 72)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("recipe", "dem"), "unknown recipe 'dem'; did you mean 'demo'?"),
        (("backbone", "timm"), "unknown backbone 'timm'; did you mean 'timm/…'?"),
        (("backbone", "tim/resnet18"), "unknown family of backbones 'tim'; did you mean 'timm'?"),
        (("loss", "focl"), "unknown loss 'focl'; did you mean 'focal'?"),
        (("lossy", "focal"), "unknown kind 'lossy'; did you mean 'losses'?"),
    ],
)
def test_an_unknown_part_names_the_nearest(zoo, arguments, said):
    ended = zoo("show", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err
