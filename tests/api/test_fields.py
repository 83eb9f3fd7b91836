"""The keywords of the API as fields of a recipe."""

from pathlib import Path

import pytest

import birads_zoo as bz
from birads_zoo.api.fields import RecipeFields, StudyFields, listed, recipe_changes
from birads_zoo.plugin.host import load_host
from birads_zoo.recipe import Recipe, to_dict
from birads_zoo.recipes.compose import compose
from birads_zoo.recipes.registry import packaged_registry


@pytest.fixture(scope="module")
def compose_with():
    """Compose the default recipe, or `base`, with fields as a user gives them."""
    registry, host = packaged_registry(), load_host()
    return lambda base="default", ablations=(), **fields: compose(
        base, recipe_changes(fields), ablations, registry, host
    )


def test_every_word_reaches_its_field(compose_with, tmp_path, monkeypatch):
    monkeypatch.setattr("birads_zoo.recipes.compose.missing_modules", lambda names: [])
    recipe = compose_with(
        dataset="image-folder",
        root=tmp_path,
        target="label",
        classes=("a", "b"),
        backbone="resnet50",
        weights=tmp_path / "w.pth",
        augmentation="none",
        loss="focal",
        explainer="hires-cam",
        split="image",
        folds=3,
        epochs=7,
        image_size=(96, 64),
        seed=5,
        trackers=("tensorboard",),
        set={"training.learning_rate": 0.5},
    )
    assert (recipe.dataset.name, recipe.dataset.root) == ("image-folder", str(tmp_path))
    assert (recipe.dataset.target, recipe.dataset.classes) == ("label", ("a", "b"))
    assert (recipe.model.backbone, recipe.model.weights) == ("resnet50", str(tmp_path / "w.pth"))
    assert (recipe.augmentation.name, recipe.loss.name, recipe.explainer.name) == ("none", "focal", "hires-cam")
    assert (recipe.split.scheme, recipe.split.folds) == ("image", 3)
    assert (recipe.training.epochs, recipe.training.learning_rate) == (7, 0.5)
    assert (recipe.image.height, recipe.image.width) == (96, 64)
    assert recipe.seed == 5
    assert recipe.tracking.trackers == ("tensorboard",)


def test_words_that_are_not_given_leave_the_recipe_as_it_is(compose_with):
    assert (
        compose_with(**dict.fromkeys([*StudyFields.__annotations__, *RecipeFields.__annotations__])) == compose_with()
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"augmentation": {"name": "mammo", "options": {"strength": 0.5}}},
        {"augmentation": "mammo", "set": {"augmentation.options.strength": 0.5}},
        {"set": {"augmentation": {"name": "mammo", "options": {"strength": 0.5}}}},
    ],
)
def test_a_parts_options_can_be_given_with_it_or_by_their_names(compose_with, fields):
    recipe = compose_with(**fields)
    assert (recipe.augmentation.name, recipe.augmentation.options) == ("mammo", {"strength": 0.5, "anchored": True})


def test_options_without_a_name_are_those_of_the_recipes_own_part(compose_with):
    base = compose_with(dataset={"name": "csv", "options": {"table": "t.csv"}})
    recipe = compose_with(base, dataset={"options": {"columns": {"patient_id": "Case"}}})
    assert recipe.dataset.name == "csv"
    assert (recipe.dataset.options["table"], recipe.dataset.options["columns"]) == ("t.csv", {"patient_id": "Case"})


def test_a_table_under_set_is_the_same_as_its_fields_one_by_one(compose_with):
    recipe = compose_with(backbone="resnet50", set={"model": {"dropout": 0.4}, "loss": {"name": "corn"}})
    assert recipe == compose_with(backbone="resnet50", set={"model.dropout": 0.4, "loss.name": "corn"})
    assert recipe.model.backbone == "resnet50"


def test_one_name_needs_no_list(compose_with):
    assert compose_with(classes="a").dataset.classes == ("a",)
    assert listed("resnet50") == ("resnet50",)
    assert listed(Path("a.py")) == (Path("a.py"),)
    assert listed(["a", "b"]) == ("a", "b")
    assert listed(()) == ()


def test_a_recipe_value_is_a_base_like_any_other(compose_with):
    base = compose_with(epochs=3, ablations=("no-dropout",))
    assert isinstance(base, Recipe)
    assert to_dict(compose_with(base, seed=4)) == to_dict(base) | {"seed": 4}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"epoch": 3}, "unknown keyword 'epoch'; did you mean 'epochs'?"),
        ({"image_size": 64}, r"image_size=64: give height and width in pixels, such as \(512, 416\)"),
        ({"loss": {"nam": "focal"}}, "unknown key 'loss.nam'; did you mean 'loss.name'"),
        ({"augmentation": {"name": "mammo", "options": {"strenth": 1}}}, "has no option 'strenth'; did you mean"),
        ({"backbone": "resnet5"}, "unknown backbone 'resnet5'; did you mean 'resnet50'"),
        ({"set": {"training.epoch": 1}}, "unknown key 'training.epoch'; did you mean 'training.epochs'"),
        ({"image_size": "64"}, r"image_size='64': give height and width in pixels"),
        ({"image_size": ("6", 4)}, "^arguments: key 'image.height': expected an integer, got text"),
        ({"backbone": {"name": "resnet50", "options": 3}}, "^arguments: key 'model.options': expected a table of keys"),
        ({"set": ["a=b"]}, r"set=\['a=b'\]: give a table of fields"),
        ({"epochs": "five"}, "key 'training.epochs': expected an integer, got text"),
    ],
)
def test_a_mistake_names_the_nearest_word(compose_with, fields, sentence):
    with pytest.raises(bz.UserError, match=sentence):
        compose_with(**fields)
