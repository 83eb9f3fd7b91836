import pytest

from birads_zoo import pipeline
from birads_zoo.errors import UserError
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipes.compose import compose, parse_settings
from birads_zoo.recipes.registry import load_registry, packaged_registry


@pytest.fixture
def composed(tmp_path):
    """The default recipe with `--set` settings and ablation flags."""
    registry, host = load_registry(tmp_path), load_host()
    return lambda settings, flags=(): compose("default", parse_settings(settings), flags, registry, host)


def test_ablations_of_the_recipe_and_of_flags_are_combined(composed):
    assert composed(['ablations=["no-dropout"]'], ["no-pretrained"]).ablations == ("no-dropout", "no-pretrained")


@pytest.mark.parametrize(
    ("setting", "got"),
    [("ablations=5", "an integer"), ("ablations=no-dropout", "text"), ("ablations=true", "true or false")],
)
@pytest.mark.parametrize("flags", [[], ["no-pretrained"]])
def test_ablations_that_are_not_a_list_are_refused(composed, setting, got, flags):
    with pytest.raises(UserError) as caught:
        composed([setting], flags)
    assert str(caught.value) == f"arguments: key 'ablations': expected a list in square brackets, got {got}"


UNWEIGHED = """
from birads_zoo import AblationSpec, LossSpec, hookimpl

@hookimpl
def birads_zoo_losses():
    return [LossSpec(name="level", summary="for a test", build=lambda context: None)]

@hookimpl
def birads_zoo_ablations():
    weigh = lambda recipe: recipe.replace({"loss.class_weights": True})
    return [AblationSpec(name="weigh", summary="for a test", recipe=weigh)]
"""
REFUSED = (
    "the loss 'level' cannot weigh classes; set loss.class_weights=false, or choose a loss that can, such as "
    "cross-entropy"
)


@pytest.mark.parametrize("base", ["default", "paper"])
def test_class_weights_are_refused_for_a_loss_without_them(tmp_path, base):
    (tmp_path / "level.py").write_text(UNWEIGHED)
    host, registry = load_host([tmp_path / "level.py"]), packaged_registry()
    for changes in [{"loss.class_weights": True}, {}] if base == "paper" else [{"loss.class_weights": True}]:
        with pytest.raises(UserError) as refused:
            compose(base, changes | {"loss.name": "level"}, (), registry, host)
        assert str(refused.value) == REFUSED
    off = compose(base, {"loss.name": "level", "loss.class_weights": False}, (), registry, host)
    assert not off.loss.class_weights


def test_class_weights_from_an_ablation_are_refused_too(tmp_path):
    (tmp_path / "level.py").write_text(UNWEIGHED)
    host = load_host([tmp_path / "level.py"])
    recipe = compose("default", {"loss.name": "level"}, ("weigh",), packaged_registry(), host)
    with pytest.raises(UserError) as refused:
        pipeline.run(recipe, host, tmp_path, "cpu", Screen())
    assert str(refused.value) == REFUSED


def test_pretraining_returns_with_a_backbone_that_has_weights(composed, tmp_path):
    without = composed(["model.backbone=baseline_cnn"])
    registry, host = load_registry(tmp_path), load_host()
    assert compose(without, {"model.backbone": "resnet50"}, (), registry, host).model.pretrained


def test_a_section_given_as_a_table_overrides_field_by_field(composed):
    table = composed(['model={backbone="baseline_cnn", dropout=0.4}'])
    assert table == composed(["model.backbone=baseline_cnn", "model.dropout=0.4"])
    assert table.model.pooling == "max", "the recipe's own table for the backbone was not taken"


@pytest.mark.parametrize(("setting", "got"), [("model.backbone=[1]", "a list"), ("model={backbone={a=1}}", "a table")])
def test_a_backbone_that_is_not_text_is_refused(composed, setting, got):
    with pytest.raises(UserError, match=f"^arguments: key 'model.backbone': expected text, got {got}"):
        composed([setting])
