"""`birads-zoo report`: a finished run as one page that opens without a network."""

from __future__ import annotations

from pathlib import Path

import click

from birads_zoo.cli.plugins import open_host, plugin_option


@click.command("report")
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE|FOLDER",
    help="The page, or the folder of --figures.  [default: RUN/report.html, RUN/figures]",
)
@click.option("--root", type=click.Path(path_type=Path), help="Where the run's data lies now, if it was moved.")
@click.option(
    "--figures",
    "form",
    type=click.Choice(["png", "svg"]),
    help="Instead of the page, draw the figures alone, for print: 300 dpi (as NAME@2x.png), or SVG.",
)
@click.option("--patient-ids", is_flag=True, help="Show patient ids and folders; without it, patients get pseudonyms.")
@plugin_option
def command(
    folder: Path,
    out: Path | None,
    root: Path | None,
    form: str | None,
    patient_ids: bool,
    plugin_files: tuple[Path, ...],
) -> None:
    """Make a page of a finished run: what is wrong with it first, then every prediction and every figure.

    The page is one file without scripts, fonts or pictures from elsewhere. It holds the test pictures: whoever may not
    see these may not see the page.
    """
    from birads_zoo.files import make_folder
    from birads_zoo.progress import Screen
    from birads_zoo.report.heat import read_heat
    from birads_zoo.report.pseudonyms import pseudonyms
    from birads_zoo.report.run_figures import draw_all
    from birads_zoo.report.run_page import write_run_page
    from birads_zoo.runs.finished import prepare_again, read_run

    _, host = open_host(plugin_files)
    run = read_run(folder, host)
    screen = Screen()
    data = prepare_again(run, host, screen, root)
    names = None if patient_ids else pseudonyms(run.test["patient_id"], run.recipe.seed)
    if form is not None:
        figures = make_folder(out or folder / "figures")
        ending = ".svg" if form == "svg" else "@2x.png"
        draw_all(figures, data, run.history, run.test, run.metrics, None, run.recipe, ending=ending, names=names)
        screen.say(f"figures: {figures}")
        return
    heat = read_heat(folder, run.classes, data)
    path = out or folder / "report.html"
    make_folder(path.parent)
    write_run_page(path, run.recipe, run.test, run.metrics, run.environment, run.history, data, heat, names)
    screen.say(f"report: {path} ({path.stat().st_size / 1e6:.1f} MB)")
