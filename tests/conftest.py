"""Fixtures of all tests: their own cache, a small phantom, one finished run, and the command line in-process."""

import contextlib
import csv
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import filelock
import hypothesis
import pytest
from PIL import Image

# `make test` draws the same examples each time. `--hypothesis-profile=random --hypothesis-seed=N`, as in
# `make test-all`, searches further. Neither remembers examples from earlier runs, or fails on a slow machine.
hypothesis.settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
hypothesis.settings.register_profile("random", database=None, deadline=None)
hypothesis.settings.load_profile("fixed")

# Tests that import ONNX Runtime themselves must not send telemetry to its maker either.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

pytest_plugins = [
    "fixtures.browser",
    "fixtures.dicom",
    "fixtures.documents",
    "fixtures.pipes",
    "fixtures.real",
    "fixtures.results",
]

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
    "complete.json",
    "split.csv",
    "validation.csv",
}
"""The files in the folder of a finished run."""
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


class CommandResult(NamedTuple):
    """A command's exit status and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """No test reads or fills the user's cache."""
    os.environ["BIRADS_ZOO_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def few_repeats():
    """Runs test shortcuts with 4 refits, not 20, and time one pass: tests/shortcuts and test_cost use all of them."""
    from birads_zoo.shortcuts import permutation_test
    from birads_zoo.training import cost

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(permutation_test, "RETRAININGS", 4)
        patch.setattr(cost, "_TIMED_PASSES", 1)
        yield


@pytest.fixture
def no_figures(monkeypatch):
    """Runs without their own figures and heat maps, which take most of a small run's time."""
    from birads_zoo import pipeline

    monkeypatch.setattr(pipeline, "draw_all", lambda *given: None)
    monkeypatch.setattr(pipeline, "explain_fold", lambda *given: None)


@pytest.fixture(scope="session")
def zoo(few_repeats):
    """Run a `birads-zoo` command in this process: `zoo("list", "--json")` → status, out, err."""
    from birads_zoo.cli import main

    def run(*arguments: object) -> CommandResult:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        return CommandResult(stopped.value.code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def shared(tmp_path_factory, request):
    """Run a command once for all processes of a test run: `shared("name", command)` → its folder, its `CommandResult`.

    `command` gets an empty folder and fills it. The processes of pytest-xdist share one folder above their own.
    """
    base = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        base = base.parent

    def fill(name: str, command: Callable[[Path], CommandResult]) -> tuple[Path, CommandResult]:
        folder, record = base / f"shared-{name}", base / f"shared-{name}.json"
        with filelock.FileLock(base / f"shared-{name}.lock"):
            if not record.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                result = command(folder)
                assert result.status == 0, result.err
                record.write_text(json.dumps(result))
        return folder, CommandResult(*json.loads(record.read_text()))

    return fill


@pytest.fixture(scope="session")
def phantom_root(shared, zoo):
    """A small balanced phantom in KAUMDS' layout. Read-only by agreement."""
    phantom = ["phantom", "--patients", 16, "--size", "128x96", "--balance", "balanced"]
    return shared("phantom", lambda folder: zoo(*phantom, "--out", folder / "root"))[0] / "root"


@pytest.fixture(scope="session")
def finished(shared, zoo, phantom_root):
    """The folder of one finished run, and what it printed. Read-only by agreement."""
    run = ["run", "--dataset", "phantom", "--root", phantom_root, "--backbone", "baseline_cnn", *SMALL]
    folder, result = shared("run", lambda folder: zoo(*run, "--out", folder))
    return folder / "baseline_cnn", result


@pytest.fixture(scope="session")
def exported(shared, zoo, finished):
    """The folder of that run exported as safetensors. Read-only by agreement."""
    export = ["export", finished[0], "--device", "cpu"]
    return shared("model", lambda folder: zoo(*export, "--out", folder / "model"))[0] / "model"


@pytest.fixture(scope="session")
def rows_of():
    """Read a CSV file: `rows_of(path)` → a dict of texts per row."""

    def read(path: Path) -> list[dict[str, str]]:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return read


@pytest.fixture(scope="session")
def check_folder(rows_of):
    """Check that a run's folder is complete, with figures if `drawn`, and return its metrics."""

    def check(folder: Path, drawn: bool = True) -> dict[str, object]:
        assert {path.name for path in folder.iterdir()} == LEFT
        assert {path.stem for path in (folder / "figures").iterdir()} == (FIGURES if drawn else set())
        for path in (folder / "figures").iterdir():
            with Image.open(path) as image:
                assert image.format == "PNG"
        metrics = json.loads((folder / "metrics.json").read_text())
        assert metrics["n"] == sum(row["part"] == "test" for row in rows_of(folder / "predictions.csv"))
        return metrics

    return check
