import pytest
from hypothesis import given
from hypothesis import strategies as st

from birads_zoo.errors import UserError
from birads_zoo.recipe import Recipe, changed_fields, from_dict, to_dict
from birads_zoo.recipe.layers import lay
from birads_zoo.recipes.compose import parse_settings

TABLES = st.recursive(
    st.integers(),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, dict))


def test_a_recipe_survives_being_written_and_read():
    recipe = Recipe().replace(
        {"model.dropout": 0.4, "dataset.options.columns": {"patient_id": "ID"}, "ablations": ["x"]}
    )
    assert from_dict(to_dict(recipe), "copy") == recipe


@given(TABLES, TABLES)
def test_the_overriding_table_wins_and_the_rest_is_kept(base, over):
    laid = lay(base, over)
    assert set(laid) == set(base) | set(over)
    assert lay(laid, over) == laid


@pytest.mark.parametrize(
    ("over", "options"),
    [
        ({"loss": {"name": "focal"}}, {"gamma": 1.5}),
        ({"loss": "focal"}, {"gamma": 1.5}),
        ({"loss": {"options": {"delta": 1}}}, {"gamma": 1.5, "delta": 1}),
        ({"loss": {"name": "corn", "options": {"delta": 1}}}, {"delta": 1}),
        ({"loss": "corn"}, None),
    ],
)
def test_options_are_dropped_with_the_part_they_were_written_for(over, options):
    laid = lay({"loss": {"name": "focal", "class_weights": True, "options": {"gamma": 1.5}}}, over)
    assert laid["loss"].get("options") == options
    assert laid["loss"]["class_weights"]


def test_options_without_a_part_belong_to_the_default_part():
    written = {"augmentation": {"options": {"strength": 2}}}
    assert lay(written, {"augmentation": "mammo"})["augmentation"]["options"] == {"strength": 2}
    assert "options" not in lay(written, {"augmentation": "none"})["augmentation"]


def test_replacing_a_part_drops_its_options_and_an_empty_table_all_of_them():
    recipe = Recipe().replace({"loss": "focal", "loss.options": {"gamma": 1.5, "other": 1}})
    assert recipe.replace({"loss.options": {"gamma": 3.0}}).loss.options == {"gamma": 3.0, "other": 1}
    assert recipe.replace({"loss": {"options": {"gamma": 3.0}}}).loss.options == {"gamma": 3.0, "other": 1}
    assert recipe.replace({"loss.options": {}}).loss.options == {}
    assert recipe.replace({"loss.options.gamma": 3.0}).loss.options == {"gamma": 3.0, "other": 1}
    assert recipe.replace({"loss.options.gamma": 3.0, "loss.name": "corn"}).loss.options == {"gamma": 3.0}
    assert recipe.replace({"loss.name": "corn"}).loss.options == {}


def test_a_section_given_as_a_table_keeps_the_fields_that_it_does_not_name():
    recipe = Recipe().replace({"loss.class_weights": True})
    assert recipe.replace({"loss": {"name": "corn"}}) == recipe.replace({"loss.name": "corn"})
    assert recipe.replace({"loss": {"name": "corn"}}).loss.class_weights


def test_changed_fields_are_exactly_those_replaced():
    recipe = Recipe()
    changes = {"model.dropout": 0.0, "training.epochs": 3, "augmentation.name": "none", "loss.options.gamma": 1}
    assert changed_fields(recipe, recipe.replace(changes)) == changes


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"training": {"epoch": 3}}, "unknown key 'training.epoch'; did you mean 'training.epochs'"),
        ({"epochs": 3}, "unknown key 'epochs'; did you mean 'training.epochs'"),
        (
            {"training": {"weight_decy": 0.1}},
            "unknown key 'training.weight_decy'; did you mean 'training.weight_decay'?",
        ),
        ({"training": {"lr": 0.1}}, "unknown key 'training.lr'; known: training.epochs, "),
        ({"training": {"dropout": 0.1}}, "unknown key 'training.dropout'; did you mean 'model.dropout'"),
        ({"training": {"epochs": "many"}}, "key 'training.epochs': expected an integer, got text"),
        ({"model": {"dropout": 1.5}}, "key 'model.dropout': expected a number below 1.0"),
        ({"evaluation": {"conformal_level": 1.0}}, "key 'evaluation.conformal_level': expected a number below 1.0"),
        (
            {"evaluation": {"level_rule": "noisy"}},
            "'noisy' is none of 'max', 'mean', 'noisy-or'; did you mean 'noisy-or'?",
        ),
        ({"ablations": "no-dropout"}, "key 'ablations': expected a list in square brackets, got text"),
        ({"model": {"pixel_std": [0.5, 0.0]}}, "key 'model.pixel_std[1]': expected a number above 0.0"),
        ({"model": 3}, "key 'model': expected a table of keys, got an integer"),
        (
            {"split": {"scheme": "patients"}},
            "key 'split.scheme': 'patients' is none of 'breast', 'image', 'official', 'paper', 'patient';"
            " did you mean 'patient'?",
        ),
    ],
)
def test_a_wrong_recipe_is_one_sentence_with_the_nearest_name(values, message):
    with pytest.raises(UserError) as error:
        from_dict(values, "recipe mine.toml")
    assert str(error.value).startswith("recipe mine.toml: ")
    assert message in str(error.value)


def test_a_setting_below_a_single_value_is_refused():
    with pytest.raises(UserError, match="key 'seed': expected an integer, got a table of keys"):
        Recipe().replace({"seed.flip": 1})


def test_settings_are_read_as_toml_or_else_as_text():
    assert parse_settings(["training.epochs=5", "model.backbone=resnet50", 'seed = "x"', "model.pixel_mean=[0.5]"]) == {
        "training.epochs": 5,
        "model.backbone": "resnet50",
        "seed": "x",
        "model.pixel_mean": [0.5],
    }


@pytest.mark.parametrize("setting", ["training.epochs", "=5"])
def test_a_setting_without_key_or_value_says_what_is_expected(setting):
    with pytest.raises(UserError, match=r"expected KEY=VALUE, such as training\.epochs=5"):
        parse_settings([setting])


@pytest.mark.parametrize("second", ["training.batch_size=2", "[training]"])
def test_a_setting_of_several_fields_is_refused(second):
    with pytest.raises(UserError, match="it sets several fields; give --set once for each of them"):
        parse_settings([f"training.epochs=1\n{second}"])
    assert parse_settings(["model.pixel_mean=[\n0.5,\n]"]) == {"model.pixel_mean": [0.5]}
