"""A fold's network in the three forms in which it is exported, and how each is opened again."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from birads_zoo.artifact.manifest import Kind
from birads_zoo.devices import Compute
from birads_zoo.errors import UserError
from birads_zoo.model.build import build_classifier
from birads_zoo.model.classifier import Classifier
from birads_zoo.recipe import Recipe

if TYPE_CHECKING:
    from birads_zoo.host import Host

Network = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Images N×V×1×H×W in [0, 1] on the device → logits N×K and features N×D, in float32."""

_CUDA = "CUDAExecutionProvider"  # as ONNX Runtime calls it
_OPSET = 18  # the lowest that torch's exporter writes without converting


class Judge(nn.Module):
    """A classifier that also tells its features (see `summarised`)."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits N×K and the features N×D of images N×V×1×H×W in [0, 1]."""
        maps = self.classifier.features(images)
        return self.classifier.head(maps), summarised(self.classifier, maps)


def summarised(classifier: Classifier, maps: Tensor) -> Tensor:
    """Return the features N×D of feature maps N×V×D×h×w: those of each sample's own picture, the first.

    They are what the head pools of it; the mean over its map where the head pools no features, but the evidence of its
    places, or keeps the map as it is.
    """
    own, pool = maps[:, :1], classifier.head.pool
    if isinstance(classifier.head.evidence, nn.Identity) and not isinstance(pool, nn.Flatten):
        pooled: Tensor = pool(own)
        return pooled[:, 0]
    return own[:, 0].mean((-2, -1))


def save_network(kind: Kind, classifier: Classifier, recipe: Recipe, path: Path) -> None:
    """Write `classifier`, on the CPU and in evaluation mode, to `path`, for batches of any size.

    Raises:
        UserError: when the format needs a package that is not there, or cannot express this network.

    """
    if kind == "safetensors":
        # Not `save_file`, which makes files for their owner's eyes only.
        path.write_bytes(
            safetensors.torch.save({name: one.contiguous() for name, one in classifier.state_dict().items()})
        )
        return
    views = 1 if recipe.dataset.views == "single" else 2
    example = torch.zeros(2, views, 1, recipe.image.height, recipe.image.width)
    judge, shapes = Judge(classifier).eval(), ({0: torch.export.Dim("batch")},)
    if kind == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            _needed(package)
    try:
        with torch.no_grad(), _quiet():
            if kind == "exported-program":
                torch.export.save(torch.export.export(judge, (example,), dynamic_shapes=shapes), path)
            else:
                torch.onnx.export(
                    judge,
                    (example,),
                    path,
                    dynamo=True,
                    opset_version=_OPSET,
                    input_names=["images"],
                    output_names=["logits", "features"],
                    dynamic_shapes=shapes,
                    external_data=False,
                    verbose=False,
                )
    except Exception as error:  # what a network can hold that torch cannot trace has no type of its own
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UserError(
            f"{recipe.model.backbone} cannot be exported as {kind} ({said}); export it as safetensors"
        ) from error


def open_classifier(path: Path, recipe: Recipe, host: Host, classes: int, compute: Compute) -> Classifier:
    """Build the network of `recipe` through the plugin host and fill it with the weights in `path`.

    Raises:
        UserError: when its plugin is missing or changed, or the weights are another network's.

    """
    try:
        host.backbone(recipe.model.backbone)
    except UserError:
        raise UserError(
            f"this model needs the backbone {recipe.model.backbone!r}, and no plugin here registers it; install that "
            "plugin or name its file with --plugin, or export the run as onnx"
        ) from None
    settled = recipe.replace({"model.pretrained": False, "model.weights": "", "model.freeze": "none"})
    classifier = build_classifier(settled, host, classes)
    try:
        classifier.load_state_dict(safetensors.torch.load_file(path))
    except (RuntimeError, SafetensorError) as error:
        first = str(error).splitlines()[-1].strip()
        raise UserError(
            f"the weights in {path} do not fit the network that {recipe.model.backbone!r} builds here ({first}); use "
            "the plugins that the run was made with"
        ) from None
    return compute.place(classifier).eval()


def open_onnx(path: Path, compute: Compute) -> Network:
    """Open `path` in ONNX Runtime, on the compute's device.

    Raises:
        UserError: when ONNX Runtime is missing, has no support for the device, or cannot read the file.

    """
    runtime = _needed("onnxruntime")
    provider = _CUDA if compute.device.type == "cuda" else "CPUExecutionProvider"
    if provider not in runtime.get_available_providers():
        raise UserError("this onnxruntime cannot use CUDA; install onnxruntime-gpu, or say --device cpu")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = runtime.InferenceSession(path, options, providers=[provider])
    except Exception as error:  # its exceptions have no common type
        said = str(error).partition("\n")[0]
        raise UserError(f"ONNX Runtime cannot open {path} ({said}); export the run again") from None

    def judge(images: Tensor) -> tuple[Tensor, Tensor]:
        logits, features = session.run(["logits", "features"], {"images": images.cpu().numpy()})
        return torch.from_numpy(logits), torch.from_numpy(features)

    return judge


def onnx_device(device: str) -> str:
    """Return `device`, or what "auto" means to ONNX Runtime: the GPU only where it was built for it."""
    if device == "auto" and _CUDA not in _needed("onnxruntime").get_available_providers():
        return "cpu"
    return device


def open_own_program(path: Path) -> Network:
    """Open an exported program that this process has just written.

    Only such a one: `torch.export.load` unpickles tensors and constants where the file says so (torch 2.14,
    `export/pt2_archive/_package.py`, `weights_only=False`), so that a stranger's file could run anything.
    """
    program: Network = torch.export.load(path).module()
    return program


def judging(classifier: Classifier) -> Network:
    """Return what `Judge` tells, of a classifier on its device."""
    judge: Network = Judge(classifier).eval()
    return judge


def _needed(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError:
        raise UserError(f"ONNX needs the package {package}: install it with pip install 'birads-zoo[onnx]'") from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' own chatter from the screen; what is wrong with a network comes as an exception."""
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
