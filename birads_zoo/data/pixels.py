"""The pixel store: every picture decoded, placed and written once, then memory-mapped by all runs that want the same.

A store lies in `<cache>/pixels/<key>/`, where the key is a hash over the geometry and over the content of each file,
in the index's order. So it is never out of date: other files or another size are another store.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import filelock
import msgspec
import numpy as np
from numpy.typing import NDArray

from birads_zoo import documents
from birads_zoo.data.dicom import how_read
from birads_zoo.data.geometry import Placement, place
from birads_zoo.data.images import ImageError, Pixels, is_deep, is_dicom, read_picture
from birads_zoo.data.neutral import POINT, common_detail, place_neutral, points_per_pixel
from birads_zoo.errors import UserError
from birads_zoo.files import make_folder, whole_folder
from birads_zoo.interfaces import Index
from birads_zoo.recipe import ImageSection

Failures = dict[int, tuple[str, str]]
Progress = Callable[[int, int], None]
_Depth = np.dtype[Any]  # of uint8 or uint16

_MANIFEST = "manifest.json"
_log = logging.getLogger(__name__)
_WORKERS = os.cpu_count() or 1
_AHEAD = 4 * _WORKERS  # placed pictures that may wait to be written: this bounds the memory


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelStore:
    """The decoded pictures: `array` is N×H×W, memory-mapped and read-only, uint8, or uint16 if any source was deeper.

    `placements[i]` maps picture i's source pixels to its stored ones. `digest` is the store's key. `detail` is what the
    neutral geometry left of each picture (see `geometry`), `None` in another geometry.
    """

    array: Pixels
    placements: tuple[Placement, ...]
    digest: str
    detail: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """A placed picture H×W, where its source pixels went, and its file's height and width.

    Of a JPEG that was decoded at a part of its size the file's are off by as much as 7 pixels.
    """

    pixels: Pixels
    placement: Placement
    size: tuple[int, int]


class StoreManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole store says of itself: which positions failed, and the sizes by which damage is found.

    Raise `FORMAT` whenever the same files and geometry would give other pixels or other files in the store.
    """

    FORMAT: ClassVar[int] = 3

    failures: dict[int, tuple[str, str]]
    bytes: dict[str, int]
    detail: float | None = None


def build_store(
    index: Index, section: ImageSection, cache: Path, on_progress: Progress | None = None
) -> tuple[PixelStore, Failures]:
    """Return the store of the index's pictures that decode, and (reason, detail) by position for those that do not.

    The store is reused if it is there and whole; else it is built by threads, in a folder that gets its name when it
    is complete. Of several processes that want the same store, one builds it and the others wait. `on_progress` gets
    (pictures done, pictures in all). Raises `UserError` where the cache cannot be written.
    """
    paths = [index.root / name for name in index.rows["image_path"]]
    key = _key(paths, section)
    folder = cache / "pixels" / key
    opened = _open(folder, section)
    if opened is None:
        make_folder(folder.parent)
        with _locked(folder):
            opened = _open(folder, section)  # another process may have built it meanwhile
            if opened is None:
                _build(paths, section, folder, on_progress)
                opened = _open(folder, section)
    if opened is None:
        raise UserError(f"the pixel store {folder} was damaged while it was written; check the disk and run again")
    if on_progress is not None:
        on_progress(len(paths), len(paths))
    return opened


def _key(paths: Sequence[Path], section: ImageSection) -> str:
    whole = hashlib.sha256(f"{StoreManifest.FORMAT}\n".encode() + msgspec.json.encode(section))
    with ThreadPoolExecutor(_WORKERS) as pool:
        for content in pool.map(_content_hash, paths):
            whole.update(content)
        if any(pool.map(_is_dicom, paths)):
            whole.update(how_read().encode())  # a picture that had no decoder may have one now
    return whole.hexdigest()[:40]


def _content_hash(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).digest()
    except OSError:
        return bytes(32)  # building finds out what is wrong with it


def _is_dicom(path: Path) -> bool:
    try:
        return is_dicom(path)
    except ImageError:
        return False


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = filelock.FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            _log.warning("waiting for another run that is decoding the same pictures (%s)", lock.lock_file)
            lock.acquire()
    except OSError as error:
        raise UserError(f"cannot write {folder.parent}: {error.strerror}; choose another place to write to") from error
    try:
        yield
    finally:
        lock.release()


def _open(folder: Path, section: ImageSection) -> tuple[PixelStore, Failures] | None:
    """Open the store if it is there and whole, judged by its manifest and its files' sizes."""
    try:
        manifest = documents.read(folder / _MANIFEST, StoreManifest, "the store is built anew")
        if section.neutral and manifest.detail is None:
            return None
        if any((folder / name).stat().st_size != size for name, size in manifest.bytes.items()):
            return None
        placements = np.load(folder / "placements.npy", allow_pickle=False)
        # A file mapping of no bytes is not possible, and not needed.
        array = np.load(folder / "pixels.npy", mmap_mode="r" if len(placements) else None, allow_pickle=False)
    except (UserError, OSError, EOFError, ValueError):
        return None
    if len(array) != len(placements):
        return None
    where = tuple(_placement(row) for row in placements)
    store = PixelStore(array=array, placements=where, digest=folder.name, detail=manifest.detail)
    return store, dict(manifest.failures)


