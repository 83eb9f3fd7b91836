"""What the files of each class are like, and whether a fact that has nothing to do with the breast names the class."""

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
_FEWEST = 6  # units (see `find_names`) for which a fact must be known
_SHUFFLES = 499
_EQUAL = 1e-12  # shares that differ by less are a tie


@dataclass(frozen=True, kw_only=True)
class ClassFormat:
    """The files of one class; `files` have a header that reads, and the rest is about these, `None` without any.

    `sizes` are the 200 commonest (width, height, files), commonest first, of `different_sizes`. `aspect` is width by
    height: lowest, median, highest. `bytes_per_pixel` and `quality` (JPEG) are medians; `exif` is the share that
    carries EXIF data. `modes` are the colour modes found; `folders` and `years` count all rows, absent files' too.
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
class Naming:
    """How well one fact names the class, over `units` (see `find_names`) and `classes` among which it is known.

    `accuracy` is the mean over the classes of the share named rightly; guessing gives `chance` = 1 / classes.
    `p_value` is the permutation test's, Holm-corrected over the facts tested.
    """

    fact: str
    units: int
    classes: int
    values: int
    accuracy: float
    chance: float
    p_value: float


def describe_formats(listing: pd.DataFrame, facts: pd.DataFrame, classes: Sequence[str]) -> tuple[ClassFormat, ...]:
    """Describe each class's files; `facts` are the listing's rows' of `data.index.facts.file_facts`."""
    return tuple(_describe(name, facts[(listing["label"] == name).to_numpy()]) for name in classes)


def find_names(listing: pd.DataFrame, facts: pd.DataFrame, seed: int = 0) -> tuple[Naming, ...]:
    """Tell how well each single fact names the class, best first; facts that never vary are left out.

    Estimates the accuracy, averaged over classes, of the best rule from one fact to a class, on patients that the
    rule was not made from. A unit is a patient within a class (a row whose patient is unknown is one of its own),
    with the fact's commonest value among her rows; numbers are cut at their octiles. Each unit is given the class
    that, among all other units, has the largest share of its members at that value; ties share the hit. The test
    shuffles the classes among the units, 499 times (Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010) 39:
    the observed order counts as one); it assumes that units are exchangeable if the fact tells nothing. Patients
    with several classes are several units, which makes a fact's accuracy look lower, never higher.
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
        p_value = (1 + sum(one >= accuracy - 1e-12 for one in shuffled)) / (1 + _SHUFFLES)
        tested.append(
            Naming(
                fact=fact,
                units=len(table),
                classes=len(names),
                values=len(codes),
                accuracy=accuracy,
                chance=1 / len(names),
                p_value=p_value,
            )
        )
    corrected = holm([naming.p_value for naming in tested])
    namings = [replace(naming, p_value=p_value) for naming, p_value in zip(tested, corrected, strict=True)]
    return tuple(sorted(namings, key=lambda naming: (naming.chance - naming.accuracy, naming.p_value, naming.fact)))


def _describe(name: str, own: pd.DataFrame) -> ClassFormat:
    read = own[own["width"].notna()]
    sizes = read[["width", "height"]].astype(int).value_counts()
    shown = sizes.head(_SIZES).reset_index().to_numpy(dtype=np.int64)
    aspect = read["width"] / read["height"]
    quality = read["quality"].dropna()
    years = Counter(int(year) for year in own["year"].dropna())
    there = len(read) > 0
    return ClassFormat(
        name=name,
        files=len(read),
        sizes=tuple((int(width), int(height), int(files)) for width, height, files in shown),
        different_sizes=len(sizes),
        aspect=(float(aspect.min()), float(aspect.median()), float(aspect.max())) if there else None,
        bytes_per_pixel=float((read["bytes"] / (read["width"] * read["height"])).median()) if there else None,
        quality=float(quality.median()) if len(quality) else None,
        exif=float(read["exif"].mean()) if there else None,
        modes=tuple(sorted(set(read["mode"]))),
        folders={str(folder): int(count) for folder, count in own["folder"].value_counts().items()},
        years=dict(sorted(years.items())),
    )


def _facts(facts: pd.DataFrame) -> dict[str, pd.Series[str]]:
    """Return each fact's values as texts, missing where it is unknown."""
    there = facts["width"].notna()
    width, height = facts["width"], facts["height"]
    size = width.map("{:.0f}".format).astype("str") + " × " + height.map("{:.0f}".format).astype("str")
    return {
        "picture size": size.where(there),
        "number of pixels": _binned(width * height),
        "aspect": _binned(width / height),
        "bytes per pixel": _binned(facts["bytes"] / (width * height)),
        "JPEG quality": _binned(facts["quality"]),
        "EXIF presence": facts["exif"].astype(str).where(there),
        "colour mode": facts["mode"].where(there),
        "file format": facts["format"].where(there),
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
    """Return each unit's commonest value within each class; of equally common ones the first in their order."""
    counts = known.groupby(["unit", "label", "value"]).size().rename("rows").reset_index()
    ranked = counts.sort_values(["unit", "label", "rows", "value"], ascending=[True, True, False, True])
    return ranked.drop_duplicates(["unit", "label"])


def _accuracy(held: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Return the mean over classes of the share of units named rightly from the others' values (see `find_names`).

    Units of one value and class fare alike, so a table of values and classes is enough.
    """
    k = int(labels.max()) + 1
    counts = np.bincount(held * k + labels, minlength=(int(held.max()) + 1) * k).reshape(-1, k)
    totals = counts.sum(axis=0)
    shares = counts / totals
    without = np.maximum(counts - 1, 0) / np.maximum(totals - 1, 1)  # a unit's own class, itself left out
    gap = without[:, :, None] - shares[:, None, :]  # values × own class × any class
    gap[:, np.arange(k), np.arange(k)] = 0
    hits = (gap >= -_EQUAL).all(axis=2) / (abs(gap) <= _EQUAL).sum(axis=2)
    return float(((counts * hits).sum(axis=0) / totals).mean())
