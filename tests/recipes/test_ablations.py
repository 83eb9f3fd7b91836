import pytest

from birads_zoo.errors import UserError
from birads_zoo.plugin.host import load_host
from birads_zoo.recipe import Recipe
from birads_zoo.recipes.ablations import apply_ablations

ABLATABLE = Recipe().replace(
    {
        "model.freeze": "all",
        "model.norm": "batch",
        "loss.class_weights": True,
        "training.sampler": "balanced",
        "training.early_stopping": 5,
        "training.lesion_weight": 1.0,
        "dataset.views": "bilateral",
        "model.fusion": "difference",
    }
)


@pytest.fixture(scope="module")
def host():
    return load_host()


def test_ablations_commute(host):
    names = sorted(host.ablations)
    forward = apply_ablations(ABLATABLE.replace({"ablations": names}), host)
    backward = apply_ablations(ABLATABLE.replace({"ablations": names[::-1]}), host)
    assert forward.replace({"ablations": []}) == backward.replace({"ablations": []})
    assert forward.run_id == backward.run_id
    assert forward.model.dropout == 0
    assert forward.training.sampler == "natural"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"model.dropout": 0.0}, "no-dropout"),
        ({"augmentation": "none"}, "no-augmentation"),
        ({"loss.class_weights": False}, "no-class-weights"),
        ({"training.sampler": "natural"}, "no-oversampling"),
        ({"model.pretrained": False}, "no-pretrained"),
        ({"model.backbone": "baseline_cnn"}, "no-pretrained"),  # it has no pretrained weights
        ({"model.freeze": "none"}, "no-freeze"),
        ({"training.early_stopping": 0}, "no-early-stopping"),
        ({"training.lesion_weight": 0.0}, "no-lesions"),
        ({"dataset.views": "single", "model.fusion": "mean"}, "no-partner-view"),
    ],
)
def test_an_ablation_that_changes_nothing_is_refused(host, changes, name):
    recipe = ABLATABLE.replace({**changes, "ablations": [name]})
    with pytest.raises(UserError, match=f"ablation '{name}' changes nothing: .*; leave --{name} out"):
        apply_ablations(recipe, host)


def test_pretraining_takes_effect_only_where_a_backbone_has_weights(host):
    assert apply_ablations(Recipe(), host).model.pretrained
    assert not apply_ablations(Recipe().replace({"model.backbone": "baseline_cnn"}), host).model.pretrained


def test_two_ablations_of_the_same_field_are_refused(tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from birads_zoo import AblationSpec, hookimpl\n"
        "@hookimpl\n"
        "def birads_zoo_ablations():\n"
        "    return [AblationSpec(name='half-dropout', summary='half', "
        "recipe=lambda r: r.replace({'model.dropout': r.model.dropout / 2}))]\n"
    )
    recipe = ABLATABLE.replace({"ablations": ["no-dropout", "half-dropout"]})
    with pytest.raises(UserError, match=r"'no-dropout' and 'half-dropout' both set model\.dropout; use one of them"):
        apply_ablations(recipe, load_host([plugin]))


def test_an_ablation_named_twice_is_refused(host):
    with pytest.raises(UserError, match="'no-dropout' is named twice"):
        apply_ablations(ABLATABLE.replace({"ablations": ["no-dropout", "no-dropout"]}), host)
