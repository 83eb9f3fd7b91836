"""Writes a fold's network in the export formats."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from birads_zoo.artifact.manifest import NetworkFormat
from birads_zoo.artifact.networks.exported import ExportedNetwork
from birads_zoo.artifact.networks.packages import import_package
from birads_zoo.data.index.view_names import count_views
from birads_zoo.errors import UserError
from birads_zoo.recipe import Recipe

_OUTPUTS = ["scores", "probabilities", "features"]
_OPSET = 18  # the lowest that torch's exporter writes without converting


def save_network(kind: NetworkFormat, network: ExportedNetwork, recipe: Recipe, path: Path) -> None:
    """Write `network`, which is on the CPU, to `path`, for batches of any size; only its classifier as "safetensors".

    A network of one view takes `images`, one of several views `images` and `present`. The weights of "openvino" are in
    a second file beside `path`, with the suffix `.bin`.

    Raises:
        UserError: if the format needs a package that is not installed, or cannot express this network.

    """
    for package in _PACKAGES.get(kind, ()):
        import_package(package, kind)
    try:
        with torch.no_grad(), _quiet():
            _WRITERS[kind](network.eval(), recipe, path)
    except UserError:
        raise
    except Exception as error:  # torch has no common exception for networks that it cannot trace
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UserError(
            f"{recipe.model.backbone} cannot be exported as {kind} ({reason}); export it as safetensors"
        ) from error


def _save_weights(network: ExportedNetwork, _: Recipe, path: Path) -> None:
    weights = {name: tensor.contiguous() for name, tensor in network.classifier.state_dict().items()}
    path.write_bytes(
        safetensors.torch.save(weights)
    )  # not `save_file`, which makes files that only their owner can read


def _save_program(network: ExportedNetwork, recipe: Recipe, path: Path) -> None:
    inputs, shapes = _inputs(recipe)
    program = torch.export.export(network, tuple(inputs.values()), dynamic_shapes=shapes, strict=False)
    torch.export.save(program, path)


def _save_onnx(network: ExportedNetwork, recipe: Recipe, path: Path) -> None:
    if torch.__version__ < "2.7":
        raise UserError(
            f"ONNX needs PyTorch 2.7 or newer, and this is {torch.__version__}; update it, or export as safetensors"
        )
    onnx = import_package("onnx", "onnx")
    inputs, shapes = _inputs(recipe)
    torch.onnx.export(
        network,
        tuple(inputs.values()),
        path,
        dynamo=True,
        opset_version=_OPSET,
        input_names=list(inputs),
        output_names=[*_OUTPUTS, *(["view_weights"] if recipe.model.fusion == "attention" else [])],
        dynamic_shapes=shapes,
        external_data=False,
        verbose=False,
    )
    model = onnx.load(path)
    for node in model.graph.node:
        node.ClearField("metadata_props")  # where in the source it comes from, with paths of this machine
    path.write_bytes(model.SerializeToString())


def _save_openvino(network: ExportedNetwork, recipe: Recipe, path: Path) -> None:
    """Write OpenVINO's own format: its reader of ONNX would read any file that the graph names.

    The graph comes by way of ONNX, so that both formats hold the same one.
    """
    openvino = import_package("openvino", "openvino")
    graph = path.with_suffix(".onnx")
    _save_onnx(network, recipe, graph)
    openvino.serialize(openvino.Core().read_model(graph), path, path.with_suffix(".bin"))
    graph.unlink()


_PACKAGES: dict[NetworkFormat, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("onnx", "onnxscript", "openvino"),
}
_WRITERS: dict[NetworkFormat, Callable[[ExportedNetwork, Recipe, Path], None]] = {
    "safetensors": _save_weights,
    "onnx": _save_onnx,
    "openvino": _save_openvino,
    "exported-program": _save_program,
}


def _inputs(recipe: Recipe) -> tuple[dict[str, Tensor], tuple[dict[int, Any], ...]]:
    """Return example inputs by name, and which of their dimensions can have any size."""
    views = count_views(recipe.dataset.views)
    images = torch.zeros(2, views, 1, recipe.image.height, recipe.image.width)
    inputs = {"images": images} | ({"present": torch.ones(2, views, dtype=torch.bool)} if views > 1 else {})
    batch = torch.export.Dim("batch", max=2**31)  # torch 2.6 takes no batch without a limit
    return inputs, tuple({0: batch} for _ in inputs)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the exporters' messages; problems with a network are raised as exceptions."""
    noisy = logging.getLogger("onnxscript"), logging.getLogger("onnx_ir"), logging.getLogger("torch.onnx")
    levels = [logger.level for logger in noisy]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in noisy:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(noisy, levels, strict=True):
                logger.setLevel(level)
