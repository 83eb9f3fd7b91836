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
    is not replaced by one that happens to have its name.
    """
    found = [_here(tree, path) if path else None for path in written]
    places = [Place(path=there or path) for there, path in zip(found, written, strict=True)]
    relative = [at for at, path in enumerate(written) if path and not _ABSOLUTE.match(path)]
    absolute = [at for at, path in enumerate(written) if found[at] is None and _ABSOLUTE.match(path)]
    lost = [] if any(found[at] for at in relative) else relative
    for group in (absolute, lost):
        own = [written[at] for at in group]
        for at, place in zip(group, _without_start(tree, own) or _by_end(tree, own), strict=True):
            places[at] = place
    return places


def _here(tree: Tree, path: str) -> str | None:
    try:
        return tree.find(path) or (path if (tree.root / path).is_file() else None)
    except OSError:  # no name that a disk could hold
        return None


def _without_start(tree: Tree, paths: Sequence[str]) -> list[Place]:
    """Return the places of paths that begin with the same folders, and whose ends are paths below the root.

    [] unless one start of all explains every picture that is found by an end. Of a single path one folder at least must
    be left: its name alone may be another picture's too.
    """
    ends = [_ends(path) for path in paths]
    starts = Counter(start for own in ends for start, end in own.items() if tree.find(end))
    hits = sum(any(tree.find(end) for end in own.values()) for own in ends)
    right = [start for start, count in starts.items() if count == hits and all(start in own for own in ends)]
    if len(set(paths)) == 1:
        right = [start for start in right if "/" in ends[0][start]]
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
