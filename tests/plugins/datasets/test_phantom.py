from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from birads_zoo.errors import UserError
from birads_zoo.interfaces import INDEX_COLUMNS, DatasetContext
from birads_zoo.phantoms.options import PhantomOptions
from birads_zoo.phantoms.writer import TRUTH_FILE, generate
from birads_zoo_plugins.datasets import _phantom, load_phantom

OPTIONS = PhantomOptions(patients=6, height=64, width=48)


@pytest.fixture
def phantom(tmp_path: Path) -> Path:
    generate(tmp_path / "phantom", OPTIONS)
    return tmp_path / "phantom"


def test_it_is_read_like_kaumds_with_the_lesions_filled_in(phantom: Path) -> None:
    index = load_phantom(DatasetContext(root=phantom))
    rows = index.rows
    assert tuple(rows.columns) == INDEX_COLUMNS
    assert len(rows) == 4 * (6 + 2)
    assert set(rows["assessment"]) == set("12345")
    assert set(rows["view"]) == {"CC", "MLO"}
    assert "dirty density" in {entry.reason for entry in index.audit}
    expected = rows["assessment"].isin(["3", "4", "5"])
    assert (rows["lesions"].map(len) == expected.astype(int)).all()
    for (lesion,) in rows.loc[expected, "lesions"]:
        with Image.open(phantom / lesion.mask_path) as image:
            ys, xs = np.nonzero(np.asarray(image))
        assert lesion.outline == "circle"
        assert lesion.x0 <= xs.min() < xs.max() + 1 <= lesion.x1
        assert lesion.y0 <= ys.min() < ys.max() + 1 <= lesion.y1


def test_without_a_root_the_default_phantom_is_read(phantom: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_phantom, "phantom", lambda: phantom)
    assert load_phantom(DatasetContext(root=None)).root == phantom


def test_a_folder_without_the_truth_is_no_phantom(phantom: Path) -> None:
    (phantom / TRUTH_FILE).unlink()
    with pytest.raises(UserError, match=r"lesions\.csv does not exist, so this is no phantom: give --dataset kaumds"):
        load_phantom(DatasetContext(root=phantom))


def test_a_broken_truth_is_named_with_its_line(phantom: Path) -> None:
    truth = phantom / TRUTH_FILE
    header, *lines = truth.read_text().splitlines()
    truth.write_text("\n".join([header, lines[0].rsplit(",", 1)[0] + ",wide"]))
    with pytest.raises(UserError, match=r"lesions\.csv, line 2: x, y and radius are no numbers"):
        load_phantom(DatasetContext(root=phantom))
    truth.write_text(header.replace("radius", "size"))
    with pytest.raises(UserError, match=r"lesions\.csv has no column 'radius'"):
        load_phantom(DatasetContext(root=phantom))
