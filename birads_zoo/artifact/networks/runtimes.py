"""Opens exported graphs in the runtimes that execute them: ONNX Runtime, and OpenVINO."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from birads_zoo.artifact.manifest import NetworkFormat
from birads_zoo.artifact.networks.exported import Network
from birads_zoo.artifact.networks.packages import import_package
from birads_zoo.devices import Compute
from birads_zoo.errors import UserError
from birads_zoo.files.regular import read_regular

_CUDA = "CUDAExecutionProvider"  # as ONNX Runtime calls it
_INPUTS = {"images", "present"}
_AGAIN = "export the run again"

Run = Callable[[dict[str, NDArray[Any]]], Iterable[NDArray[np.float32]]]


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """A program that executes graphs: `open` opens a file, and `device` chooses among "auto", "cpu" and "cuda:N"."""

    open: Callable[[Path, Compute], Network]
    device: Callable[[str], str]


def open_onnx(path: Path, compute: Compute) -> Network:
    """Open `path` in ONNX Runtime, on the compute's device.

    Raises:
        UserError: if ONNX Runtime is missing, does not support the device, or cannot read the file.

    """
    runtime = import_package("onnxruntime", "onnx")
    provider = _CUDA if compute.device.type == "cuda" else "CPUExecutionProvider"
    if provider not in runtime.get_available_providers():
        raise UserError("this onnxruntime cannot use CUDA; install onnxruntime-gpu, or give --device cpu")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Else its threads run on between two batches, and take time from those that read pictures and from other networks.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    content = _content(path)  # without its path a network cannot read weights from other files
    try:
        session = runtime.InferenceSession(content, options, providers=[provider])
    except Exception as error:  # its exceptions have no common type
        raise _cannot("open", "ONNX Runtime", path, error) from None
    names = [entry.name for entry in session.get_inputs()]
    _check_ends(path, names, [entry.type == "tensor(float)" for entry in session.get_outputs()])
    return _network("ONNX Runtime", path, names, lambda inputs: session.run(None, inputs))


def open_openvino(path: Path, compute: Compute) -> Network:
    """Open the graph in `path`, whose weights are in the file `.bin` beside it, in OpenVINO on the CPU.

    Raises:
        UserError: if OpenVINO is missing, or cannot read the files.

    """
    openvino = import_package("openvino", "openvino")
    graph, weights = _content(path), _content(path.with_suffix(".bin"))
    if not graph.startswith(b"<?xml"):  # OpenVINO would take it for ONNX, and read any file that it names
        raise UserError(f"{path} is no graph of OpenVINO; {_AGAIN}")
    settings = {
        "INFERENCE_PRECISION_HINT": "f32" if compute.autocast is None else "bf16",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",  # all threads work on one batch
        "ENABLE_CPU_PINNING": False,  # a thread may leave a processor that others use
    }
    try:
        core = openvino.Core()
        read = core.read_model(model=graph, weights=openvino.Tensor(np.frombuffer(weights, np.uint8)))
        compiled = core.compile_model(read, "CPU", settings)
        names = [entry.get_any_name() for entry in compiled.inputs]
        are_floats = [entry.get_element_type() == openvino.Type.f32 for entry in compiled.outputs]
    except Exception as error:  # its exceptions have no common type
        raise _cannot("open", "OpenVINO", path, error) from None
    _check_ends(path, names, are_floats)
    # The outputs are copied: the next batch overwrites OpenVINO's own memory.
    return _network("OpenVINO", path, names, lambda inputs: [values.copy() for values in compiled(inputs).to_tuple()])


def open_own_program(path: Path) -> Network:
    """Open an exported program that this process has just written; never use it for other files.

    `torch.export.load` unpickles tensors and constants if the file says so (torch 2.14,
    `export/pt2_archive/_package.py`, `weights_only=False`), so a file from elsewhere could run any code.
    """
    program = torch.export.load(path).module()

    def network(images: Tensor, present: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = program(images, present) if images.shape[1] > 1 else program(images)
        return outputs

    return network


def _onnx_device(device: str) -> str:
    """Return `device`, but "cpu" for "auto" if the installed ONNX Runtime does not support the GPU."""
    if device == "auto" and _CUDA not in import_package("onnxruntime", "onnx").get_available_providers():
        return "cpu"
    return device


def _openvino_device(device: str) -> str:
    if device not in ("auto", "cpu"):
        raise UserError("a model of the format openvino predicts on the CPU; give --device cpu, or leave it out")
    return "cpu"


RUNTIMES: dict[NetworkFormat, Runtime] = {
    "onnx": Runtime(open=open_onnx, device=_onnx_device),
    "openvino": Runtime(open=open_openvino, device=_openvino_device),
}
"""The runtime of each format whose files it opens; nothing in such a file is executed as Python."""


def _network(runtime: str, path: Path, names: list[str], run: Run) -> Network:
    """Return a graph with the inputs `names` as a network of tensors."""

    def network(images: Tensor, present: Tensor) -> tuple[Tensor, ...]:
        inputs = {"images": images.cpu().numpy(), "present": present.cpu().numpy()}
        try:
            outputs = run({name: inputs[name] for name in names})
        except Exception as error:
            raise _cannot("run", runtime, path, error) from None
        return tuple(torch.from_numpy(output) for output in outputs)

    return network


def _content(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; {_AGAIN}") from None


def _check_ends(path: Path, inputs: list[str], are_floats: list[bool]) -> None:
    if not {*inputs} <= _INPUTS or not all(are_floats):
        raise UserError(f"{path} has other inputs and outputs than a network of birads-zoo; {_AGAIN}")


def _cannot(do: str, runtime: str, path: Path, error: Exception) -> UserError:
    lines = [line.strip() for line in str(error).splitlines()]
    reason = next((line for line in lines if line and not line.startswith("Exception from")), type(error).__name__)
    return UserError(f"{runtime} cannot {do} {path} ({reason}); {_AGAIN}")
