"""registry.toml: how its recipes extend each other, and how mistakes in it are reported."""

from pathlib import Path

import pytest

from birads_zoo import UserError
from birads_zoo.recipe import from_dict
from birads_zoo.recipes.registry import FILE_NAME, Registry, load_registry, packaged_file, packaged_registry, read_file


@pytest.fixture
def load(tmp_path):
    """Load the registry with a local registry.toml of the given text."""

    def load(text: str) -> Registry:
        (tmp_path / FILE_NAME).write_text(text)
        return load_registry(tmp_path)

    return load


def test_the_packaged_registry_is_sound():
    registry = load_registry(packaged_file().parent)
    assert {"default", "paper"} <= set(registry.recipes)
    for name, table in registry.recipes.items():
        assert table.get("summary"), f"recipe {name} has no summary"
        for backbone in (None, *table.get("backbones", {})):
            from_dict(registry.recipe(name, backbone), name)


def test_the_papers_results_are_listed_with_their_source():
    references = load_registry(packaged_file().parent).references
    final = {(r.network, r.accuracy, r.macro_f1) for r in references if "final table" in r.source}
    assert final == {
        ("baseline_cnn", 0.82, 0.51),
        ("resnet50", 0.12, 0.05),
        ("efficientnet_b0", 0.84, 0.23),
        ("mobilenet_v2", 0.88, 0.65),
    }
    assert all(reference.source and reference.split for reference in references)


def test_a_local_registry_extends_the_packaged_one(load, tmp_path):
    registry = load(
        '[plugins]\nfiles = ["my_net.py", "./my_net.py", "/elsewhere/net.py"]\ndisabled = ["acme-zoo"]\n'
        '[recipes.mine]\nextends = "paper"\ntraining = { epochs = 3 }\n'
        '[licences]\nmy-net = "CC0"\n'
        '[[references]]\ntitle = "t"\nsource = "s"\nnetwork = "n"\nsplit = "patient"\naccuracy = 0.5\n'
    )
    assert registry.plugin_files == (tmp_path / "my_net.py", Path("/elsewhere/net.py"))
    assert registry.disabled == ("acme-zoo",)
    assert registry.origins["mine"] == tmp_path / FILE_NAME
    assert registry.origins["paper"] == packaged_file()
    assert registry.licences["my-net"] == "CC0"
    assert registry.references[-1].accuracy == 0.5
    assert registry.recipe("mine")["training"] == registry.recipe("paper")["training"] | {"epochs": 3}


def test_a_local_recipe_replaces_a_packaged_one(load):
    assert load("[recipes.default]\nseed = 7\n").recipe("default") == {"seed": 7, "model": {"backbone": "mobilenet_v2"}}


def test_a_local_registry_is_optional(tmp_path):
    assert load_registry(tmp_path) == load_registry(packaged_file().parent)


def test_the_packaged_file_is_not_read_twice():
    registry = load_registry(packaged_file().parent)
    assert len(registry.references) == len(read_file(packaged_file()).references)


# ── Recipes ──────────────────────────────────────────────────────────────────────────────────────────────────────


BASE_AND_CHILD = """
[recipes.base]
summary = "base"
seed = 1
model = { backbone = "a", dropout = 0.1, hidden = 8 }
[recipes.base.backbones.a]
model = { dropout = 0.2, norm = "batch" }
[recipes.base.backbones.b]
model = { hidden = 16 }
[recipes.child]
extends = "base"
model = { dropout = 0.3 }
[recipes.child.backbones.b]
model = { dropout = 0.4 }
"""


@pytest.mark.parametrize(
    ("name", "backbone", "model"),
    [
        ("base", None, {"backbone": "a", "dropout": 0.2, "hidden": 8, "norm": "batch"}),
        ("base", "b", {"backbone": "b", "dropout": 0.1, "hidden": 16}),
        ("base", "c", {"backbone": "c", "dropout": 0.1, "hidden": 8}),
        ("child", None, {"backbone": "a", "dropout": 0.3, "hidden": 8, "norm": "batch"}),
        ("child", "b", {"backbone": "b", "dropout": 0.4, "hidden": 16}),
    ],
)
def test_a_child_overrides_its_parent_and_a_backbones_table_overrides_both(load, name, backbone, model):
    assert load(BASE_AND_CHILD).recipe(name, backbone) == {"seed": 1, "model": model}


def test_reading_a_recipe_does_not_change_it(load):
    registry = load(BASE_AND_CHILD)
    first = registry.recipe("child", "b")
    first["model"]["hidden"] = 99
    assert registry.recipe("child", "b")["model"]["hidden"] == 16


def test_a_file_may_hold_one_recipe(load, tmp_path):
    registry = load(BASE_AND_CHILD)
    file = tmp_path / "mine.toml"
    file.write_text('extends = "child"\nseed = 5\n[backbones.a.model]\nhidden = 2\n')
    assert registry.recipe(str(file)) == {
        "seed": 5,
        "model": {"backbone": "a", "dropout": 0.3, "hidden": 2, "norm": "batch"},
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("papr", r"unknown recipe 'papr'; did you mean 'paper'\?"),
        ("nowhere.toml", r"cannot read nowhere\.toml: No such file or directory; check the path"),
    ],
)
def test_an_unknown_recipe(load, name, message):
    with pytest.raises(UserError, match=message):
        load("").recipe(name)


