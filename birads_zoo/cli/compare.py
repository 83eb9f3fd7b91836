"""`birads-zoo compare`: the official backbones, or those named, on the same folds, ranked by tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from birads_zoo.cli.plugins import open_host
from birads_zoo.cli.study_options import command_line, read_names, split_option, study_changes, study_options
from birads_zoo.documents import encode
from birads_zoo.results.scores import Metric
from birads_zoo.study.plan import Study, compared, seeds_from


@click.command("compare")
@click.option(
    "--backbone", "backbones", multiple=True, metavar="NAME", help="May be repeated.  [default: all official]"
)
@click.option(
    "--recipe",
    "recipes",
    multiple=True,
    default=("default",),
    show_default=True,
    metavar="NAME|FILE",
    help="May be repeated.",
)
@click.option("--ablations", callback=read_names, metavar="A,B", help="Each backbone also without each of these.")
@split_option
@study_options(out="studies/compare")
def command(
    backbones: tuple[str, ...],
    recipes: tuple[str, ...],
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
    """Compare backbones on the same folds, and leave a leaderboard.

    Without --backbone they are those that registry.toml lists under [models].

    A model that fails is a line with its error; the rest finish. Stopped, and started again with the same arguments,
    it does only what is missing.
    """
    from birads_zoo.progress import Screen  # heavy: only for a study itself
    from birads_zoo.report.leaderboard_table import to_markdown
    from birads_zoo.study.tell import tell_comparison

    registry, host = open_host(plugin_files)
    changes = study_changes(fields)
    variants = compared(recipes, backbones, ablations or (), changes, weights, registry, host)
    study = Study(
        kind="compare",
        variants=variants,
        seeds=seeds_from(variants[0].recipe.seed, seeds),
        metric=metric,
        command=command_line(),
    )
    screen = Screen()
    found = tell_comparison(study, host, out, device, screen, registry.references)
    click.echo(encode(found), nl=False) if as_json else click.echo(to_markdown(found))
    screen.say(f"leaderboard: {out / 'leaderboard.html'}")
