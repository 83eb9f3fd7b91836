"""Prepares the rows, classes, folds and pixels that a recipe asks for: the first half of every run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from birads_zoo.data.decoding.greys import TOO_BRIGHT
from birads_zoo.data.index.audit import (
    AuditSummary,
    Labelled,
    check_files,
    check_rows,
    choose_target,
    drop,
    summarise,
)
from birads_zoo.data.index.classes import classes_with_rows, closed
from birads_zoo.data.index.load import load_index
from birads_zoo.data.index.samples import label_samples
from birads_zoo.data.index.view_names import view_names
from birads_zoo.data.index.views import Samples, labelled_views
from birads_zoo.data.lesions import UNKNOWN, lesion_maps
from birads_zoo.data.splits.folds import split_rows
from birads_zoo.data.splits.split import Fold, Leak, find_leak
from birads_zoo.data.store.pixels import Failures, PixelStore, build_store
from birads_zoo.errors import UserError
from birads_zoo.interfaces import Index, Target
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The usable samples with their classes, pixels and folds.

    - `labelled`: a row and a class for each of n samples. The row is that of the sample's first picture (see
      `label_samples`). Its target has the level at which labels are read.
    - `pictures`: a row for each picture of `store.array`, labelled or not, in the same order.
    - `samples`: the pictures of each of the n samples, by their positions in `store.array`.
    - `folds`: positions of samples, 0 … n−1.
    - `lesions`: n×O×H×W, the maps of the `own` pictures (see `lesion_maps`), unknown for an absent picture. `None` if
      the recipe does not use them.
    """

    labelled: Labelled
    pictures: Index
    summary: AuditSummary
    store: PixelStore
    samples: Samples
    folds: tuple[Fold, ...]
    lesions: NDArray[np.int8] | None

    @property
    def positions(self) -> NDArray[np.int64]:
        """The positions (n,) of the samples' first pictures in `store.array`."""
        return self.samples.pictures[:, 0]

    @property
    def leak(self) -> Leak:
        """Whether a patient's samples are on both sides of a fold, or may be (see `find_leak`)."""
        return find_leak(self.folds, self.labelled.index.rows["patient_id"].to_numpy(dtype=np.str_))

    @property
    def own(self) -> Samples:
        """Each sample's O pictures that its label describes: the first at the level "image", else all."""
        return own_pictures(self.samples, self.labelled.target)


def own_pictures(samples: Samples, target: Target) -> Samples:
    """Return the samples with only those pictures that their labels describe."""
    return samples.first(labelled_views(target.level, len(samples.names)))


def prepare(
    recipe: Recipe, host: Host, cache: Path, screen: Screen, check: Callable[[Target, int], None] | None = None
) -> Prepared:
    """Load, audit, decode, label and split a recipe's data set.

    Before any picture is decoded, `check` is called with the target and the number of its classes that have rows.

    Raises:
        UserError: if the data cannot be used as the recipe says, or folds leak patients.

    """
    spec = host.dataset(recipe.dataset.name)
    loaded = load_index(recipe.dataset, host)
    target = _levelled(closed(choose_target(spec, recipe.dataset.target, loaded), loaded), recipe)
    present = check_files(check_rows(loaded))
    if check is not None:
        check(target, len(recipe.dataset.classes or classes_with_rows(present, target)))
    with screen.bar("decoding", len(present.rows)) as show:
        store, failures = build_store(present, recipe.image, cache, lambda done, _: show(done, ""))
    _check_bits(present, failures)
    decoded = drop(present, failures)
    sampled = label_samples(decoded, loaded, target, recipe.dataset.classes, recipe.dataset.views)
    labelled = sampled.labelled
    folds = split_rows(labelled.index.rows, labelled.labels, labelled.classes, recipe.split, recipe.seed)
    return Prepared(
        labelled=labelled,
        pictures=decoded,
        summary=summarise(loaded, sampled.used),
        store=store,
        samples=sampled.samples,
        folds=folds,
        lesions=_lesions(recipe, labelled, own_pictures(sampled.samples, target), decoded, store),
    )


def _check_bits(index: Index, failures: Failures) -> None:
    """Raise `UserError` if pictures have more bits than the recipe says: the recipe is wrong, not the pictures."""
    brighter = [position for position, (reason, _) in failures.items() if reason == TOO_BRIGHT]
    if brighter:
        path, detail = index.rows["image_path"].iloc[brighter[0]], failures[brighter[0]][1]
        raise UserError(
            f"image.bits is too low for {len(brighter)} of {len(index.rows)} pictures, such as {path} ({detail}): "
            "raise it, or leave it at 0"
        )


def _levelled(target: Target, recipe: Recipe) -> Target:
    """Return the target at the level at which the recipe reads its labels.

    Raises:
        UserError: if samples of the recipe's views cannot have this level, or the recipe's fusion cannot be used at it.

    """
    levelled = replace(target, level=recipe.dataset.level or target.level)
    view_names(recipe.dataset.views, levelled.level)
    if recipe.model.fusion == "difference" and levelled.level != "image":
        raise UserError(
            "model.fusion = 'difference' compares one picture with its partners, and where labels are of the "
            f"{levelled.level} no picture comes first: use 'mean', 'max', 'concat' or 'attention'"
        )
    return levelled


def _lesions(
    recipe: Recipe, labelled: Labelled, own: Samples, pictures: Index, store: PixelStore
) -> NDArray[np.int8] | None:
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
    positions = own.pictures.ravel()
    labels = labelled.labels.repeat(len(own.names))
    placements = [store.placements[position] for position in positions]
    height, width = recipe.image.height, recipe.image.width
    maps = lesion_maps(pictures.rows.iloc[positions], pictures.root, labels, placements, height, width)
    maps = maps.reshape(*own.pictures.shape, *maps.shape[1:])
    maps[~own.present] = UNKNOWN
    return maps
