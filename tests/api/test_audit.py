"""`birads_zoo.audit`: the values that it returns; the findings are tested with the command line."""

import numpy as np
import pytest
from PIL import Image

import birads_zoo as bz


@pytest.fixture
def root(tmp_path):
    for name in ("sick/P1.png", "well/P2.png"):
        file = tmp_path / "root" / name
        file.parent.mkdir(parents=True)
        Image.new("L", (32, 32), 7).save(file)
    (tmp_path / "root/well/P3.jpg").write_text("<html>")
    return tmp_path / "root"


def test_it_returns_counts_findings_and_entries(root, capfd):
    dataset = {"name": "image-folder", "options": {"patient_pattern": r"(P\d)"}}
    audit = bz.audit(dataset, root=root, progress=False)
    assert (audit.dataset, audit.root, audit.target) == ("image-folder", root, "label")
    assert (audit.summary.rows, audit.summary.usable, audit.summary.patients) == (3, 2, 3)
    assert audit.classes == {"sick": 1, "well": 1}
    assert [tuple(row) for row in audit.entries[["image_path", "reason"]].to_numpy()] == [
        ("well/P3.jpg", "does not decode")
    ]
    assert {finding.severity for finding in audit.findings} <= {"warning", "note"}
    assert (audit.shortcuts, audit.probe) == (None, None)
    assert repr(audit).startswith(f"<Audit of image-folder in {root}: 2 of 3 rows usable, ")
    assert capfd.readouterr() == ("", "")


def test_a_file_gets_the_table_alone(root, tmp_path):
    bz.audit("image-folder", root=root, out=tmp_path / "own.csv", progress=False)
    assert (tmp_path / "own.csv").read_text().startswith("row,image_path,")
    assert {path.name for path in tmp_path.iterdir()} == {"root", "own.csv"}


def test_folds_without_a_split_are_refused(root):
    with pytest.raises(bz.UserError, match="--folds and --seed are settings of --split: give --split too"):
        bz.audit("image-folder", root=root, folds=3)


def test_a_sheet_of_crops_is_drawn(tmp_path):
    rows, columns = np.mgrid[:120, :90]
    picture = np.where(((rows - 60) / 40) ** 2 + (columns / 50) ** 2 < 1, 170, 5).astype(np.uint8)
    for name in ("sick/P1.png", "well/P2.png"):
        (tmp_path / "root" / name).parent.mkdir(parents=True)
        Image.fromarray(picture).save(tmp_path / "root" / name)
    audit = bz.audit("image-folder", root=tmp_path / "root", crops=tmp_path / "new" / "crops.png", progress=False)
    assert [crop.breast.x0 for crop in audit.seen] == [0, 0]
    assert not any(crop.breast.chest_right for crop in audit.seen)
    with Image.open(tmp_path / "new" / "crops.png") as sheet:
        drawn = np.asarray(sheet.convert("RGB")).astype(int)
    walls = (abs(drawn - [0xC8, 0x50, 0x1E]).sum(axis=2) < 30).sum()
    boxes = (abs(drawn - [0x5E, 0xF2, 0xFF]).sum(axis=2) < 60).sum()
    assert walls > 2 * 200, "a thick line along each chest wall"
    assert boxes > 2 * 200, "and a box around each breast"


def test_a_sheet_of_crops_is_a_png(root, tmp_path):
    with pytest.raises(bz.UserError, match=r"--crops writes a picture: give a file name that ends in \.png"):
        bz.audit("image-folder", root=root, crops=tmp_path / "crops.pdf", progress=False)
