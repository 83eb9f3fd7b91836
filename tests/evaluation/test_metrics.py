import json

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from msgspec.structs import asdict
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, f1_score

from birads_zoo.evaluation.metrics import evaluate
from birads_zoo.results.scores import Metrics

FOUR = ("BI-RADS 1", "BI-RADS 3", "BI-RADS 4", "BI-RADS 5")


def of_one_network(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], classes: tuple[str, ...], ordinal: bool = True
) -> Metrics:
    return evaluate(labels, probabilities, np.zeros(len(labels), np.int64), classes, ordinal)


def one_hot(predicted: list[int] | NDArray[np.int64], k: int) -> NDArray[np.float64]:
    return np.eye(k)[np.asarray(predicted)]


@st.composite
def tables(draw: st.DrawFn) -> tuple[NDArray[np.int64], NDArray[np.float64], tuple[str, ...]]:
    k = draw(st.integers(2, 5))
    n = draw(st.integers(1, 25))
    labels = draw(hnp.arrays(np.int64, n, elements=st.integers(0, k - 1)))
    raw = draw(hnp.arrays(np.int64, (n, k), elements=st.integers(0, 4))) + 0.5
    return labels, raw / raw.sum(axis=1, keepdims=True), tuple(f"class {i}" for i in range(k))


def test_hand_computed_three_classes() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    predicted = [0, 0, 1, 1, 2, 1]
    metrics = of_one_network(labels, one_hot(predicted, 3), ("a", "b", "c"))
    assert metrics.confusion == ((2, 1, 0), (0, 1, 1), (0, 1, 0))
    assert metrics.accuracy == pytest.approx(3 / 6)
    assert metrics.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert [c.precision for c in metrics.per_class] == pytest.approx([1, 1 / 3, 0])
    assert [c.recall for c in metrics.per_class] == pytest.approx([2 / 3, 1 / 2, 0])
    assert [c.f1 for c in metrics.per_class] == pytest.approx([0.8, 0.4, 0])
    assert [c.support for c in metrics.per_class] == [3, 2, 1]
    assert metrics.macro.f1 == pytest.approx(0.4)
    assert metrics.weighted.f1 == pytest.approx((3 * 0.8 + 2 * 0.4) / 6)
    assert metrics.weighted.precision == pytest.approx((3 * 1 + 2 / 3) / 6)
    assert metrics.weighted.recall == pytest.approx(metrics.accuracy)
    # observed disagreement: three mistakes of distance 1; expected: sum of row x column x distance² / n
    expected = (3 * 3 * 1 + 3 * 1 * 4 + 2 * 2 * 1 + 2 * 1 * 1 + 1 * 2 * 4 + 1 * 3 * 1) / 6
    assert metrics.kappa_quadratic == pytest.approx(1 - 3 / expected)


def test_kappa_needs_an_order_as_soon_as_there_are_three_classes() -> None:
    labels, predicted = np.array([0, 1, 2, 0]), [0, 2, 1, 0]
    assert of_one_network(labels, one_hot(predicted, 3), ("a", "b", "c"), ordinal=True).kappa_quadratic is not None
    assert of_one_network(labels, one_hot(predicted, 3), ("a", "b", "c"), ordinal=False).kappa_quadratic is None
    # Observed agreement 3/4, by chance 1/2: the plain kappa.
    two = of_one_network(np.array([0, 1, 1, 0]), one_hot([0, 1, 0, 0], 2), ("a", "b"), ordinal=False)
    assert two.kappa_quadratic == pytest.approx(0.5)


def test_hand_computed_auroc_counts_ties_half() -> None:
    labels = np.array([1, 1, 0, 0])
    second = np.array([0.9, 0.5, 0.5, 0.1])
    metrics = of_one_network(labels, np.stack([1 - second, second], axis=1), ("no", "yes"))
    assert metrics.macro.auroc == pytest.approx((1 + 1 + 0.5 + 1) / 4)


