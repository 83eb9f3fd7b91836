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

from birads_zoo.artifact.manifest import NetworkFormat, OutputsPart, Preprocessing
from birads_zoo.artifact.networks.exported import ExportedNetwork, Network
from birads_zoo.artifact.networks.opening import Blueprint, open_network
from birads_zoo.artifact.networks.runtimes import open_own_program
from birads_zoo.data.batches import as_images
from birads_zoo.data.placement.preparation import geometry
from birads_zoo.data.prepare import Prepared
from birads_zoo.data.store.pixels import levels_apart, read_and_place
from birads_zoo.devices import Compute
from birads_zoo.errors import UserError, warn
from birads_zoo.model.folding import has_foldable_norms
from birads_zoo.runs.finished import Finished

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host

CHECKED = 50
"""How many pictures of the run (or all, if it has fewer) every exported network is compared with the trainer's on."""

TOLERANCE = 1e-4
"""The largest difference allowed: absolute where the trainer's value is below 1, else relative to it."""

_BATCH = 16


def checked_rows(count: int) -> NDArray[np.int64]:
    """Return up to `CHECKED` of `count` row numbers, evenly spread."""
    return np.unique(np.linspace(0, count - 1, CHECKED).astype(np.int64))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far two networks' outputs are apart: `output` as `TOLERANCE` bounds it, and the largest of a `probability`.

    Both are infinite for NaN.
    """

    output: float
    probability: float


def check_network(
    kind: NetworkFormat, path: Path, trained: ExportedNetwork, finished: Finished, host: Host, data: Prepared
) -> tuple[bool, Difference]:
    """Open the network in `path` as a user would, and compare it with `trained`, on the CPU.

    Returns:
        Whether its batch norms are folded when it predicts, and how far it is then from `trained`. Those of a
        classifier are, unless its outputs would differ by too much.

    Raises:
        UserError: if a score, probability or feature differs by more than `TOLERANCE`.

    """
    rows = checked_rows(len(data.labelled.labels))
    difference = Difference(output=math.inf, probability=math.inf)
    may_fold = kind == "safetensors" and has_foldable_norms(trained.classifier)
    for folded in (True, False) if may_fold else (False,):
        try:
            network = _open(kind, path, trained, finished, host, folded=folded)
            difference = largest_difference(network, trained.eval(), data, rows)
        except Exception:  # a plugin's module can fail in any way when it is copied, or without its norms
            if not folded:
                raise
        if difference.output <= TOLERANCE:
            return folded, difference
    raise UserError(
        f"the network exported as {kind} disagrees with the trainer's by {difference.output:.2g}, more than "
        f"{TOLERANCE:g}, on pictures of the run; export it in another format"
    )


def _open(
    kind: NetworkFormat, path: Path, trained: ExportedNetwork, finished: Finished, host: Host, *, folded: bool
) -> Network:
    if kind == "exported-program":
        return open_own_program(path)
    blueprint = Blueprint(
        recipe=finished.recipe,
        classes=len(finished.classes),
        outputs=OutputsPart.of(trained.classifier.outputs),
        own=trained.own,
    )
    compute = Compute(device=torch.device("cpu"), autocast=None)
    return open_network(kind, path, blueprint, host, compute, folded=folded).network


@torch.inference_mode()
def largest_difference(first: Network, second: Network, data: Prepared, rows: NDArray[np.int64]) -> Difference:
    """Return how far the outputs of two networks are apart on `rows` of the run."""
    worst = probability = 0.0
    for start in range(0, len(rows), _BATCH):
        samples = data.samples[rows[start : start + _BATCH]]
        images = as_images(data.store.array[samples.pictures], torch.device("cpu"))
        present = torch.from_numpy(samples.present)
        outputs, expected = first(images, present), second(images, present)
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
