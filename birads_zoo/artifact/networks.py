"""Writes a fold's network in the three export formats, and opens it again."""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from birads_zoo.artifact.manifest import NetworkFormat, OutputsPart
from birads_zoo.data.index.view_names import count_views
from birads_zoo.devices import Compute
from birads_zoo.errors import UserError
from birads_zoo.files.regular import read_regular
from birads_zoo.model.build import build_classifier
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.finite import check_finite
from birads_zoo.model.fusion import mean_of_present
from birads_zoo.model.misfit import misfit
from birads_zoo.recipe import Recipe

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host

Network = Callable[[Tensor, Tensor], tuple[Tensor, ...]]
"""Takes images N×V×1×H×W in [0, 1] and which are present, N×V bool; returns the outputs of `ExportedNetwork`.

The probabilities are the softmax of the scores. Predictions compute it again in float64, in which small probabilities
do not become 0.
"""

_CUDA = "CUDAExecutionProvider"  # as ONNX Runtime calls it
_INPUTS = {"images", "present"}
_OUTPUTS = ["scores", "probabilities", "features"]
_OPSET = 18  # the lowest that torch's exporter writes without converting


class ExportedNetwork(nn.Module):
    """A classifier that returns class scores, probabilities, features (see `summarised`) and its views' weights.

    The label of a sample is of its first `own` pictures.
    """

    def __init__(self, classifier: Classifier, own: int) -> None:
        super().__init__()
        self.classifier = classifier
        self.own = own

    def forward(self, images: Tensor, present: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the scores N×K, the probabilities N×K and the features N×D of images N×V×1×H×W in [0, 1].

        If the fusion weighs views, their weights N×V come last. Without `present`, N×V, all images are present.
        """
        if present is None:
            present = torch.ones(images.shape[:2], dtype=torch.bool, device=images.device)
        maps = self.classifier.features(images)
        output = self.classifier.head.forward_details(maps, present)
        scores = self.classifier.scores(output.logits)
        features = summarised(self.classifier, maps[:, : self.own], present[:, : self.own])
        outputs = scores, scores.softmax(1), features
        return outputs if output.view_weights is None else (*outputs, output.view_weights)


def summarised(classifier: Classifier, maps: Tensor, present: Tensor) -> Tensor:
    """Return the features N×D of feature maps N×O×D×h×w of each sample's own pictures: the mean over those present.

    A picture's features are those that the head pools. They are the mean over the feature map if the head pools
    evidence of places instead, or does not pool.
    """
    pool = classifier.head.pool
    if isinstance(classifier.head.evidence, nn.Identity) and not isinstance(pool, nn.Flatten):
        return mean_of_present(pool(maps), present)
    return mean_of_present(maps.mean((-2, -1)), present)


def save_network(kind: NetworkFormat, network: ExportedNetwork, recipe: Recipe, path: Path) -> None:
    """Write `network`, which is on the CPU, to `path`, for batches of any size; only its classifier as "safetensors".

    A network of one view takes `images`, one of several views `images` and `present`.

    Raises:
        UserError: if the format needs a package that is not installed, or cannot express this network.

    """
    if kind == "safetensors":
        # Not `save_file`, which makes files that only their owner can read.
        path.write_bytes(
            safetensors.torch.save(
                {name: tensor.contiguous() for name, tensor in network.classifier.state_dict().items()}
            )
        )
        return
    views = count_views(recipe.dataset.views)
    images = torch.zeros(2, views, 1, recipe.image.height, recipe.image.width)
    inputs = {"images": images} | ({"present": torch.ones(2, views, dtype=torch.bool)} if views > 1 else {})
    batch = torch.export.Dim("batch", max=2**31)  # torch 2.6 takes no batch without a limit
    examples, shapes = tuple(inputs.values()), tuple({0: batch} for _ in inputs)
    outputs = [*_OUTPUTS, *(["view_weights"] if recipe.model.fusion == "attention" else [])]
    if kind == "onnx":
        if torch.__version__ < "2.7":
            raise UserError(
                f"ONNX needs PyTorch 2.7 or newer, and this is {torch.__version__}; update it, or export as safetensors"
            )
        for package in ("onnx", "onnxscript", "onnxruntime"):
            _needed(package)
    try:
        with torch.no_grad(), _quiet():
            if kind == "exported-program":
                program = torch.export.export(network.eval(), examples, dynamic_shapes=shapes, strict=False)
                torch.export.save(program, path)
            else:
                torch.onnx.export(
                    network.eval(),
                    examples,
                    path,
                    dynamo=True,
                    opset_version=_OPSET,
                    input_names=list(inputs),
                    output_names=outputs,
                    dynamic_shapes=shapes,
                    external_data=False,
                    verbose=False,
                )
    except Exception as error:  # torch has no common exception for networks that it cannot trace
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UserError(
            f"{recipe.model.backbone} cannot be exported as {kind} ({reason}); export it as safetensors"
        ) from error


def open_classifier(
    path: Path, recipe: Recipe, host: Host, classes: int, outputs: OutputsPart, compute: Compute
) -> Classifier:
    """Build the network of `recipe` through the plugin host and fill it with the weights in `path`.

    `outputs` are those that it was trained with.

    Raises:
        UserError: if a plugin that it needs is missing or has changed, or the weights do not fit the network or are
            infinite or NaN.

    """
    for kind, name in (("backbone", recipe.model.backbone), ("loss", recipe.loss.name)):
        try:
            host.registered(kind, name)
        except UserError:
            raise UserError(
                f"this model needs the {kind} {name!r}, which no installed plugin registers; install that plugin or "
                "name its file with --plugin, or export the run as onnx"
            ) from None
    settled = recipe.replace({"model.pretrained": False, "model.weights": "", "model.freeze": "none"})
    classifier = build_classifier(settled, host, classes)
    if (registered := OutputsPart.of(classifier.outputs)) != outputs:
        raise UserError(
            f"this model's network has {outputs.logits} logits, read by the rule {outputs.rule!r}, but the loss "
            f"{recipe.loss.name!r} that is registered here has {registered.logits}, read by {registered.rule!r}; use "
            "the plugins that the run was made with, or export the run as onnx"
        )
    try:
        weights = safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}); export the run again") from None
    check_finite(weights, str(path), "export the run again")
    if reason := misfit(classifier, weights):
        raise UserError(
            f"the weights in {path} do not fit the network that {recipe.model.backbone!r} builds here ({reason}); use "
            "the plugins that the run was made with"
        )
    classifier.load_state_dict(weights)
    return compute.place(classifier).eval()


def open_onnx(path: Path, compute: Compute) -> Network:
    """Open `path` in ONNX Runtime, on the compute's device.

    Raises:
        UserError: if ONNX Runtime is missing, does not support the device, or cannot read the file.

    """
    runtime = _needed("onnxruntime")
    provider = _CUDA if compute.device.type == "cuda" else "CPUExecutionProvider"
    if provider not in runtime.get_available_providers():
        raise UserError("this onnxruntime cannot use CUDA; install onnxruntime-gpu, or give --device cpu")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        content = read_regular(path)  # without its path a network cannot read weights from other files
        session = runtime.InferenceSession(content, options, providers=[provider])
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; export the run again") from None
    except Exception as error:  # its exceptions have no common type
        reason = str(error).partition("\n")[0]
        raise UserError(f"ONNX Runtime cannot open {path} ({reason}); export the run again") from None

    names = [entry.name for entry in session.get_inputs()]
    if not {*names} <= _INPUTS or any(entry.type != "tensor(float)" for entry in session.get_outputs()):
        raise UserError(f"{path} has other inputs and outputs than a network of birads-zoo; export the run again")

    def network(images: Tensor, present: Tensor) -> tuple[Tensor, ...]:
        inputs = {"images": images.cpu().numpy(), "present": present.cpu().numpy()}
        try:
            outputs = session.run(None, {name: inputs[name] for name in names})
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise UserError(f"ONNX Runtime cannot run {path} ({reason}); export the run again") from None
        return tuple(torch.from_numpy(output) for output in outputs)

    return network


def onnx_device(device: str) -> str:
    """Return `device`, but "cpu" for "auto" if the installed ONNX Runtime does not support the GPU."""
    if device == "auto" and _CUDA not in _needed("onnxruntime").get_available_providers():
        return "cpu"
    return device


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


def _needed(package: str) -> Any:
    if package == "onnxruntime":
        # From 1.29 on it sends the names and hashes of models to Microsoft, unless this is set before its import
        # (github.com/microsoft/onnxruntime/pull/27379). birads-zoo sends nothing unless its user asks for it.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        return importlib.import_module(package)
    except ImportError:
        raise UserError(f"ONNX needs the package {package}: install it with pip install 'birads-zoo[onnx]'") from None


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
