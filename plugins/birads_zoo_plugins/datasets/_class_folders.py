"""Which folder of a picture's path is its class, and which is a part of a split or holds all pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

from birads_zoo import UserError
from birads_zoo_plugins.datasets import _values as values

_WRAPPERS = {
    *("image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "data", "dataset"),
    *("jpg", "jpeg", "png", "pgm", "tif", "tiff", "bmp", "dicom"),
}


@dataclass(frozen=True, kw_only=True)
class Filed:
    """What the folders of a picture say: its class, and its part of a split ("train", "val", "test", or "")."""

    label: str
    part: str


def read_folders(files: Sequence[str], root: object) -> dict[str, Filed]:
    """Return what the folders of each picture's path say; `root` is named in errors.

    The class is the first folder below those that hold all pictures ("images/") and those of a split ("train/"). A
    folder with such a name is never a class: where only some of those beside each other have one, nobody can say what
    is what, and a `UserError` says so.
    """
    parts = dict.fromkeys(files, "")
    below = {file: tuple(file.split("/")[:-1]) for file in files}
    while True:
        first = {folders[0] if folders else "" for folders in below.values()}
        passed = {name for name in first if _part(name) or name.casefold() in _WRAPPERS}
        if not passed:
            labels = {file: folders[0] if folders else "" for file, folders in below.items()}
            return {file: Filed(label=labels[file], part=parts[file]) for file in files}
        if passed != first:
            others = ", ".join(repr(name) if name else "pictures" for name in sorted(first - passed))
            raise UserError(
                f"{root} has the folder {min(passed)!r}, whose name is no class's, beside {others}: give a root in "
                "which the folders beside each other are all parts of a split, or all classes"
            )
        parts = {file: _part(folders[0]) or parts[file] for file, folders in below.items()}
        below = {file: folders[1:] for file, folders in below.items()}


def _part(folder: str) -> str:
    name = folder.casefold().replace("-", "_").replace(" ", "_")
    for behind in ("_images", "_imgs", "_data"):
        name = name.removesuffix(behind)
    return values.part(name)
