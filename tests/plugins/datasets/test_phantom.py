from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from birads_zoo.errors import UserError
from birads_zoo.interfaces import INDEX_COLUMNS, DatasetContext, chance_column
from birads_zoo.phantoms.files.writer import generate
from birads_zoo.phantoms.options import PhantomOptions
from birads_zoo.phantoms.truth import PROBABILITIES_FILE, TRUTH_FILE
from birads_zoo_plugins.datasets import _phantom, birads_zoo_datasets, load_phantom

OPTIONS = PhantomOptions(patients=6, height=64, width=48)


CHANCES = [chance_column("assessment", category) for category in "1345"]


@pytest.fixture
def phantom(tmp_path: Path) -> Path:
    generate(tmp_path / "phantom", OPTIONS)
    return tmp_path / "phantom"


def test_it_is_read_like_kaumds_with_the_lesions_filled_in(phantom: Path) -> None:
    index = load_phantom(DatasetContext(root=phantom))
    rows = index.rows
    assert tuple(rows.columns) == (*INDEX_COLUMNS, *CHANCES)
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


def test_every_picture_has_the_probabilities_of_its_categories(phantom: Path) -> None:
    rows = load_phantom(DatasetContext(root=phantom)).rows
    pictured = rows[rows["assessment"] != "2"]
    assert len(pictured) == 4 * 6
    assert pictured[CHANCES].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    harmless = pictured["assessment"] == "1"
    assert (pictured.loc[harmless, CHANCES[0]] == 1).all()
    assert (pictured.loc[~harmless, CHANCES[0]] == 0).all()
    assert pictured.loc[~harmless, CHANCES].to_numpy().max() < 1, "what a reader calls a lesion is never certain"
    assert rows.loc[rows["assessment"] == "2", CHANCES].isna().all(axis=None), "there is no picture"


def test_a_phantom_of_dicom_files_has_the_same_rows(phantom: Path, tmp_path: Path) -> None:
    generate(tmp_path / "dicom", replace(OPTIONS, format="dicom"))
    rows, other = (load_phantom(DatasetContext(root=root)).rows for root in (phantom, tmp_path / "dicom"))
    present = other["image_path"].str.endswith(".dcm")
    assert present.sum() == 4 * 6 - 2, "all except the missing pictures"
    same = ["patient_id", "laterality", "view", "assessment", "density", "age", "study_date", *CHANCES]
    pd.testing.assert_frame_equal(rows.loc[present, same], other.loc[present, same])
    assert rows["lesions"].map(len).tolist() == other["lesions"].map(len).tolist()


def test_the_reader_of_dicom_folders_agrees_with_the_sheet(tmp_path: Path) -> None:
    generate(tmp_path / "dicom", replace(OPTIONS, format="dicom", damaged=0))
    sheet = load_phantom(DatasetContext(root=tmp_path / "dicom")).rows.set_index("image_path")
    spec = next(spec for spec in birads_zoo_datasets() if spec.name == "dicom-folder")
    index = spec.load(DatasetContext(root=tmp_path / "dicom" / "mammograms", options=spec.options()))
    assert len(index.rows) == 4 * 6
    for row in index.rows.itertuples():
        same = sheet.loc[f"mammograms/{row.image_path}"]
        assert (row.laterality, row.view, row.age) == (same["laterality"], same["view"], same["age"])
    assert index.rows.groupby("patient_id").size().eq(4).all()


def test_without_a_root_the_phantom_of_the_options_is_made_and_read(
    phantom: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.setattr(_phantom, "phantom", lambda **options: calls.append(options) or phantom)
    spec = next(spec for spec in birads_zoo_datasets() if spec.name == "phantom")
    for options in (spec.options(), spec.options(patients=7, seed=3)):
        assert spec.load(DatasetContext(root=None, options=options)).root == phantom
    assert calls == [{"patients": 100, "seed": 0}, {"patients": 7, "seed": 3}]


def test_a_folder_without_the_truth_is_refused(phantom: Path) -> None:
    (phantom / TRUTH_FILE).unlink()
    with pytest.raises(UserError, match=r"lesions\.csv does not exist, so this is not a phantom .* --dataset kaumds"):
        load_phantom(DatasetContext(root=phantom))


def test_a_broken_truth_is_named_with_its_line(phantom: Path) -> None:
    truth = phantom / TRUTH_FILE
    header, *lines = truth.read_text().splitlines()
    truth.write_text("\n".join([header, lines[0].rsplit(",", 1)[0] + ",wide"]))
    with pytest.raises(UserError, match=r"lesions\.csv, line 2: radius is not a number"):
        load_phantom(DatasetContext(root=phantom))
    truth.write_text(header.replace("radius", "size"))
    with pytest.raises(UserError, match=r"lesions\.csv has no column 'radius'"):
        load_phantom(DatasetContext(root=phantom))


def test_a_phantom_of_an_older_version_is_refused_with_the_missing_file(phantom: Path) -> None:
    (phantom / PROBABILITIES_FILE).unlink()
    with pytest.raises(UserError, match=r"probabilities\.csv does not exist, so this is not a phantom of this version"):
        load_phantom(DatasetContext(root=phantom))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", [TRUTH_FILE, PROBABILITIES_FILE])
def test_a_pipe_in_place_of_the_truth_is_refused(phantom: Path, as_pipe, name: str) -> None:
    file = as_pipe(phantom / name)
    with pytest.raises(UserError, match=f"^cannot read {file}: it is a pipe or a device, not a regular file; make the"):
        load_phantom(DatasetContext(root=phantom))


@pytest.mark.parametrize("row", [b"\xff\n", b"a" * 200_000])
def test_a_truth_that_is_no_table_is_refused(phantom: Path, row: bytes) -> None:
    header = (phantom / TRUTH_FILE).read_bytes().partition(b"\n")[0]
    (phantom / TRUTH_FILE).write_bytes(header + b"\n" + row)
    with pytest.raises(UserError, match=rf"^{phantom / TRUTH_FILE} is damaged \(.*\): make the phantom again"):
        load_phantom(DatasetContext(root=phantom))
