import json

import pytest

from birads_zoo.inspection.formats.probing import probe_geometries
from birads_zoo.recipe import ImageSection


@pytest.fixture(scope="module")
def framed(tmp_path_factory, zoo):
    """A phantom whose files' frames follow the category."""
    root = tmp_path_factory.mktemp("framed") / "root"
    said = zoo("phantom", "--patients", 20, "--size", "128x96", "--shortcut", "size", "--damaged", 0, "--out", root)
    assert said.status == 0, said.err
    return root


@pytest.mark.slow
def test_formats_are_named_from_stored_pixels_and_less_from_neutral_ones(framed, tmp_path):
    from birads_zoo.data.index.audit import check_files
    from birads_zoo.interfaces import DatasetContext
    from birads_zoo.plugin.host import load_host

    index = check_files(load_host().dataset("phantom").load(DatasetContext(root=framed)))
    found = probe_geometries(index, ImageSection(height=64, width=64), tmp_path, 0)
    assert sum(found["formats"].values()) == len(index.rows) == 80
    assert found["auc"]["before"] > 0.85
    assert found["auc"]["after"] < found["auc"]["before"] - 0.15


def test_one_format_leaves_nothing_to_name(zoo, phantom_root):
    said = zoo("audit", "--dataset", "phantom", "--root", phantom_root, "--probe", "--json")
    assert said.status == 0, said.err
    probed = json.loads(said.out)["probe"]
    assert len(probed["formats"]) == 1
    assert probed["auc"] == {"before": None, "after": None}
