"""The rows that an inspection is about: everything that has a class, with or without its picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from birads_zoo.data.index.classes import find_classes
from birads_zoo.interfaces import Index, Target

LISTING = ("row", "path", "patient", "exam", "side", "view", "label", "usable")
"""A listing's columns: as in the index, but for these.

`exam` is the patient's id and the visit's, and "" only where the patient is unknown: where a data set tells no visits,
a patient is one. `label` is the class's name. `usable` tells whether the picture is there and decodes.
"""


def list_rows(labelled: Index, target: Target, usable: Sequence[int]) -> pd.DataFrame:
    """Return a row per row of `labelled`, all of which have a class, in its order; `usable` are row numbers."""
    rows = labelled.rows
    patients = rows["patient_id"].str.strip()
    return pd.DataFrame(
        {
            "row": rows["row"],
            "path": rows["image_path"],
            "patient": patients,
            "exam": np.where(patients != "", patients + "\n" + rows["exam_id"], ""),
            "side": rows["laterality"],
            "view": rows["view"],
            "label": find_classes(labelled, target),
            "usable": rows["row"].isin(list(usable)),
        },
        columns=list(LISTING),
    )
