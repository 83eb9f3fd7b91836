"""`birads-zoo report`: writes a finished run as one page that needs no internet connection."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from birads_zoo.api.open_run import open_run
from birads_zoo.cli.options import PATH, plugin_option


@click.command("report")
@click.argument("folder", metavar="RUN", type=PATH)
@click.option(
    "--out",
    type=PATH,
    metavar="FILE|FOLDER",
    help="The page, or the folder of --figures.  [default: RUN/report.html, RUN/figures]",
)
@click.option("--root", type=PATH, help="Where the run's data is now, if it was moved.")
@click.option(
    "--figures",
    "form",
    type=click.Choice(["png", "svg"]),
    help="Instead of the page, draw only the figures, for print: 300 dpi (as NAME@2x.png), or SVG.",
)
@click.option("--patient-ids", is_flag=True, help="Show patient ids and folders; without it, patients get pseudonyms.")
@plugin_option
def command(
    folder: Path,
    out: Path | None,
    root: Path | None,
    form: Literal["png", "svg"] | None,
    patient_ids: bool,
    plugin_files: tuple[Path, ...],
) -> None:
    """Write a finished RUN as a page: its problems first, then every prediction and every figure.

    The page is one file and loads no scripts, fonts or pictures from elsewhere. It contains the test pictures: do not
    show it to people who may not see these.
    """
    run = open_run(folder, plugins=plugin_files)
    if form is not None:
        click.echo(f"figures: {run.draw(form, out, root=root, patient_ids=patient_ids)}", err=True)
        return
    path = run.report(out, root=root, patient_ids=patient_ids)
    click.echo(f"report: {path} ({path.stat().st_size / 1e6:.1f} MB)", err=True)
