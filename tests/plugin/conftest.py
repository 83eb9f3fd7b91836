"""Fixtures of the host's tests: texts of plugins, written to files or installed as distributions."""

import sys
from pathlib import Path

import pytest

from birads_zoo.interfaces import PROJECT

_STUB = """
from birads_zoo import BackboneSpec, hookimpl

def build(context):
    from torch import nn
    return nn.Conv2d(context.in_channels, 8, 3, stride=4)

@hookimpl
def birads_zoo_backbones():
    return [BackboneSpec(name="{name}", summary="one convolution", build=build)]
"""
_ONE_OF_EACH = """
from birads_zoo import (
    AblationSpec, AugmentationSpec, BackboneSpec, DatasetSpec, ExplainerSpec, LossSpec, Target, TrackerSpec, hookimpl
)

def call(argument):
    raise AssertionError("it is not called in these tests")

target = Target(name="t", column="label", classes=None)

@hookimpl
def birads_zoo_datasets():
    return [DatasetSpec(name="my-datasets", summary="s", load=call, targets=(target,), aliases=("my-other-name",))]

@hookimpl
def birads_zoo_augmentations():
    return [AugmentationSpec(name="my-augmentations", summary="s", build=call)]

@hookimpl
def birads_zoo_losses():
    return [LossSpec(name="my-losses", summary="s", build=call)]

@hookimpl
def birads_zoo_backbones():
    return [BackboneSpec(name="my-backbones", summary="s", build=call)]

@hookimpl
def birads_zoo_explainers():
    return [ExplainerSpec(name="my-explainers", summary="s", build=call)]

@hookimpl
def birads_zoo_trackers():
    return [TrackerSpec(name="my-trackers", summary="s", build=call)]

@hookimpl
def birads_zoo_ablations():
    return [AblationSpec(name="my-ablations", summary="s", recipe=call)]
"""


@pytest.fixture
def stub():
    """The text of a plugin with one backbone: `stub("my-net")`."""
    return lambda name: _STUB.format(name=name)


@pytest.fixture
def one_of_each():
    """The text of a plugin that registers one part of each kind, my-datasets to my-ablations."""
    return _ONE_OF_EACH


@pytest.fixture
def write(tmp_path):
    """Write a plugin file: `write("my_net.py", stub("my-net"))`."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution "acme-zoo 0.3" on the path; its entry points are modules with the given texts."""
    site = tmp_path / "site"
    info = site / "acme_zoo-0.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-zoo\nVersion: 0.3\n")
    modules = []

    def install(**texts: str) -> None:
        lines = [f"[{PROJECT}]"]
        for point, text in texts.items():
            module = f"acme_{point}_{tmp_path.name}"
            modules.append(module)
            (site / f"{module}.py").write_text(text)
            lines.append(f"{point} = {module}")
        (info / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(site)

    yield install
    for module in modules:
        sys.modules.pop(module, None)