def test_auroc_compares_rows_of_one_fold_and_weighs_folds_by_their_pairs() -> None:
    """Computed by hand: of 2 × 1 pairs in fold 0 both are right, of 1 × 3 in fold 1 one is right; fold 2 has none."""
    labels = np.array([1, 1, 0, 1, 0, 0, 0, 1])
    second = np.array([0.3, 0.2, 0.1, 0.8, 0.9, 0.7, 0.95, 0.01])
    folds = np.array([0, 0, 0, 1, 1, 1, 1, 2])
    metrics = evaluate(labels, np.stack([1 - second, second], axis=1), folds, ("no", "yes"))
    assert metrics.macro.auroc == metrics.per_class[1].auroc == pytest.approx((2 + 1) / (2 + 3))
    assert metrics.macro.pooled_auroc == metrics.per_class[0].pooled_auroc == pytest.approx((1 + 1 + 2 + 0) / 16)


def test_auroc_is_one_vs_rest() -> None:
    labels = np.array([0, 1, 2, 2])
    probabilities = np.array([[0.6, 0.3, 0.1], [0.7, 0.2, 0.1], [0.2, 0.1, 0.7], [0.3, 0.3, 0.4]])
    metrics = of_one_network(labels, probabilities, ("a", "b", "c"))
    assert [c.auroc for c in metrics.per_class] == pytest.approx([2 / 3, 1 / 3, 1])
    assert metrics.macro.auroc == pytest.approx(2 / 3)


def test_both_of_two_classes_have_one_auroc_even_where_the_other_probability_rounds_to_one() -> None:
    labels = np.array([0, 1, 0, 1])
    second = np.array([1e-20, 2e-20, 1e-21, 3e-20])
    metrics = of_one_network(labels, np.stack([1 - second, second], axis=1), ("no", "yes"))
    assert [c.auroc for c in metrics.per_class] == [1.0, 1.0]


def test_class_without_rows_counts_as_zero_in_macro_and_has_no_auroc() -> None:
    labels = np.array([0, 0, 1, 1])
    metrics = of_one_network(labels, one_hot(labels, 3), ("a", "b", "absent"))
    absent = metrics.per_class[2]
    assert (absent.precision, absent.recall, absent.f1, absent.auroc, absent.support) == (0, 0, 0, None, 0)
    assert metrics.macro.f1 == pytest.approx(2 / 3)
    assert metrics.weighted.f1 == 1
    assert metrics.balanced_accuracy == 1
    assert metrics.macro.auroc == 1
    assert metrics.confusion[2] == (0, 0, 0)


def test_predicting_a_class_without_rows_does_not_warn() -> None:
    metrics = of_one_network(np.array([0, 0, 1]), one_hot([2, 0, 1], 3), ("a", "b", "absent"))
    assert metrics.per_class[2].precision == 0
    assert metrics.balanced_accuracy == pytest.approx(0.75)


@pytest.mark.parametrize("predicted", [0, 1])
def test_a_single_row(predicted: int) -> None:
    metrics = of_one_network(np.array([0]), one_hot([predicted], 2), ("a", "b"))
    assert metrics.accuracy == 1 - predicted
    assert metrics.macro.auroc is None
    assert metrics.kappa_quadratic == (None if predicted == 0 else 0)


def test_constant_prediction_has_no_agreement_beyond_chance() -> None:
    labels = np.array([0, 1, 2, 3, 3, 0])
    metrics = of_one_network(labels, one_hot([1] * 6, 4), FOUR)
    assert metrics.kappa_quadratic == pytest.approx(0)
    assert metrics.balanced_accuracy == pytest.approx(1 / 4)
    constant = of_one_network(labels, np.full((6, 4), 0.25), FOUR)
    assert constant.macro.auroc == 0.5


def test_opposite_order_has_kappa_minus_one() -> None:
    metrics = of_one_network(np.array([0, 0, 1, 1]), one_hot([1, 1, 0, 0], 2), ("a", "b"))
    assert metrics.kappa_quadratic == pytest.approx(-1)


def test_distant_mistakes_cost_more_kappa() -> None:
    labels = np.array([0, 1, 2, 3] * 3)
    near, far = labels.copy(), labels.copy()
    near[0], far[0] = 1, 3
    scores = [of_one_network(labels, one_hot(p, 4), FOUR).kappa_quadratic for p in (near, far)]
    assert scores[0] is not None
    assert scores[1] is not None
    assert scores[0] > scores[1]


