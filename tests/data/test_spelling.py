import pytest

from birads_zoo.data.index.frame import make_index
from birads_zoo.data.index.spelling import unify_spellings
from birads_zoo.interfaces import Target

OPEN = Target(name="label", column="label", classes=None)
NAMED = Target(name="two", column="label", classes={"a": ("a",), "A": ("A",)})


@pytest.fixture
def index(tmp_path):
    labels = ["Benign", "benign", "malignant", "benign ", "benign", "Malig nant", "", "other"]
    records = [{"row": at, "image_path": f"{at}.png", "label": label} for at, label in enumerate(labels, start=2)]
    return make_index(tmp_path, records)


def test_spellings_that_differ_in_case_or_spaces_are_one_class(index):
    unified = unify_spellings(index, [OPEN])
    assert unified.rows["label"].tolist() == [
        *("benign", "benign", "malignant", "benign", "benign", "malignant", "", "other"),
    ]
    assert [(entry.row, entry.reason, entry.detail) for entry in unified.audit] == [
        (2, "spelling of label", "'Benign' taken as 'benign'"),
        (5, "spelling of label", "'benign ' taken as 'benign'"),
        (7, "spelling of label", "'Malig nant' taken as 'malignant'"),
    ]
    assert index.rows["label"][0] == "Benign", "the data set's own rows stay"
    assert unified.rows.dtypes.equals(index.rows.dtypes)


def test_a_column_whose_values_a_target_names_is_unchanged(index):
    assert unify_spellings(index, [OPEN, NAMED]) is index
