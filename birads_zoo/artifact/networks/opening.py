"""Opens a fold's exported network, in the way that its format needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.artifact.manifest import NetworkFormat, OutputsPart
from birads_zoo.artifact.networks.classifiers import open_classifier
from birads_zoo.artifact.networks.exported import ExportedNetwork, Network
from birads_zoo.artifact.networks.runtimes import RUNTIMES
from birads_zoo.devices import Compute
from birads_zoo.errors import UserError, warn
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.folding import fold_norms
from birads_zoo.recipe import Recipe

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """What a classifier is built from. It has `classes` classes; a label is of a sample's first `own` pictures."""

    recipe: Recipe
    classes: int
    outputs: OutputsPart
    own: int


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenedNetwork:
    """A network that predicts. `classifier` is the trained one, whose gradients explain it; `None` for a graph."""

    network: Network
    classifier: Classifier | None


def device_for(kind: NetworkFormat, device: str) -> str:
    """Return the device for networks of a format where the user gave `device`; see `choose_compute`.

    Raises:
        UserError: if the format's package is not installed, or cannot use the device.

    """
    return RUNTIMES[kind].device(device) if kind in RUNTIMES else device


def check_precision(kind: NetworkFormat, compute: Compute) -> None:
    """Check that networks of a format compute in the precision of `compute`; warn where torch does so slowly.

    Raises:
        UserError: if they do not.

    """
    if compute.autocast is None:
        return
    if kind not in ("safetensors", "openvino"):
        raise UserError(
            f"a model of the format {kind} predicts in float32; leave --precision out, or export it as safetensors"
        )
    if compute.is_emulated and kind == "openvino":  # which would compute in float32, without a word
        raise UserError("OpenVINO has no bfloat16 on this CPU; export the run with --precision float32")
    if compute.is_emulated:
        warn("this device has no instructions for bfloat16: predictions are slower than with --precision float32")


def open_network(
    kind: NetworkFormat, path: Path, blueprint: Blueprint, host: Host, compute: Compute, *, folded: bool
) -> OpenedNetwork:
    """Open the network in `path`; nothing in it is executed as Python. A classifier is `folded` before it predicts.

    Raises:
        UserError: if the file cannot be opened, for want of a package or a plugin, because it is damaged, or because
            its format cannot be opened safely.

    """
    if kind in RUNTIMES:
        return OpenedNetwork(network=RUNTIMES[kind].open(path, compute), classifier=None)
    if kind != "safetensors":
        raise UserError(
            f"{path} is an exported program, and opening one runs whatever its file says (torch.export.load "
            "unpickles): open it in a program of your own if you trust it, or export the run as safetensors or onnx"
        )
    classifier = open_classifier(path, blueprint.recipe, host, blueprint.classes, blueprint.outputs, compute)
    # Explainers hook the parts of the classifier as it was trained, and need gradients: it is kept beside its copy.
    predicting = compute.place(fold_norms(classifier)) if folded else classifier
    return OpenedNetwork(network=ExportedNetwork(predicting, blueprint.own).eval(), classifier=classifier)
