"""Makes the studies: their seeds, their metric, and the command that started them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from birads_zoo.errors import unknown_name
from birads_zoo.results.scores import METRICS, Metric
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


def started_as(kind: str, arguments: Sequence[str]) -> str:
    """Return how this process was started: the command or script; in a notebook or console, the function."""
    program, *options = arguments or [""]
    name = Path(program).name
    if name in ("birads-zoo", "__main__.py"):
        return shlex.join(["birads-zoo", *options])
    if name.endswith(".py") and not name.startswith("ipykernel"):
        return shlex.join(["python", name, *options])
    return f"birads_zoo.{kind}"
