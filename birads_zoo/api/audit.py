"""`birads_zoo.audit`: reports which rows of a data set are usable, why others are not, and problems of its labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.api.fields import Part, RecipeFields, recipe_changes
from birads_zoo.api.opening import open_host, open_screen
from birads_zoo.errors import UserError
from birads_zoo.recipe import Recipe

if TYPE_CHECKING:
    from birads_zoo.inspection.audit import Audit


_SHEET_PICTURES = 60  # the most pictures on a sheet of crops


def audit(
    dataset: Part | None = None,
    *,
    root: Path | str | None = None,
    target: str | None = None,
    classes: Sequence[str] | None = None,
    split: str | None = None,
    folds: int | None = None,
    seed: int | None = None,
    probe: bool = False,
    out: Path | str | None = None,
    crops: Path | str | None = None,
    plugins: Sequence[Path | str] = (),
    progress: bool = True,
) -> Audit:
    """Report which rows of a data set are usable, why the others are not, and problems of the labels and files.

    Every picture is decoded completely and compared with all others.

    Args:
        dataset: a registered data set, or a table with its options, such as
            {"name": "csv", "options": {"table": "labels.csv"}}; by default the phantom.
        root: the data set's folder.
        target: the target to predict; by default the data set's first target.
        classes: the classes to keep; by default all.
        split: "patient", "breast", "image", "official" or "paper": also score the shortcuts that need no pixels with
            this split.
        folds: the number of folds of the split; 5 by default.
        seed: the seed of the split and the probe; 0 by default.
        probe: also train a small network that predicts the file format from pixels.
        out: a folder for `audit.csv` and the page `audit.html`, or a file for the table only.
        crops: a PNG file for a sheet of up to 60 pictures on which the breast's box, its chest wall and its side are
            drawn: unusual pictures first, then a fixed sample from each size, side and view.
        plugins: plugin files to load, as in `run`.
        progress: show progress on stderr.

    Raises:
        UserError: for a mistake in the arguments or the data set, and for a place that cannot be written.

    """
    if crops is not None and Path(crops).suffix.lower() != ".png":
        raise UserError(f"--crops writes a picture: give a file name that ends in .png, not {crops}")
    if split is None and (folds, seed) != (None, None):
        raise UserError("--folds and --seed are settings of --split: give --split too")
    fields: RecipeFields = {
        "dataset": dataset,
        "root": root,
        "target": target,
        "classes": classes,
        "split": split,
        "folds": folds,
    }
    recipe = Recipe().replace(recipe_changes(fields))
    table, page, sheet = _places(out, crops)
    _, host = open_host(plugins)
    from birads_zoo.inspection.audit import audit as inspect_dataset

    section = None if split is None else recipe.split
    audited = inspect_dataset(recipe.dataset, host, open_screen(progress), split=section, seed=seed or 0, probe=probe)
    if table is not None:
        _write(table, page, audited, split or "")
    if sheet is not None:
        _draw(sheet, audited)
    return audited


def _places(out: Path | str | None, crops: Path | str | None) -> tuple[Path | None, Path | None, Path | None]:
    """Return the files for the table, the page and the sheet of crops, each `None` if it is not wanted.

    The table is `out`, if that is a file's name, or with the page in the folder `out`.
    """
    from birads_zoo.data.index.audit import ENTRY_COLUMNS
    from birads_zoo.files import check_file
    from birads_zoo.report.templates import MARK

    table = page = sheet = None
    if out is not None:
        alone = Path(out).suffix and not Path(out).is_dir()
        table = check_file(Path(out) if alone else Path(out) / "audit.csv", ",".join(ENTRY_COLUMNS).encode())
        page = None if alone else check_file(Path(out) / "audit.html", MARK)
    if crops is not None:
        from birads_zoo.report.drawing.style import SOFTWARE

        sheet = check_file(Path(crops), SOFTWARE.encode())
    return table, page, sheet


def _draw(file: Path, audited: Audit) -> None:
    from birads_zoo.files import make_folder
    from birads_zoo.inspection.breasts import choose
    from birads_zoo.report.audit.crop_sheet import draw_crops

    pictures = choose(audited.seen, _SHEET_PICTURES)
    make_folder(file.parent)
    context = f"{audited.dataset} in {audited.root} · {len(pictures)} of {len(audited.seen)} pictures"
    draw_crops(pictures, audited.root, file, context)


def _write(table: Path, page: Path | None, audited: Audit, split: str) -> None:
    from birads_zoo.files import make_folder
    from birads_zoo.files.csv_files import write_frame
    from birads_zoo.report.audit.page import write_audit_page

    make_folder(table.parent)
    write_frame(table, audited.entries)
    if page is not None:
        write_audit_page(
            page,
            f"{audited.dataset} in {audited.root}",
            audited.root,
            audited.summary,
            audited.inspection,
            audited.findings,
            audited.shortcuts or {},
            split,
        )
