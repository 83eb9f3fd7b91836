import importlib
import pkgutil
import subprocess
import sys

import pytest

from birads_zoo import conformance

FAMILIES = ["ablations", "augmentations", "backbones", "explainers", "losses"]


def test_families_import_nothing_heavy():
    code = """
import importlib, sys
for family in sys.argv[1:]:
    getattr(importlib.import_module(f"birads_zoo_plugins.{family}"), f"birads_zoo_{family}")()
print(*sorted({"torch", "torchvision", "kornia", "numpy", "pandas", "scipy"} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code, *FAMILIES], check=True, capture_output=True, text=True)
    assert result.stdout.strip() == ""


@pytest.mark.parametrize("family", [*FAMILIES, "datasets", "trackers"])
def test_a_family_states_the_plugin_api(family):
    assert conformance.check_plugin_api(importlib.import_module(f"birads_zoo_plugins.{family}")) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_a_familys_siblings_do_not_shadow_its_functions(family):
    """Importing `_x` binds it in the package, and would replace a function of that name."""
    package = importlib.import_module(f"birads_zoo_plugins.{family}")
    functions = {name for name, value in vars(package).items() if callable(value)}
    siblings = {module.name for module in pkgutil.iter_modules(package.__path__)}
    for name in siblings:
        importlib.import_module(f"birads_zoo_plugins.{family}.{name}")
    assert siblings
    assert functions == {name for name, value in vars(package).items() if callable(value)}
