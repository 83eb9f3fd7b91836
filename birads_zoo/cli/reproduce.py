"""`birads-zoo reproduce`: repeats a finished run, and says whether its results are the same bit by bit."""

from __future__ import annotations

from pathlib import Path

import click

from birads_zoo.api.reproduce import reproduce
from birads_zoo.cli.options import PATH, plugin_option


@click.command("reproduce")
@click.argument("folder", metavar="RUN", type=PATH)
@click.option("--root", type=PATH, help="Where the run's data is now, if it was moved.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:N.")
@click.option("--out", type=PATH, default="runs", show_default=True, help="The folder for runs.")
@plugin_option
def command(folder: Path, root: Path | None, device: str, out: Path, plugin_files: tuple[Path, ...]) -> int:
    """Repeat a finished RUN from its recipe and its data, and compare predictions and weights bit by bit.

    The status is 0 if all bits are equal. If not, it is 1, and the differences are printed with what may explain them:
    other versions, another number of threads, other hardware.
    """
    result = reproduce(folder, root=root, device=device, out=out, plugins=plugin_files)
    click.echo(result.text)
    click.echo(f"run: {result.repetition}", err=True)
    return 0 if result.equal else 1
