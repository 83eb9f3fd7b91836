"""A data set of DICOM files from the audit to the predictions: no output names a patient."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SMALL = ["--image-size", "32x32", "--epochs", "1", "--folds", "2", "--device", "cpu"]
SECRETS = (b"QUUX", b"ZELDA", b"QUUX CLINIC", b"19700401")


@pytest.fixture(scope="module")
def root(tmp_path_factory, phantom_root, write_dicom):
    """The phantom's pictures as DICOM files of 12 bits, with a table by the patient ids in their headers."""
    folder = tmp_path_factory.mktemp("dicom")
    rows = []
    for number, path in enumerate(sorted((phantom_root / "mammograms").rglob("*.jpg"))):
        try:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("L")).astype(np.uint16) * np.uint16(16)
        except OSError:
            continue  # the phantom has broken files too
        _, person, exposure = path.stem.split("_", 2)
        view, side = exposure.split()[-1].split("_")
        patient = f"QUUX-{person}"
        shown = {"ImageLaterality": side, "ViewPosition": view, "PatientID": patient, "StudyDate": "20190425"}
        write_dicom(folder / f"files/{number}", pixels, BitsStored=12, Manufacturer=f"Maker {number % 2}", **shown)
        rows.append(f"{patient},{side},{view},{path.parent.name[-1]}")
    (folder / "labels.csv").write_text("\n".join(["patient id,side,view,birads", *rows]))
    write_dicom(folder / "files/raw", pixels, BitsStored=12, PresentationIntentType="FOR PROCESSING")
    return folder


def _assert_nobody_is_named(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes().upper()
        assert not any(secret in content for secret in SECRETS), f"{path} names a patient"


def test_audit_and_run_name_nobody(tmp_path, zoo, root, rows_of, monkeypatch):
    cache = tmp_path / "cache"  # a shared cache's pixels can hold any four letters by chance
    monkeypatch.setenv("BIRADS_ZOO_CACHE", str(cache))
    dataset = ["--dataset", "dicom-folder", "--root", root, "--table", "labels.csv"]
    result = zoo("audit", *dataset, "--out", tmp_path / "audit.csv", "--json")
    assert result.status == 0, result.err
    assert json.loads(result.out)["dropped"]["raw image"] == 1
    assert not any(secret.decode() in (result.out + result.err).upper() for secret in SECRETS)
    result = zoo("run", *dataset, "--backbone", "baseline_cnn", *SMALL, "--out", tmp_path / "runs")
    assert result.status == 0, result.err
    assert not any(secret.decode() in (result.out + result.err).upper() for secret in SECRETS)
    predicted = rows_of(tmp_path / "runs/baseline_cnn/predictions.csv")
    assert {row["patient_id"][0] for row in predicted} == {"P"}
    assert {row["image_path"].partition("/")[0] for row in predicted} == {"files"}
    _assert_nobody_is_named(tmp_path)
    stores = [np.load(path, mmap_mode="r") for path in cache.rglob("pixels.npy")]
    assert any(store.dtype == np.uint16 and len(store) >= len(predicted) for store in stores), "12 bits are kept"
