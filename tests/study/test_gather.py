"""Runs are compared only where they predicted the same rows with the same labels."""

import numpy as np
import pytest

from birads_zoo import documents
from birads_zoo.errors import UserError
from birads_zoo.results.cost import Cost
from birads_zoo.study.gather import collect, difference, gather

HEAD = "row,image_path,patient_id,fold,part,label,predicted,probability_a,probability_NA\n"
ROWS = "7,x.png,007,1,test,NA,NA,0.25,0.75\n3,y.png,,0,test,a,a,1.0,0.0\n"


COST = Cost(
    parameters=9, trainable=9, flops=5, train_rate=1, predict_rate=1, peak_memory=None, energy=None, seconds=None
)


@pytest.fixture
def write(tmp_path, made_metrics):
    """Write a run's folder: `write("name", rows)`."""

    def write(name, rows=ROWS, **metrics):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "predictions.csv").write_text(HEAD + rows)
        documents.write(folder / "metrics.json", made_metrics(**{"classes": ["a", "NA"], "n": 2} | metrics))
        documents.write(folder / "cost.json", COST)
        return folder

    return write


def test_rows_come_in_their_own_order_with_ids_and_names_as_written(write):
    found = gather([write("one"), write("two")])
    assert found.rows.tolist() == [3, 7]
    assert found.labels.tolist() == [0, 1], "a class called NA is a class"
    assert found.patients.tolist() == ["", "007"], "an id keeps its zeros, and an unknown one is empty"
    assert found.out_of_fold.probabilities.shape == (2, 2, 2)
    assert found.out_of_fold.probabilities[1].tolist() == [[1.0, 0.0], [0.25, 0.75]]
    assert [metrics.n for metrics in found.metrics] == [2, 2]
    assert found.costs == (COST, COST)


def test_validation_rows_are_left_out(write):
    assert gather([write("one", ROWS + "8,z.png,9,0,validation,a,a,1.0,0.0\n")]).rows.tolist() == [3, 7]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("7,x.png", "8,x.png", "2 rows were predicted by only one of the two"),
        ("test,NA,NA", "test,a,NA", "1 rows have another label"),
        ("x.png,007", "x.png,7", "1 rows have another patient"),
    ],
)
def test_runs_of_other_rows_are_not_compared(write, old, new, said):
    one, other = write("one"), write("other", ROWS.replace(old, new))
    assert difference(gather([one]), gather([other])) == said
    with pytest.raises(UserError, match=rf"{other} cannot be compared with {one}: {said}"):
        gather([one, other])
    predicted, failures = collect({"full": [one], "bare": [other]}, {})
    assert list(predicted) == ["full"]
    assert failures["bare"].reason == f"it cannot be compared with full: {said}"


def test_runs_of_other_classes_are_not_compared(write):
    one, other = gather([write("one")]), gather([write("other", classes=["NA", "a"])])
    assert difference(one, other) == "its classes are NA, a, not a, NA"
    assert np.array_equal(one.out_of_fold.probabilities[..., ::-1], other.out_of_fold.probabilities)


@pytest.mark.parametrize("text", ["row\n1\n", ""])
def test_damaged_predictions_are_one_sentence(write, text):
    folder = write("one")
    (folder / "predictions.csv").write_text(text)
    with pytest.raises(UserError, match=rf"the results in {folder} are damaged .*; delete that folder to run it again"):
        gather([folder])


@pytest.mark.parametrize("name", ["metrics.json", "cost.json"])
@pytest.mark.parametrize(
    ("text", "said"), [("{", r"is damaged \(.*\)"), ("{}", r"was written by an older birads-zoo \(.*\)")]
)
def test_results_that_cannot_be_read_are_one_sentence(write, name, text, said):
    folder = write("one")
    (folder / name).write_text(text)
    with pytest.raises(UserError, match=rf"^{folder / name} {said}; run it again \(delete that folder first\)$"):
        gather([folder])


def test_a_row_that_is_there_twice_is_refused(write):
    with pytest.raises(UserError, match=r"predictions.csv has a row twice"):
        gather([write("one", ROWS * 2)])
