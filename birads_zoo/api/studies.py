"""Makes the studies: their seeds, their metric, the command that started them, and what executes them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from birads_zoo.api.fields import listed
from birads_zoo.errors import UserError, unknown_name
from birads_zoo.results.scores import METRICS, Metric
from birads_zoo.study.executors.tasks import Executor
from birads_zoo.study.plan import Study, Variant, seeds_from

EXECUTORS = ("local", "ray", "slurm")


def make_study(kind: str, variants: tuple[Variant, ...], seeds: int, metric: Metric) -> Study:
    """Return a study of the variants with `seeds` seeds each, beginning with the first variant's own seed.

    Raises:
        UserError: for an unknown metric, and for fewer than one seed.

    """
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    first = variants[0].recipe.seed
    return Study(
        kind=kind, variants=variants, seeds=seeds_from(first, seeds), metric=metric, command=started_as(kind, sys.argv)
    )


@contextmanager
def opened_executor(
    jobs: int | str,
    device: str,
    plugins: Sequence[Path | str],
    kind: str,
    address: str | None,
    slurm: Mapping[str, Any] | None,
) -> Iterator[Executor | None]:
    """Yield what executes `jobs` runs of a study at once, or `None` for one after another in this process.

    `kind` is "local", "ray" or "slurm"; `address` is of a Ray cluster, and `slurm` are options of SLURM.

    Raises:
        UserError: for a wrong number of jobs, an unknown kind, a missing extra, and what does not fit the kind.

    """
    if kind not in EXECUTORS:
        raise unknown_name("executor", kind, EXECUTORS)
    if address is not None and kind != "ray":
        raise UserError("--address is that of a Ray cluster: add --executor ray, or leave it out")
    if slurm and kind != "slurm":
        raise UserError("--slurm gives options of SLURM: add --executor slurm, or leave it out")
    files = [Path(file) for file in listed(plugins)]
    if kind == "ray":
        from birads_zoo.study.executors.clusters.ray_cluster import connected

        with connected(jobs, device, files, address) as cluster:
            yield cluster
    elif kind == "slurm":
        from birads_zoo.study.executors.clusters.slurm import submitting

        yield submitting(jobs, device, files, slurm or {})
    else:
        yield _local(jobs, device, files)


def _local(jobs: int | str, device: str, files: Sequence[Path]) -> Executor | None:
    from birads_zoo.devices import gpus_of
    from birads_zoo.study.executors.processes import Processes, choose_count

    gpus = gpus_of(device)
    count = choose_count(jobs, len(gpus))
    return None if count == 1 else Processes(at_once=count, plugins=files, devices=gpus)


def started_as(kind: str, arguments: Sequence[str]) -> str:
    """Return how this process was started: the command or script; in a notebook or console, the function."""
    program, *options = arguments or [""]
    name = Path(program).name
    if name in ("birads-zoo", "__main__.py"):
        return shlex.join(["birads-zoo", *options])
    if name.endswith(".py") and not name.startswith("ipykernel"):
        return shlex.join(["python", name, *options])
    return f"birads_zoo.{kind}"
