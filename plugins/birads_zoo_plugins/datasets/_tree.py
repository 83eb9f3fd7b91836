"""A data set's folder: what lies in it, listed once, and paths found in it as other systems spell them."""

import os
from dataclasses import dataclass
from pathlib import Path

from birads_zoo import DatasetContext, UserError

PICTURES = (".jpg", ".jpeg", ".png", ".pgm", ".tif", ".tiff", ".bmp", ".dcm", ".dicom")


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The files below `root` as sorted POSIX paths, and the pictures among them by their folded stem."""

    root: Path
    files: tuple[str, ...]
    by_stem: dict[str, str]

    def find(self, path: str) -> str | None:
        """Return the picture at `path`, whatever its suffix and case, or None."""
        return self.by_stem.get(_stem(path))


def check_root(name: str, context: DatasetContext) -> Path:
    """Return the root folder, or raise `UserError` where none was given or it is none."""
    if context.root is None:
        raise UserError(f"data set {name!r} needs its folder: give it with --root")
    if not context.root.exists():
        raise UserError(f"no such root: {context.root}; give the folder of data set {name!r} with --root")
    if not context.root.is_dir():
        raise UserError(f"root {context.root} is a file, not a folder; give the folder that {name!r} was unpacked to")
    return context.root


def list_tree(root: Path) -> Tree:
    """List every file below `root`, once: asking for 5386 paths in several spellings would take far longer.

    Raises `UserError` for a folder that may not be read.
    """
    files: list[str] = []
    seen = {root.resolve()}
    for folder, folders, names in os.walk(root, onerror=_unreadable, followlinks=True):
        real = {name: (Path(folder) / name).resolve() for name in sorted(folders)}
        folders[:] = [name for name, target in real.items() if target not in seen]  # a link upwards would never end
        seen.update(real.values())
        below = Path(folder).relative_to(root)
        files += [(below / name).as_posix() for name in names]
    files.sort()
    # The first suffix wins where one stem has several, and the first spelling where two differ in case only.
    by_stem: dict[str, str] = {}
    for suffix in PICTURES:
        for file in files:
            if file.lower().endswith(suffix):
                by_stem.setdefault(_stem(file), file)
    return Tree(root=root, files=tuple(files), by_stem=by_stem)


def _unreadable(error: OSError) -> None:
    raise UserError(f"cannot read folder {error.filename}: {error.strerror}; allow it, or choose another root")


def _stem(path: str) -> str:
    stem, dot, suffix = path.rpartition(".")
    return (stem if dot and "/" not in suffix else path).lower()
