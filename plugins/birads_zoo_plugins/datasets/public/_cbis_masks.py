"""Finds CBIS-DDSM's lesion masks: of the two files of an abnormality, the mask has the picture's size.

Each abnormality has a mask of the whole picture and a cut-out of it, in folders that begin with the picture's folder.
The tables have one column for each file, but they exchange the two: programs that read the release take the masks of
calcifications from "cropped image file path". Downloads that renumber files keep both in one folder ("1-1.dcm",
"1-2.dcm"). A name is therefore no evidence.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from birads_zoo import Lesion
from birads_zoo_plugins.datasets.public._shared.sizes import Size, size_of


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A film's lesions, and remarks on masks that do not fit or have the cut-out's name: a reason and a detail each."""

    lesions: tuple[Lesion, ...]
    remarks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The files that may be an abnormality's mask, and the two that the table names exactly ("" if missing)."""

    candidates: tuple[str, ...]
    named_mask: str
    named_cut: str


def find_lesions(root: Path, picture: str, pairs: Iterable[Pair]) -> Marked:
    """Return a lesion for each mask of a film's abnormalities; only headers of files are read."""
    size: Size = None
    lesions: dict[str, Lesion] = {}
    remarks: list[tuple[str, str]] = []
    for pair in pairs:
        if not pair.candidates:
            continue  # masks are a separate download
        size = size or size_of(root / picture)
        fitting = [file for file in pair.candidates if size is not None and size_of(root / file) == size]
        if len(fitting) != 1:
            remarks.append(_misfit(pair.candidates, fitting, size))
            continue
        (mask,) = fitting
        lesions[mask] = Lesion(outline="box", mask_path=mask)
        if mask == pair.named_cut != pair.named_mask:
            remarks.append(("mask named as cut-out", f"{mask} has the picture's size, so it is the mask"))
    return Marked(lesions=tuple(lesions.values()), remarks=tuple(remarks))


def _misfit(candidates: Sequence[str], fitting: Sequence[str], size: Size) -> tuple[str, str]:
    if size is None:
        return "size unknown", "the picture's size cannot be read: a mask is left out"
    if fitting:
        return "ambiguous mask", f"may be {' or '.join(fitting[:2])}: left out"
    return "mask of another size", f"none of {', '.join(candidates[:2])} is {size[0]}×{size[1]} pixels: left out"


Find = Callable[[str], tuple[str, ...]]


def pair_of(mask: str, cut: str, find: Find, exact: Callable[[str], str | None]) -> Pair:
    """Return the files of the two paths of a table's row; `find` returns the files that a path may mean."""
    return Pair(
        candidates=tuple(dict.fromkeys((*find(mask), *find(cut)))),
        named_mask=exact(mask) or "",
        named_cut=exact(cut) or "",
    )
