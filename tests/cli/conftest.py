"""Fixtures of the command line's tests: an empty working directory, and plugin files in it."""

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
