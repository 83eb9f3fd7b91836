"""`birads-zoo leakage`: what a split that leaks makes of a score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from birads_zoo.api.leakage import leakage
from birads_zoo.cli.study_options import study_fields, study_options
from birads_zoo.documents import encode
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
    out: Path,
    as_json: bool,
    plugin_files: tuple[Path, ...],
    **given: Any,
) -> None:
    """Train the same recipe under a split by image, by breast and by patient, and test what the difference is.

    Every row is predicted out of fold under each, so the rows are the same; the two leaky splits are trained on other
    pictures of the patients that they are tested on.
    """
    found = leakage(
        backbone,
        recipe=recipe,
        metric=metric,
        seeds=seeds,
        weights=weights,
        device=device,
        out=out,
        plugins=plugin_files,
        **study_fields(given),
    )
    click.echo(encode(found.values), nl=False) if as_json else click.echo(found.text)
    click.echo(f"figure: {out / 'figures' / 'leakage.png'}", err=True)
