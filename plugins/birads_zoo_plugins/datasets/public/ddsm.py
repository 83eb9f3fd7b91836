"""Reads DDSM in two layouts: the published tree of cases, or small pictures with a table of labels."""

from collections.abc import Sequence
from pathlib import Path

from birads_zoo import DatasetContext, Index, UserError
from birads_zoo_plugins.datasets._reading.tree import check_root, list_tree
from birads_zoo_plugins.datasets.public._ddsm import cases as _ddsm_cases
from birads_zoo_plugins.datasets.public._ddsm import small as _ddsm_small
from birads_zoo_plugins.datasets.public._shared.named_tables import has_table, recognise_table


def load(context: DatasetContext) -> Index:
    """Read DDSM from any folder of its tree, or from the folder of its small pictures and `labels.csv`.

    `assessment`, `label` and `lesions` come from a picture's marked abnormalities, the most suspicious of several.
    Pictures without marks have none; pictures of normal cases have the label "normal". `marked` is "marked" or
    "unmarked" in cases with an abnormality, `case` is "normal", "benign" or "cancer". Outlines are left out where a
    picture does not have the published size. Raises `UserError` for a missing or unreadable root, one with neither
    layout, and one with only LJPEG pictures.
    """
    tree = list_tree(check_root("ddsm", context))
    if cases := _ddsm_cases.case_files(tree):
        return _ddsm_cases.load(tree, cases)
    if has_table(tree, _ddsm_small.TABLE):
        return _ddsm_small.load(tree)
    raise UserError(
        f"neither cases (such as case3024/B-3024-1.ics) nor {_ddsm_small.TABLE}.csv below {tree.root}: ddsm needs the "
        "folders of the cases, or small pictures with that table"
    )


def recognise(folder: Path, files: Sequence[str]) -> str:
    """Return why a folder looks like DDSM, or "" where it does not."""
    if reason := recognise_table(folder, files, _ddsm_small.TABLE, {**_ddsm_small.COLUMNS, **_ddsm_small.MORE}):
        return f"{reason}, as of DDSM in small pictures"
    names = (file.rpartition("/")[2] for file in files)
    case = next(filter(_ddsm_cases.CASE.fullmatch, names), "")
    return f"cases of DDSM, such as {case}" if case else ""
