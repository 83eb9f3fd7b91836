"""Finds pictures of a published data set in copies that have renamed or converted them."""

from collections.abc import Sequence

from birads_zoo_plugins.datasets._reading.paths import Place, doubtful
from birads_zoo_plugins.datasets._reading.tree import Tree


def find_copy(tree: Tree, published: str, spellings: Sequence[str] = ()) -> Place:
    """Return a picture's place: its published path, or any folder under one of the spellings that copies use.

    Suffix and case do not matter. A spelling must name only one picture, such as "10006/462822612" or
    "10006_462822612". The first spelling that is the end of a file's path is taken, unless it fits two files. A missing
    picture keeps its published path.
    """
    if file := tree.find(published):
        return Place(path=file)
    for spelling in (published, *spellings):
        if candidates := tree.ending(spelling):
            return Place(path=candidates[0]) if len(candidates) == 1 else doubtful(published, candidates)
    return Place(path=published)
