import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from birads_zoo.data.index.audit import check_rows
from birads_zoo.data.index.frame import make_index
from birads_zoo.data.index.load import load_index
from birads_zoo.errors import UserError
from birads_zoo.interfaces import INDEX_COLUMNS, DatasetSpec, Index, Target
from birads_zoo.plugin.host import Host, Registered
from birads_zoo.recipe import DatasetSection


@pytest.fixture
def load():
    """Load rows as from a plugin's data set."""

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


def test_two_rows_with_the_same_number_are_refused_and_the_plugin_named(load):
    with pytest.raises(UserError) as caught:
        load(rows(["a", "b", "c"], [1, 2, 2]))
    assert str(caught.value).startswith("data set 'mine' (plugin acme-zoo 0.3) failed: ")
    assert "the index that it returned has the row number 2 twice; they must be unique" in str(caught.value)


def test_spellings_of_a_class_are_unified(load):
    index = load(rows(["a", "b", "c"], [1, 2, 3]).assign(label=["Mass", "mass", "mass"]))
    assert index.rows["label"].tolist() == ["mass", "mass", "mass"]
    assert [entry.reason for entry in index.audit] == ["spelling of label"]


def test_a_filtered_table_gets_new_positions(load):
    index = load(rows(["a", "a", "b"], [7, 8, 9], labels=[4, 2, 0]))
    assert list(index.rows.index) == [0, 1, 2]
    assert list(check_rows(index).rows["image_path"]) == ["a", "b"]
    assert np.array_equal(index.rows["row"], [7, 8, 9])


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            "laterality",
            "left",
            "row 2 of the index that it returned has the laterality 'left', not one of 'L', 'R', or",
        ),
        ("assessment", "7", "has the assessment '7', not one of '0', '1', '2', '3', '4', '5', '6', or ''"),
        ("density", "Z", "has the density 'Z', not one of 'A', 'B', 'C', 'D', or ''"),
    ],
)
def test_an_impossible_value_is_refused(load, column, value, message):
    with pytest.raises(UserError) as caught:
        load(rows(["a", "b"], [1, 2]).assign(**{column: ["", value]}))
    assert message in str(caught.value)


def test_a_missing_column_is_named_with_advice(load):
    with pytest.raises(UserError, match=r"lacks the column 'source'; birads_zoo\.make_index gives all of them"):
        load(rows(["a", "b"], [1, 2]).drop(columns="source"))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"image_path": "a.png"}, "a record of the index has no row number: {'image_path': 'a.png'}"),
        (
            {"row": 3, "lateralty": "L"},
            "row 3 of the index has 'lateralty', which is not a column; say own=(",
        ),
    ],
)
def test_a_record_with_unknown_columns_is_refused(tmp_path, record, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make_index(tmp_path, [record])


def test_the_order_of_rows_has_no_influence(load):
    """Two rows of one picture are ordered by what they say, whatever their numbers."""
    table = rows(["c", "a", "b", "b"], [1, 2, 3, 4]).assign(patient_id=["p1", "p2", "p4", "p3"], age=[50.0, None, 1, 2])
    first = load(table).rows
    assert first["image_path"].tolist() == ["a", "b", "b", "c"]
    assert first["patient_id"].tolist() == ["p2", "p3", "p4", "p1"]
    for seed in range(5):
        shuffled = table.sample(frac=1, random_state=seed).assign(row=[1, 2, 3, 4])
        pd.testing.assert_frame_equal(load(shuffled).rows.drop(columns="row"), first.drop(columns="row"))