def _build(paths: Sequence[Path], section: ImageSection, folder: Path, on_progress: Progress | None) -> None:
    failures: Failures = {}
    placements: list[Placement] = []
    with whole_folder(folder, replace=True) as temporary:  # a damaged one may be there
        with ThreadPoolExecutor(_WORKERS) as pool, (temporary / "pixels.npy").open("wb") as file:
            dtype: _Depth = np.dtype(np.uint16 if any(pool.map(is_deep, paths)) else np.uint8)
            detail = _common_detail(paths, section, pool) if section.neutral else None
            how = geometry(section, detail)
            _write_header(file, dtype, 0, section)
            for position, result in enumerate(_in_order(pool, paths, section, how)):
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
        sizes = {file.name: file.stat().st_size for file in temporary.iterdir()}
        documents.write(temporary / _MANIFEST, StoreManifest(failures=failures, bytes=sizes, detail=detail))


Place = Callable[[Pixels], tuple[Pixels, Placement]]
"""How a decoded picture of any size becomes a stored one."""

_Result = Placed | ImageError


def geometry(section: ImageSection, detail: float | None) -> Place:
    """Return how pictures are placed; the neutral geometry needs the `detail` that all files of the data set have."""
    if not section.neutral:
        return partial(place, section=section)
    assert detail is not None, "the neutral geometry looks at all pictures first"
    return partial(place_neutral, section=section, detail=detail)


def _common_detail(paths: Sequence[Path], section: ImageSection, pool: ThreadPoolExecutor) -> float:
    found = pool.map(lambda path: _detail(path, section), paths)
    return float(common_detail(points for points in found if points is not None))


def _detail(path: Path, section: ImageSection) -> float | None:
    try:
        picture = read_picture(path, (2 * section.height, 2 * section.width))
    except ImageError:
        return None
    return points_per_pixel(picture.pixels, picture.reduction, section)


def _in_order(pool: ThreadPoolExecutor, paths: Sequence[Path], section: ImageSection, how: Place) -> Iterator[_Result]:
    """Yield each picture's result in the order of `paths`, with no more than `_AHEAD` of them at work or waiting."""
    waiting: deque[Future[_Result]] = deque()
    try:
        for path in paths:
            if len(waiting) == _AHEAD:
                yield waiting.popleft().result()
            waiting.append(pool.submit(_try_to_place, path, section, how))
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _try_to_place(path: Path, section: ImageSection, how: Place) -> _Result:
    try:
        return read_and_place(path, section, how)
    except ImageError as error:
        return error


def read_and_place(path: Path, section: ImageSection, how: Place) -> Placed:
    """Decode the picture at `path` with as much detail as it takes, and place it; raises `ImageError`."""
    needed = POINT if section.neutral else 1.0  # source pixels for a stored one
    # Twice the wanted size leaves a breast that fills half of its frame with all the detail that can be stored.
    picture = read_picture(path, (round(2 * needed * section.height), round(2 * needed * section.width)))
    pixels, placement = how(picture.pixels)
    # It fills less: take it whole.
    if picture.reduction > 1 and needed * max(placement.scale_x, placement.scale_y) > 1:
        picture = read_picture(path)
        pixels, placement = how(picture.pixels)
    height, width = picture.pixels.shape
    size = (height * picture.reduction, width * picture.reduction)
    return Placed(pixels=pixels, placement=placement.of_reduced(picture.reduction), size=size)


def stacked(pictures: Sequence[Pixels]) -> Pixels:
    """Stack pictures or stacks of one shape; where any has 16 bits all are brought to its range."""
    deepest = max((one.dtype for one in pictures), key=lambda dtype: dtype.itemsize)
    together: Any = np.stack([_deepened(one, deepest) for one in pictures])
    stack: Pixels = together
    return stack


def _deepened(pixels: Pixels, dtype: _Depth) -> Pixels:
    """Bring 8-bit pixels to the range of a 16-bit store: 255 × 257 = 65535."""
    if dtype == np.uint16 and pixels.dtype == np.uint8:
        return pixels.astype(np.uint16) * np.uint16(257)
    return pixels


def _write_header(file: BinaryIO, dtype: _Depth, rows: int, section: ImageSection) -> None:
    """Write the .npy header at the start; NumPy reserves room in it for any number of rows, so it can be rewritten."""
    file.seek(0)
    shape = (rows, section.height, section.width)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _placement(row: NDArray[np.float64]) -> Placement:
    scale_x, scale_y, offset_x, offset_y, mirrored = (float(value) for value in row)
    return Placement(scale_x=scale_x, scale_y=scale_y, offset_x=offset_x, offset_y=offset_y, mirrored=mirrored == 1.0)
