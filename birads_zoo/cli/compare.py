"""`birads-zoo compare`: the official backbones, or those named, on the same folds, ranked by tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from birads_zoo.api.compare import compare
from birads_zoo.cli.study_options import read_names, split_option, study_fields, study_options
from birads_zoo.documents import encode
from birads_zoo.results.scores import Metric


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
    **given: Any,
) -> None:
    """Compare backbones on the same folds, and leave a leaderboard.

    Without --backbone they are those that registry.toml lists under [models].

    A model that fails is a line with its error; the rest finish. Stopped, and started again with the same arguments,
    it does only what is missing.
    """
    found = compare(
        backbones,
        recipes=recipes,
        ablations=ablations or (),
        metric=metric,
        seeds=seeds,
        weights=weights,
        device=device,
        out=out,
        plugins=plugin_files,
        **study_fields(given),
    )
    click.echo(encode(found.values), nl=False) if as_json else click.echo(found.text)
    click.echo(f"leaderboard: {out / 'leaderboard.html'}", err=True)
