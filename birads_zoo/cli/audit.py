"""`birads-zoo audit`: reports which rows of a data set are usable, why others are not, and problems of its labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import click

from birads_zoo.api.audit import audit
from birads_zoo.cli.options import PATH, PathType, dataset_fields, dataset_options, plugin_option
from birads_zoo.data.index.view_names import UNITS
from birads_zoo.printable import printable
from birads_zoo.recipe import SplitSection

if TYPE_CHECKING:
    from rich.table import Table

    from birads_zoo.inspection.audit import Audit


@click.command("audit")
@dataset_options
@click.option(
    "--out",
    type=PATH,
    metavar="FOLDER|FILE",
    help="Write audit.csv, one line for each dropped row or repair; in a folder also audit.html, with figures.",
)
@click.option(
    "--crops",
    type=PathType(dir_okay=False),
    metavar="FILE.png",
    help="Draw the crop, chest wall and side that were found in up to 60 pictures, unusual pictures first.",
)
@click.option(
    "--split",
    type=click.Choice(get_args(get_type_hints(SplitSection)["scheme"])),
    help="Also score the shortcuts that need no pixels, with this split and on all rows of the table.",
)
@click.option("--folds", type=click.IntRange(min=2), help="Folds of --split.  [default: 5]")
@click.option("--seed", type=click.IntRange(min=0), help="The seed of --split.  [default: 0]")
@click.option("--probe", is_flag=True, help="Also predict the file format from pixels, as they are and made neutral.")
@click.option("--json", "as_json", is_flag=True, help="Print the audit as JSON, and nothing else, on stdout.")
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
    """Report which rows of a data set are usable, why the others are not, and problems of the labels and files.

    Every picture is decoded completely and compared with all others. With --split, the macro-F1 of three shortcuts is
    reported too: the commonest class, a patient lookup, and the files' metadata. Rows whose files are missing count
    too. Nothing is trained, except with --probe, which trains a small network.
    """
    audited = audit(
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
        click.echo(json.dumps(audited.to_dict(), indent=2))
    else:
        _print(audited)


def _print(audited: Audit) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_counts_table(audited))
    for finding in audited.findings:
        line = f"{finding.severity}: {finding.name} ({finding.shown}): {finding.consequence}"
        console.print(printable(line), markup=False, soft_wrap=True)
    if audited.probe is not None:
        aucs = {key: "–" if auc is None else f"{auc:.2f}" for key, auc in audited.probe["auc"].items()}
        click.echo(f"file format from pixels, AUC by patient folds: {aucs['before']}, neutral {aucs['after']}")


def _counts_table(audited: Audit) -> Table:
    from rich.table import Table
    from rich.text import Text

    title = Text(printable(f"{audited.dataset} in {audited.root}"))
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    summary = audited.summary
    samples = {f"{UNITS[audited.level]} that these make": sum(audited.classes.values())}
    classes = {f"{audited.target}: {name}": count for name, count in audited.classes.items()}
    parts = (
        {"rows": summary.rows, "patients": summary.patients},
        {f"assessment {category}": count for category, count in summary.by_assessment.items()},
        {f"repaired: {reason}": count for reason, count in summary.repaired.items()},
        {f"dropped: {reason}": count for reason, count in summary.dropped.items()},
        {f"unlisted: {reason}": count for reason, count in summary.unlisted.items()},
        {"usable": summary.usable} | ({} if audited.level == "image" else samples) | classes,
    )
    for part in parts:
        for name, count in part.items():
            table.add_row(Text(printable(name)), str(count))
        table.add_section()
    for name, score in (audited.shortcuts or {}).items():
        table.add_row(Text(f"{name.replace('_', ' ')}, macro-F1"), f"{score:.3f}")
    return table
