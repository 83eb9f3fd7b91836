"""Turns files, arrays and tables into samples for a model, and reads and prepares them in threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.artifact.manifest import Preprocessing
from birads_zoo.artifact.samples import Picture, Prediction, Ready, Sample
from birads_zoo.artifact.training_range import NAMES, statistics_of
from birads_zoo.cells import identity
from birads_zoo.data.decoding.greys import whole_range
from birads_zoo.data.index.view_names import count_views
from birads_zoo.data.index.views import grouped_samples, labelled_views, own_samples, why_unused
from birads_zoo.data.picture import SMALLEST_SIDE, ImageError
from birads_zoo.data.placement.preparation import geometry
from birads_zoo.data.store.pixels import Placed, read_and_place, stacked
from birads_zoo.errors import UserError
from birads_zoo.printable import is_utf8, printable

_WORKERS = os.cpu_count() or 1
_AHEAD = 128  # prepared samples that may wait for the networks: this bounds the memory

T = TypeVar("T")

Images = Picture | str | Iterable[Picture | str] | pd.DataFrame

_PARTNERS = ("image_path", "patient_id", "laterality", "view")


def samples_of(images: Images, views: str, level: str) -> Iterator[Sample]:
    """Return the samples in `images`, see `Model.stream`; `views` and `level` are those of the model's recipe.

    Raises:
        UserError: for images of another type, and for a model of several views if `images` is not a table with the
            columns that say which pictures belong together.

    """
    if isinstance(images, pd.DataFrame):
        return iter(_of_table(images, views, level))
    if (count := count_views(views)) > 1:
        raise UserError(
            f"this model looks at {count} pictures of a patient at once (dataset.views = {views!r}): give a table with "
            f"the columns {', '.join(_PARTNERS)} (on the command line a CSV, TSV or XLSX file), so that it knows which "
            "belong together"
        )
    if isinstance(images, str | Path) or (isinstance(images, np.ndarray) and images.ndim == 2):
        return iter([_of_picture(images)])
    return map(_of_picture, images)


def _of_picture(picture: object) -> Sample:
    if isinstance(picture, str | Path):
        return Sample(source=_shown(picture), pictures=(Path(picture),))
    if isinstance(picture, np.ndarray) and picture.ndim == 2 and picture.dtype in (np.uint8, np.uint16):
        return Sample(source="", pictures=(picture,))
    name = f"an array {picture.shape} of {picture.dtype}" if isinstance(picture, np.ndarray) else type(picture).__name__
    raise UserError(f"cannot predict {name}: give a file's path, or an H×W array of grey values, uint8 or uint16")


def _shown(path: str | Path) -> str:
    """Return a path as a table can hold it: a name that is not UTF-8 is written with escapes."""
    return str(path) if is_utf8(str(path)) else printable(str(path))


def _of_table(table: pd.DataFrame, views: str, level: str) -> list[Sample]:
    """Return the samples of a table, in the order of their first pictures, and then the pictures in no sample."""
    needed = _PARTNERS[:1] if views == "single" else _PARTNERS
    if missing := [name for name in needed if name not in table]:
        needs = "; it needs " + ", ".join(needed) if len(needed) > 1 else ", which has the pictures' paths"
        raise UserError(f"the table of pictures lacks the column {missing[0]!r}{needs}")
    rows = _identified(table)
    paths = [Path(path) for path in rows["image_path"]]
    left: list[Sample] = []
    if level == "image":
        samples = own_samples(rows, views)
    else:
        samples, of = grouped_samples(rows, views, level)
        left = [
            Sample(source=_shown(paths[row]), pictures=(), error=f"in no sample: {reason}: {detail}")
            for row, reason, detail in why_unused(rows, samples, of)
        ]
    own = labelled_views(level, len(samples.names))
    return [
        Sample(
            source=_shown(paths[numbers[0]]),
            pictures=tuple(paths[at] if there else None for at, there in zip(numbers, present, strict=True)),
            own=own,
        )
        for numbers, present in zip(samples.pictures, samples.present, strict=True)
    ] + left


def _identified(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table's rows with the index's columns of patient, exam, side and view, read as in training."""
    cells = table.astype(object).where(table.notna(), "")
    identities = [identity({str(name): cell for name, cell in row.items()}) for row in cells.to_dict("records")]
    rows = pd.DataFrame(identities, columns=list(identity({})))
    return rows.assign(image_path=[str(path) for path in cells["image_path"]])


def in_order(items: Iterable[T], prepare: Callable[[T], Ready | Prediction]) -> Iterator[Ready | Prediction]:
    """Prepare items in threads, and yield them in their order, with at most `_AHEAD` of them in memory."""
    waiting: deque[Future[Ready | Prediction]] = deque()
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="reading") as pool:
        try:
            for item in items:
                if len(waiting) == _AHEAD:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(prepare, item))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def read(sample: Sample, preprocessing: Preprocessing) -> Ready | Prediction:
    """Read and place a sample's pictures as in training; if one cannot be read, return a prediction with its `error`.

    The error names the file if it is not that of the sample's `source`.
    """
    if sample.error:
        return Prediction(source=sample.source, error=sample.error)
    placed: list[Placed | None] = []
    for picture in sample.pictures:
        try:
            placed.append(None if picture is None else _placed(picture, preprocessing))
        except ImageError as error:
            prefix = f"another view, {picture}: " if any(placed) else ""
            return Prediction(source=sample.source, error=f"{prefix}{error}")
    first = next(picture for picture in placed if picture is not None)
    return Ready(
        source=sample.source,
        pixels=stacked([(picture or first).pixels for picture in placed]),
        present=np.array([picture is not None for picture in placed]),
        statistics=np.stack([_statistics(picture) for picture in placed[: sample.own]]),
    )


def _statistics(placed: Placed | None) -> NDArray[np.float64]:
    return np.full(len(NAMES), np.nan) if placed is None else statistics_of(placed.pixels, placed.size)


def _placed(picture: Picture, preprocessing: Preprocessing) -> Placed:
    prepare = geometry(preprocessing.image, preprocessing.detail)
    if isinstance(picture, Path):
        return read_and_place(picture, preprocessing.image, prepare)
    height, width = picture.shape
    if min(height, width) < SMALLEST_SIDE:
        raise ImageError("too small", f"{width}×{height} pixels; a side needs {SMALLEST_SIDE}")
    pixels, placement = prepare(whole_range(picture, preprocessing.image.bits))
    return Placed(pixels=pixels, placement=placement, size=(height, width))
