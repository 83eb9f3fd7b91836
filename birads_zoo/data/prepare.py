"""From a recipe to rows, classes, folds and pixels: the first half of every run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from birads_zoo.data.audit import (
    AuditSummary,
    Labelled,
    check_files,
    check_rows,
    choose_target,
    drop,
    select_classes,
    summarise,
)
from birads_zoo.data.classes import closed
from birads_zoo.data.geometry import Placement
from birads_zoo.data.lesions import lesion_maps
from birads_zoo.data.load import load_index
from birads_zoo.data.pixels import PixelStore, build_store
from birads_zoo.data.splits import Fold, check_leaks, held_together, make_folds
from birads_zoo.data.views import sample_views
from birads_zoo.errors import UserError
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe

if TYPE_CHECKING:
    from birads_zoo.host import Host


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The usable rows with their classes, where their pixels lie, and who is in which fold.

    `labelled`'s rows, `positions` (their places in `store.array`), `samples` (n×V: the places of all pictures of
    their samples, their own first), `lesions` (n×H×W, see `lesion_maps`; `None` where the recipe does not ask for them)
    and the folds' numbers all count the same rows.
    """

    labelled: Labelled
    summary: AuditSummary
    store: PixelStore
    positions: NDArray[np.int64]
    samples: NDArray[np.int64]
    folds: tuple[Fold, ...]
    lesions: NDArray[np.int8] | None


def prepare(recipe: Recipe, host: Host, cache: Path, screen: Screen) -> Prepared:
    """Load, audit, decode, label and split.

    Raises:
        UserError: for data that cannot be used as the recipe says, or folds that leak patients.

    """
    spec = host.dataset(recipe.dataset.name)
    loaded = load_index(recipe.dataset, host)
    target = closed(choose_target(spec, recipe.dataset.target, loaded), loaded)
    present = check_files(check_rows(loaded))
    with screen.bar("decoding", len(present.rows)) as show:
        store, failures = build_store(present, recipe.image, cache, lambda done, _: show(done, ""))
    decoded = drop(present, failures)
    labelled = select_classes(decoded, target, recipe.dataset.classes)
    positions = np.flatnonzero(decoded.rows["row"].isin(labelled.index.rows["row"]))
    assert len(positions) == len(labelled.labels), "a row has no pixels of its own"
    patients = labelled.index.rows["patient_id"].to_numpy(dtype=str)
    units = held_together(labelled.index.rows, recipe.split.scheme)
    folds = make_folds(units, labelled.labels, labelled.classes, recipe.split, recipe.seed)
    check_leaks(folds, patients, recipe.split.scheme)
    return Prepared(
        labelled=labelled,
        summary=summarise(loaded, labelled.index),
        store=store,
        positions=positions,
        samples=sample_views(decoded.rows, recipe.dataset.views)[positions],  # partners need no class of their own
        folds=folds,
        lesions=_lesions(recipe, labelled, [store.placements[place] for place in positions]),
    )


def _lesions(recipe: Recipe, labelled: Labelled, placements: list[Placement]) -> NDArray[np.int8] | None:
    if not recipe.training.lesion_weight:
        return None
    if not recipe.model.evidence:
        raise UserError(
            "training.lesion_weight needs the evidence of places: set model.evidence=true, or leave it at 0"
        )
    target = labelled.target
    if not target.at_lesion or labelled.classes[:1] != tuple(target.classes or ())[:1]:
        raise UserError(
            f"training.lesion_weight needs a target whose first class is tissue without a lesion, and target "
            f"{target.name!r} with the classes {', '.join(labelled.classes)} is none; leave it at 0"
        )
    return lesion_maps(labelled.index.rows, labelled.labels, placements, recipe.image.height, recipe.image.width)
