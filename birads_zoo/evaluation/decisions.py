"""The mean cost of the decisions, by a user's own table of costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from birads_zoo.errors import UserError
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.evaluation.statistics.intervals import estimates
from birads_zoo.results.readings import DecisionCosts

Values = NDArray[np.float64]


def check_costs(costs: Sequence[Sequence[float]], classes: Sequence[str]) -> None:
    """Raise `UserError` unless the table of costs is empty or has K×K finite numbers for the K `classes`."""
    if not costs:
        return
    k = len(classes)
    if len(costs) != k or any(len(row) != k for row in costs):
        lengths = " and ".join(map(str, sorted({len(row) for row in costs})))
        raise UserError(
            f"evaluation.costs has {len(costs)} rows of {lengths} numbers; this run needs {k} rows of {k}:"
            f" a row per true class and a column per predicted class, in the order {', '.join(classes)}"
        )
    if not np.isfinite(np.asarray(costs)).all():
        raise UserError("evaluation.costs holds a number that is not finite; give every cost as a number ≥ 0")


def read_cost(
    test: PredictedRows,
    costs: Sequence[Sequence[float]],
) -> DecisionCosts | None:
    """Return the mean cost of an image under K×K `costs` (rows: true class, columns: predicted); `None` without them.

    In the costs' unit, with the intervals of `intervals.estimates`:

    - `argmax`: if the class with the largest probability is predicted.
    - `minimising`: if the class with the least expected cost under the network's own probabilities is predicted,
      argmin_j Σ_i p_i C_ij (Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001, eq. 1).
    - `saved`: `argmax` minus `minimising`, on the same images.
    - `constant`: if every image is predicted as `constant_class`, the class that is cheapest on these rows (chosen
      again without each patient). This is the cost without any network.

    What they estimate: the mean cost on other patients of this population, with its prevalence.
    `minimising` is the best decision only as far as the probabilities are calibrated for this prevalence. A sampler
    or loss that weighs classes moves them, and then `saved` may be below 0. Intervals are too narrow where expensive
    mistakes are few: docs/intervals.md.
    """
    if not costs:
        return None
    matrix = np.asarray(costs, dtype=np.float64)
    called = {
        "argmax": test.probabilities.argmax(axis=1),
        "minimising": (test.probabilities @ matrix).argmin(axis=1),
    }
    paid = {name: matrix[test.labels, classes] for name, classes in called.items()}
    constants = matrix[test.labels]  # n×K: each image's cost if all images are predicted as class k

    def means(sums: Values) -> dict[str, Values]:
        with np.errstate(invalid="ignore"):  # without the only patient no row is left
            mean = sums[:, :-1] / sums[:, -1:]
        values = dict(zip(paid, mean.T, strict=False))
        values["saved"] = values["argmax"] - values["minimising"]
        values["constant"] = mean[:, len(paid) :].min(axis=1)
        return values

    columns = np.column_stack([*paid.values(), constants, np.ones(len(constants))])
    values = estimates(
        columns, means, test.patients, limits=dict.fromkeys((*paid, "constant"), (matrix.min(), matrix.max()))
    )
    return DecisionCosts(
        matrix=tuple(tuple(row) for row in matrix.tolist()),
        constant_class=test.classes[int(constants.mean(axis=0).argmin())],
        **values,
    )
