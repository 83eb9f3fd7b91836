"""Finds the class and the part of a split in the folders of a picture's path."""

from collections.abc import Sequence
from dataclasses import dataclass

from birads_zoo import UserError
from birads_zoo_plugins.datasets._reading import values

_WRAPPERS = {
    *("image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "data", "dataset"),
    *("jpg", "jpeg", "png", "pgm", "tif", "tiff", "bmp", "dicom"),
}


@dataclass(frozen=True, kw_only=True)
class Folders:
    """A picture's class and part of a split ("train", "val", "test" or ""), from its folders."""

    label: str
    part: str


def read_folders(files: Sequence[str], root: object) -> dict[str, Folders]:
    """Return the class and the part of a split of each picture, from its path; `root` is named in errors.

    The class is the first folder below folders that hold all pictures ("images/") and folders of a split ("train/"). A
    folder with such a name is never a class. Where only some of the folders side by side have such a name, the classes
    cannot be known, which is a `UserError`.
    """
    parts = dict.fromkeys(files, "")
    below = {file: tuple(file.split("/")[:-1]) for file in files}
    while True:
        first = {folders[0] if folders else "" for folders in below.values()}
        passed = {name for name in first if _part(name) or name.casefold() in _WRAPPERS}
        if not passed:
            labels = {file: folders[0] if folders else "" for file, folders in below.items()}
            return {file: Folders(label=labels[file], part=parts[file]) for file in files}
        if passed != first:
            others = ", ".join(repr(name) if name else "pictures" for name in sorted(first - passed))
            raise UserError(
                f"{root} has the folder {min(passed)!r}, whose name cannot be a class, beside {others}: give a "
                "root in which all folders side by side are parts of a split, or all are classes"
            )
        parts = {file: _part(folders[0]) or parts[file] for file, folders in below.items()}
        below = {file: folders[1:] for file, folders in below.items()}


def _part(folder: str) -> str:
    name = folder.casefold().replace("-", "_").replace(" ", "_")
    for suffix in ("_images", "_imgs", "_data"):
        name = name.removesuffix(suffix)
    return values.part(name)
