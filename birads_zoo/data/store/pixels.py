"""Builds and opens pixel stores: every picture is decoded, placed and written once, then memory-mapped by all runs.

A store is in `<cache>/pixels/<key>/`. The key is a hash of the geometry, of the content of each file in the index's
order, and of the decoders' versions. So a store is never out of date: other files, another size or another decoder make
another store.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from birads_zoo.data.cache_entries import STORE_FILES
from birads_zoo.data.decoding.greys import whole_range
from birads_zoo.data.decoding.images import is_deep, is_dicom, read_picture
from birads_zoo.data.picture import GreyArray, ImageError, Picture
from birads_zoo.data.placement.geometry import Placement
from birads_zoo.data.placement.neutral import POINT, common_detail, points_per_pixel
from birads_zoo.data.placement.preparation import Place, geometry
from birads_zoo.data.store.key import StoreKey, find_key
from birads_zoo.errors import UserError, warn
from birads_zoo.files import StorageError, documents, lock, make_folder, whole_folder
from birads_zoo.files.digests import changed_files, quick_digest
from birads_zoo.files.owner import check_owner
from birads_zoo.files.refusal import retried
from birads_zoo.interfaces import Index
from birads_zoo.recipe import ImageSection

Failures = dict[int, tuple[str, str]]
Progress = Callable[[int, int], None]
_Depth = np.dtype[Any]  # of uint8 or uint16

_MANIFEST = "manifest.json"
_BUSY = "waiting for another run that is decoding the same pictures"
_WORKERS = os.cpu_count() or 1
_AHEAD = 4 * _WORKERS  # placed pictures that may wait to be written; this limits the memory


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelStore:
    """The decoded pictures: `array` is N×H×W, memory-mapped and read-only, uint8, or uint16 if any source was deeper.

    `placements[i]` maps picture i's source pixels to its stored ones. `key` identifies the pictures and what decoded
    them, `cache` is the folder of the store's cache. `detail` is the detail that the neutral geometry kept (see
    `geometry`), `None` in another geometry.
    """

    array: GreyArray
    placements: tuple[Placement, ...]
    key: StoreKey
    cache: Path
    detail: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """A placed picture H×W, its placement, and its file's height and width.

    The file's `size` may be wrong by up to 7 pixels if a JPEG was decoded at a fraction of its size.
    """

    pixels: GreyArray
    placement: Placement
    size: tuple[int, int]


class StoreManifest(msgspec.Struct, frozen=True, kw_only=True):
    """A complete store's manifest: its key, the positions that failed, and the digests of its files.

    The key shows whether the store lies in its own folder, the digests show damage.

    Raise `FORMAT` whenever the same files and geometry would give other pixels or other files in the store.
    """

    FORMAT: ClassVar[int] = 7

    key: str
    failures: dict[int, tuple[str, str]]
    files: dict[str, str]
    detail: float | None = None


def build_store(
    index: Index, section: ImageSection, cache: Path, on_progress: Progress | None = None
) -> tuple[PixelStore, Failures]:
    """Return the store of the index's pictures that decode, and (reason, detail) by position for those that do not.

    An existing, complete store is reused. Otherwise it is built by threads, in a folder that is renamed when it is
    complete. If several processes need the same store, one builds it and the others wait. `on_progress` is called with
    (pictures done, pictures in all). Raises `UserError` if the cache cannot be written.
    """
    paths = [index.root / name for name in index.rows["image_path"]]
    key = find_key(paths, section, StoreManifest.FORMAT, _WORKERS)
    folder = _folder(cache, key)
    opened = _open(cache, key, section.neutral)
    if opened is None:
        make_folder(folder.parent)
        with lock(folder.with_name(f"{folder.name}.lock"), _BUSY, wait=True):
            opened = _open(cache, key, section.neutral)  # another process may have built it meanwhile
            if opened is None:
                _build(paths, section, folder, on_progress)
                opened = _open(cache, key, section.neutral)
    if opened is None:
        raise UserError(f"the pixel store {folder} was damaged while it was written; check the disk and run again")
    if on_progress is not None:
        on_progress(len(paths), len(paths))
    return opened


def decoded_by(store: PixelStore, decoders: Mapping[str, str | None]) -> PixelStore | None:
    """Return the store of the same pictures that other `decoders` made; `None` if it is not in the cache."""
    opened = _open(store.cache, replace(store.key, decoders=decoders), neutral=store.detail is not None)
    return None if opened is None else opened[0]


def levels_apart(some: GreyArray, others: GreyArray) -> float:
    """Return the largest difference of two stacks of one shape, uint8 or uint16, in grey levels of 8 bits."""
    deep = max(some.dtype, others.dtype, key=lambda dtype: dtype.itemsize)
    pairs = zip(some, others, strict=True)
    apart = [np.abs(_deepened(a, deep).astype(np.int32) - _deepened(b, deep)).max() for a, b in pairs]
    return float(max(apart, default=0)) / (257 if deep == np.uint16 else 1)


def _folder(cache: Path, key: StoreKey) -> Path:
    return cache / "pixels" / key.digest


def _open(cache: Path, key: StoreKey, neutral: bool) -> tuple[PixelStore, Failures] | None:
    """Open the store if it exists and is what was written; a damaged one is reported, and `None` is returned."""
    folder = _folder(cache, key)
    if not (folder / _MANIFEST).exists():
        return None
    check_owner(folder)
    try:
        manifest = checked_manifest(folder)
        if neutral and manifest.detail is None:
            return None
        rows = np.load(folder / "placements.npy", allow_pickle=False)
        # An empty file cannot be memory-mapped, and need not be.
        array = np.load(folder / "pixels.npy", mmap_mode="r" if len(rows) else None, allow_pickle=False)
    except StorageError:
        raise
    except (UserError, OSError, EOFError, ValueError) as error:
        warn(str(error))
        return None
    if len(array) != len(rows):
        return None
    with contextlib.suppress(OSError):  # on a read-only disk it is only not known to be used
        (folder / _MANIFEST).touch()
    placements = tuple(_placement(row) for row in rows)
    store = PixelStore(array=array, placements=placements, key=key, cache=cache, detail=manifest.detail)
    return store, dict(manifest.failures)


def checked_manifest(folder: Path) -> StoreManifest:
    """Return a store's manifest after comparing the store's folder and files with it.

    Raises:
        UserError: when a file is missing or is not what was written, or when it is the store of other pictures.

    """
    manifest = documents.read(folder / _MANIFEST, StoreManifest, "the store is built again when needed")
    damage = changed_files(folder, manifest.files, quick_digest)
    if damage or manifest.key != folder.name:
        problem = f"is damaged ({', '.join(damage)})" if damage else "has the pictures of another store"
        raise UserError(f"the pixel store {folder} {problem}; it is built again when needed")
    return manifest


def _build(paths: Sequence[Path], section: ImageSection, folder: Path, on_progress: Progress | None) -> None:
    failures: Failures = {}
    placements: list[Placement] = []
    with whole_folder(folder, replaces=STORE_FILES) as temporary:  # a damaged store may be there
        with ThreadPoolExecutor(_WORKERS) as pool, (temporary / "pixels.npy").open("wb") as file:
            dtype: _Depth = np.dtype(np.uint16 if any(pool.map(retried(is_deep), paths)) else np.uint8)
            detail = _common_detail(paths, section, pool) if section.neutral else None
            place = geometry(section, detail)
            _write_header(file, dtype, 0, section)
            for position, result in enumerate(_in_order(pool, paths, section, place)):
                if isinstance(result, ImageError):
                    failures[position] = (result.reason, result.detail)
                else:
                    file.write(_deepened(result.pixels, dtype).tobytes())
                    placements.append(result.placement)
                if on_progress is not None:
                    on_progress(position + 1, len(paths))
            _write_header(file, dtype, len(placements), section)
        rows = [[p.scale_x, p.scale_y, p.offset_x, p.offset_y, p.mirrored] for p in placements]
        np.save(temporary / "placements.npy", np.array(rows, dtype=np.float64).reshape(-1, 5), allow_pickle=False)
        files = {file.name: quick_digest(file) for file in temporary.iterdir()}
        documents.write(
            temporary / _MANIFEST, StoreManifest(key=folder.name, failures=failures, files=files, detail=detail)
        )


_Result = Placed | ImageError


def _common_detail(paths: Sequence[Path], section: ImageSection, pool: ThreadPoolExecutor) -> float:
    details = pool.map(retried(lambda path: _detail(path, section)), paths)
    return float(common_detail(detail for detail in details if detail is not None))


def _detail(path: Path, section: ImageSection) -> float | None:
    try:
        picture = _read(path, section, (2 * section.height, 2 * section.width))
    except ImageError:
        return None
    return points_per_pixel(picture.pixels, picture.reduction, section)


def _in_order(
    pool: ThreadPoolExecutor, paths: Sequence[Path], section: ImageSection, place: Place
) -> Iterator[_Result]:
    """Yield each picture's result in the order of `paths`, with at most `_AHEAD` of them in work or waiting."""
    waiting: deque[Future[_Result]] = deque()
    try:
        for path in paths:
            if len(waiting) == _AHEAD:
                yield waiting.popleft().result()
            waiting.append(pool.submit(retried(lambda path: _try_to_place(path, section, place)), path))
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _try_to_place(path: Path, section: ImageSection, place: Place) -> _Result:
    try:
        return read_and_place(path, section, place)
    except ImageError as error:
        return error


