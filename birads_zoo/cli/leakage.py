"""`birads-zoo leakage`: what a split that leaks makes of a score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from birads_zoo.cli.plugins import open_host
from birads_zoo.cli.study_options import command_line, study_changes, study_options
from birads_zoo.compose import compose
from birads_zoo.documents import encode
from birads_zoo.results.scores import Metric
from birads_zoo.study.plan import Study, leaking, seeds_from, weights_of


@click.command("leakage")
@click.option("--backbone", required=True, metavar="NAME", help="A registered backbone.")
@click.option("--recipe", "recipe_name", default="default", show_default=True, metavar="NAME|FILE")
@study_options(out="studies/leakage")
def command(
    backbone: str,
    recipe_name: str,
    metric: Metric,
    seeds: int,
    weights: Path | None,
    device: str,
    out: Path,
    as_json: bool,
    plugin_files: tuple[Path, ...],
    **fields: Any,
) -> None:
    """Train the same recipe under a split by image, by breast and by patient, and test what the difference is.

    Every row is predicted out of fold under each, so the rows are the same; the two leaky splits are trained on other
    pictures of the patients that they are tested on.
    """
    from birads_zoo.progress import Screen  # heavy: only for a study itself
    from birads_zoo.study.tell import tell_leakage

    registry, host = open_host(plugin_files)
    changes = study_changes(fields) | {"model.backbone": backbone} | weights_of(backbone, weights)
    recipe = compose(recipe_name, changes, (), registry, host)
    study = Study(
        kind="leakage",
        variants=leaking(recipe),
        seeds=seeds_from(recipe.seed, seeds),
        metric=metric,
        command=command_line(),
    )
    screen = Screen()
    text, values = tell_leakage(study, host, out, device, screen)
    click.echo(encode(values), nl=False) if as_json else click.echo(text)
    screen.say(f"figure: {out / 'figures' / 'leakage.png'}")
