"""`birads-zoo guess`: lists the data sets that a folder looks like."""

from __future__ import annotations

import json
from pathlib import Path

import click

from birads_zoo.api.guess import guess
from birads_zoo.cli.options import PATH, plugin_option
from birads_zoo.printable import printable


@click.command("guess")
@click.argument("path", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list on stdout.")
@plugin_option
def command(path: Path, as_json: bool, plugin_files: tuple[Path, ...]) -> int:
    """List the data sets that the folder PATH looks like, with the reasons and a command for each.

    Only file names and tables' headers are read; no picture is decoded. General readers, such as image-folder, are
    listed only where no other data set fits. The exit status is 1 if nothing fits.
    """
    guesses = guess(path, plugins=plugin_files)
    if as_json:
        click.echo(json.dumps([match.to_dict() for match in guesses], indent=2, ensure_ascii=False))
    else:
        for match in guesses:
            click.echo(
                f"{click.style(match.dataset, bold=True)}: {printable(match.reason)}\n  {printable(match.command)}"
            )
    if not guesses:
        click.echo(
            f"birads-zoo: no data set fits {printable(str(path))}; birads-zoo list datasets shows what is read",
            err=True,
        )
    return 0 if guesses else 1