def read_and_place(path: Path, section: ImageSection, place: Place) -> Placed:
    """Decode the picture at `path` with as much detail as needed, and place it. Raises `ImageError`."""
    needed = POINT if section.neutral else 1.0  # source pixels for a stored one
    # With twice the target size, a breast that fills half of its frame keeps all the detail that can be stored.
    picture = _read(path, section, (round(2 * needed * section.height), round(2 * needed * section.width)))
    pixels, placement = place(picture.pixels)
    # The breast fills less than that: decode at full size.
    if picture.reduction > 1 and needed * max(placement.scale_x, placement.scale_y) > 1:
        picture = _read(path, section)
        pixels, placement = place(picture.pixels)
    height, width = picture.pixels.shape
    size = (height * picture.reduction, width * picture.reduction)
    return Placed(pixels=pixels, placement=placement.of_reduced(picture.reduction), size=size)


def _read(path: Path, section: ImageSection, at_least: tuple[int, int] | None = None) -> Picture:
    picture = read_picture(path, at_least)
    # A DICOM picture has the whole range already, because its header defines black and white.
    bits = section.bits if picture.pixels.dtype == np.uint16 and not is_dicom(path) else 0
    return replace(picture, pixels=whole_range(picture.pixels, bits))


def stacked(pictures: Sequence[GreyArray]) -> GreyArray:
    """Stack pictures or stacks of one shape. If any has 16 bits, all are scaled to that range."""
    deepest = max((picture.dtype for picture in pictures), key=lambda dtype: dtype.itemsize)
    untyped: Any = np.stack([_deepened(picture, deepest) for picture in pictures])
    stack: GreyArray = untyped
    return stack


def _deepened(pixels: GreyArray, dtype: _Depth) -> GreyArray:
    """Scale 8-bit pixels to the range of a 16-bit store: 255 × 257 = 65535."""
    if dtype == np.uint16 and pixels.dtype == np.uint8:
        return pixels.astype(np.uint16) * np.uint16(257)
    return pixels


def _write_header(file: BinaryIO, dtype: _Depth, rows: int, section: ImageSection) -> None:
    """Write the .npy header at the file's start. NumPy's padding fits any number of rows, so it can be rewritten."""
    file.seek(0)
    shape = (rows, section.height, section.width)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _placement(row: NDArray[np.float64]) -> Placement:
    scale_x, scale_y, offset_x, offset_y, mirrored = (float(value) for value in row)
    return Placement(scale_x=scale_x, scale_y=scale_y, offset_x=offset_x, offset_y=offset_y, mirrored=mirrored == 1.0)
