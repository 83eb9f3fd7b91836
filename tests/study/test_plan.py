"""The plan of a study: its recipes, seeds and folders."""

import numpy as np
import pandas as pd
import pytest

from birads_zoo.data.splits.folds import split_rows
from birads_zoo.errors import UserError
from birads_zoo.plugin.host import load_host
from birads_zoo.recipe import Recipe, SplitSection
from birads_zoo.recipes.registry import load_registry
from birads_zoo.study.plan import Study, Variant, ablated, compared, leaking, seeds_from, weights_of

HOST, REGISTRY = load_host(), load_registry()


def _compared(recipes=("default",), backbones=(), ablations=(), weights=None):
    return compared(recipes, backbones, ablations, {"training.epochs": 1}, weights, REGISTRY, HOST)


def _study(*variants, seeds=(0, 1)):
    return Study(kind="compare", variants=variants, seeds=seeds, metric="macro_f1", command="birads-zoo compare")


def test_without_names_every_registered_backbone_is_compared_by_its_own_recipe():
    variants = _compared()
    assert [variant.name for variant in variants] == list(HOST.backbones)
    rates = {variant.name: variant.recipe.training.learning_rate for variant in variants}
    assert rates["baseline_cnn"] == 1e-3, "the recipe's own table for a backbone was not taken"
    assert rates["resnet50"] == 3e-4


def test_each_backbone_is_compared_with_and_without_each_ablation():
    names = [v.name for v in _compared(backbones=["resnet50", "baseline_cnn"], ablations=["no-dropout", "no-freeze"])]
    assert names == [
        *("resnet50", "resnet50+no-dropout", "resnet50+no-freeze"),
        *("baseline_cnn", "baseline_cnn+no-dropout", "baseline_cnn+no-freeze"),
    ]


def test_several_recipes_have_different_names_and_folders():
    study = _study(*_compared(recipes=("default", "demo"), backbones=["baseline_cnn"]), seeds=(4,))
    assert [variant.name for variant in study.variants] == ["baseline_cnn@default", "baseline_cnn@demo"]
    assert [job.name for job in study.jobs] == ["baseline_cnn@4@default", "baseline_cnn@4@demo"]


def test_a_variant_describes_the_weights_its_backbone_starts_with(tmp_path):
    (tmp_path / "mobilenet_v2_mine.pth").touch()
    (frozen, _) = _compared(backbones=["mobilenet_v2"], ablations=["no-pretrained"], recipes=("lesions",))
    (own,) = _compared(backbones=["mobilenet_v2"], weights=tmp_path)
    (baseline,) = _compared(backbones=["baseline_cnn"])
    starts = [variant.start for variant in (frozen, own, baseline)]
    assert starts == ["pretrained, frozen", "pretrained", "random"]


def test_jobs_are_ordered_by_seed_and_have_their_seed():
    jobs = _study(*_compared(backbones=["resnet50", "baseline_cnn"])).jobs
    assert [job.name for job in jobs] == ["resnet50@0", "baseline_cnn@0", "resnet50@1", "baseline_cnn@1"]
    assert [job.recipe.seed for job in jobs] == [0, 0, 1, 1]


def test_a_leakage_study_changes_nothing_but_the_split():
    recipe = Recipe(seed=3)
    schemes = {variant.mark: variant.recipe for variant in leaking(recipe)}
    assert list(schemes) == ["patient", "breast", "image"]
    for scheme, changed in schemes.items():
        assert changed == recipe.replace({"split.scheme": scheme})


def test_an_ablation_that_the_recipe_has_already_is_not_added_twice():
    full = Recipe(ablations=("no-dropout",))
    variants = ablated(full, ["no-dropout", "no-freeze"], HOST, "here")
    assert [v.name for v in variants] == ["mobilenet_v2+no-dropout@here", "mobilenet_v2+no-dropout+no-freeze@here"]
    assert [v.ablation for v in variants] == ["", "no-freeze"]
    assert variants[1].full == variants[0].name == variants[0].full


def test_an_unknown_ablation_is_reported_with_similar_names():
    with pytest.raises(UserError, match="unknown ablation 'no-dropuot'; did you mean 'no-dropout'"):
        _compared(backbones=["baseline_cnn"], ablations=["no-dropuot"])


def test_a_backbone_named_twice_is_rejected():
    with pytest.raises(UserError, match="'resnet50' is named twice in one study"):
        _study(*_compared(backbones=["resnet50", "resnet50"]))


def test_seeds_start_at_the_recipes_own():
    assert seeds_from(42, 3) == (42, 43, 44)
    with pytest.raises(UserError, match="--seeds 0: a study needs one seed"):
        seeds_from(0, 0)


@pytest.mark.parametrize("scheme", ["paper", "official"])
@pytest.mark.filterwarnings("ignore::birads_zoo.errors.BiradsZooWarning")
def test_splits_of_one_fold_allow_several_seeds_with_the_same_test_rows(scheme):
    assert len(_study(Variant(recipe=Recipe().replace({"split.scheme": scheme}))).jobs) > 1
    patients = [f"P{row}" for row in range(80)]
    rows = pd.DataFrame({"row": range(80), "patient_id": patients, "laterality": "L", "split": ["train", "test"] * 40})
    labels = np.arange(80) // 40
    held_out = [split_rows(rows, labels, ("a", "b"), SplitSection(scheme=scheme), seed)[0].test for seed in (0, 1)]
    np.testing.assert_array_equal(*held_out)


def test_each_backbone_takes_its_own_weights_from_the_folder(tmp_path):
    for name in ("resnet50_imagenet.pth", "resnet50.md", "mobilenet_v2.safetensors"):
        (tmp_path / name).touch()
    assert weights_of("resnet50", tmp_path, HOST) == {"model.weights": str(tmp_path / "resnet50_imagenet.pth")}
    assert weights_of("mobilenet_v2", tmp_path, HOST) == {"model.weights": str(tmp_path / "mobilenet_v2.safetensors")}
    assert weights_of("timm/resnet50", tmp_path, HOST) == {}, "the file is that of resnet50"
    assert weights_of("efficientnet_b0", tmp_path, HOST) == {}
    assert weights_of("resnet50", None, HOST) == {}
    (tmp_path / "resnet50.pt").touch()
    with pytest.raises(UserError, match=r"several weights of resnet50: resnet50.pt, resnet50_imagenet.pth"):
        weights_of("resnet50", tmp_path, HOST)
    with pytest.raises(UserError, match="is no folder; a study takes each backbone's weights from one folder"):
        weights_of("resnet50", tmp_path / "resnet50.md", HOST)


def test_a_file_of_weights_belongs_to_the_longest_name_that_fits(tmp_path):
    for name in ("timm~resnet50_mine.pth", "timm~resnet50_gn.pth", "vgg16_bn.pth", "convnext_atto.pth"):
        (tmp_path / name).touch()
    taken = {name: weights_of(name, tmp_path, HOST) for name in ("timm/resnet50", "timm/resnet50_gn", "resnet50")}
    assert taken == {
        "timm/resnet50": {"model.weights": str(tmp_path / "timm~resnet50_mine.pth")},
        "timm/resnet50_gn": {"model.weights": str(tmp_path / "timm~resnet50_gn.pth")},
        "resnet50": {},
    }
    with pytest.raises(UserError) as error:
        weights_of("timm/convnext_atto", tmp_path, HOST)
    assert str(error.value) == (
        f"{tmp_path / 'convnext_atto.pth'} names no backbone: call the weights of timm/convnext_atto "
        "timm~convnext_atto.pth, or take the file out of that folder"
    )
