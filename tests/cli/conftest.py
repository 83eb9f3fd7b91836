"""Fixtures of the command line's tests: an empty working directory, and plugin files in it."""

import time

import pytest

_STUB = """
from birads_zoo import BackboneSpec, hookimpl

PLUGIN_API = 1

def build(context):
    from torch import nn
    return {module}

@hookimpl
def birads_zoo_backbones():
    return [BackboneSpec(name="{name}", summary="one convolution", build=build)]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write_net(folder):
    """Write a file with one backbone into the working directory: `write_net("my_net.py", name="my-net")`."""

    def write(file: str, name: str, module: str = "nn.Conv2d(context.in_channels, 8, 3, stride=4)") -> None:
        (folder / file).write_text(_STUB.format(name=name, module=module))

    return write


@pytest.fixture
def refused(zoo, folder):
    """Run a command that must fail, check that it leaves nothing, and return its error message."""

    def run(*arguments):
        result = zoo(*arguments)
        last = result.err.splitlines()[-1]
        assert result.status == 2, result.err
        assert last.startswith("birads-zoo: error: ")
        assert result.out == ""
        assert "Traceback" not in result.err
        assert not list(folder.glob("runs/*")), "a refused run left a folder"
        assert not list(folder.rglob(".*")), "a temporary file was left"
        return last.removeprefix("birads-zoo: error: ")

    return run


@pytest.fixture
def results_of(rows_of):
    """The leaderboard of a study without what is measured by the clock, and the predictions of its runs."""
    measured = {"training (images/s)", "prediction (images/s)", "peak memory (GiB)", "a run (minutes)"}

    def read(study):
        rows = [{name: row[name] for name in row.keys() - measured} for row in rows_of(study / "leaderboard.csv")]
        return rows, {path.parent.name: path.read_bytes() for path in study.glob("runs/*/predictions.csv")}

    return read


@pytest.fixture(scope="session")
def wait_for():
    """Wait until a condition holds while a process goes on: `wait_for(condition, process)`."""

    def wait(condition, process):
        until = time.monotonic() + 180
        while not condition():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < until, "it does not happen"
            time.sleep(0.1)

    return wait
