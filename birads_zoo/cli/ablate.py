"""`birads-zoo ablate`: removes one part of a model at a time, and tests the effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from birads_zoo.api.ablate import ablate
from birads_zoo.cli.study_options import executor_fields, read_names, split_option, study_fields, study_options
from birads_zoo.files.documents import encode
from birads_zoo.results.scores import Metric


@click.command("ablate")
@click.option("--backbone", required=True, metavar="NAME", help="A registered backbone.")
@click.option("--recipe", default="default", show_default=True, metavar="NAME|FILE")
@click.option("--ablations", callback=read_names, metavar="A,B", help="[default: every registered one]")
@split_option
@study_options(out="studies/ablate")
def command(
    backbone: str,
    recipe: str,
    ablations: tuple[str, ...] | None,
    metric: Metric,
    seeds: int,
    weights: Path | None,
    device: str,
    jobs: int | Literal["auto"],
    out: Path,
    as_json: bool,
    plugin_files: tuple[Path, ...],
    **given: Any,
) -> None:
    """Remove one part of a model at a time, on the same folds and seeds, and test the effect.

    A verdict is about the part that is removed: it helps, it hurts, or neither is shown.
    """
    result = ablate(
        backbone,
        recipe=recipe,
        ablations=ablations,
        metric=metric,
        seeds=seeds,
        weights=weights,
        device=device,
        jobs=jobs,
        out=out,
        plugins=plugin_files,
        **executor_fields(given),
        **study_fields(given),
    )
    click.echo(encode(result.values), nl=False) if as_json else click.echo(result.text)
    click.echo(f"figure: {out / 'figures' / 'ablations.png'}", err=True)
