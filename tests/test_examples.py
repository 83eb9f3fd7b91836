"""The example plugins pass the conformance checks."""

from pathlib import Path

import pytest

from birads_zoo import conformance
from birads_zoo.plugin.host import load_host
from birads_zoo.recipes.compose import compose
from birads_zoo.recipes.registry import load_registry

LITE = Path(__file__).parents[1] / "examples" / "efficientnet_lite"


@pytest.fixture(scope="module")
def lite():
    registry = load_registry(LITE)
    return load_host(registered_files=registry.plugin_files, disabled=registry.disabled, strict=True), registry


def test_the_example_s_registry_adds_three_backbones_and_a_recipe_for_them(lite):
    host, registry = lite
    names = [name for name in host.backbones if name.startswith("efficientnet_lite")]
    assert names == ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]
    for name in names:
        recipe = compose("lesions-lite", {"model.backbone": name}, (), registry, host)
        assert recipe.model.last_stage in host.backbone(name).stages
        assert recipe.model.evidence, "what the recipe extends is gone"


def test_its_backbones_keep_the_contract(lite):
    pytest.importorskip("efficientnet_lite_pytorch", reason="pip install efficientnet-lite-pytorch, to try the example")
    host, _ = lite
    assert not conformance.check_backbone(host.backbone("efficientnet_lite0"))
