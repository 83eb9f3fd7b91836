"""Opening an exported network leaves nothing on the machine."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest


@pytest.mark.parametrize(
    ("module", "reports"), [("onnxruntime", True), ("birads_zoo.artifact.networks.runtimes", False)]
)
def test_onnx_runtime_reports_nothing_to_its_maker(tmp_path, module, reports):
    """From 1.29 on it makes an id of the machine for its reports, as soon as it is imported."""
    runtime = pytest.importorskip("onnxruntime")
    if tuple(map(int, runtime.__version__.split(".")[:2])) < (1, 29) or sys.platform != "linux":
        pytest.skip("this ONNX Runtime has no telemetry here")
    code = f"import {module} as module; getattr(module, '_onnx_device', str)('auto')"
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    places = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", code], env=environment | places, check=True)
    assert any(path.name == ".onnxruntime" for path in tmp_path.rglob("*")) == reports


@pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed (make install)")
def test_openvino_reports_nothing_to_its_maker(tmp_path):
    """Its import makes an id of the machine in ~/intel, and reports itself, if it finds its package for that."""
    code = "from birads_zoo.artifact.networks.packages import import_package as get; get('openvino', 'openvino').Core()"
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    subprocess.run([sys.executable, "-c", code], env=environment | {"HOME": str(tmp_path)}, check=True)
    assert list(tmp_path.iterdir()) == []
