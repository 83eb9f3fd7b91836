"""`birads-zoo leakage`: measures how a split that leaks patients changes a score."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from birads_zoo.api.leakage import leakage
from birads_zoo.cli.study_options import executor_fields, study_fields, study_options
from birads_zoo.files.documents import encode
from birads_zoo.results.scores import Metric


@click.command("leakage")
@click.option("--backbone", required=True, metavar="NAME", help="A registered backbone.")
@click.option("--recipe", default="default", show_default=True, metavar="NAME|FILE")
@study_options(out="studies/leakage")
def command(
    backbone: str,
    recipe: str,
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
    """Train the same recipe with a split by image, by breast and by patient, and test the difference of the scores.

    With each split every row is predicted out of fold, so all three are scored on the same rows. With the two splits
    that leak, the networks are trained on other pictures of the patients that they are tested on.
    """
    result = leakage(
        backbone,
        recipe=recipe,
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
    click.echo(f"figure: {out / 'figures' / 'leakage.png'}", err=True)
