"""`birads-zoo audit`: which rows of a data set are usable, and why the others are not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from birads_zoo.cli.options import dataset_changes, dataset_options
from birads_zoo.cli.plugins import open_host, plugin_option
from birads_zoo.recipe import Recipe

if TYPE_CHECKING:
    from rich.table import Table

    from birads_zoo.data.audit import AuditSummary
    from birads_zoo.interfaces import Index


@click.command("audit")
@dataset_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER|FILE",
    help="Write audit.csv: a line a dropped row or repair.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON, and nothing else, on stdout.")
@plugin_option
def command(out: Path | None, as_json: bool, plugin_files: tuple[Path, ...], **fields: Any) -> None:
    """Say which rows of a data set are usable, and why the others are not; train nothing.

    Every picture is decoded whole.
    """
    from birads_zoo.data.audit import (
        check_decodes,
        check_files,
        check_rows,
        choose_target,
        drop_unlabelled,
        summarise,
    )
    from birads_zoo.data.classes import closed, count_classes
    from birads_zoo.data.load import load_index
    from birads_zoo.progress import Screen

    _, host = open_host(plugin_files)
    section = Recipe().replace(dataset_changes(fields)).dataset
    loaded = load_index(section, host)
    target = closed(choose_target(host.dataset(section.name), section.target, loaded), loaded)
    present = check_files(check_rows(loaded))
    with Screen().bar("decoding", len(present.rows)) as show:
        decoded = check_decodes(present, lambda done, _: show(done, ""))
    usable = drop_unlabelled(decoded, target, section.classes)
    summary = summarise(loaded, usable)
    if out is not None:
        _write(out, usable)
    classes = count_classes(usable, target)
    if as_json:
        click.echo(json.dumps(asdict(summary) | {"target": target.name, "classes": classes}, indent=2))
    else:
        from rich.console import Console

        Console().print(_counts_table(f"{section.name} in {loaded.root}", summary, target.name, classes))


def _write(out: Path, index: Index) -> None:
    from birads_zoo.data.audit import entries_frame
    from birads_zoo.files import make_folder, write_text

    file = out if out.suffix and not out.is_dir() else out / "audit.csv"
    make_folder(file.parent)
    write_text(file, entries_frame(index).to_csv(index=False, lineterminator="\n"))


def _counts_table(title: str, summary: AuditSummary, target: str, classes: Mapping[str, int]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    parts = (
        {"rows": summary.rows, "patients": summary.patients},
        {f"assessment {category}": count for category, count in summary.by_assessment.items()},
        {f"repaired: {reason}": count for reason, count in summary.repaired.items()},
        {f"dropped: {reason}": count for reason, count in summary.dropped.items()},
        {f"unlisted: {reason}": count for reason, count in summary.unlisted.items()},
        {"usable": summary.usable} | {f"{target}: {name}": count for name, count in classes.items()},
    )
    for part in parts:
        for name, count in part.items():
            table.add_row(Text(name), str(count))
        table.add_section()
    return table