def test_it_becomes_the_keys_of_metrics_json_and_survives_strict_json() -> None:
    values = msgspec.to_builtins(of_one_network(np.array([0, 1, 1]), one_hot([0, 0, 1], 3), ("a", "b", "c")))
    scores = ["accuracy", "balanced_accuracy", "kappa_quadratic", "macro", "weighted"]
    assert list(values) == ["n", "classes", *scores, "per_class", "confusion"]
    assert list(values["macro"]) == ["precision", "recall", "f1", "auroc", "pooled_auroc"]
    assert list(values["weighted"]) == ["precision", "recall", "f1"]
    assert list(values["per_class"][0]) == ["name", "precision", "recall", "f1", "auroc", "pooled_auroc", "support"]
    json.dumps(values, allow_nan=False)


@pytest.mark.parametrize(
    ("labels", "probabilities", "text"),
    [
        (np.empty(0, np.int64), np.empty((0, 2)), "at least two classes and one row"),
        (np.array([0]), np.ones((1, 3)), "do not fit 2 classes"),
        (np.array([2]), np.ones((1, 2)), "labels run from 2 to 2"),
        (np.array([0]), np.array([[np.nan, 1.0]]), "not all finite"),
    ],
)
def test_input_that_does_not_fit_is_rejected(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        of_one_network(labels, probabilities, ("a", "b"))


@given(tables(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_order_of_rows_does_not_matter(
    table: tuple[NDArray[np.int64], NDArray[np.float64], tuple[str, ...]], random: object
) -> None:
    labels, probabilities, classes = table
    order = np.arange(len(labels))
    random.shuffle(order)  # type: ignore[attr-defined]
    before, after = (
        of_one_network(labels, probabilities, classes),
        of_one_network(labels[order], probabilities[order], classes),
    )
    assert flat(before) == pytest.approx(flat(after))


@given(tables())
@settings(max_examples=60)
def test_values_stay_in_range_and_agree_with_each_other(
    table: tuple[NDArray[np.int64], NDArray[np.float64], tuple[str, ...]],
) -> None:
    labels, probabilities, classes = table
    metrics = of_one_network(labels, probabilities, classes)
    assert all(-1 - 1e-12 <= value <= 1 + 1e-12 for value in flat(metrics))
    confusion = np.array(metrics.confusion)
    assert confusion.sum() == metrics.n == len(labels)
    assert np.trace(confusion) / metrics.n == pytest.approx(metrics.accuracy)
    assert confusion.sum(axis=1).tolist() == [c.support for c in metrics.per_class]
    assert metrics.weighted.recall == pytest.approx(metrics.accuracy)
    predicted = probabilities.argmax(axis=1)
    assert metrics.macro.f1 == pytest.approx(
        f1_score(labels, predicted, labels=range(len(classes)), average="macro", zero_division=0)
    )
    if set(predicted) <= set(labels) and len(set(labels)) > 1:
        assert metrics.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, predicted))


@given(st.lists(st.integers(0, 3), min_size=4, max_size=20).filter(lambda labels: len(set(labels)) == 4))
@settings(max_examples=30)
def test_perfect_predictions_score_one(labels: list[int]) -> None:
    metrics = of_one_network(np.array(labels), one_hot(labels, 4), FOUR)
    assert flat(metrics) == pytest.approx([1.0] * len(flat(metrics)))


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from((0, 1, 2, 3, 5, 6, 7, 8))), min_size=1, max_size=25))
@settings(max_examples=40)
def test_two_classes_swapped_keep_auroc_kappa_and_accuracy(rows: list[tuple[int, int]]) -> None:
    """Probabilities are eighths, so that 1 − p is exact and equal scores stay equal; 4/8 is a tie of the classes."""
    labels, eighths = np.array(rows).T
    probabilities = np.stack([8 - eighths, eighths], axis=1) / 8
    before = of_one_network(labels, probabilities, ("a", "b"))
    after = of_one_network(1 - labels, probabilities[:, ::-1], ("b", "a"))
    assert before.macro.auroc == pytest.approx(after.macro.auroc)
    assert before.kappa_quadratic == pytest.approx(after.kappa_quadratic)
    assert before.accuracy == after.accuracy


def flat(metrics: Metrics) -> list[float]:
    """Return every score that is defined, without the counts."""
    values = [metrics.accuracy, metrics.balanced_accuracy, metrics.kappa_quadratic]
    values += [*asdict(metrics.macro).values(), *asdict(metrics.weighted).values()]
    for entry in metrics.per_class:
        values += [entry.precision, entry.recall, entry.f1, entry.auroc]
    return [value for value in values if value is not None]
