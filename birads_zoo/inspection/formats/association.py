"""Describes the files of each class, and measures how well facts about files predict the class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.evaluation.statistics.comparison import holm
from birads_zoo.randomness import numpy_generator

_BINS = 8
_SIZES = 200
_FEWEST = 6  # the least number of units (see `measure_facts`) for which a fact must be known
_SHUFFLES = 499
_EQUAL = 1e-12  # shares that differ by less are a tie


@dataclass(frozen=True, kw_only=True)
class ClassFormat:
    """The files of one class. `files` of them have a readable header; the rest is about these, `None` without any.

    `sizes` are the 200 commonest (width, height, files), commonest first, of `different_sizes`. `aspect` is width by
    height: lowest, median, highest. `bytes_per_pixel` and `quality` (JPEG) are medians; `exif` is the share with EXIF
    data. `modes` are the colour modes; `folders` and `years` count all rows, including those of absent files.
    """

    name: str
    files: int
    sizes: tuple[tuple[int, int, int], ...]
    different_sizes: int
    aspect: tuple[float, float, float] | None
    bytes_per_pixel: float | None
    quality: float | None
    exif: float | None
    modes: tuple[str, ...]
    folders: dict[str, int]
    years: dict[int, int]


@dataclass(frozen=True, kw_only=True)
class FactAccuracy:
    """How well one fact predicts the class, over the `units` (see `measure_facts`) and `classes` for which it is known.

    `accuracy` is the mean over the classes of the share predicted correctly; guessing gives `chance` = 1 / classes.
    `p_value` is that of a permutation test, Holm-corrected over the facts tested.
    """

    fact: str
    units: int
    classes: int
    values: int
    accuracy: float
    chance: float
    p_value: float


def describe_formats(listing: pd.DataFrame, facts: pd.DataFrame, classes: Sequence[str]) -> tuple[ClassFormat, ...]:
    """Describe each class's files; `facts` are those of the listing's rows (`data.index.facts.file_facts`)."""
    return tuple(_describe(name, facts[(listing["label"] == name).to_numpy()]) for name in classes)


def measure_facts(listing: pd.DataFrame, facts: pd.DataFrame, seed: int = 0) -> tuple[FactAccuracy, ...]:
    """Measure how well each single fact predicts the class, best first; facts that never vary are left out.

    This estimates the accuracy, averaged over classes, of the best rule from one fact to a class, on patients that the
    rule was not made from. A unit is a patient within a class (each row with an unknown patient is a unit too), with
    the fact's commonest value among her rows; numbers are binned at their octiles. Each unit is assigned the class
    that, among all other units, has the largest share of its members at that value; ties share the hit. The test
    shuffles the classes among the units 499 times (Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010)
    39: the observed order counts as one). It assumes that units are exchangeable if the fact says nothing about the
    class. Patients with several classes are several units, which makes a fact's accuracy look lower, never higher.
    """
    units = np.where(listing["patient"] != "", listing["patient"], "\n" + listing["row"].astype(str))
    tested = []
    for fact, values in _facts(facts).items():
        known = pd.DataFrame({"unit": units, "label": listing["label"].to_numpy(), "value": values.to_numpy()}).dropna()
        table = _commonest(known)
        if len(table) < _FEWEST or table["label"].nunique() < 2 or table["value"].nunique() < 2:
            continue
        codes, held = np.unique(table["value"].astype(str), return_inverse=True)
        names, labels = np.unique(table["label"], return_inverse=True)
        accuracy = _accuracy(held, labels)
        generator = numpy_generator(seed, "audit", fact)
        shuffled = [_accuracy(held, generator.permutation(labels)) for _ in range(_SHUFFLES)]
        p_value = (1 + sum(value >= accuracy - 1e-12 for value in shuffled)) / (1 + _SHUFFLES)
        tested.append(
            FactAccuracy(
                fact=fact,
                units=len(table),
                classes=len(names),
                values=len(codes),
                accuracy=accuracy,
                chance=1 / len(names),
                p_value=p_value,
            )
        )
    corrected = holm([result.p_value for result in tested])
    results = [replace(result, p_value=p_value) for result, p_value in zip(tested, corrected, strict=True)]
    return tuple(sorted(results, key=lambda result: (result.chance - result.accuracy, result.p_value, result.fact)))


def _describe(name: str, rows: pd.DataFrame) -> ClassFormat:
    read = rows[rows["width"].notna()]
    sizes = read[["width", "height"]].astype(int).value_counts()
    shown = sizes.head(_SIZES).reset_index().to_numpy(dtype=np.int64)
    aspect = read["width"] / read["height"]
    quality = read["quality"].dropna()
    years = Counter(int(year) for year in rows["year"].dropna())
    any_file = len(read) > 0
    return ClassFormat(
        name=name,
        files=len(read),
        sizes=tuple((int(width), int(height), int(files)) for width, height, files in shown),
        different_sizes=len(sizes),
        aspect=(float(aspect.min()), float(aspect.median()), float(aspect.max())) if any_file else None,
        bytes_per_pixel=float((read["bytes"] / (read["width"] * read["height"])).median()) if any_file else None,
        quality=float(quality.median()) if len(quality) else None,
        exif=float(read["exif"].mean()) if any_file else None,
        modes=tuple(sorted(set(read["mode"]))),
        folders={str(folder): int(count) for folder, count in rows["folder"].value_counts().items()},
        years=dict(sorted(years.items())),
    )


def _facts(facts: pd.DataFrame) -> dict[str, pd.Series[str]]:
    """Return each fact's values as text, missing if unknown."""
    readable = facts["width"].notna()
    width, height = facts["width"], facts["height"]
    size = width.map("{:.0f}".format).astype("str") + " × " + height.map("{:.0f}".format).astype("str")
    return {
        "picture size": size.where(readable),
        "number of pixels": _binned(width * height),
        "aspect": _binned(width / height),
        "bytes per pixel": _binned(facts["bytes"] / (width * height)),
        "JPEG quality": _binned(facts["quality"]),
        "EXIF presence": facts["exif"].astype(str).where(readable),
        "colour mode": facts["mode"].where(readable),
        "file format": facts["format"].where(readable),
        "device": facts["device"].where(facts["device"] != ""),
        "folder": facts["folder"].where(facts["folder"] != ""),
        "source": facts["source"].where(facts["source"] != ""),
        "year": facts["year"].map("{:.0f}".format).where(facts["year"].notna()),
    }


