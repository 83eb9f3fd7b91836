"""What the three studies share: their seeds and metric, and the words for how they were started."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from birads_zoo.errors import unknown_name
from birads_zoo.results.scores import METRICS, Metric
from birads_zoo.study.plan import Study, Variant, seeds_from


def make_study(kind: str, variants: tuple[Variant, ...], seeds: int, metric: Metric) -> Study:
    """Return the study of these variants with so many seeds each, from the first variant's own on.

    Raises:
        UserError: for an unknown metric, and for no seed.

    """
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    first = variants[0].recipe.seed
    return Study(
        kind=kind, variants=variants, seeds=seeds_from(first, seeds), metric=metric, command=started_as(kind, sys.argv)
    )


def started_as(kind: str, arguments: Sequence[str]) -> str:
    """Say how this process was started: the command or the script; in a notebook or a console, the function."""
    program, *others = arguments or [""]
    name = Path(program).name
    if name in ("birads-zoo", "__main__.py"):
        return shlex.join(["birads-zoo", *others])
    if name.endswith(".py") and not name.startswith("ipykernel"):
        return shlex.join(["python", name, *others])
    return f"birads_zoo.{kind}"
