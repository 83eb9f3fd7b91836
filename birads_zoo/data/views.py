"""Which pictures make a sample: a picture alone, or with its partner of the same exam."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from birads_zoo.errors import UserError

_SHARED = {"breast": "laterality", "bilateral": "view"}  # what partners have in common, and …
_OPPOSED = {"breast": "view", "bilateral": "laterality"}  # … in what they must differ
_PARTNER = {"breast": "another view of the same breast", "bilateral": "a picture of the other breast in the same view"}


def sample_views(rows: pd.DataFrame, views: str) -> NDArray[np.int64]:
    """Return for each of n rows the numbers (n, V) of the rows whose pictures make its sample, its own first.

    `rows` are those of an index. With `views` "single" V is 1. With "breast" the second is another view of the same
    breast, with "bilateral" the other breast in the same view, both of the same patient and exam; of several the
    first in the table. A picture that has no such partner, or whose side or view is unknown, is its own, so
    that a difference of both is nothing.
    Labels play no part. Raises `UserError` when no picture at all has a partner.
    """
    own = np.arange(len(rows))
    if views == "single":
        return own[:, None]
    shared, opposed = (rows[column[views]].to_numpy(dtype=str) for column in (_SHARED, _OPPOSED))
    patients, exams = (rows[column].to_numpy(dtype=str) for column in ("patient_id", "exam_id"))
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row in range(len(rows)):
        if patients[row] and opposed[row] and shared[row]:
            groups[patients[row], exams[row], shared[row]].append(row)
    partner = own.copy()
    for group in groups.values():
        for row in group:
            partner[row] = next((other for other in group if opposed[other] != opposed[row]), row)
    if (partner == own).all():
        raise UserError(
            f"dataset.views = {views!r} needs {_PARTNER[views]}, and no picture has one: the rows need patient_id, "
            f"{_OPPOSED[views]} and exams in common; or leave dataset.views at 'single'"
        )
    return np.stack([own, partner], axis=1)
