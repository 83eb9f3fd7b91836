"""From files and arrays to samples as a model wants them, read and prepared by threads, in their order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.artifact.judging import Prediction
from birads_zoo.artifact.manifest import Preprocessing
from birads_zoo.artifact.training_range import statistics_of
from birads_zoo.data.images import SMALLEST_SIDE, ImageError, Pixels
from birads_zoo.data.pixels import Placed, geometry, read_and_place, stacked
from birads_zoo.data.views import sample_views
from birads_zoo.errors import UserError

_WORKERS = os.cpu_count() or 1
_AHEAD = 128  # prepared samples that may wait to be judged: this bounds the memory

T = TypeVar("T")

Picture = Path | NDArray[np.uint8] | NDArray[np.uint16]
Images = Picture | str | Iterable[Picture | str] | pd.DataFrame

_PARTNERS = ("image_path", "patient_id", "laterality", "view")


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One picture to be judged, its own first, and with it the others that a model of more views looks at."""

    source: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Ready:
    """A prepared sample: `pixels` V×H×W of uint8 or uint16, and its own picture's `statistics` (`training_range`)."""

    source: str
    pixels: Pixels
    statistics: NDArray[np.float64]


def samples_of(images: Images, views: str) -> Iterator[Sample]:
    """Return the samples that `images` are, see `Model.stream`; `views` is the model's `dataset.views`.

    Raises:
        UserError: for images of another kind, and, of a model of two views, for pictures without what tells which of
            them belong together.

    """
    if isinstance(images, pd.DataFrame):
        return iter(_of_table(images, views))
    if views != "single":
        raise UserError(
            f"this model looks at two pictures of a woman at once (dataset.views = {views!r}): give a table with the "
            f"columns {', '.join(_PARTNERS)} (on the command line a .csv file), so that it knows which belong together"
        )
    if isinstance(images, str | Path) or (isinstance(images, np.ndarray) and images.ndim == 2):
        return iter([_of_picture(images)])
    return map(_of_picture, images)


def _of_picture(picture: object) -> Sample:
    if isinstance(picture, str | Path):
        return Sample(source=str(picture), pictures=(Path(picture),))
    if isinstance(picture, np.ndarray) and picture.ndim == 2 and picture.dtype in (np.uint8, np.uint16):
        return Sample(source="", pictures=(picture,))
    what = f"an array {picture.shape} of {picture.dtype}" if isinstance(picture, np.ndarray) else type(picture).__name__
    raise UserError(f"cannot predict {what}: give a file's path, or an H×W array of grey values, uint8 or uint16")


def _of_table(table: pd.DataFrame, views: str) -> list[Sample]:
    needed = _PARTNERS[:1] if views == "single" else _PARTNERS
    if missing := [name for name in needed if name not in table]:
        raise UserError(f"the table of pictures lacks the column {missing[0]!r}; it needs {', '.join(needed)}")
    rows = table.assign(exam_id=table.get("exam_id", "")).fillna("").astype(str)
    paths = [Path(path) for path in rows["image_path"]]
    return [
        Sample(source=str(paths[numbers[0]]), pictures=tuple(paths[number] for number in numbers))
        for numbers in sample_views(rows.reset_index(drop=True), views)
    ]


def in_order(given: Iterable[T], prepare: Callable[[T], Ready | Prediction]) -> Iterator[Ready | Prediction]:
    """Prepare what is given in threads, and yield it in its order, with at most `_AHEAD` of it in memory."""
    waiting: deque[Future[Ready | Prediction]] = deque()
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="reading") as pool:
        try:
            for one in given:
                if len(waiting) == _AHEAD:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(prepare, one))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def read(sample: Sample, preprocessing: Preprocessing) -> Ready | Prediction:
    """Read and place a sample's pictures as those of the training were; one that cannot be is a prediction saying why.

    The reason names the file of a partner, not of the sample's own picture.
    """
    placed: list[Placed] = []
    for number, picture in enumerate(sample.pictures):
        try:
            placed.append(_placed(picture, preprocessing))
        except ImageError as error:
            whose = f"its partner {picture}: " if number else ""
            return Prediction(source=sample.source, error=f"{whose}{error}")
    statistics = statistics_of(placed[0].pixels, placed[0].size)
    return Ready(source=sample.source, pixels=stacked([one.pixels for one in placed]), statistics=statistics)


def _placed(picture: Picture, preprocessing: Preprocessing) -> Placed:
    how = geometry(preprocessing.image, preprocessing.detail)
    if isinstance(picture, Path):
        return read_and_place(picture, preprocessing.image, how)
    height, width = picture.shape
    if min(height, width) < SMALLEST_SIDE:
        raise ImageError("too small", f"{width}×{height} pixels; a side needs {SMALLEST_SIDE}")
    pixels, placement = how(picture)
    return Placed(pixels=pixels, placement=placement, size=(height, width))
