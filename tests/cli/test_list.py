"""`birads-zoo list`."""

import json

import pytest

from birads_zoo import __version__
from birads_zoo.plugin.host import load_host
from birads_zoo.plugin.kinds import KINDS
from birads_zoo.recipes.registry import load_registry

pytestmark = pytest.mark.usefixtures("folder")  # the working directory is an empty one


def test_everything_is_listed_with_plugin_and_summary(zoo, folder):
    result = zoo("list")
    assert (result.status, result.err) == (0, "")
    sections = {section.splitlines()[0]: section.splitlines()[1:] for section in result.out.split("\n\n")}
    assert list(sections) == [*(kind.plural for kind in KINDS), "recipes"]
    host = load_host()
    for kind in KINDS:
        registered = host.of_kind(kind.plural)
        lines = [line for line in sections[kind.plural] if line[2] != " "]  # without what stands below a backbone
        families = [line for line in lines if "/…" in line]
        assert [line.split()[0] for line in families] == (
            [f"{prefix}/…" for prefix in sorted(host.families)] if kind.name == "backbone" else []
        )
        lines = [line for line in lines if line not in families]
        assert [line.split()[0] for line in lines] == sorted(registered)
        for line in lines:
            assert registered[line.split()[0]].spec.summary in line
            assert line.endswith(f" birads-zoo {__version__}")
    assert [line.split()[0] for line in sections["recipes"]] == sorted(load_registry(folder).recipes)


def test_one_kind_alone(zoo):
    lines = zoo("list", "losses").out.splitlines()
    assert lines[0] == "losses"
    assert {line.split()[0] for line in lines[1:]} == set(load_host().losses)


def test_aliases_are_shown(zoo):
    assert "  kaumds (kau-bcmd)  " in zoo("list", "datasets").out


def test_json_is_the_only_output_on_stdout(zoo):
    listed = json.loads(zoo("list", "--json").out)
    assert {entry["kind"] for entry in listed} == {*(kind.plural for kind in KINDS), "recipes"}
    (kaumds,) = [entry for entry in listed if entry["name"] == "kaumds"]
    assert kaumds == {
        "kind": "datasets",
        "name": "kaumds",
        "aliases": ["kau-bcmd"],
        "plugin": f"birads-zoo {__version__}",
        "summary": load_host().dataset("kaumds").summary,
        "weights": "",
        "licence": "",
    }


def test_a_backbones_weights_and_their_licence_are_shown(zoo, folder):
    licences = "[licences]\nmobilenet_v2 = 'ask the author'\nbaseline_cnn = 'none to have'\n"
    (folder / "registry.toml").write_text(licences)
    lines = zoo("list", "backbones").out.splitlines()
    (at,) = [at for at, line in enumerate(lines) if line.startswith("  mobilenet_v2 ")]
    weights = load_host().backbone("mobilenet_v2").weights
    assert [line.strip() for line in lines[at + 1 : at + 3]] == [f"weights: {weights}", "licence: ask the author"]
    assert "none to have" not in "".join(lines), "a backbone without weights needs no licence for them"
    listed = {entry["name"]: entry for entry in json.loads(zoo("list", "backbones", "--json").out)}
    assert listed["mobilenet_v2"]["licence"] == "ask the author"
    assert "torchvision IMAGENET1K_V1" in listed["resnet50"]["licence"]
    assert listed["resnet50"]["weights"] == load_host().backbone("resnet50").weights


def test_a_plugin_for_one_run(zoo, write_net):
    write_net("my_net.py", name="my-net")
    assert "my-net" not in zoo("list").out
    (line,) = [line for line in zoo("list", "--plugin", "my_net.py").out.splitlines() if "my-net" in line]
    assert line.split()[-1] == "my_net.py"


def test_a_broken_plugin_for_one_run(zoo, folder):
    (folder / "broken.py").write_text("1 / 0\n")
    result = zoo("list", "--plugin", "broken.py")
    sentence = "plugin broken.py failed at import: ZeroDivisionError: division by zero (line 1)"
    assert (result.status, result.out, result.err) == (2, "", f"birads-zoo: error: {sentence}\n")


def test_a_broken_registered_plugin_is_a_warning_and_the_rest_is_listed(zoo, folder):
    (folder / "broken.py").write_text("1 / 0\n")
    (folder / "registry.toml").write_text('[plugins]\nfiles = ["broken.py"]\n')
    result = zoo("list")
    assert result.status == 0
    assert result.err.count("birads-zoo: warning: plugin ") == 1
    assert "broken.py failed at import: ZeroDivisionError" in result.err
    assert "resnet50" in result.out


def test_a_recipe_of_the_working_directory_is_listed_with_its_file(zoo, folder):
    (folder / "registry.toml").write_text('[recipes.mine]\nsummary = "my own"\n')
    (line,) = [line for line in zoo("list", "recipes").out.splitlines() if " mine " in line]
    assert line.split() == ["mine", "my", "own", str(folder / "registry.toml")]


def test_a_pattern_picks_names(zoo):
    assert {line.split()[0] for line in zoo("list", "explainers", "*-cam").out.splitlines()[1:]} == {
        *("grad-cam", "hires-cam", "layer-cam", "eigen-cam", "score-cam", "ablation-cam", "guided-grad-cam")
    }
    result = zoo("list", "losses", "x*")
    assert (result.status, result.out) == (2, "")
    assert "none of the losses is called 'x*'; birads-zoo list losses shows their names" in result.err


def test_a_familys_members_are_listed_for_a_pattern_alone(zoo, folder):
    plugin = folder / "acme.py"
    plugin.write_text(
        "from birads_zoo import BackboneFamily, BackboneSpec, hookimpl\n"
        "def resolve(name):\n"
        "    return BackboneSpec(name=f'acme/{name}', summary='one of two', build=print, weights='w', licence='MIT')\n"
        "@hookimpl\n"
        "def birads_zoo_backbones():\n"
        "    return [BackboneFamily(prefix='acme', summary='two', names=lambda: ['large', 'small'], resolve=resolve)]\n"
    )
    listed = zoo("list", "backbones", "--plugin", plugin).out
    assert "acme/…" in listed
    assert "acme/small" not in listed
    members = json.loads(zoo("list", "backbones", "acme/*", "--plugin", plugin, "--json").out)
    assert [entry["name"] for entry in members] == ["acme/large", "acme/small"]
    assert members[1]["licence"] == "MIT"
    lines = zoo("list", "backbones", "acme/s*", "--plugin", plugin).out.splitlines()
    assert [line.split()[0] for line in lines] == ["backbones", "acme/small", "weights:", "licence:"]


def test_a_family_that_cannot_list_its_members_is_named_with_its_plugin(zoo, folder):
    (folder / "acme.py").write_text(
        "from birads_zoo import BackboneFamily, hookimpl\n"
        "@hookimpl\n"
        "def birads_zoo_backbones():\n"
        "    return [BackboneFamily(prefix='acme', summary='two', names=lambda: 1 / 0, resolve=print)]\n"
    )
    result = zoo("list", "backbones", "acme/*", "--plugin", folder / "acme.py")
    assert result.status == 2
    assert "family of backbones 'acme' (plugin" in result.err
    assert "failed to list its names: ZeroDivisionError: division by zero" in result.err
