"""`birads-zoo explain`: draws heat maps of a finished run's test rows, and tests whether they are faithful."""

from __future__ import annotations

from pathlib import Path

import click

from birads_zoo.api.explain import explain
from birads_zoo.cli.options import PATH, plugin_option
from birads_zoo.errors import UserError
from birads_zoo.files.documents import encode


def _read_limit(context: click.Context, parameter: click.Parameter, text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"--limit {text!r}: give a number of images, 1 or more, or all")
    return int(text)


@click.command("explain")
@click.argument("run", type=PATH, metavar="RUN")
@click.option(
    "--explainer",
    "explainers",
    multiple=True,
    metavar="NAME",
    help="A registered explainer, or all of them as 'all'; may be repeated.  [default: the run's own]",
)
@click.option(
    "--limit",
    default="200",
    show_default=True,
    metavar="N|all",
    callback=_read_limit,
    help="How many test images, drawn at random.",
)
@click.option("--root", type=PATH, metavar="FOLDER", help="Where the run's data is now.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="Print explanations.json, and nothing else, on stdout.")
@plugin_option
def command(
    run: Path,
    explainers: tuple[str, ...],
    limit: int | None,
    root: Path | None,
    device: str,
    as_json: bool,
    plugin_files: tuple[Path, ...],
) -> None:
    """Explain test images of a finished RUN, and test whether each explainer's maps beat maps that need no network.

    Every image is explained by the network that never saw its patient. Its map shows the evidence for the predicted
    class or, where a lesion is marked, for the true class. The maps, their scores and the verdicts are written to
    RUN/explanations, and replace what was there.
    """
    result = explain(run, explainers, limit=limit, root=root, device=device, plugins=plugin_files)
    click.echo(encode(result.values), nl=False) if as_json else click.echo(result.text)
    click.echo(f"explanations: {result.folder}", err=True)
