"""Reads a run's heat maps for its page: small maps, and the scores of the explainers that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birads_zoo.data.index.views import side_by_side
from birads_zoo.data.prepare import Prepared
from birads_zoo.errors import UserError
from birads_zoo.explanation.files import ExplanationFolder, read_explanations
from birads_zoo.report.drawing.thumbnails import thumbnails
from birads_zoo.report.run.heat_text import AT_LESIONS, few_lesions
from birads_zoo.report.run.tables import cell, ends_of
from birads_zoo.results.explanations import ExplainerScores, MapScore

_NAMES: dict[MapScore, str] = {
    "deletion": "deletion (lower is better)",
    "road": "ROAD (lower is better)",
    "energy_in_breast": "sum in the breast",
    "breast_share": "share that is breast",
    "pointing": "points into a lesion",
    "energy_in_lesion": "sum in lesions",
    "rank_correlation": "rank correlation with maps of random weights",
    "ssim": "SSIM with maps of random weights",
}
_BESIDE_MAPS: tuple[MapScore, ...] = ("insertion", "pointing")  # shown beside every map
_MAPS = 3_500_000  # characters, for all maps of all explainers


def read_heat(run: Path, classes: Sequence[str], data: Prepared) -> dict[str, Any]:
    """Return what `birads-zoo explain` wrote into the folder `run`, as the page's script takes it.

    `explainers` has each explainer's name, whether its maps were shown to be `faithful` (`None` if too few patients
    were explained), its verdict, its scores with those of the baseline maps, and a `summary`. It is empty if nothing
    was explained. `maps` has, by row and explainer, the map as a grey JPEG file and the class it explains; the maps of
    a sample's pictures are side by side. `measures` has the names of all scores, and `basis` the numbers of images and
    patients. `few` has what † means, for explainers whose lesions are of too few patients.

    Args:
        run: the run's folder.
        classes: the K class names, in order.
        data: the run's data.

    Raises:
        UserError: when the folder's `explanations` are damaged, or of another format.

    """
    saved = read_explanations(run)
    if saved is None:
        return {"explainers": [], "measures": [], "maps": {}, "few": []}
    explanations = saved.explanations
    try:
        explainers = explanations.explainers
        explained = _explained(saved, classes)
        measures = list(dict.fromkeys(name for explainer in explainers.values() for name in explainer.scores))
        maps: dict[int, list[Any]] = {}
        for k, name in enumerate(explainers):
            for row, text, label in _small(saved, name, data, explained, _MAPS // len(explainers)):
                maps.setdefault(row, [None] * len(explainers))[k] = [text, label]
    except KeyError as error:
        raise UserError(f"{saved.folder} is damaged (no {error}); make it again with birads-zoo explain") from None
    return {
        "explainers": [_scored(name, explainer, measures) for name, explainer in explainers.items()],
        "measures": [_NAMES.get(name, name) for name in measures],
        "maps": maps,
        "few": list(dict.fromkeys(note for explainer in explainers.values() if (note := few_lesions(explainer)))),
        "basis": (
            f"{explanations.n} images ({explanations.with_lesions} with known lesions) "
            f"of {explanations.patients} patients."
        ),
    }


def _explained(saved: ExplanationFolder, classes: Sequence[str]) -> dict[tuple[str, int], int]:
    numbers = {name: k for k, name in enumerate(classes)}
    columns = (saved.table[name] for name in ("explainer", "row", "explained"))
    return {(explainer, int(row)): numbers[name] for explainer, row, name in zip(*columns, strict=True)}


def _small(
    saved: ExplanationFolder, explainer: str, data: Prepared, explained: Mapping[tuple[str, int], int], budget: int
) -> list[tuple[int, str, int]]:
    """Return each explained sample's row, the maps of its pictures as one small picture, and the class they explain."""
    rows, maps = saved.maps(explainer)
    place = {row: at for at, row in enumerate(rows.tolist())}
    numbers = data.pictures.rows["row"].to_numpy(np.int64)[data.own.pictures]
    chosen = np.flatnonzero(np.isin(numbers, rows).any(axis=1))
    black = np.zeros_like(maps[0])

    def together(sample: int) -> NDArray[np.float16]:
        views = zip(numbers[sample].tolist(), data.own.present[sample], strict=True)
        return side_by_side(np.stack([maps[place[row]] if known and row in place else black for row, known in views]))

    small = thumbnails(lambda i: together(chosen[i]), len(chosen), budget)
    firsts = numbers[chosen, 0].tolist()
    return [(row, text, explained[explainer, row]) for row, text in zip(firsts, small, strict=True)]


def _scored(name: str, explainer: ExplainerScores, measures: Sequence[MapScore]) -> dict[str, Any]:
    few, cells = few_lesions(explainer), []
    marks = dict.fromkeys(AT_LESIONS, " †") if few else {}
    for measure in measures:
        score = explainer.scores.get(measure)
        shown = cell(None, None) if score is None else cell(score.value, (score.low, score.high))
        others = {base: scores.get(measure) for base, scores in explainer.baselines.items()}
        note = " · ".join(f"{base} {other.value:.3f}" for base, other in others.items() if other)
        cells.append({"text": shown["text"], "ends": shown["ends"] + marks.get(measure, ""), "note": note})
    parts = []
    for measure in _BESIDE_MAPS:
        if score := explainer.scores.get(measure):
            ends = ends_of((score.low, score.high)) + marks.get(measure, "")
            parts.append(f"{_NAMES.get(measure, measure)} {score.value:.3f} {ends}")
    return {
        "name": name,
        "faithful": explainer.faithful,
        "verdict": explainer.verdict,
        "cells": cells,
        "summary": " · ".join([*parts, few] if few else parts),
    }
