"""`birads-zoo audit`: which rows of a data set are usable, why the others are not, and what its labels may hide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import click

from birads_zoo.api.audit import audit
from birads_zoo.cli.options import dataset_fields, dataset_options
from birads_zoo.cli.plugins import plugin_option
from birads_zoo.data.index.view_names import UNITS
from birads_zoo.recipe import SplitSection

if TYPE_CHECKING:
    from rich.table import Table

    from birads_zoo.inspection.audit import Audit


@click.command("audit")
@dataset_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER|FILE",
    help="Write audit.csv, a line a dropped row or repair, and into a folder also audit.html, with figures.",
)
@click.option(
    "--crops",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    help="Draw where the breast was found in up to 60 pictures, odd ones first: the crop, the chest wall, the side.",
)
@click.option(
    "--split",
    type=click.Choice(get_args(get_type_hints(SplitSection)["scheme"])),
    help="Also score the shortcuts that need no pixels under this split, on all rows of the table.",
)
@click.option("--folds", type=click.IntRange(min=2), help="Folds of --split.  [default: 5]")
@click.option("--seed", type=click.IntRange(min=0), help="The seed of --split.  [default: 0]")
@click.option("--probe", is_flag=True, help="Also name the file format from pixels, as they are and neutral.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON, and nothing else, on stdout.")
@plugin_option
def command(
    out: Path | None,
    crops: Path | None,
    split: str | None,
    folds: int | None,
    seed: int | None,
    probe: bool,
    as_json: bool,
    plugin_files: tuple[Path, ...],
    **fields: Any,
) -> None:
    """Say which rows of a data set are usable, why the others are not, and what to know of the labels and files.

    Every picture is decoded whole and compared with all others. With --split, also say what macro-F1 comes from the
    commonest class, from a table of patients, and from the files' metadata alone; rows whose files are absent count
    too. Nothing is trained but for --probe, which trains a small network.
    """
    found = audit(
        **dataset_fields(fields),
        split=split,
        folds=folds,
        seed=seed,
        probe=probe,
        out=out,
        crops=crops,
        plugins=plugin_files,
    )
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _print(found)


def _print(found: Audit) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_counts_table(found))
    for one in found.findings:
        console.print(f"{one.severity}: {one.name} ({one.shown}): {one.consequence}", markup=False, soft_wrap=True)
    if found.probe is not None:
        said = {when: "–" if auc is None else f"{auc:.2f}" for when, auc in found.probe["auc"].items()}
        click.echo(f"file format from pixels, AUC by patient folds: {said['before']}, neutral {said['after']}")


def _counts_table(found: Audit) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(f"{found.dataset} in {found.root}"), title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    summary = found.summary
    made = {} if found.level == "image" else {f"{UNITS[found.level]} that these make": sum(found.classes.values())}
    classes = {f"{found.target}: {name}": count for name, count in found.classes.items()}
    parts = (
        {"rows": summary.rows, "patients": summary.patients},
        {f"assessment {category}": count for category, count in summary.by_assessment.items()},
        {f"repaired: {reason}": count for reason, count in summary.repaired.items()},
        {f"dropped: {reason}": count for reason, count in summary.dropped.items()},
        {f"unlisted: {reason}": count for reason, count in summary.unlisted.items()},
        {"usable": summary.usable} | made | classes,
    )
    for part in parts:
        for name, count in part.items():
            table.add_row(Text(name), str(count))
        table.add_section()
    for name, score in (found.shortcuts or {}).items():
        table.add_row(Text(f"{name.replace('_', ' ')}, macro-F1"), f"{score:.3f}")
    return table
