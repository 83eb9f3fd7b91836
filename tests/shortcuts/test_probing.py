import json

import pytest

from birads_zoo.inspection.formats.probing import probe_geometries
from birads_zoo.recipe import ImageSection


@pytest.fixture(scope="module")
def framed(tmp_path_factory, zoo):
    """A phantom whose pictures' sizes depend on the category."""
    root = tmp_path_factory.mktemp("framed") / "root"
    result = zoo("phantom", "--patients", 20, "--size", "128x96", "--shortcut", "size", "--damaged", 0, "--out", root)
    assert result.status == 0, result.err
    return root


@pytest.mark.slow
def test_formats_are_recognised_in_stored_pixels_and_less_in_neutral_ones(framed, tmp_path):
    from birads_zoo.data.index.audit import check_files
    from birads_zoo.interfaces import DatasetContext
    from birads_zoo.plugin.host import load_host

    index = check_files(load_host().dataset("phantom").load(DatasetContext(root=framed)))
    probed = probe_geometries(index, ImageSection(height=64, width=64), tmp_path, 0)
    assert sum(probed["formats"].values()) == len(index.rows) == 80
    assert probed["auc"]["before"] > 0.85
    assert probed["auc"]["after"] < probed["auc"]["before"] - 0.15


@pytest.mark.slow
def test_one_format_leaves_nothing_to_recognise(zoo, phantom_root):
    result = zoo("audit", "--dataset", "phantom", "--root", phantom_root, "--probe", "--json")
    assert result.status == 0, result.err
    probed = json.loads(result.out)["probe"]
    assert len(probed["formats"]) == 1
    assert probed["auc"] == {"before": None, "after": None}
