"""`birads-zoo compare`: compares the official backbones, or those named, on the same folds, and ranks them by tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from birads_zoo.api.compare import compare
from birads_zoo.cli.study_options import executor_fields, read_names, split_option, study_fields, study_options
from birads_zoo.files.documents import encode
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
@click.option("--ablations", callback=read_names, metavar="A,B", help="Also run each backbone with these.")
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
    jobs: int | Literal["auto"],
    out: Path,
    as_json: bool,
    plugin_files: tuple[Path, ...],
    **given: Any,
) -> None:
    """Compare backbones on the same folds, and write a leaderboard.

    Without --backbone these are the backbones that registry.toml lists under [models].

    If a model fails, the leaderboard shows its error, and the others are still run. A study that was stopped can be
    started again with the same arguments; it then does only what is missing.
    """
    result = compare(
        backbones,
        recipes=recipes,
        ablations=ablations or (),
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
    click.echo(f"leaderboard: {out / 'leaderboard.html'}", err=True)
