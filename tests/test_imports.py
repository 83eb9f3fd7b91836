"""Imports are light: starting a command or loading a plugin loads no heavy library. The entry points are up to date."""

import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest

from birads_zoo.interfaces import PROJECT
from birads_zoo.plugin.lightness import HEAVY, heavy_modules_after

ROOT = Path(__file__).parents[1]
RUN = """
import sys
from birads_zoo.cli import main
try:
    main({arguments!r})
except SystemExit as ended:
    assert ended.code == 0, ended.code
assert "rich" not in sys.modules, "rich is loaded"
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["list"], ["list", "--json"]], ids=" ".join)
def test_a_light_command_loads_no_heavy_library(arguments):
    assert heavy_modules_after(RUN.format(arguments=arguments)) == ()


@pytest.mark.parametrize(
    "module", ["birads_zoo", "birads_zoo.interfaces", "birads_zoo.recipe", "birads_zoo.recipes.registry"]
)
def test_what_plugins_and_commands_import_is_light(module):
    assert heavy_modules_after(f"import {module}") == ()


def test_loading_every_plugin_loads_no_heavy_library():
    code = "from birads_zoo.plugin.host import load_host\nassert load_host(strict=True).backbones"
    assert heavy_modules_after(code) == ()


@pytest.mark.parametrize("command", ["run", "export", "predict"])
def test_help_of_a_command_loads_no_heavy_library(command):
    assert heavy_modules_after(RUN.format(arguments=[command, "--help"])) == ()


def test_predicting_loads_no_library_that_only_evaluation_needs():
    loaded = heavy_modules_after("import birads_zoo.artifact.model")
    assert set(loaded) <= {"numpy", "pandas", "pydicom", "scipy", "torch"}


def test_every_heavy_dependency_is_watched():
    light = {
        "click",
        "filelock",
        "msgspec",
        "nvidia_ml_py",
        "platformdirs",
        "pluggy",
        "rich",
        "safetensors",
        "tomlkit",
        "pillow",
        "xxhash",
    }
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {requirement.split(">=")[0].replace("-", "_") for requirement in required}
    assert names - light - {"scikit_learn"} <= set(HEAVY), "a new dependency: is it heavy or light at import?"


def test_the_installed_entry_points_are_those_of_pyproject():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][PROJECT]
    installed = {point.name: point.value for point in distribution("birads-zoo").entry_points if point.group == PROJECT}
    assert installed == declared, "the installed entry points are not pyproject.toml's: re-install with `make install`"
