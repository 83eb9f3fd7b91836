"""`birads-zoo guess`: which data sets a folder looks like."""

from __future__ import annotations

import json
from pathlib import Path

import click

from birads_zoo.api.guess import guess
from birads_zoo.cli.plugins import plugin_option


@click.command("guess")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list on stdout.")
@plugin_option
def command(path: Path, as_json: bool, plugin_files: tuple[Path, ...]) -> int:
    """Say which data sets the folder PATH looks like, why, and how to go on.

    Names of files and tables' headers tell; no picture is decoded. Readers of anybody's data, such as image-folder, are
    named where no other data set fits. The exit status is 1 if nothing fits.
    """
    found = guess(path, plugins=plugin_files)
    if as_json:
        click.echo(json.dumps([one.to_dict() for one in found], indent=2, ensure_ascii=False))
    else:
        for one in found:
            click.echo(f"{click.style(one.dataset, bold=True)}: {one.reason}\n  {one.command}")
    if not found:
        click.echo(f"birads-zoo: no data set fits {path}; birads-zoo list datasets shows what is read", err=True)
    return 0 if found else 1
