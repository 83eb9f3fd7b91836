"""Divides the processors of a Ray cluster among runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from birads_zoo.errors import UserError
from birads_zoo.study.executors.processes import OF_A_RUN, checked


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How many runs are executed at once, and the cores and GPUs of each."""

    at_once: int
    cpus: int
    gpus: int


def divide(nodes: Sequence[Mapping[str, float]], jobs: int | str, device: str) -> Shares:
    """Return the shares of `jobs` runs in a cluster; "auto" is as many as fit.

    `nodes` are the resources of each node, as Ray names them: "CPU", "GPU", and "memory" in bytes. "auto" is a run for
    each GPU, or without any, one for each core, as far as the memory suffices. Each run has as many cores as let all of
    them fit on the nodes at once.

    Raises:
        UserError: for a wrong number of jobs, for a device that names one GPU, and if the cluster has nothing to
            compute with.

    """
    if device not in ("auto", "cpu", "cuda"):
        raise UserError(f"device {device!r}: the cluster chooses the GPU of each run; use auto, cpu or cuda")
    with_gpu = device == "cuda" or (device == "auto" and any(node.get("GPU", 0) >= 1 for node in nodes))
    most = sum(_places(node, 1, with_gpu) for node in nodes)
    if not most:
        raise UserError(f"the cluster has no {'GPU' if with_gpu else 'CPU'} for a run; add a node that has one")
    if checked(jobs) == "auto":
        count = most if with_gpu else max(1, sum(_fitting(node) for node in nodes))
    else:
        count = int(jobs)
    largest = int(max(node.get("CPU", 0) for node in nodes))
    fitting = [cpus for cpus in range(1, largest + 1) if sum(_places(node, cpus, with_gpu) for node in nodes) >= count]
    return Shares(at_once=count, cpus=max(fitting, default=1), gpus=int(with_gpu))


def _places(node: Mapping[str, float], cpus: int, with_gpu: bool) -> int:
    """Return how many runs with so many cores fit on a node."""
    return int(min(node.get("CPU", 0) // cpus, node.get("GPU", 0) if with_gpu else math.inf))


def _fitting(node: Mapping[str, float]) -> int:
    """Return how many runs `auto` gives to a node without GPUs."""
    return int(min(node.get("CPU", 0), node.get("memory", math.inf) // OF_A_RUN))
