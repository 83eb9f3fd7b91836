"""Lists the rows that an inspection is about: all rows that have a class, with or without a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from birads_zoo.data.index.classes import find_classes
from birads_zoo.interfaces import Index, Target

LISTING = ("row", "path", "patient", "exam", "side", "view", "label", "usable")
"""A listing's columns: as in the index, except for these.

`exam` is the patient's id and the visit's. It is "" only if the patient is unknown; without visits a patient is one
exam. `label` is the class's name. `usable` says whether the picture exists and decodes.
"""


def list_rows(labelled: Index, target: Target, usable: Sequence[int]) -> pd.DataFrame:
    """Return one row for each row of `labelled`, in its order; all have a class. `usable` are row numbers."""
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
