"""Pictures of a published data set in copies that have renamed or converted them."""

from collections.abc import Sequence

from birads_zoo_plugins.datasets._paths import Place, doubtful
from birads_zoo_plugins.datasets._tree import Tree


def find_copy(tree: Tree, published: str, spellings: Sequence[str] = ()) -> Place:
    """Return where a picture is: at its published path, or in any folder under one of the spellings that copies use.

    Suffix and capitals do not matter. A spelling must name one picture alone, such as "10006/462822612" or
    "10006_462822612": the first that some file ends in is taken, and where two files do so none is. A picture that is
    not there keeps its published path.
    """
    if found := tree.find(published):
        return Place(path=found)
    for spelling in (published, *spellings):
        if candidates := tree.ending(spelling):
            return Place(path=candidates[0]) if len(candidates) == 1 else doubtful(published, candidates)
    return Place(path=published)
