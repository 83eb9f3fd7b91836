"""What all tests share: a cache of their own, a small phantom, one finished run, and the command line in-process."""

import contextlib
import csv
import io
import json
import os
import shutil
import tarfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

SMALL = ["--image-size", "32x32", "--epochs", "1", "--folds", "2", "--device", "cpu"]
"""Flags that make any run take a second or two."""
LEFT = {
    "audit.csv",
    "checkpoints",
    "cost.json",
    "environment.json",
    "figures",
    "metrics.json",
    "metrics.jsonl",
    "predictions.csv",
    "recipe.toml",
    "split.csv",
    "validation.csv",
}
"""What a finished run leaves in its folder."""
FIGURES = {
    "class-distribution",
    "conformal-sets",
    "confusion-matrix",
    "grad-cam",
    "learning-curves",
    "misclassified",
    "pr-curves",
    "reliability",
    "roc-curves",
    "sample-grid",
    "subgroups",
}


class Said(NamedTuple):
    """What a command left: its exit status and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """No test reads or fills the user's cache."""
    os.environ["BIRADS_ZOO_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def zoo():
    """Run a `birads-zoo` command in this process: `zoo("list", "--json")` → status, out, err."""
    from birads_zoo.cli import main

    def run(*arguments: object) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        return Said(stopped.value.code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def phantom_root(tmp_path_factory, zoo):
    """A small balanced phantom in KAUMDS' layout. Read-only by agreement."""
    root = tmp_path_factory.mktemp("phantom") / "root"
    said = zoo("phantom", "--patients", 16, "--size", "128x96", "--balance", "balanced", "--out", root)
    assert said.status == 0, said.err
    return root


@pytest.fixture(scope="session")
def finished(tmp_path_factory, zoo, phantom_root):
    """The folder of one finished run, and what it printed. Read-only by agreement."""
    out = tmp_path_factory.mktemp("runs")
    said = zoo(
        "run", "--dataset", "phantom", "--root", phantom_root, "--backbone", "baseline_cnn", *SMALL, "--out", out
    )
    assert said.status == 0, said.err
    return out / "baseline_cnn", said


@pytest.fixture(scope="session")
def measure_rows():
    """Measure made-up predictions: `measure_rows(labels, probabilities, classes, ordinal=False)` → `RunMetrics`.

    Every row is a patient's own, in fold 0 or 1 by turns, and `positive` are the last two classes; the one shortcut
    gives every class the same probability.
    """
    import pandas as pd

    from birads_zoo.interfaces import Target
    from birads_zoo.recipe import Recipe
    from birads_zoo.runs.measure import measure
    from birads_zoo.runs.predictions import ABOUT
    from birads_zoo.shortcuts.rungs import Rung

    def make(labels, probabilities, classes, *, ordinal=True):
        n, k = np.shape(probabilities)
        rows = pd.DataFrame(dict.fromkeys(ABOUT, ""), index=range(n))
        rows = rows.assign(part="test", fold=np.arange(n) % 2, label=np.array(classes)[labels])
        rows["patient_id"] = [f"P{i:02}" for i in range(n)]
        rows[[f"probability_{name}" for name in classes]] = probabilities
        target = Target(name="made-up", column="label", classes=None, ordinal=ordinal, positive=tuple(classes[-2:]))
        labelled = SimpleNamespace(classes=tuple(classes), target=target, labels=np.asarray(labels))
        folds = tuple(SimpleNamespace(number=number, train=np.arange(n)) for number in (0, 1))
        rungs = (Rung(name="majority", summary="", probabilities=np.full((n, k), 1 / k)),)
        return measure(rows, SimpleNamespace(labelled=labelled, folds=folds), Recipe(), rungs, {})

    return make


@pytest.fixture(scope="session")
def made_metrics(measure_rows):
    """The metrics of 24 made-up rows, some of their keys in metrics.json changed: `made_metrics(leaky=True)`."""
    import msgspec

    from birads_zoo.results.metrics import RunMetrics

    labels = np.arange(24) % 4
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), 24) + np.eye(4)[labels]
    classes = ("BI-RADS 1", "BI-RADS 3", "BI-RADS 4", "BI-RADS 5")
    values = msgspec.to_builtins(measure_rows(labels, probabilities / 2, classes))

    return lambda **changes: msgspec.convert(values | changes, RunMetrics)


@pytest.fixture(scope="session")
def explanations_found():
    """What explanations.json says of explainers, given the keys that matter: `explanations_found({"cam": {…}}, n=2)`."""
    import msgspec

    from birads_zoo.results.explanations import ExplanationsFound

    one = {"faithful": True, "verdict": "", "depends_on_weights": True, "n": 24, "n_lesions": 5, "n_lesion_patients": 5}
    one |= {"scores": {}, "baselines": {}, "gain": {}, "maps": "", "overlays": "", "passes": 1, "draws": 1}
    of = {"n": 24, "of": 24, "patients": 16, "with_lesions": 5, "target": "birads", "classes": ("a", "b"), "folds": 2}
    how = {"split": "patient", "leaky": False, "height": 4, "width": 3, "level": 0.95, "method": "", "seconds": 1.0}

    def make(explainers, **changes):
        judged = {"explainers": {name: one | own for name, own in explainers.items()}}
        return msgspec.convert(of | how | judged | changes, ExplanationsFound)

    return make


