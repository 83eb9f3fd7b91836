"""Lists the files of a data set's folder once, and finds paths in it as other systems spell them."""

import os
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from birads_zoo import DatasetContext, UserError

PICTURES = (".jpg", ".jpeg", ".png", ".pgm", ".tif", ".tiff", ".bmp", ".dcm", ".dicom")


_OTHERS = (".gif", ".jp2", ".ljpeg", ".npy", ".webp")
"""Suffixes of pictures that are not read, but occur in tables: a copy of the data may have other formats."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The files below `root`, as sorted POSIX paths."""

    root: Path
    files: tuple[str, ...]

    def find(self, path: str) -> str | None:
        """Return the file that a table means by `path`, or None.

        The order is: the file with exactly this name; the file whose name differs only in case or composed accents; the
        picture whose name differs only in its suffix. The text after a name's last dot is a suffix only if pictures
        have it: "case0.1" and "1.2.840.10008" are names without a suffix.
        """
        if path in self._exact:
            return path
        name = folded_path(path)
        stem = _stem(name)
        return self._by_name.get(name) or self._by_stem.get(stem)

    def ending(self, path: str) -> tuple[str, ...]:
        """Return the files in any folder whose path ends in `path`, ignoring suffix, case and accents."""
        stem = _stem(folded_path(path))
        alike = self._by_last.get(stem.rpartition("/")[2], ())
        return tuple(file for file in alike if f"/{_stem(folded_path(file))}".endswith(f"/{stem}"))

    @cached_property
    def _exact(self) -> frozenset[str]:
        return frozenset(self.files)

    @cached_property
    def _folded(self) -> list[tuple[str, str]]:
        return [(folded_path(file), file) for file in self.files]

    @cached_property
    def _by_name(self) -> dict[str, str]:
        return dict(reversed(self._folded))  # the first spelling wins

    @cached_property
    def _by_stem(self) -> dict[str, str]:
        """The files by name without a picture's suffix. The first suffix wins; a name without a suffix comes last."""
        files: dict[str, str] = {}
        for suffix in PICTURES:
            for name, file in self._folded:
                if name.endswith(suffix):
                    files.setdefault(_stem(name), file)
        for name, file in self._folded:
            if _stem(name) == name:
                files.setdefault(name, file)
        return files

    @cached_property
    def _by_last(self) -> dict[str, list[str]]:
        files: dict[str, list[str]] = {}
        for stem, file in self._by_stem.items():
            files.setdefault(stem.rpartition("/")[2], []).append(file)
        return files


def check_root(name: str, context: DatasetContext) -> Path:
    """Return the root folder; raise `UserError` where none was given or it is not a folder."""
    if context.root is None:
        raise UserError(f"data set {name!r} needs its folder: give it with --root")
    if not context.root.exists():
        raise UserError(f"no such root: {context.root}; give the folder of data set {name!r} with --root")
    if not context.root.is_dir():
        raise UserError(f"root {context.root} is a file, not a folder; give the folder that {name!r} was unpacked to")
    return context.root


def list_tree(root: Path) -> Tree:
    """List every file below `root` once, which is much faster than trying 5386 paths in several spellings.

    Raises `UserError` for a folder that may not be read.
    """
    files: list[str] = []
    seen = {root.resolve()}
    for folder, folders, names in os.walk(root, onerror=_unreadable, followlinks=True):
        real = {name: (Path(folder) / name).resolve() for name in sorted(folders)}
        folders[:] = [name for name, target in real.items() if target not in seen]  # a link to a parent would never end
        seen.update(real.values())
        below = Path(folder).relative_to(root)
        files += [(below / name).as_posix() for name in names]
    return Tree(root=root, files=tuple(sorted(files)))


def _unreadable(error: OSError) -> None:
    raise UserError(f"cannot read folder {error.filename}: {error.strerror}; allow it, or choose another root")


def folded_path(path: str) -> str:
    """Return a path in a form that is the same for its spellings on different systems."""
    return unicodedata.normalize("NFC", path).casefold()


def _stem(folded: str) -> str:
    end = next((suffix for suffix in (*PICTURES, *_OTHERS) if folded.endswith(suffix)), "")
    stem = folded.removesuffix(end)
    return folded if stem.endswith("/") or not stem else stem
