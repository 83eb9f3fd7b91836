"""`birads-zoo audit`: which rows of a data set are usable, why the others are not, and what its labels may hide."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import click

from birads_zoo.cli.options import dataset_changes, dataset_options
from birads_zoo.cli.plugins import open_host, plugin_option
from birads_zoo.errors import UserError
from birads_zoo.recipe import Recipe, SplitSection

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
    help="Write audit.csv, a line a dropped row or repair, and into a folder also audit.html, with figures.",
)
@click.option(
    "--split",
    type=click.Choice(get_args(get_type_hints(SplitSection)["scheme"])),
    help="Also score the shortcuts that need no pixels under this split, on all rows of the table.",
)
@click.option("--folds", type=click.IntRange(min=2), help="Folds of --split.  [default: 5]")
@click.option("--seed", type=click.IntRange(min=0), help="The seed of --split.  [default: 0]")
@click.option("--probe", "probes", is_flag=True, help="Also name the file format from pixels, as they are and neutral.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON, and nothing else, on stdout.")
@plugin_option
def command(
    out: Path | None,
    split: str | None,
    folds: int | None,
    seed: int | None,
    probes: bool,
    as_json: bool,
    plugin_files: tuple[Path, ...],
    **fields: Any,
) -> None:
    """Say which rows of a data set are usable, why the others are not, and what to know of the labels and files.

    Every picture is decoded whole and compared with all others. With --split, also say what macro-F1 comes from the
    commonest class, from a table of patients, and from the files' metadata alone; rows whose files are absent count
    too. Nothing is trained but for --probe, which trains a small network.
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
    from birads_zoo.inspection.findings import find
    from birads_zoo.inspection.fingerprints import fingerprint
    from birads_zoo.inspection.inspect import inspect
    from birads_zoo.progress import Screen

    if split is None and (folds, seed) != (None, None):
        raise UserError("--folds and --seed say how --split splits: give --split too")
    _, host = open_host(plugin_files)
    section = Recipe().replace(dataset_changes(fields)).dataset
    loaded = load_index(section, host)
    target = closed(choose_target(host.dataset(section.name), section.target, loaded), loaded)
    single = check_rows(loaded)
    present = check_files(single)
    with Screen().bar("decoding", len(present.rows)) as show:
        decoded, prints = check_decodes(present, fingerprint, lambda done, _: show(done, ""))
    usable = drop_unlabelled(decoded, target, section.classes)
    summary = summarise(loaded, usable)
    inspection = inspect(drop_unlabelled(single, target, section.classes), decoded, prints, target)
    findings = find(inspection)
    classes = count_classes(usable, target)
    shortcuts: dict[str, dict[str, float]] = {}
    if split is not None:
        from birads_zoo.shortcuts.sheet import sheet_shortcuts

        changes = {"split.scheme": split} | ({} if folds is None else {"split.folds": folds})
        how = Recipe().replace(changes).split
        shortcuts = {"shortcuts": sheet_shortcuts(single, target, section.classes, how, seed or 0)}
    probed: dict[str, Any] = {}
    if probes:
        from birads_zoo.data.cache import cache_root
        from birads_zoo.recipe import ImageSection
        from birads_zoo.shortcuts.probing import probe_geometries

        probed = {"probe": probe_geometries(usable, ImageSection(), cache_root(), seed or 0)}
    title = f"{section.name} in {loaded.root}"
    if out is not None:
        file = _write(out, usable)
        if file.parent == out:
            from birads_zoo.report.audit_page import write_audit_page

            scored = shortcuts.get("shortcuts", {})
            write_audit_page(out / "audit.html", title, loaded.root, summary, inspection, findings, scored, split or "")
    if as_json:
        counts = asdict(summary) | {"target": target.name, "classes": classes}
        found = {"findings": [asdict(one) for one in findings], "inspection": asdict(inspection)}
        click.echo(json.dumps(counts | shortcuts | probed | found, indent=2))
    else:
        from rich.console import Console

        scores = {
            f"{name.replace('_', ' ')}, macro-F1": score for name, score in shortcuts.get("shortcuts", {}).items()
        }
        console = Console(highlight=False)
        console.print(_counts_table(title, summary, target.name, classes, scores))
        for one in findings:
            console.print(f"{one.severity}: {one.name} ({one.shown}): {one.consequence}", markup=False, soft_wrap=True)
        if probed:
            said = {when: "–" if auc is None else f"{auc:.2f}" for when, auc in probed["probe"]["auc"].items()}
            click.echo(f"file format from pixels, AUC by patient folds: {said['before']}, neutral {said['after']}")


def _write(out: Path, index: Index) -> Path:
    from birads_zoo.data.audit import entries_frame
    from birads_zoo.files import make_folder, write_text

    file = out if out.suffix and not out.is_dir() else out / "audit.csv"
    make_folder(file.parent)
    write_text(file, entries_frame(index).to_csv(index=False, lineterminator="\n"))
    return file


def _counts_table(
    title: str, summary: AuditSummary, target: str, classes: Mapping[str, int], scores: Mapping[str, float]
) -> Table:
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
    for name, score in scores.items():
        table.add_row(Text(name), f"{score:.3f}")
    return table
