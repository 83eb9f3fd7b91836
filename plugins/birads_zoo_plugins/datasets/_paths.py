"""Which picture below the root a table's paths mean, whatever folder they were written from."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from birads_zoo_plugins.datasets._tree import Tree

MOVED, AMBIGUOUS = "found in another folder", "ambiguous path"
"""The reasons of a place: a picture that is not where the table has it, and one that may be several."""

_ABSOLUTE = re.compile(r"/|[A-Za-z]:/|~/|file:/")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a row's picture is: its path below the root, and what there is to say of it: a reason and a detail.

    A picture that is not there keeps the path that the table gave it.
    """

    path: str
    reason: str = ""
    detail: str = ""


def find_places(tree: Tree, written: Sequence[str]) -> list[Place]:
    """Return where the picture of each written path is.

    A path is taken as written (see `Tree.find`) wherever that is a file. Paths of another machine, and relative ones of
    a table whose every path leads nowhere, are looked for in two ways, which are either right for all of them or not
    taken: without folders that they all begin with, and by their end in any folder below. So a picture that is missing
    is not replaced by one that happens to have its name. Nor are two such paths, unless they are the same, given one
    file: then both are in doubt.
    """
    found = [_here(tree, path) if path else None for path in written]
    places = [Place(path=there or path) for there, path in zip(found, written, strict=True)]
    relative = [at for at, path in enumerate(written) if path and not _ABSOLUTE.match(path)]
    absolute = [at for at, path in enumerate(written) if found[at] is None and _ABSOLUTE.match(path)]
    lost = [] if any(found[at] for at in relative) else relative
    for group in (absolute, lost):
        own = [written[at] for at in group]
        moves = _without_start(tree, own, whole=not any(found)) or _by_end(tree, own)
        for at, place in zip(group, moves, strict=True):
            places[at] = place
    stray = [*absolute, *lost]
    sure = _without_contested(tree, [written[at] for at in stray], [places[at] for at in stray])
    for at, place in zip(stray, sure, strict=True):
        places[at] = place
    return places


def _here(tree: Tree, path: str) -> str | None:
    try:
        return tree.find(path) or (path if (tree.root / path).is_file() else None)
    except OSError:  # no name that a disk could hold
        return None


def _without_start(tree: Tree, paths: Sequence[str], *, whole: bool) -> list[Place]:
    """Return the places of paths that begin with the same folders, and whose ends are paths below the root.

    [] unless one start of all explains every picture that is found by an end. Of a picture that is found one folder at
    least must be left: the last one may be the patient's, and names alone another's too. Only several paths that are
    the `whole` table, whose other rows lead nowhere, may be found by their names alone.
    """
    ends = [_ends(path) for path in paths]
    starts = Counter(start for own in ends for start, end in own.items() if tree.find(end))
    hits = sum(any(tree.find(end) for end in own.values()) for own in ends)
    right = [start for start, count in starts.items() if count == hits and all(start in own for own in ends)]
    if not whole or len(set(paths)) == 1:
        right = [start for start in right if any("/" in own[start] and tree.find(own[start]) for own in ends)]
    if not right:
        return []
    start = min(right, key=len)  # the longest end says most
    return [moved(path, tree.find(own[start])) for path, own in zip(paths, ends, strict=True)]


def _ends(path: str) -> dict[str, str]:
    """Return each start of a path, up to a slash, with what follows it."""
    return {path[: slash.end()]: path[slash.end() :] for slash in re.finditer("/", path)}


def _by_end(tree: Tree, paths: Sequence[str]) -> list[Place]:
    """Return the places of paths that are the end of a path below the root, if each of them is of one alone."""
    candidates = [tree.ending(path) for path in paths]
    if any(len(some) > 1 for some in candidates):
        return [doubtful(path, some) for path, some in zip(paths, candidates, strict=True)]
    return [moved(path, next(iter(some), None)) for path, some in zip(paths, candidates, strict=True)]


def _without_contested(tree: Tree, paths: Sequence[str], places: Sequence[Place]) -> list[Place]:
    """Return the places of stray paths, in doubt where different ones lead, or might by their end, to one file."""
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
    detail = f"may be {file}, and so may another path of the table: write paths from the root on"
    return Place(path=path, reason=AMBIGUOUS, detail=detail)


def doubtful(path: str, candidates: Sequence[str]) -> Place:
    """Return the place of a picture that is none of several candidates for certain, or has none."""
    if len(candidates) < 2:
        return Place(path=path)
    detail = f"may be {' or '.join(candidates[:2])}: write paths from the root on, or give another root"
    return Place(path=path, reason=AMBIGUOUS, detail=detail)


def moved(path: str, there: str | None) -> Place:
    """Return the place of a picture that is `there`, not where the table has it, or is nowhere (None)."""
    if there is None:
        return Place(path=path)
    return Place(path=there, reason=MOVED, detail=f"the table has {path!r}")
