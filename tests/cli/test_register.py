"""`birads-zoo register`: from a file to a name that `run` knows."""

import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("folder")  # the working directory is an empty one


CATALOGUE = """\
# What we use here.
[plugins]  # ours
disabled = []   # none yet
files = [
    "first.py",  # the first
]

# A recipe.
[recipes.mine]
extends = "paper"
"""


def test_a_file_becomes_a_backbone_that_is_listed(zoo, write_net, folder):
    write_net("my_net.py", name="my-net")
    result = zoo("register", "./my_net.py")
    assert (result.status, result.err) == (0, "")
    assert result.out == (
        "registered backbone 'my-net' (one convolution)\n"
        "registry.toml now names my_net.py; run it:\n"
        "  birads-zoo run --backbone my-net\n"
    )
    assert tomllib.loads((folder / "registry.toml").read_text()) == {"plugins": {"files": ["my_net.py"]}}
    assert "my-net" in zoo("list", "backbones").out


def test_comments_and_layout_are_kept(zoo, write_net, folder):
    (folder / "registry.toml").write_text(CATALOGUE)
    write_net("first.py", name="first")
    write_net("my_net.py", name="my-net")
    assert zoo("register", "my_net.py").status == 0
    added = CATALOGUE.replace('    "first.py",  # the first\n', '    "first.py",  # the first\n    "my_net.py",\n')
    assert (folder / "registry.toml").read_text() == added


@pytest.mark.parametrize(
    "text", ["", "plugins = { files = [] }\n", "plugins.disabled = []\r\n", "# only this", "[licences]"]
)
def test_any_form_of_catalogue_takes_it(zoo, write_net, folder, text):
    (folder / "registry.toml").write_bytes(text.encode())
    write_net("my_net.py", name="my-net")
    assert zoo("register", "my_net.py").status == 0
    written = (folder / "registry.toml").read_bytes().decode()
    assert tomllib.loads(written)["plugins"]["files"] == ["my_net.py"]
    assert text.startswith("plugins = {") or written.startswith(text), "what was there is gone"


def test_registering_twice_changes_nothing(zoo, write_net, folder):
    write_net("my_net.py", name="my-net")
    zoo("register", "my_net.py")
    before = (folder / "registry.toml").read_text()
    result = zoo("register", str(folder / "my_net.py"))
    assert result.out.startswith("already registered: backbone 'my-net'")
    assert (folder / "registry.toml").read_text() == before


def test_a_file_elsewhere_is_named_by_its_whole_path(zoo, write_net, folder, monkeypatch):
    write_net("my_net.py", name="my-net")
    (folder / "work").mkdir()
    monkeypatch.chdir(folder / "work")
    assert zoo("register", "../my_net.py").status == 0
    files = tomllib.loads((folder / "work" / "registry.toml").read_text())["plugins"]["files"]
    assert files == [str(folder / "my_net.py")]


@pytest.mark.parametrize(
    ("name", "module", "sentence"),
    [
        (
            "my-net",
            "nn.Flatten()",
            "backbone 'my-net' (plugin my_net.py) breaks its contract: 2×1×64×64 images became 2×4096, "
            "but a feature map 2×D×h×w is expected, before any pooling or flattening",
        ),
        ("my-net", "3", "breaks its contract: `build` returned a value of type int, not a module"),
        (
            "my-net",
            "nn.Nothing()",
            "breaks its contract: it failed: AttributeError: module 'torch.nn' has no",
        ),
        (
            "resnet50",
            "nn.Conv2d(1, 8, 3)",
            "claim the backbone name 'resnet50': birads-zoo 0.1.0 and my_net.py",
        ),
        ("my net", "nn.Conv2d(1, 8, 3)", "plugin my_net.py is broken: birads_zoo_backbones returned backbone 'my net'"),
    ],
)
def test_what_breaks_its_contract_is_not_registered(zoo, write_net, folder, name, module, sentence):
    write_net("my_net.py", name=name, module=module)
    result = zoo("register", "my_net.py")
    assert (result.status, result.out) == (2, "")
    assert sentence in result.err
    assert result.err.count("\n") == 1, "more than one sentence"
    assert not (folder / "registry.toml").exists()


def test_a_file_that_is_not_there(zoo):
    result = zoo("register", "nowhere.py")
    assert result.err == "birads-zoo: error: there is no plugin file nowhere.py; give the path of a Python file\n"