@pytest.fixture(scope="session")
def write_dicom():
    """Write a DICOM file: `write_dicom(path, pixels, BitsStored=12, WindowCenter=…)` → the path.

    Pixels are H×W of uint8 to int16, uncompressed unless `TransferSyntaxUID` comes with bytes and `Rows`, `Columns`. An
    element given as `None` is left out. Who is named in it can be found in anything that quotes it: "Quux^Zelda".
    """
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    def write(path: Path, pixels, **elements) -> Path:
        syntax = elements.pop("TransferSyntaxUID", ExplicitVRLittleEndian)
        dataset = pydicom.Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        found = {
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2",
            "SOPInstanceUID": generate_uid(),
            "StudyInstanceUID": generate_uid(),
            "Modality": "MG",
            "PatientName": "Quux^Zelda",
            "PatientID": "QUUX-0815",
            "PatientBirthDate": "19700401",
            "InstitutionName": "Quux Clinic",
            "ReferringPhysicianName": "Quux^Physician",
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
        }
        if isinstance(pixels, np.ndarray):
            bits = 8 * pixels.itemsize
            found |= {"Rows": pixels.shape[0], "Columns": pixels.shape[1], "BitsAllocated": bits, "BitsStored": bits}
            found |= {"PixelRepresentation": int(pixels.dtype.kind == "i")}
            pixels = pixels.tobytes()
        found |= {"PixelData": pixels + b"\0" * (len(pixels) % 2)} | elements
        if found.get("BitsStored"):
            found.setdefault("HighBit", found["BitsStored"] - 1)
        for name, value in found.items():
            if value is not None and name == "PixelData":
                dataset.add_new(name, "OW", value)  # it is that of what compresses and of what does not
            elif value is not None:
                setattr(dataset, name, value)
        if syntax.is_compressed:
            dataset["PixelData"].is_undefined_length = True
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture(scope="session")
def rows_of():
    """Read a CSV file: `rows_of(path)` → a dict of texts per row."""

    def read(path: Path) -> list[dict[str, str]]:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return read


@pytest.fixture(scope="session")
def check_folder(rows_of):
    """Check that a run's folder is complete: `check_folder(folder)` → its metrics."""

    def check(folder: Path) -> dict[str, object]:
        assert {path.name for path in folder.iterdir()} == LEFT
        assert {path.stem for path in (folder / "figures").iterdir()} == FIGURES
        for path in (folder / "figures").iterdir():
            with Image.open(path) as image:
                assert image.format == "PNG"
        metrics = json.loads((folder / "metrics.json").read_text())
        assert metrics["n"] == sum(row["part"] == "test" for row in rows_of(folder / "predictions.csv"))
        return metrics

    return check


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data sets, from BIRADS_ZOO_DATA."""
    if not (folder := os.environ.get("BIRADS_ZOO_DATA")):
        pytest.skip("BIRADS_ZOO_DATA is not set: no real data here")
    return Path(folder)


@pytest.fixture(scope="session")
def unpack_mini_mias(real_data):
    """Unpack `Info.txt` and the archive's first films: `unpack_mini_mias(root, films=24)` → root."""

    def unpack(root: Path, films: int) -> Path:
        (root / "pgm").mkdir()
        left = {"Info.txt": 1, "film": films}
        with tarfile.open(real_data / "mini-mias.tar.xz", "r|xz") as archive:
            for member in archive:
                name = Path(member.name).name  # nothing can lead out of the root
                kind = "film" if name.endswith(".pgm") else name
                if left.get(kind, 0):
                    (root / "pgm" / name).write_bytes(archive.extractfile(member).read())
                    left[kind] -= 1
                if not any(left.values()):
                    break
        return root

    return unpack


@pytest.fixture(scope="session")
def real_weights():
    """The folder of ImageNet weights, from BIRADS_ZOO_WEIGHTS."""
    if not (folder := os.environ.get("BIRADS_ZOO_WEIGHTS")):
        pytest.skip("BIRADS_ZOO_WEIGHTS is not set: no pretrained weights here")
    return Path(folder)


def _chromium() -> str | None:
    named = os.environ.get("BIRADS_ZOO_CHROMIUM")
    # Debian's browser itself: its wrapper in /usr/bin does not start where /etc/chromium.d is missing.
    names = (named, "/usr/lib/chromium/chromium", "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def until():
    """Wait until an expression is true in a page: `until(page, text)`. Playwright's own way needs `eval` there."""

    def wait(page, expression: str) -> None:
        end = time.monotonic() + 10
        while not page.evaluate(expression):
            assert time.monotonic() < end, f"never became true: {expression}"
            page.wait_for_timeout(20)

    return wait


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium, one for all: Playwright runs once in a process. Skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make install)")
    if (path := _chromium()) is None:
        pytest.skip("no chromium here: install it, or name one in BIRADS_ZOO_CHROMIUM")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()
