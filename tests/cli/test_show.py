"""`birads-zoo show`."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("folder")


def test_a_part_is_shown_with_its_options(zoo):
    result = zoo("show", "explainer", "integrated-gradients")
    assert result.status == 0, result.err
    assert result.out.splitlines()[0].startswith("integrated-gradients, an explainer: Integrated gradients")
    assert "  plugin: birads-zoo " in result.out
    assert "  options, set under [explainer.options]:\n    steps  int, ≥ 1, default 50\n" in result.out
    assert "gradients along the line" in result.out


def test_a_backbone_is_shown_with_its_pixels_weights_and_licence(zoo):
    text = zoo("show", "backbone", "resnet50").out
    assert "  input: 3 channels\n  pixel mean: 0.485, 0.456, 0.406\n" in text
    assert "  weights: ImageNet-1k" in text
    assert "  licence: torchvision IMAGENET1K_V1: code BSD-3-Clause" in text
    assert text.endswith("  options: none\n")
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
    ("arguments", "sentence"),
    [
        (("recipe", "dem"), "unknown recipe 'dem'; did you mean 'demo'?"),
        (("backbone", "timm"), "unknown backbone 'timm'; did you mean 'timm/…'?"),
        (("backbone", "tim/resnet18"), "unknown family of backbones 'tim'; did you mean 'timm'?"),
        (("loss", "focl"), "unknown loss 'focl'; did you mean 'focal'?"),
        (("lossy", "focal"), "unknown kind 'lossy'; did you mean 'losses'?"),
    ],
)
def test_an_unknown_part_names_the_nearest(zoo, arguments, sentence):
    result = zoo("show", *arguments)
    assert (result.status, result.out) == (2, "")
    assert sentence in result.err
