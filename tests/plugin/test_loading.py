"""Which plugins the host loads, and from where."""

import os
import subprocess
import sys
from pathlib import Path

import pluggy
import pytest

from birads_zoo.interfaces import PROJECT
from birads_zoo.plugin import hookspecs
from birads_zoo.plugin.host import load_host
from birads_zoo.plugin.kinds import KINDS, PluginKind

ROOT = Path(__file__).parents[2]


def test_every_bundled_plugin_loads():
    host = load_host(strict=True)
    assert host.problems == ()
    for kind in KINDS:
        assert host.of_kind(kind.plural), f"no {kind.word} is bundled"


def test_a_file_can_register_one_of_each_kind(write, one_of_each):
    path = write("all.py", one_of_each)
    host = load_host([path])
    for kind in KINDS:
        registered = host.of_kind(kind.name)[f"my-{kind.plural}"]
        assert registered.plugin == str(path)
        assert getattr(host, kind.name)(f"my-{kind.plural}") is registered.spec
    assert host.dataset("my-other-name").name == "my-datasets"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_hook_is_specified_documented_and_tested(kind: PluginKind, one_of_each):
    hook = getattr(hookspecs, kind.hook, None)
    assert hook is not None, f"{kind.hook} is not in hookspecs.py"
    assert hook.__doc__, f"{kind.hook} has no docstring"
    guide = (ROOT / "docs" / "plugins.md").read_text()
    assert kind.hook in guide, f"docs/plugins.md says nothing of {kind.hook}"
    assert kind.hook in one_of_each, f"no test registers something by {kind.hook}"
    assert list((ROOT / "tests" / "plugins" / kind.plural).glob("test_*.py")), f"no bundled {kind.word} has a test"


def test_no_hook_lacks_a_kind():
    manager = pluggy.PluginManager(PROJECT)
    specified = {name for name in dir(hookspecs) if manager.parse_hookspec_opts(hookspecs, name)}
    assert specified == {kind.hook for kind in KINDS}


@pytest.mark.parametrize("name", ["acme-zoo", "Acme_Zoo", "acme-zoo:broken"])
def test_a_disabled_plugin_is_not_loaded(install, name):
    install(broken="1 / 0")
    assert load_host(disabled=(name,)).problems == ()


def test_disabling_one_entry_point_leaves_the_others(install, stub):
    install(broken="1 / 0", sound=stub("acme-net"))
    assert load_host(disabled=("acme-zoo:broken",), strict=True).backbone("acme-net")


def test_disabling_a_plugin_that_is_not_installed_is_reported():
    (problem,) = load_host(disabled=("birads-zoo:loses",)).problems
    assert problem.startswith(
        "unknown plugin in [plugins] disabled 'birads-zoo:loses'; did you mean 'birads-zoo:losses'"
    )


def test_a_file_that_is_both_registered_and_named_is_loaded_once(write, stub):
    path = write("my_net.py", stub("my-net"))
    assert load_host([path, path], registered_files=(path,)).backbone("my-net")


def test_two_files_with_the_same_name_are_both_loaded(write, tmp_path, stub):
    (tmp_path / "other").mkdir()
    first = write("net.py", stub("one"))
    second = write("other/net.py", stub("two"))
    host = load_host([first, second])
    assert host.backbone("one").build is not host.backbone("two").build


def test_modules_in_the_working_directory_are_not_imported(tmp_path):
    """A module in the working directory named like a library must not be what `python -m birads_zoo` imports."""
    (tmp_path / "msgspec.py").write_text("raise RuntimeError('loaded')")
    result = subprocess.run([sys.executable, "-m", "birads_zoo", "list"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_a_distribution_installed_by_pip_is_a_plugin(tmp_path, stub):
    project = tmp_path / "project"
    project.mkdir()
    (project / "acme_nets.py").write_text(stub("acme-net"))
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "acme-zoo"\nversion = "0.3"\n'
        '[project.entry-points.birads_zoo]\nnets = "acme_nets"\n'
        '[tool.hatch.build.targets.wheel]\ninclude = ["acme_nets.py"]\n'
    )
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--no-index", "--target", site, project], check=True)
    environment = os.environ | {"PYTHONPATH": str(site)}
    listed = subprocess.run(
        [sys.executable, "-m", "birads_zoo", "list", "backbones"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (line,) = [line for line in listed.stdout.splitlines() if "acme-net" in line]
    assert line.endswith("  acme-zoo 0.3")
    code = "from birads_zoo import conformance; from birads_zoo.plugin.host import load_host\n"
    code += "conformance.check(load_host(), 'backbone', 'acme-net')"
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, check=True)
