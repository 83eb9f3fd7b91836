"""What the decisions cost, by a user's own table of costs."""

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
    """Raise `UserError` for a table of costs that is not K×K finite numbers for the K `classes`; none is fine."""
    if not costs:
        return
    k = len(classes)
    if len(costs) != k or any(len(row) != k for row in costs):
        lengths = " and ".join(map(str, sorted({len(row) for row in costs})))
        raise UserError(
            f"evaluation.costs has {len(costs)} rows of {lengths} numbers; this run needs {k} rows of {k}:"
            f" a row per true class and a column per called one, in the order {', '.join(classes)}"
        )
    if not np.isfinite(np.asarray(costs)).all():
        raise UserError("evaluation.costs holds a number that is not finite; give every cost as a number from 0 on")


def read_cost(
    test: PredictedRows,
    costs: Sequence[Sequence[float]],
) -> DecisionCosts | None:
    """Return the mean cost of an image under K×K `costs` (rows: true class, columns: called); `None` without them.

    In the costs' unit (`intervals.estimates`):

    - `argmax`: of calling the class with the largest probability.
    - `minimising`: of calling the class with the least expected cost under the network's own probabilities,
      argmin_j Σ_i p_i C_ij (Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001, eq. 1).
    - `saved`: `argmax` less `minimising`, on the same images.
    - `constant`: of calling every image the one class, `constant_class`, that is cheapest on these rows (chosen anew
      without each patient): what no network costs.

    What they estimate: the mean cost on other patients of this population, with its prevalence.
    `minimising` is the best decision only as far as the probabilities are calibrated for this prevalence; a sampler
    or loss that weighs classes moves them, and then `saved` may be below 0. Intervals fall short where the
    expensive mistakes are few: docs/intervals.md.
    """
    if not costs:
        return None
    matrix = np.asarray(costs, dtype=np.float64)
    called = {
        "argmax": test.probabilities.argmax(axis=1),
        "minimising": (test.probabilities @ matrix).argmin(axis=1),
    }
    paid = {name: matrix[test.labels, classes] for name, classes in called.items()}
    constants = matrix[test.labels]  # n×K: what calling all images class k costs for each

    def means(weights: Values) -> dict[str, Values]:
        with np.errstate(invalid="ignore"):
            shares = weights / weights.sum(axis=1, keepdims=True)
        found = {name: shares @ each for name, each in paid.items()}
        found["saved"] = found["argmax"] - found["minimising"]
        found["constant"] = (shares @ constants).min(axis=1)
        return found

    found = estimates(means, test.patients, limits=dict.fromkeys((*paid, "constant"), (matrix.min(), matrix.max())))
    return DecisionCosts(
        matrix=tuple(tuple(row) for row in matrix.tolist()),
        constant_class=test.classes[int(constants.mean(axis=0).argmin())],
        **found,
    )
