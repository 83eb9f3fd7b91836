"""The options of parts: checked when a recipe is composed, described by `birads-zoo show`, passed to the plugin."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from birads_zoo.errors import UserError
from birads_zoo.interfaces import NoOptions, Options
from birads_zoo.plugin.host import load_host
from birads_zoo.plugin.options import OptionField, fault_of_options, option_fields, read_options
from birads_zoo.recipes.compose import compose, parse_settings
from birads_zoo.recipes.registry import load_registry


class Settings(Options, frozen=True, kw_only=True):
    gamma: Annotated[float, Meta(ge=0, le=5, description="how much")] = 2.0
    mode: Literal["soft", "hard"] = "soft"
    sizes: tuple[int, ...] = (3, 5)
    names: dict[str, str] = {}  # noqa: RUF012
    modes: tuple[Literal["a", "b"], ...] = ()
    table: dict[str, Literal["a", 2]] = {}  # noqa: RUF012


@pytest.fixture
def composed(tmp_path):
    registry, host = load_registry(tmp_path), load_host()
    return lambda *settings, recipe="default": compose(recipe, parse_settings(settings), (), registry, host)


def test_options_are_described_with_type_limits_default_and_meaning():
    assert option_fields(Settings) == (
        OptionField(name="gamma", type="float, ≥ 0, ≤ 5", default=2.0, meaning="how much"),
        OptionField(name="mode", type="'soft' or 'hard'", default="soft", meaning=""),
        OptionField(name="sizes", type="list of int", default=(3, 5), meaning=""),
        OptionField(name="names", type="table", default={}, meaning=""),
        OptionField(name="modes", type="list of 'a' or 'b'", default=(), meaning=""),
        OptionField(name="table", type="table", default={}, meaning=""),
    )


def test_values_become_the_typed_options_and_the_rest_keeps_its_defaults():
    read = read_options(Settings, {"gamma": 1, "mode": "hard"}, "loss 'x'", "loss.options")
    assert read == Settings(gamma=1.0, mode="hard")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gama": 1}, "loss 'x' has no option 'gama'; did you mean 'gamma'?"),
        ({"zzz": 1}, "loss 'x' has no option 'zzz'; its options are gamma, mode, sizes, names, modes, table"),
        ({"gamma": "much"}, "loss 'x': key 'loss.options.gamma': expected a number, got text"),
        ({"gamma": -1.0}, "loss 'x': key 'loss.options.gamma': expected a number of at least 0.0"),
        ({"modes": ["c"]}, "loss 'x': key 'loss.options.modes[0]': 'c' is none of 'a', 'b'"),
        ({"table": {"k": 3}}, "loss 'x': key 'loss.options.table[...]': 3 is none of 'a', 2"),
        ({"table": {"k": "A"}}, "loss 'x': key 'loss.options.table[...]': 'A' is none of 'a', 2; did you mean 'a'?"),
        ({"sizes": 3}, "loss 'x': key 'loss.options.sizes': expected a list in square brackets, got an integer"),
        (
            {"mode": "sotf"},
            "loss 'x': key 'loss.options.mode': 'sotf' is none of 'hard', 'soft'; did you mean 'soft'?",
        ),
    ],
)
def test_a_wrong_option_is_one_sentence_with_the_nearest_name(values, message):
    with pytest.raises(UserError) as error:
        read_options(Settings, values, "loss 'x'", "loss.options")
    assert str(error.value) == message


def test_a_part_without_options_refuses_every_one():
    with pytest.raises(UserError, match=r"^loss 'x' has no option 'gamma'; it has no options$"):
        read_options(NoOptions, {"gamma": 1}, "loss 'x'", "loss.options")


def test_options_must_be_of_the_right_base_and_have_defaults():
    class Needs(Options, frozen=True, kw_only=True):
        value: int

    assert fault_of_options(dict) == "whose `options` is not a subclass of birads_zoo.Options"
    assert fault_of_options(Needs) == "whose option 'value' has no default"
    assert fault_of_options(Settings) == ""


@pytest.mark.parametrize(
    ("kind", "default", "message"),
    [
        (int | None, None, "whose option 'value' is int | None, which a recipe cannot hold"),
        (tuple[Any, ...], (), "whose option 'value' is list of Any, which a recipe cannot hold"),
        (dict[int, str], {}, "whose option 'value' is table, which a recipe cannot hold"),
        (bytes, b"", "whose option 'value' is bytes, which a recipe cannot hold"),
        (
            int,
            None,
            "whose options Made have a default whose type is not the stated one (key 'value': expected an integer",
        ),
        (int | str, 3, ""),
        (tuple[tuple[float, ...], ...], ((0.5,),), ""),
        (dict[str, dict[str, bool]], {}, ""),
    ],
)
def test_options_have_types_that_a_recipe_can_hold(kind, default, message):
    made = msgspec.defstruct("Made", [("value", kind, default)], bases=(Options,), frozen=True, kw_only=True)
    assert fault_of_options(made).startswith(message)
    assert bool(fault_of_options(made)) is bool(message)


def test_a_recipe_has_all_options_of_its_parts(composed):
    recipe = composed("explainer=integrated-gradients", "explainer.options.steps=7")
    assert recipe.explainer.options == {"steps": 7}
    assert recipe.augmentation.options == {"strength": 1.0, "anchored": True}
    assert composed("augmentation=none").augmentation.options == {}
    assert composed("dataset=csv", "dataset.options.table=a.csv").dataset.options == {
        "table": "a.csv",
        "columns": {},
        "patient_pattern": "",
        "merge_ids": False,
    }


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("augmentation.options.strenght=1", "augmentation 'mammo' has no option 'strenght'; did you mean 'strength'?"),
        ("augmentation.options.strength=2.0", "augmentation 'mammo': key 'augmentation.options.strength': expected"),
        ("loss.options.alpha=1", "loss 'cross-entropy' has no option 'alpha'; it has no options"),
        ("model.options.depth=3", "backbone 'mobilenet_v2' has no option 'depth'; it has no options"),
        ("dataset.options.patient_pattern=x", "data set 'phantom' has no option 'patient_pattern'; did you mean"),
    ],
)
def test_an_option_that_a_part_does_not_have_is_refused_by_name(composed, setting, message):
    with pytest.raises(UserError) as error:
        composed(setting)
    assert str(error.value).startswith(message)


def test_a_recipe_file_writes_options_as_tables(composed, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        'extends = "default"\n[augmentation.options]\nstrength = 0.5\n'
        '[explainer]\nname = "gradient-shap"\n[explainer.options]\ndraws = 3\n'
    )
    recipe = composed(recipe=str(file))
    assert recipe.augmentation.options == {"strength": 0.5, "anchored": True}
    assert recipe.explainer.options == {"draws": 3, "noise": 0.1}
    assert composed("augmentation=paper", recipe=str(file)).augmentation.options == {}
