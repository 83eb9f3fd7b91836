"""Builds the data of the page's gallery: every prediction with its picture, true class and probabilities."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.prepare import Prepared
from birads_zoo.report.drawing.thumbnails import thumbnails
from birads_zoo.report.run.figures import lesion_outlines, shown_pictures

_PICTURES = 9_000_000  # characters of all pictures, so that 500 of them and their heat maps stay below 15 MB
_MOST = 3000  # rows; a page with more would be slow, and its pictures too small to see anything
_OLDEST = 90  # years; a higher age could identify a person


def gallery(
    test: pd.DataFrame,
    data: Prepared,
    classes: Sequence[str],
    names: Mapping[str, str],
    heat: Mapping[str, Any],
    *,
    recalibrated: bool,
) -> dict[str, Any]:
    """Return what the page's script needs, ready for JSON; it contains no patient id, file name or date.

    Of more than 3000 rows it has the worst mistakes (a third), rows with heat maps (a third) and others, the last two
    at even distances in the table.

    Args:
        test: the rows of `predictions.csv`.
        data: the run's data, prepared again; its store has the pictures as the network got them.
        classes: the K class names, in order.
        names: the name on the page of each patient id.
        heat: what `heat.read_heat` returns.
        recalibrated: whether any fold's probabilities were recalibrated.

    """
    every, maps = len(test), heat["maps"]
    test = test.iloc[_chosen(test, classes, maps)]
    place = pd.Series(np.arange(len(data.labelled.index.rows)), index=data.labelled.index.rows["row"])
    positions = place[test["row"]].to_numpy()
    pictures = thumbnails(lambda i: shown_pictures(data, positions[i]), len(test), _PICTURES)
    numbers = {name: k for k, name in enumerate(classes)}
    stated, calibrated = (_shares(test, kind, classes) for kind in ("probability", "calibrated"))
    sets = np.stack([test[f"set_{name}"].astype(str).to_numpy() == "True" for name in classes], axis=1)
    height, width = data.store.array.shape[1], data.store.array.shape[2] * len(data.own.names)
    rows = [
        {
            "row": int(row.row),
            "patient": names[row.patient_id],
            "fold": int(row.fold) + 1,
            "true": numbers[row.label],
            "called": numbers[row.predicted],
            "stated": stated[i],
            "calibrated": calibrated[i],
            "set": np.flatnonzero(sets[i]).tolist(),
            "about": _about(row),
            "lesions": [
                [*(round(v, 4) for v in (x / width, y / height, w / width, h / height)), shape]
                for x, y, w, h, shape in lesion_outlines(data, positions[i])
            ],
            "picture": pictures[i],
        }
        for i, row in enumerate(_rows(test))
    ]
    ordinal = bool(data.labelled.target.ordinal)
    return {
        "classes": list(classes),
        "ordinal": ordinal,
        "recalibrated": recalibrated,
        "width": int(width),
        "height": int(height),
        "rows": rows,
        "of": every,
        "heat": {**heat, "maps": {row["row"]: maps[row["row"]] for row in rows if row["row"] in maps}},
    }


def _chosen(test: pd.DataFrame, classes: Sequence[str], explained: Collection[int]) -> NDArray[np.int64]:
    """Return the positions of the rows that are shown, in order."""
    if len(test) <= _MOST:
        return np.arange(len(test))
    numbers = {name: k for k, name in enumerate(classes)}
    off = (test["predicted"].map(numbers) - test["label"].map(numbers)).abs().to_numpy()
    sure = test[[f"probability_{name}" for name in classes]].max(axis=1).to_numpy()
    kept = np.zeros(len(test), dtype=bool)
    worst = np.lexsort((-sure, -off))
    kept[worst[off[worst] > 0][: _MOST // 3]] = True
    for rows, most in ((test["row"].isin(explained).to_numpy(), 2 * _MOST // 3), (np.ones(len(test), bool), _MOST)):
        rest = np.flatnonzero(rows & ~kept)
        room = min(most - int(kept.sum()), len(rest))
        kept[rest[np.linspace(0, len(rest) - 1, room).astype(int)]] = True
    return np.flatnonzero(kept)


def _rows(test: pd.DataFrame) -> Iterator[Any]:
    yield from test.itertuples(index=False)  # untyped: a row's fields are known by name only


def _shares(test: pd.DataFrame, kind: str, classes: Sequence[str]) -> list[list[float]]:
    shares: NDArray[np.float64] = test[[f"{kind}_{name}" for name in classes]].to_numpy(np.float64)
    rounded: list[list[float]] = shares.round(4).tolist()
    return rounded


def _about(row: Any) -> str:
    """Return what is known of an image but does not identify anyone: no date, and no exact age from 90 years on."""
    side = {"L": "left", "R": "right"}.get(row.laterality, row.laterality)
    age = "" if pd.isna(row.age) else f"{_OLDEST} years or older" if row.age >= _OLDEST else f"{row.age:.0f} years"
    density = f"density {row.density}" if row.density else ""
    return " · ".join(filter(None, (side, row.view, density, age)))
