import numpy as np
import pandas as pd
import pytest

from birads_zoo.data.index.audit import Labelled
from birads_zoo.interfaces import INDEX_COLUMNS, Index, Target
from birads_zoo.shortcuts import permutation_test

TARGET = Target(name="birads", column="assessment", classes={f"BI-RADS {k}": (str(k),) for k in range(1, 6)})


@pytest.fixture(autouse=True)
def all_refits(monkeypatch):
    """Test shortcuts with as many refits as in a real run."""
    monkeypatch.setattr(permutation_test, "RETRAININGS", 20)


@pytest.fixture
def index_of(tmp_path):
    """Return a function that makes an index from columns: `index_of(patient_id=[…], assessment=[…])`."""

    def make(**columns):
        count = len(next(iter(columns.values())))
        rows = pd.DataFrame({name: [""] * count for name in INDEX_COLUMNS}).assign(**columns)
        return Index(root=tmp_path, rows=rows.assign(row=np.arange(count)))

    return make


@pytest.fixture
def labelled_of(index_of):
    """Return a function that makes labelled rows: `labelled_of(labels, patients)`."""

    def make(labels, patients):
        classes = tuple(f"BI-RADS {k + 1}" for k in range(max(labels) + 1))
        return Labelled(
            index=index_of(patient_id=list(patients)),
            labels=np.array(labels, dtype=np.int64),
            classes=classes,
            target=TARGET,
        )

    return make


@pytest.fixture
def target():
    return TARGET
