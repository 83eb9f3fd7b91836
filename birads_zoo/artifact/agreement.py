"""Compares an exported model's networks and preprocessing with the trainer's, on pictures of the run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from birads_zoo.artifact.manifest import NetworkFormat, OutputsPart, Precision, Preprocessing
from birads_zoo.artifact.networks.exported import ExportedNetwork, Network
from birads_zoo.artifact.networks.opening import Blueprint, device_for, open_network
from birads_zoo.artifact.networks.runtimes import open_own_program
from birads_zoo.data.batches import as_images
from birads_zoo.data.placement.preparation import geometry
from birads_zoo.data.prepare import Prepared
from birads_zoo.data.store.pixels import levels_apart, read_and_place
from birads_zoo.devices import Compute, choose_compute
from birads_zoo.errors import UserError, warn
from birads_zoo.model.folding import has_foldable_norms
from birads_zoo.runs.finished import Finished

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host

CHECKED = 50
"""How many pictures of the run (or all, if it has fewer) every exported network is compared with the trainer's on."""

TOLERANCES: dict[Precision, float] = {"float32": 1e-4, "bfloat16": 0.05}
"""The largest difference from the trainer's float32 that is allowed, by the exported network's precision.

In float32 it is that of all outputs: absolute where the trainer's value is below 1, else relative to it. bfloat16 has
three decimal digits, and scores and features have no scale of their own, so there it is that of a probability.
"""

_BATCH = 16


def checked_rows(count: int) -> NDArray[np.int64]:
    """Return up to `CHECKED` of `count` row numbers, evenly spread."""
    return np.unique(np.linspace(0, count - 1, CHECKED).astype(np.int64))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far two networks' outputs are apart: the largest difference of an `output`, and that of a `probability`.

    That of an output is absolute where the second network's value is below 1, else relative to it. Both are infinite
    for NaN.
    """

    output: float
    probability: float


def check_network(
    kind: NetworkFormat,
    path: Path,
    trained: ExportedNetwork,
    finished: Finished,
    host: Host,
    data: Prepared,
    precision: Precision,
    device: str,
) -> tuple[bool, Difference]:
    """Open the network in `path` as a user would, and compare it with `trained`, which is on the CPU, in float32.

    A network in float32 is compared on the CPU too, one in bfloat16 on `device`.

    Returns:
        Whether its batch norms are folded when it predicts, and how far it is then from `trained`. Those of a
        classifier are, unless its outputs would differ by too much.

    Raises:
        UserError: if they differ by more than `TOLERANCES` allows.

    """
    compute = choose_compute("cpu" if precision == "float32" else device_for(kind, device), precision)
    rows = checked_rows(len(data.labelled.labels))
    difference, worst = Difference(output=math.inf, probability=math.inf), math.inf
    may_fold = kind == "safetensors" and has_foldable_norms(trained.classifier)
    for folded in (True, False) if may_fold else (False,):
        try:
            network = _open(kind, path, trained, finished, host, compute, folded=folded)
            difference = largest_difference(network, trained.eval(), data, rows, compute)
        except Exception:  # a plugin's module can fail in any way when it is copied, or without its norms
            if not folded:
                raise
        worst = difference.output if precision == "float32" else difference.probability
        if worst <= TOLERANCES[precision]:
            return folded, difference
    other = "format" if precision == "float32" else "precision"
    raise UserError(
        f"the network exported as {kind} disagrees with the trainer's by {worst:.2g}, more than "
        f"{TOLERANCES[precision]:g}, on pictures of the run; export it in another {other}"
    )


def _open(
    kind: NetworkFormat,
    path: Path,
    trained: ExportedNetwork,
    finished: Finished,
    host: Host,
    compute: Compute,
    *,
    folded: bool,
) -> Network:
    if kind == "exported-program":
        return open_own_program(path)
    blueprint = Blueprint(
        recipe=finished.recipe,
        classes=len(finished.classes),
        outputs=OutputsPart.of(trained.classifier.outputs),
        own=trained.own,
    )
    return open_network(kind, path, blueprint, host, compute, folded=folded).network


@torch.inference_mode()
def largest_difference(
    first: Network, second: Network, data: Prepared, rows: NDArray[np.int64], compute: Compute
) -> Difference:
    """Return how far the outputs of two networks are apart on `rows` of the run: one by `compute`, one on the CPU."""
    worst = probability = 0.0
    for start in range(0, len(rows), _BATCH):
        samples = data.samples[rows[start : start + _BATCH]]
        images = as_images(data.store.array[samples.pictures], torch.device("cpu"))
        present = torch.from_numpy(samples.present)
        with compute.precision():
            outputs = [output.cpu().float() for output in first(images.to(compute.device), present.to(compute.device))]
        expected = second(images, present)
        gaps = [(output - reference).abs() for output, reference in zip(outputs, expected, strict=True)]
        relative = [gap / reference.abs().clamp(min=1) for gap, reference in zip(gaps, expected, strict=True)]
        worst = max(worst, *map(_largest, relative))
        probability = max(probability, _largest(gaps[1]))
    return Difference(output=worst, probability=probability)


def _largest(gap: Tensor) -> float:
    return float(gap.nan_to_num(nan=torch.inf).max())


def check_pixels(preprocessing: Preprocessing, data: Prepared, rows: NDArray[np.int64]) -> None:
    """Read and place the rows' files as the exported model will, and compare them with the pixel store.

    The same version of a decoder may differ by one grey level of 8 bits between machines: that gives a warning only.

    Raises:
        UserError: if a pixel differs by more.

    """
    index = data.labelled.index
    prepare = geometry(preprocessing.image, preprocessing.detail)
    differing = 0
    for row in rows:
        path = index.root / index.rows["image_path"].iloc[row]
        placed = read_and_place(path, preprocessing.image, prepare)
        apart = levels_apart(placed.pixels[None], data.store.array[data.positions[[row]]])
        if apart > 1:
            raise UserError(
                f"row {index.rows['row'].iloc[row]} is prepared differently than in the run's pixel store; empty the "
                "cache, run it again and export that"
            )
        differing += apart > 0
    if differing:
        warn(f"{differing} of {len(rows)} pictures differ by one grey level of 255 from the run's pixel store")