def test_a_file_that_registers_nothing(zoo, folder):
    (folder / "empty.py").write_text("")
    assert "plugin empty.py registers nothing: mark a function named" in zoo("register", "empty.py").err


def test_heavy_imports_and_flat_heat_maps_are_warned_of(zoo, write_net, folder):
    write_net("my_net.py", name="my-net", module="nn.Sequential(nn.Conv2d(1, 8, 3), nn.AdaptiveAvgPool2d(1))")
    text = (folder / "my_net.py").read_text()
    (folder / "my_net.py").write_text("import numpy\n" + text)
    result = zoo("register", "my_net.py")
    assert result.status == 0
    assert "warning: my_net.py imports numpy at its top, which slows down every command's start" in result.err
    assert "warning: backbone 'my-net' (plugin my_net.py): its feature map is 1×1 at 64×64: heat maps" in result.err


def test_a_plugin_that_states_no_api_is_registered_with_a_warning(zoo, write_net, folder):
    write_net("my_net.py", name="my-net")
    text = (folder / "my_net.py").read_text()
    (folder / "my_net.py").write_text(text.replace("PLUGIN_API = 1", ""))
    result = zoo("register", "my_net.py")
    assert result.status == 0
    assert result.err == (
        "birads-zoo: warning: plugin my_net.py: it does not say which plugin API it is written for: "
        "add the line PLUGIN_API = 1\n"
    )


def test_a_plugin_for_another_api_is_not_registered(zoo, write_net, folder):
    write_net("my_net.py", name="my-net")
    text = (folder / "my_net.py").read_text()
    (folder / "my_net.py").write_text(text.replace("PLUGIN_API = 1", "PLUGIN_API = 2"))
    result = zoo("register", "my_net.py")
    assert (result.status, result.out) == (2, "")
    assert "plugin my_net.py is written for plugin API 2, and birads-zoo" in result.err
    assert not (folder / "registry.toml").exists()


def test_a_read_only_folder_is_an_error(zoo, write_net, folder, monkeypatch):
    write_net("my_net.py", name="my-net")

    def refuse(path, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)  # a test that runs as root cannot be refused otherwise
    result = zoo("register", "my_net.py")
    assert result.status == 2
    assert "registry.toml: Permission denied; choose another place to write to" in result.err


FAMILY = """
from birads_zoo import BackboneFamily, BackboneSpec, hookimpl

PLUGIN_API = 1

def resolve(name):
    if name not in NAMES:
        raise KeyError(name)
    def build(context):
        from torch import nn
        return MODULE
    return BackboneSpec(name=f"wide/{name}", summary="a test's own", build=build)

@hookimpl
def birads_zoo_backbones():
    return [BackboneFamily(prefix="wide", summary="some widths", names=lambda: NAMES, resolve=resolve)]
"""


def test_a_family_is_reported_and_its_first_member_is_tried(zoo, folder):
    (folder / "wide.py").write_text(FAMILY.replace("MODULE", "nn.Conv2d(1, 8, 3)").replace("NAMES", '("8", "16")'))
    result = zoo("register", "wide.py")
    assert (result.status, result.err) == (0, "")
    assert result.out == (
        "registered family of backbones 'wide' (some widths)\n"
        "registry.toml now names wide.py; run it:\n"
        "  birads-zoo run --backbone wide/8\n"
    )


@pytest.mark.parametrize(
    ("module", "names", "sentence"),
    [
        ("nn.Flatten()", '("8",)', "backbone 'wide/8' (plugin wide.py) breaks its contract: 2×1×64×64 images became"),
        ("nn.Conv2d(1, 8, 3)", "()", "family of backbones 'wide' (plugin wide.py) has no member: its names() lists"),
        ("nn.Conv2d(1, 8, 3)", "1 / 0", "(plugin wide.py) failed to list its names: ZeroDivisionError"),
    ],
)
def test_a_family_that_breaks_its_contract_is_not_registered(zoo, folder, module, names, sentence):
    (folder / "wide.py").write_text(FAMILY.replace("MODULE", module).replace("NAMES", names))
    result = zoo("register", "wide.py")
    assert (result.status, result.out) == (2, "")
    assert sentence in result.err
    assert not (folder / "registry.toml").exists()
