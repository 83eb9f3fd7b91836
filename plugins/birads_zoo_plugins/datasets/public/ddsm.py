"""DDSM, in two layouts: the published tree of cases, or small pictures with a table of labels."""

from pathlib import Path

from birads_zoo import DatasetContext, Index, UserError
from birads_zoo_plugins.datasets._tree import check_root, list_tree
from birads_zoo_plugins.datasets.public import _ddsm_cases, _ddsm_small
from birads_zoo_plugins.datasets.public._recognition import find_like, find_near, has_columns
from birads_zoo_plugins.datasets.public._rows import find_named


def load(context: DatasetContext) -> Index:
    """Read DDSM from any folder of its tree, or from the folder of its small pictures and `labels.csv`.

    `assessment`, `label` and `lesions` are those of a picture's marked abnormalities, the most suspicious of several;
    pictures without marks have none, and those of normal cases the label "normal". `marked` is "marked" or "unmarked"
    in cases with an abnormality, `case` is "normal", "benign" or "cancer". Outlines are left out where a picture is not
    of the published size. Raises `UserError` for a missing or unreadable root, one with neither layout, and one whose
    pictures are LJPEG files alone.
    """
    tree = list_tree(check_root("ddsm", context))
    if cases := _ddsm_cases.case_files(tree):
        return _ddsm_cases.load(tree, cases)
    if table := find_named(tree, [_ddsm_small.TABLE]):
        return _ddsm_small.load(tree, table)
    raise UserError(
        f"neither cases (such as case3024/B-3024-1.ics) nor {_ddsm_small.TABLE} below {tree.root}: ddsm needs the "
        "folders of the cases, or small pictures with that table"
    )


def recognise(folder: Path) -> str:
    """Return why a folder looks like DDSM, "" where it does not."""
    table = find_near(folder, [_ddsm_small.TABLE])
    if table is not None and has_columns(table, (*_ddsm_small.NEEDED, "lesion_types", "subtlety")):
        return f"{_ddsm_small.TABLE} with the columns of DDSM in small pictures"
    case = find_like(folder, _ddsm_cases.CASE, depth=3)
    return f"cases of DDSM, such as {case.name}" if case else ""
