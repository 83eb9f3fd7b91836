"""Makes the studies: their seeds, their metric, and the command that started them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from birads_zoo.api.fields import listed
from birads_zoo.errors import unknown_name
from birads_zoo.results.scores import METRICS, Metric
from birads_zoo.study.executors.attempt import Executor
from birads_zoo.study.plan import Study, Variant, seeds_from


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


def choose_executor(jobs: int | str, device: str, plugins: Sequence[Path | str]) -> Executor | None:
    """Return what executes `jobs` runs of a study at once, or `None` if that is one.

    Raises:
        UserError: for a wrong number of jobs.

    """
    from birads_zoo.devices import gpus_of
    from birads_zoo.study.executors.processes import Processes, choose_count

    gpus = gpus_of(device)
    count = choose_count(jobs, len(gpus))
    files = [Path(file) for file in listed(plugins)]
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
