"""A run's heat maps as its page shows them: small, each beside the scores of the explainer that made it."""

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
    "deletion": "deletion (less is better)",
    "road": "ROAD (less is better)",
    "energy_in_breast": "sum in the breast",
    "breast_share": "share that is breast",
    "pointing": "points into a lesion",
    "energy_in_lesion": "sum in lesions",
    "rank_correlation": "like the maps of random weights",
    "ssim": "SSIM with these",
}
_TOLD: tuple[MapScore, ...] = ("insertion", "pointing")  # beside every map
_MAPS = 3_500_000  # characters of all maps of all explainers


def read_heat(run: Path, classes: Sequence[str], data: Prepared) -> dict[str, Any]:
    """Return what `birads-zoo explain` left in the folder `run`, as the page's script has it; `data` is the run's.

    `explainers` has each explainer's name, whether its maps were shown to be `faithful` (`None` where too few patients
    were explained to say), its verdict, and its scores beside those of its baselines; none, where there is nothing.
    `maps` has by row and explainer the map as a grey JPEG file, those of a sample's pictures side by side as these are,
    and the class it explains; `measures` the names of all
    scores; `few` what † means where an explainer's lesions are of too few patients, as in `explanations_text`.

    Raises:
        UserError: when the folder's `explanations` are damaged, or of another format.

    """
    found = read_explanations(run)
    if found is None:
        return {"explainers": [], "measures": [], "maps": {}, "few": []}
    told = found.explanations
    try:
        explainers = told.explainers
        explained = _explained(found, classes)
        measures = list(dict.fromkeys(name for one in explainers.values() for name in one.scores))
        maps: dict[int, list[Any]] = {}
        for k, name in enumerate(explainers):
            for row, text, label in _small(found, name, data, explained, _MAPS // len(explainers)):
                own = maps.setdefault(row, [None] * len(explainers))
                own[k] = [text, label]
    except KeyError as error:
        raise UserError(f"{found.folder} is damaged (no {error}); make it again with birads-zoo explain") from None
    return {
        "explainers": [_scored(name, one, measures) for name, one in explainers.items()],
        "measures": [_NAMES.get(name, name) for name in measures],
        "maps": maps,
        "few": list(dict.fromkeys(note for one in explainers.values() if (note := few_lesions(one)))),
        "said": f"{told.n} images ({told.with_lesions} with known lesions) of {told.patients} patients.",
    }


def _explained(found: ExplanationFolder, classes: Sequence[str]) -> dict[tuple[str, int], int]:
    numbers = {name: k for k, name in enumerate(classes)}
    columns = (found.table[name] for name in ("explainer", "row", "explained"))
    return {(explainer, int(row)): numbers[name] for explainer, row, name in zip(*columns, strict=True)}


def _small(
    found: ExplanationFolder, explainer: str, data: Prepared, explained: Mapping[tuple[str, int], int], budget: int
) -> list[tuple[int, str, int]]:
    """Return each explained sample's row, its pictures' maps as one small picture, and the class they explain."""
    rows, maps = found.maps(explainer)
    place = {row: at for at, row in enumerate(rows.tolist())}
    numbers = data.pictures.rows["row"].to_numpy(np.int64)[data.own.pictures]
    chosen = np.flatnonzero(np.isin(numbers, rows).any(axis=1))
    black = np.zeros_like(maps[0])

    def together(sample: int) -> NDArray[np.float16]:
        own = zip(numbers[sample].tolist(), data.own.present[sample], strict=True)
        return side_by_side(np.stack([maps[place[row]] if there and row in place else black for row, there in own]))

    small = thumbnails(lambda i: together(chosen[i]), len(chosen), budget)
    firsts = numbers[chosen, 0].tolist()
    return [(row, text, explained[explainer, row]) for row, text in zip(firsts, small, strict=True)]


def _scored(name: str, one: ExplainerScores, measures: Sequence[MapScore]) -> dict[str, Any]:
    few, cells = few_lesions(one), []
    marks = dict.fromkeys(AT_LESIONS, " †") if few else {}
    for measure in measures:
        score = one.scores.get(measure)
        shown = cell(None, None) if score is None else cell(score.value, (score.low, score.high))
        others = {base: scores.get(measure) for base, scores in one.baselines.items()}
        note = " · ".join(f"{base} {other.value:.3f}" for base, other in others.items() if other)
        cells.append({"text": shown["text"], "ends": shown["ends"] + marks.get(measure, ""), "note": note})
    said = []
    for measure in _TOLD:
        if score := one.scores.get(measure):
            ends = ends_of((score.low, score.high)) + marks.get(measure, "")
            said.append(f"{_NAMES.get(measure, measure)} {score.value:.3f} {ends}")
    return {
        "name": name,
        "faithful": one.faithful,
        "verdict": one.verdict,
        "cells": cells,
        "said": " · ".join([*said, few] if few else said),
    }
