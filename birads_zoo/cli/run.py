"""`birads-zoo run`: trains and evaluates a backbone on a data set."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from birads_zoo.api.fields import RecipeFields, recipe_changes
from birads_zoo.api.opening import open_host
from birads_zoo.api.run import train
from birads_zoo.cli.options import (
    PATH,
    dataset_fields,
    dataset_options,
    plugin_option,
    read_size,
    tracker_option,
    trackers_field,
)
from birads_zoo.errors import UserError
from birads_zoo.files.documents import encode
from birads_zoo.launch import launched
from birads_zoo.recipes.compose import parse_settings

if TYPE_CHECKING:
    from birads_zoo.api.open_run import Run

_FIELDS = ("backbone", "weights", "augmentation", "loss", "split", "folds", "epochs", "image_size", "seed")
_ABLATIONS = "birads_zoo.ablations"  # key in the command's context: names of the ablations that the user chose
_FLAGS = "birads_zoo.flags"  # key in the command's context: the flags of all registered ablations


class _RunCommand(click.Command):
    """The command `run` with a flag for every registered ablation, including those of `--plugin` files."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.obj = _, host = open_host([Path(file) for file in _plugin_files(args)])
        taken = {option for parameter in self.params for option in parameter.opts}
        flags = ctx.meta[_FLAGS] = []
        for name, registered in host.ablations.items():
            if f"--{name}" in taken:
                raise UserError(f"ablation {name!r} ({registered.plugin}) has the name of an option: rename it")
            flag = click.Option([f"--{name}"], is_flag=True, expose_value=False, callback=_collect)
            flag.help = registered.spec.summary
            flags.append(flag)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *ctx.meta.get(_FLAGS, [])]


def _collect(context: click.Context, flag: click.Parameter, given: bool) -> None:
    if given:
        context.meta.setdefault(_ABLATIONS, []).append(flag.opts[0].removeprefix("--"))


def _plugin_files(args: Sequence[str]) -> list[str]:
    """Return the values of `--plugin`, before click knows all options."""
    files = [value for flag, value in itertools.pairwise(args) if flag == "--plugin"]
    return files + [arg.removeprefix("--plugin=") for arg in args if arg.startswith("--plugin=")]


@click.command("run", cls=_RunCommand)
@click.option("--recipe", metavar="NAME|FILE", help="A registered recipe or a TOML file. [default: default]")
@dataset_options
@click.option("--backbone", metavar="NAME", help="A registered backbone.")
@click.option("--weights", type=PATH, metavar="FILE", help="The backbone's weights: .safetensors or .pth.")
@click.option("--augmentation", metavar="NAME", help="A registered augmentation.")
@click.option("--loss", metavar="NAME", help="A registered loss.")
@click.option(
    "--split", type=click.Choice(["patient", "breast", "image", "official", "paper"]), help="The unit that is held out."
)
@click.option("--folds", type=int, metavar="K", help="Folds; all rows are predicted once, out of fold.")
@click.option("--epochs", type=int, metavar="N", help="Training epochs.")
@click.option("--image-size", callback=read_size, metavar="HxW", help="Height and width in pixels.")
@click.option("--seed", type=int, metavar="N", help="The seed of everything random.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any field of the recipe; may be repeated.")
@tracker_option
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:N.")
@click.option("--out", type=PATH, default="runs", show_default=True, help="The folder for runs.")
@click.option("--name", metavar="NAME", help="Name of the run's folder. A stopped run of that name goes on.")
@click.option("--resume", type=PATH, metavar="RUN", help="Continue the stopped run in this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON, and nothing else, on stdout.")
@plugin_option
@click.pass_context
def command(
    context: click.Context,
    /,
    recipe: str | None,
    settings: tuple[str, ...],
    device: str,
    out: Path,
    name: str | None,
    resume: Path | None,
    as_json: bool,
    plugin_files: tuple[Path, ...],
    **given: Any,
) -> None:
    """Train and evaluate a backbone on a data set, split by patient, and write everything to a folder.

    Every registered ablation is a flag: birads-zoo run --backbone resnet50 --no-dropout

    A signal to end (Ctrl-C, SIGTERM, SIGHUP, or SIGUSR1 of a batch scheduler) ends training after the present step.
    With --name, the same command goes on from there when it is started again.
    """
    fields: RecipeFields = {
        **dataset_fields(given),  # type: ignore[typeddict-item]
        **{name: given[name] for name in _FIELDS},
        "trackers": trackers_field(given),
        "set": parse_settings(settings),
    }
    ablations = context.meta.get(_ABLATIONS, [])
    finished = train(context.obj, recipe, recipe_changes(fields), ablations, device, out, name, resume, progress=True)
    if launched().leads:
        _show(finished, as_json)


def _show(run: Run, as_json: bool) -> None:
    """Print the metrics on stdout, as JSON or as a table; print the run's folder on stderr."""
    from birads_zoo.evaluation.few import areas_note, few_note
    from birads_zoo.report.run.source_text import by_source
    from birads_zoo.report.run.terminal import (
        against_best,
        against_shortcuts,
        by_fold,
        by_level,
        by_subgroup,
        chances,
        headline,
        readings,
        results_table,
        results_text,
    )

    metrics = run.metrics
    if as_json:
        click.echo(encode(metrics), nl=False)
    else:
        title = f"{run.recipe.run_id} on {run.recipe.dataset.name}, target {metrics.target}"
        if sys.stdout.isatty():
            from rich.console import Console

            Console().print(results_table(metrics, title))
        else:
            click.echo(results_text(metrics, title))
        click.echo(headline(metrics))
        notes = [few_note(metrics), areas_note(metrics), by_fold(metrics) if metrics.folds > 1 else ""]
        lines = [*filter(None, notes), *against_best(metrics), *against_shortcuts(metrics)]
        for section in (readings, by_subgroup, by_source, by_level, chances):
            lines += section(metrics)
        click.echo("\n".join(lines))
    click.echo(f"figures: {run.folder / 'figures'}", err=True)
    click.echo(f"run: {run.folder}", err=True)
