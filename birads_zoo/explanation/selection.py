"""Selects the test rows of a run that are explained, their pictures, and the class to explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.data.lesions import marked_lesions
from birads_zoo.data.placement.breast import breast_area
from birads_zoo.data.prepare import Prepared
from birads_zoo.randomness import numpy_generator
from birads_zoo.recipe import Recipe


@dataclass(frozen=True, kw_only=True, eq=False)
class ExplainedRows:
    """The n test rows that are explained, and their m pictures, row by row.

    For the rows, (n,) each: `places` in the labelled index, `folds`, and `targets`, the classes to explain. For the
    pictures: `samples` (m,), the number of the row each belongs to; `views` (m,), the number of the picture within that
    row; `positions` (m,) in the pixel store; `breasts` and `lesions` m×H×W; and `about`, their rows in the index, with
    `fold`, and the names of the sample's classes in `label`, `predicted` and `explained`.
    """

    places: NDArray[np.int64]
    folds: NDArray[np.int64]
    targets: NDArray[np.int64]
    samples: NDArray[np.int64]
    views: NDArray[np.int64]
    positions: NDArray[np.int64]
    breasts: NDArray[np.bool_]
    lesions: NDArray[np.bool_]
    about: pd.DataFrame


def choose(data: Prepared, recipe: Recipe, test: pd.DataFrame, limit: int | None) -> ExplainedRows:
    """Draw up to `limit` test rows at random, and take all pictures that their labels are about.

    The explained class is a row's predicted class or, where a lesion is marked in one of its pictures, its true class.
    `test` are the rows of `predictions.csv`.
    """
    tested = np.concatenate([fold.test for fold in data.folds])
    folds = np.concatenate([np.full(len(fold.test), fold.number) for fold in data.folds])
    drawn = numpy_generator(recipe.seed, "explained rows").permutation(len(tested))[:limit]
    drawn = np.sort(drawn)
    places, folds = tested[drawn], folds[drawn]
    own = data.own[places]
    samples, views = np.nonzero(own.present)
    positions = own.pictures[samples, views]
    pictures = data.pictures.rows.iloc[positions].reset_index(drop=True)
    placements = [data.store.placements[position] for position in positions]
    lesions = marked_lesions(pictures, data.pictures.root, placements, recipe.image.height, recipe.image.width)
    lesions[~_shows_lesions(data)[places][samples]] = False
    predicted = test.set_index("row")["predicted"].reindex(data.labelled.index.rows["row"].iloc[places]).to_numpy()
    names = np.array(data.labelled.classes)
    labels = names[data.labelled.labels[places]]
    marked = np.isin(np.arange(len(places)), samples[lesions.any(axis=(1, 2))])
    explained = np.where(marked, labels, predicted)
    of_rows = {"fold": folds, "label": labels, "predicted": predicted, "explained": explained}
    return ExplainedRows(
        places=places,
        folds=folds,
        targets=np.array([list(names).index(name) for name in explained], dtype=np.int64),
        samples=samples,
        views=views,
        positions=positions,
        breasts=np.stack([breast_area(data.store.array[position]) for position in positions]) | lesions,
        lesions=lesions,
        about=pictures.assign(**{name: values[samples] for name, values in of_rows.items()}),
    )


def _shows_lesions(data: Prepared) -> NDArray[np.bool_]:
    """Return for each row whether its class is visible at a lesion."""
    target, labelled = data.labelled.target, data.labelled
    without = next(iter(target.classes or ()), "")
    seen = [target.at_lesion and name != without for name in labelled.classes]
    return np.array(seen)[labelled.labels]
