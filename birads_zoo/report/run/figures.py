"""Draws all figures of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.index.views import side_by_side
from birads_zoo.data.lesions import with_box
from birads_zoo.data.prepare import Prepared
from birads_zoo.errors import UserError, warn
from birads_zoo.evaluation.curves import RESAMPLES, curves
from birads_zoo.evaluation.pairs import count_pairs
from birads_zoo.evaluation.positive import positives_of
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.evaluation.statistics.resampling import resample
from birads_zoo.evaluation.words import leak_text
from birads_zoo.explanation.overview import Explained
from birads_zoo.randomness import numpy_generator
from birads_zoo.recipe import Recipe
from birads_zoo.report.drawing import calibration as calibration_figures
from birads_zoo.report.drawing import charts as figures
from birads_zoo.report.drawing import curves as curve_figures
from birads_zoo.report.drawing import pictures
from birads_zoo.report.drawing import subgroups as subgroup_figure
from birads_zoo.report.drawing.curves import Against
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.runs.predictions import predicted_rows
from birads_zoo.training.history import Epoch, best_epoch

_GRID = 18  # pictures in the sample grid, at most
_OF_NUMBERS = (
    "class-distribution",
    "confusion-matrix",
    "conformal-sets",
    "learning-curves",
    "pr-curves",
    "reliability",
    "roc-curves",
    "subgroups",
)
_MISTAKES = 16  # the number that `pictures.misclassified` shows


def draw_all(
    folder: Path,
    data: Prepared,
    history: Sequence[Epoch],
    predictions: pd.DataFrame,
    metrics: RunMetrics,
    explained: Explained | None,
    recipe: Recipe,
    *,
    ending: str = ".png",
    names: Mapping[str, str] | None = None,
) -> None:
    """Write the figures of a run into `folder`; `ending` is the suffix of the files, as `style.save` takes it.

    `names` maps patient ids to the names shown; `None` shows the ids. Heat maps are left out if `explained` is `None`.
    """
    classes = data.labelled.classes
    leaky = f", {leak_text(metrics)} patients" if metrics.leaky else ""
    folds = "" if metrics.folds == 1 else f", {metrics.folds} folds"
    context = f"{recipe.run_id} · {recipe.dataset.name} · {metrics.split} split{leaky}{folds} · n = {metrics.n}"
    test = predictions[predictions["part"] == "test"]
    rows = predicted_rows(predictions, "test", data, recipe)

    def at(name: str) -> Path:
        return folder / f"{name}{ending}"

    figures.class_distribution(_parts(data), classes, at("class-distribution"), context)
    figures.learning_curves(
        history,
        at("learning-curves"),
        f"{context}{' · training: known lesions included' if recipe.training.lesion_weight else ''}",
        chosen_epochs(history, recipe),
    )
    figures.confusion_matrix(metrics.confusion, classes, at("confusion-matrix"), context)
    together, each = against_the_rest(rows, recipe)
    curve_figures.roc_curves(together, each, at("roc-curves"), context)
    curve_figures.pr_curves(together, each, at("pr-curves"), context)
    subgroup_figure.subgroups(metrics.subgroups, at("subgroups"), context)
    calibration_figures.reliability(metrics.calibration, at("reliability"), context)
    calibration_figures.conformal_sets(metrics.conformal, at("conformal-sets"), context)
    _draw_sample(at("sample-grid"), data, context)
    called = test["patient_id"] if names is None else test["patient_id"].map(names)
    _draw_mistakes(at("misclassified"), data, test.assign(patient_id=called), rows.labels, rows.probabilities, context)
    if explained is not None:
        _draw_heat_maps(at(recipe.explainer.name), data, test, explained, recipe, context)


def figures_of_numbers(folder: Path) -> dict[str, Path]:
    """Return by name the figures in `folder` that show neither a patient's picture nor an id."""
    return {path.stem: path for path in sorted(folder.glob("*.png")) if path.stem in _OF_NUMBERS}