def _binned(values: pd.Series[float]) -> pd.Series[str]:
    known = values.dropna()
    if known.nunique() <= _BINS:
        return values.map("{:.6g}".format).where(values.notna())
    edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS))
    return pd.Series(np.searchsorted(edges, values, side="right").astype(str), index=values.index).where(values.notna())


def _commonest(known: pd.DataFrame) -> pd.DataFrame:
    """Return each unit's commonest value within each class; the first in order if several are equally common."""
    counts = known.groupby(["unit", "label", "value"]).size().rename("rows").reset_index()
    ranked = counts.sort_values(["unit", "label", "rows", "value"], ascending=[True, True, False, True])
    return ranked.drop_duplicates(["unit", "label"])


def _accuracy(held: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Return the mean over classes of the share of units predicted correctly from the others (see `measure_facts`).

    Units with the same value and class have the same result, so a table of values and classes is enough.
    """
    k = int(labels.max()) + 1
    counts = np.bincount(held * k + labels, minlength=(int(held.max()) + 1) * k).reshape(-1, k)
    totals = counts.sum(axis=0)
    shares = counts / totals
    without = np.maximum(counts - 1, 0) / np.maximum(totals - 1, 1)  # shares of a unit's class without the unit itself
    gap = without[:, :, None] - shares[:, None, :]  # values × own class × any class
    gap[:, np.arange(k), np.arange(k)] = 0
    hits = (gap >= -_EQUAL).all(axis=2) / (abs(gap) <= _EQUAL).sum(axis=2)
    return float(((counts * hits).sum(axis=0) / totals).mean())
