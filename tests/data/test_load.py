from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from birads_zoo.data.audit import check_rows
from birads_zoo.data.load import load_index
from birads_zoo.errors import UserError
from birads_zoo.host import Host, Registered
from birads_zoo.interfaces import INDEX_COLUMNS, DatasetSpec, Index, Target
from birads_zoo.recipe import DatasetSection


@pytest.fixture
def load():
    """Load the rows as a plugin's data set would give them."""

    def load(rows):
        spec = DatasetSpec(
            name="mine",
            summary="s",
            load=lambda options: Index(root=Path("/nowhere"), rows=rows, audit=()),
            targets=(Target(name="label", column="label", classes=None),),
        )
        host = Host(
            datasets={"mine": Registered(spec, "acme-zoo 0.3")},
            augmentations={},
            losses={},
            backbones={},
            explainers={},
            trackers={},
            ablations={},
        )
        return load_index(DatasetSection(name="mine"), host)

    return load


def rows(paths, numbers, labels=None):
    table = pd.DataFrame({name: [""] * len(paths) for name in INDEX_COLUMNS}, index=labels).astype("str")
    return table.assign(image_path=paths, row=numbers)


def test_two_rows_of_one_number_are_refused_and_the_plugin_named(load):
    with pytest.raises(UserError) as caught:
        load(rows(["a", "b", "c"], [1, 2, 2]))
    assert str(caught.value).startswith("data set 'mine' (plugin acme-zoo 0.3) failed: ")
    assert "the index that it returned has the row number 2 twice; they must be unique" in str(caught.value)


def test_a_filtered_table_is_counted_anew(load):
    index = load(rows(["a", "a", "b"], [7, 8, 9], labels=[4, 2, 0]))
    assert list(index.rows.index) == [0, 1, 2]
    assert list(check_rows(index).rows["image_path"]) == ["a", "b"]
    assert np.array_equal(index.rows["row"], [7, 8, 9])