def test_recipes_that_extend_each_other(load):
    registry = load('[recipes.a]\nextends = "b"\n[recipes.b]\nextends = "a"\n')
    with pytest.raises(UserError, match=r"extend each other in a circle: a → b → a; remove `extends` from one of them"):
        registry.recipe("a")


def test_a_recipe_that_extends_an_unknown_recipe(load):
    with pytest.raises(UserError, match=r"unknown recipe 'defalt'; did you mean 'default'"):
        load('[recipes.a]\nextends = "defalt"\n').recipe("a")


# ── Mistakes in the file ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[recipes.a]\nseed = \n", r"registry\.toml is not valid TOML: invalid value \(at line 2, column 8\)"),
        ("[recipe.a]\n", r"registry\.toml: unknown key 'recipe'; did you mean 'recipes'\?"),
        (
            "[weather]\n",
            r"registry\.toml: unknown key .weather.; known: recipes, models, plugins, references",
        ),
        ("[plugins]\nfile = []\n", r"registry\.toml: unknown key 'plugins\.file'; did you mean 'plugins\.files'\?"),
        (
            "[plugins]\nfiles = 'a.py'\n",
            r"registry\.toml: key 'plugins\.files': expected a list in square brackets, got text",
        ),
        ("[plugins]\nfiles = [1]\n", r"registry\.toml: key 'plugins\.files\[0\]': expected text, got an integer"),
        ("plugins = 3\n", r"registry\.toml: key 'plugins': expected a table of keys, got an integer"),
        ("recipes = 3\n", r"registry\.toml: key 'recipes': expected a table of keys, got an integer"),
        ("references = 3\n", r"registry\.toml: key 'references': expected a list in square brackets, got an integer"),
        (
            "[[references]]\nsorce = 's'\n",
            r"unknown key 'references\[0\]\.sorce'; did you mean 'references\[0\]\.source'",
        ),
        ("[[references]]\ntitle = 't'\n", r"key 'references\[0\]': object missing required field 'source'"),
        ("[licences]\na = 1\n", r"registry\.toml: key 'licences\[\.\.\.\]': expected text, got an integer"),
        ("[recipes.a.training]\nepoch = 3\n", r"\[recipes\.a\]: unknown key 'training\.epoch'; .*'training\.epochs'"),
        (
            "[recipes.a.training]\nepochs = 'x'\n",
            r"\[recipes\.a\]: key 'training\.epochs': expected an integer, got text",
        ),
        ("[recipes.a]\nextends = 3\n", r"\[recipes\.a\]: key 'extends': expected text, got 3"),
        ("[recipes.a]\nbackbones = 3\n", r"\[recipes\.a\]: key 'backbones': expected a table for each backbone's name"),
        (
            "[recipes.a.backbones.b]\nmodel = { dropot = 0.1 }\n",
            r"\[recipes\.a\], backbones\.b: unknown key 'model\.dropot'; did you mean 'model\.dropout'",
        ),
    ],
)
def test_a_mistake_is_reported_with_file_and_key(load, text, message):
    with pytest.raises(UserError, match=message) as caught:
        load(text)
    assert FILE_NAME in str(caught.value)


def test_a_file_that_is_not_utf8(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b'[licences]\na = "\xe9"\n')
    with pytest.raises(UserError, match=r"not valid TOML: it is not encoded in UTF-8; save it as UTF-8"):
        load_registry(tmp_path)


def test_a_folder_of_that_name(tmp_path):
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(UserError, match=r"cannot read .*registry\.toml: Is a directory"):
        load_registry(tmp_path)


def test_models_to_compare_are_added_to_the_official_ones(tmp_path):
    official = packaged_registry().models
    assert official[:2] == ("baseline_cnn", "resnet50")
    (tmp_path / FILE_NAME).write_text('[models]\ncompare = ["my-net", "resnet50"]\n')
    assert load_registry(tmp_path).models == (*official, "my-net")
    (tmp_path / FILE_NAME).write_text("[models]\ncompares = []\n")
    with pytest.raises(UserError, match=r"unknown key 'models.compares'; did you mean 'models.compare'"):
        load_registry(tmp_path)


def test_overrides_keep_the_options_of_their_own_backbone(tmp_path):
    (tmp_path / FILE_NAME).write_text(
        "[recipes.base.model]\nbackbone = 'a'\noptions = { depth = 1 }\n"
        "[recipes.base.backbones.b.model]\noptions = { width = 2 }\n"
    )
    registry = load_registry(tmp_path)
    assert registry.recipe("base")["model"] == {"backbone": "a", "options": {"depth": 1}}
    assert registry.recipe("base", "b")["model"] == {"backbone": "b", "options": {"width": 2}}
