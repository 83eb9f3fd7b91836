"""Runs are compared only where they predicted the same rows with the same labels."""

import numpy as np
import pytest

from birads_zoo.errors import UserError
from birads_zoo.files import documents
from birads_zoo.results.cost import Cost
from birads_zoo.study.gather import collect, difference, gather

HEAD = "row,image_path,patient_id,fold,part,label,predicted,probability_a,probability_NA\n"
ROWS = "7,x.png,007,1,test,NA,NA,0.25,0.75\n3,y.png,,0,test,a,a,1.0,0.0\n"


COST = Cost(
    parameters=9, trainable=9, flops=5, train_rate=1, predict_rate=1, peak_memory=None, energy=None, seconds=None
)


@pytest.fixture
def write(tmp_path, made_metrics, finish_again):
    """Return a function that writes a run's folder: `write("name", rows)`."""

    def write(name, rows=ROWS, head=HEAD, **metrics):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "predictions.csv").write_text(head + rows)
        documents.write(folder / "metrics.json", made_metrics(**{"classes": ["a", "NA"], "n": 2} | metrics))
        documents.write(folder / "cost.json", COST)
        finish_again(folder)
        return folder

    return write


def test_rows_are_sorted_by_number_with_ids_and_names_as_written(write):
    predicted = gather([write("one"), write("two")])
    assert predicted.rows.tolist() == [3, 7]
    assert predicted.labels.tolist() == [0, 1], "a class called NA is a class"
    assert predicted.patients.tolist() == ["", "007"], "an id keeps its zeros, and an unknown one is empty"
    assert predicted.out_of_fold.probabilities.shape == (2, 2, 2)
    assert predicted.out_of_fold.probabilities[1].tolist() == [[1.0, 0.0], [0.25, 0.75]]
    assert [metrics.n for metrics in predicted.metrics] == [2, 2]
    assert predicted.costs == (COST, COST)


def test_validation_rows_are_left_out(write):
    assert gather([write("one", ROWS + "8,z.png,9,0,validation,a,a,1.0,0.0\n")]).rows.tolist() == [3, 7]


@pytest.mark.parametrize("value", ["nan", "inf", "1e999"])
def test_probabilities_that_are_no_numbers_are_damage(write, value):
    folder = write("one", ROWS.replace("0.25", value))
    with pytest.raises(UserError) as error:
        gather([folder])
    assert "are damaged (some probabilities are infinite or NaN); delete that folder" in str(error.value)


def test_ids_that_a_spreadsheet_would_calculate_are_read_back_as_they_were(write):
    assert gather([write("one", ROWS.replace("007", "'=7"))]).patients.tolist() == ["", "=7"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("7,x.png", "8,x.png", "2 rows were predicted by only one of the two"),
        ("test,NA,NA", "test,a,NA", "1 rows have another label"),
        ("x.png,007", "x.png,7", "1 rows have another patient"),
    ],
)
def test_runs_of_other_rows_are_not_compared(write, old, new, reason):
    first, second = write("one"), write("other", ROWS.replace(old, new))
    assert difference(gather([first]), gather([second])) == reason
    with pytest.raises(UserError, match=rf"{second} cannot be compared with {first}: {reason}"):
        gather([first, second])
    predicted, failures = collect({"full": [first], "bare": [second]}, {})
    assert list(predicted) == ["full"]
    assert failures["bare"].reason == f"it cannot be compared with full: {reason}"


def test_runs_of_other_classes_are_not_compared(write):
    first, second = gather([write("one")]), gather([write("other", classes=["NA", "a"])])
    assert difference(first, second) == "its classes are NA, a, not a, NA"
    assert np.array_equal(first.out_of_fold.probabilities[..., ::-1], second.out_of_fold.probabilities)


@pytest.mark.parametrize("text", ["row\n1\n", ""])
def test_damaged_predictions_are_one_sentence(write, text):
    folder = write("one", text, head="")
    with pytest.raises(UserError, match=rf"the results in {folder} are damaged .*; delete that folder to run it again"):
        gather([folder])


@pytest.mark.parametrize("name", ["metrics.json", "cost.json"])
@pytest.mark.parametrize(
    ("text", "reason"), [("{", r"is damaged \(.*\)"), ("{}", r"was written by an older birads-zoo \(.*\)")]
)
def test_results_that_cannot_be_read_are_one_sentence(write, finish_again, name, text, reason):
    folder = write("one")
    (folder / name).write_text(text)
    finish_again(folder)
    with pytest.raises(UserError, match=rf"^{folder / name} {reason}; run it again \(delete that folder first\)$"):
        gather([folder])


@pytest.mark.parametrize("name", ["metrics.json", "cost.json", "predictions.csv"])
def test_results_that_were_edited_are_one_sentence(write, name):
    folder = write("one")
    text = (folder / name).read_text()
    (folder / name).write_text(text + " ")
    with pytest.raises(
        UserError, match=rf"^{folder / name} was changed after the run had finished; make .* --resume {folder}$"
    ):
        gather([folder])
    (folder / name).unlink()
    with pytest.raises(UserError, match=rf"^cannot read {folder / name}: it is not there; make .* --resume {folder}$"):
        gather([folder])


def test_a_duplicate_row_is_rejected(write):
    with pytest.raises(UserError, match=r"predictions.csv has a row twice"):
        gather([write("one", ROWS * 2)])
