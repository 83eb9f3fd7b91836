"""Finds the pictures of a table's paths, also when the paths were written on another machine."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from birads_zoo_plugins.datasets._reading.tree import Tree

MOVED, AMBIGUOUS = "found in another folder", "ambiguous path"
"""The reasons of a place: a picture in another folder than in the table, and a path that fits several files."""

_ABSOLUTE = re.compile(r"/|[A-Za-z]:/|~/|file:/")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a row's picture is: its path below the root, and a reason and a detail where something is unusual.

    A missing picture keeps the table's path.
    """

    path: str
    reason: str = ""
    detail: str = ""


def find_places(tree: Tree, written: Sequence[str]) -> list[Place]:
    """Return the place of the picture of each written path.

    A path is taken as written (see `Tree.find`) where that is a file. Two groups of paths are searched further:
    absolute paths of another machine, and the relative paths of a table of which none is a file. They are searched
    without the folders that they all begin with, or else by their ends in any folder. Either way must fit all paths of
    the group, so that a missing picture is not replaced by another with the same name. Where different paths lead to
    one file, all of them are marked as ambiguous.
    """
    files = [_as_written(tree, path) if path else None for path in written]
    places = [Place(path=file or path) for file, path in zip(files, written, strict=True)]
    relative = [at for at, path in enumerate(written) if path and not _ABSOLUTE.match(path)]
    absolute = [at for at, path in enumerate(written) if files[at] is None and _ABSOLUTE.match(path)]
    lost = [] if any(files[at] for at in relative) else relative
    for group in (absolute, lost):
        paths = [written[at] for at in group]
        candidates = _without_start(tree, paths, none_as_written=not any(files)) or _by_end(tree, paths)
        for at, place in zip(group, candidates, strict=True):
            places[at] = place
    stray = [*absolute, *lost]
    checked = _mark_contested(tree, [written[at] for at in stray], [places[at] for at in stray])
    for at, place in zip(stray, checked, strict=True):
        places[at] = place
    return places


def _as_written(tree: Tree, path: str) -> str | None:
    try:
        return tree.find(path) or (path if (tree.root / path).is_file() else None)
    except OSError:  # not a valid file name
        return None


def _without_start(tree: Tree, paths: Sequence[str], *, none_as_written: bool) -> list[Place]:
    """Return the places of paths that begin with the same folders and end in paths below the root.

    The result is empty unless one common start fits every picture that is found by an end. At least one found path must
    keep a folder, because the last folder may be the patient's and other patients may have the same names. Only where
    `none_as_written` of the table's paths is a file as written may several paths be found by names alone.
    """
    ends = [_ends(path) for path in paths]
    starts = Counter(start for item in ends for start, end in item.items() if tree.find(end))
    hits = sum(any(tree.find(end) for end in item.values()) for item in ends)
    fitting = [start for start, count in starts.items() if count == hits and all(start in item for item in ends)]
    if not none_as_written or len(set(paths)) == 1:
        fitting = [start for start in fitting if any("/" in item[start] and tree.find(item[start]) for item in ends)]
    if not fitting:
        return []
    start = min(fitting, key=len)  # the longest end is the most specific
    return [moved(path, tree.find(item[start])) for path, item in zip(paths, ends, strict=True)]


def _ends(path: str) -> dict[str, str]:
    """Return each start of a path, up to a slash, with what follows it."""
    return {path[: slash.end()]: path[slash.end() :] for slash in re.finditer("/", path)}


def _by_end(tree: Tree, paths: Sequence[str]) -> list[Place]:
    """Return the places of paths that are the end of a path below the root, if each fits only one file."""
    candidates = [tree.ending(path) for path in paths]
    if any(len(files) > 1 for files in candidates):
        return [doubtful(path, files) for path, files in zip(paths, candidates, strict=True)]
    return [moved(path, next(iter(files), None)) for path, files in zip(paths, candidates, strict=True)]


def _mark_contested(tree: Tree, paths: Sequence[str], places: Sequence[Place]) -> list[Place]:
    """Return the places of stray paths, ambiguous where different paths lead, or may lead by their end, to one file."""
    files = [
        place.path if place.reason == MOVED else next(filter(None, map(tree.find, _ends(path).values())), "")
        for path, place in zip(paths, places, strict=True)
    ]
    claims = Counter(file for _, file in set(zip(paths, files, strict=True)))
    return [
        _contested(path, file) if file and claims[file] > 1 and place.reason != AMBIGUOUS else place
        for path, file, place in zip(paths, files, places, strict=True)
    ]


def _contested(path: str, file: str) -> Place:
    detail = f"may be {file}, like another path of the table: write paths that start at the root"
    return Place(path=path, reason=AMBIGUOUS, detail=detail)


def doubtful(path: str, candidates: Sequence[str]) -> Place:
    """Return the place of a picture that has several candidates, or none."""
    if len(candidates) < 2:
        return Place(path=path)
    detail = f"may be {' or '.join(candidates[:2])}: write paths that start at the root, or give another root"
    return Place(path=path, reason=AMBIGUOUS, detail=detail)


def moved(path: str, file: str | None) -> Place:
    """Return the place of a picture that is at `file`, not at the table's `path`, or is missing (None)."""
    if file is None:
        return Place(path=path)
    return Place(path=file, reason=MOVED, detail=f"the table has {path!r}")
