"""`birads-zoo ablate`: what each part of a model is worth, by taking it away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from birads_zoo.cli.plugins import open_host
from birads_zoo.cli.study_options import command_line, read_names, split_option, study_changes, study_options
from birads_zoo.compose import compose
from birads_zoo.documents import encode
from birads_zoo.results.scores import Metric
from birads_zoo.study.plan import Study, ablated, seeds_from, weights_of


@click.command("ablate")
@click.option("--backbone", required=True, metavar="NAME", help="A registered backbone.")
@click.option("--recipe", "recipe_name", default="default", show_default=True, metavar="NAME|FILE")
@click.option("--ablations", callback=read_names, metavar="A,B", help="[default: every registered one]")
@split_option
@study_options(out="studies/ablate")
def command(
    backbone: str,
    recipe_name: str,
    ablations: tuple[str, ...] | None,
    metric: Metric,
    seeds: int,
    weights: Path | None,
    device: str,
    out: Path,
    as_json: bool,
    plugin_files: tuple[Path, ...],
    **fields: Any,
) -> None:
    """Take away one part of a model at a time, on the same folds and seeds, and test what that does.

    A verdict speaks of the part that is removed: it helps, it hurts, or neither is shown.
    """
    from birads_zoo.progress import Screen  # heavy: only for a study itself
    from birads_zoo.study.tell import tell_ablations

    registry, host = open_host(plugin_files)
    changes = study_changes(fields) | {"model.backbone": backbone} | weights_of(backbone, weights)
    full = compose(recipe_name, changes, (), registry, host)
    study = Study(
        kind="ablate",
        variants=ablated(full, tuple(host.ablations) if ablations is None else ablations, host),
        seeds=seeds_from(full.seed, seeds),
        metric=metric,
        command=command_line(),
    )
    screen = Screen()
    text, values = tell_ablations(study, host, out, device, screen)
    click.echo(encode(values), nl=False) if as_json else click.echo(text)
    screen.say(f"figure: {out / 'figures' / 'ablations.png'}")