def against_the_rest(rows: PredictedRows, recipe: Recipe) -> tuple[Against | None, list[Against]]:
    """Return the positive classes against the rest (`None` if there are none), and each class against the rest."""
    resamples = resample(rows.patients, RESAMPLES, numpy_generator(recipe.seed, "curves"))

    def against(name: str, positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> Against:
        drawn = curves(positive, scores, resamples)
        roc, pr = drawn or (None, None)
        basis = count_pairs(positive, rows.patients, np.zeros_like(rows.folds))
        return Against(name=name, positives=int(positive.sum()), n=len(positive), roc=roc, pr=pr, basis=basis)

    together = " or ".join(rows.classes[k] for k in rows.positive)
    return against(together, *positives_of(rows)) if rows.positive else None, [
        against(name, rows.labels == k, rows.probabilities[:, k]) for k, name in enumerate(rows.classes)
    ]


def _parts(data: Prepared) -> dict[str, tuple[NDArray[np.int64], list[str]]]:
    patients = data.labelled.index.rows["patient_id"].to_numpy()
    if len(data.folds) > 1:
        return {"all rows": (data.labelled.labels, list(patients))}
    fold = data.folds[0]
    named = {"train": fold.train, "validation": fold.validation, "test": fold.test}
    return {name: (data.labelled.labels[rows], list(patients[rows])) for name, rows in named.items() if len(rows)}


def chosen_epochs(history: Sequence[Epoch], recipe: Recipe) -> dict[int, int]:
    """Return the epoch whose weights were kept, by fold."""
    by_fold: dict[int, list[Epoch]] = {}
    for epoch in history:
        by_fold.setdefault(epoch.fold, []).append(epoch)
    return {fold: epochs[best_epoch(epochs, recipe.training.select)].epoch for fold, epochs in by_fold.items()}


def shown_pictures(data: Prepared, positions: NDArray[np.int64]) -> NDArray[Any]:
    """Return the pictures of n samples, n×H×(O·W): each sample's O own views side by side; an absent view is black."""
    own = data.own[positions]
    pictures = np.asarray(data.store.array[own.pictures])
    pictures[~own.present] = 0
    return side_by_side(pictures)


def _draw_sample(path: Path, data: Prepared, context: str) -> None:
    """Draw evenly spaced rows of each class, so that the grid is the same in every run of the data."""
    labels, classes = data.labelled.labels, data.labelled.classes
    each = max(1, _GRID // len(classes))
    positions = np.concatenate([_spread(np.flatnonzero(labels == k), each) for k in range(len(classes))])
    rows = data.labelled.index.rows.iloc[positions]
    titles = [
        " ".join(filter(None, (classes[label], laterality, view)))
        for label, laterality, view in zip(labels[positions], rows["laterality"], rows["view"], strict=True)
    ]
    pictures.sample_grid(shown_pictures(data, positions), titles, path, context)


def _spread(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(np.int64))]


def _draw_mistakes(
    path: Path,
    data: Prepared,
    test: pd.DataFrame,
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    context: str,
) -> None:
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    of = f"{min(len(wrong), _MISTAKES)} of {len(wrong)} mistakes"
    wrong = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:_MISTAKES]
    rows = test.iloc[wrong]
    place = pd.Series(np.arange(len(data.labelled.index.rows)), index=data.labelled.index.rows["row"])
    pictures.misclassified(
        shown_pictures(data, place[rows["row"]].to_numpy()),
        list(rows["label"]),
        list(rows["predicted"]),
        list(probabilities[wrong].max(axis=1)),
        list(rows["patient_id"]),
        path,
        f"{of} · {context}",
    )


def _draw_heat_maps(
    path: Path, data: Prepared, test: pd.DataFrame, explained: Explained, recipe: Recipe, context: str
) -> None:
    fold = f", fold {explained.fold + 1}" if len(data.folds) > 1 else ""
    context = f"{recipe.explainer.name}: evidence for the true class{fold} · {context}"
    rows = data.labelled.index.rows.iloc[explained.positions]
    predicted = test.set_index("row")["predicted"]
    titles = [
        f"true {data.labelled.classes[data.labelled.labels[position]]}, predicted {predicted[row]}"
        for position, row in zip(explained.positions, rows["row"], strict=True)
    ]
    outlines = [lesion_outlines(data, position) for position in explained.positions]
    shown, maps = shown_pictures(data, explained.positions), side_by_side(explained.maps)
    pictures.heat_maps(shown, maps, titles, path, context, outlines)


def lesion_outlines(data: Prepared, position: int) -> list[pictures.Outline]:
    """Return a sample's known lesions as x, y, width, height and outline, in pixels of `shown_pictures`."""
    own, width = data.own[position], data.store.array.shape[2]
    outlines: list[pictures.Outline] = []
    for view in np.flatnonzero(own.present):
        at = own.pictures[view]
        placement, left = data.store.placements[at], float(view * width)
        for marked in data.pictures.rows["lesions"].iloc[at]:
            try:
                lesion = with_box(marked, data.pictures.root)
            except UserError as error:  # a figure is drawn without it
                warn(str(error))
                continue
            xs, ys = placement.points(np.array([lesion.x0, lesion.x1]), np.array([lesion.y0, lesion.y1]))
            box = left + float(xs.min()), float(ys.min()), float(np.ptp(xs)), float(np.ptp(ys))
            outlines.append((*box, lesion.outline))
    return outlines
