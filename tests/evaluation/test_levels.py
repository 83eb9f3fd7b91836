import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from birads_zoo.evaluation.levels import Level, breasts, combine, read_levels, whole_patients
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.results.readings import Levels

RULES = ("mean", "max", "noisy-or")


def two(scores):
    """Return probabilities of two classes; `scores` are those of the second."""
    return np.column_stack([1 - np.array(scores), scores])


def images(labels, probabilities, patients):
    folds = np.zeros(len(labels), int)
    return Level(labels=np.array(labels), probabilities=probabilities, patients=np.array(patients), folds=folds)


def test_rules_by_hand():
    units = np.array([0, 0, 1, 1, 1])
    table = two([0.2, 0.4, 0.5, 0.5, 0.5])
    assert combine(table, units, "mean")[:, 1] == pytest.approx([0.3, 0.5])
    assert combine(table, units, "max")[:, 1] == pytest.approx([0.4, 0.5])
    assert combine(table, units, "noisy-or")[:, 1] == pytest.approx([1 - 0.8 * 0.6, 1 - 0.125])


def test_three_classes_by_hand():
    table = np.array([[0.6, 0.3, 0.1], [0.2, 0.8, 0.0]])
    units = np.array([0, 0])
    assert combine(table, units, "mean")[0] == pytest.approx([0.4, 0.55, 0.05])
    # Chances of the second class or severer 0.4 and 0.8, of the third 0.1 and 0.
    assert combine(table, units, "max")[0] == pytest.approx([0.2, 0.7, 0.1])
    assert combine(table, units, "noisy-or")[0] == pytest.approx([0.6 * 0.2, 1 - 0.6 * 0.2 - 0.1, 0.1])


def test_noisy_or_is_the_severest_of_independent_labels():
    generator = np.random.default_rng(0)
    table = generator.dirichlet(np.ones(4), 3)
    drawn = np.column_stack([generator.choice(4, 200_000, p=row) for row in table]).max(axis=1)
    expected = np.bincount(drawn) / len(drawn)
    assert combine(table, np.zeros(3, dtype=int), "noisy-or")[0] == pytest.approx(expected, abs=0.005)


tables = (
    st.integers(2, 5)
    .flatmap(lambda k: hnp.arrays(np.float64, st.tuples(st.integers(1, 7), st.just(k)), elements=st.floats(0, 1)))
    .map(lambda raw: (raw + 1e-9) / (raw + 1e-9).sum(axis=1, keepdims=True))
)


@given(tables, st.data())
def test_rules_give_probabilities_and_agree_on_single_images_and_in_their_order(table, data):
    units = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(table), max_size=len(table))))
    units = np.unique(units, return_inverse=True)[1]
    by_rule = {rule: combine(table, units, rule) for rule in RULES}
    severer = {rule: each[:, ::-1].cumsum(axis=1) for rule, each in by_rule.items()}
    for rule, each in by_rule.items():
        assert each.sum(axis=1) == pytest.approx(1), rule
        assert (each >= 0).all(), rule
    assert (severer["mean"] <= severer["max"] + 1e-9).all()
    assert (severer["max"] <= severer["noisy-or"] + 1e-9).all()
    alone = np.bincount(units)[units] == 1
    for rule in RULES:
        assert by_rule[rule][units[alone]] == pytest.approx(table[alone], abs=1e-9)


def test_tiny_scores_stay_apart():
    combined = combine(two([1e-20, 3e-20]), np.array([0, 1]), "noisy-or")
    assert combined[0, 1] < combined[1, 1]
    assert combine(two([1.0, 0.5]), np.array([0, 0]), "noisy-or")[0].tolist() == [0, 1]


PATIENTS = np.array(["A", "A", "A", "A", "B", "B", "", "C"])
SIDES = np.array(["L", "L", "R", "R", "L", "", "L", "R"])
LABELS = np.array([0, 2, 1, 1, 0, 1, 2, 0])
SCORES = np.array([0.1, 0.3, 0.8, 0.6, 0.2, 0.9, 1.0, 0.4])


def test_breasts_have_the_severest_label_and_leave_out_images_of_unknown_side():
    table = np.column_stack([1 - SCORES, np.zeros(8), SCORES])
    level = breasts(images(LABELS, table, PATIENTS), SIDES, "mean")
    assert level.patients.tolist() == ["A", "A", "B", "C"]
    assert level.labels.tolist() == [2, 1, 0, 0]
    assert level.probabilities[:, 2] == pytest.approx([0.2, 0.7, 0.2, 0.4])
    assert level.left_out == 2


@pytest.mark.parametrize(
    ("rule", "scores"),
    [
        ("mean", [0.7, 0.9, 0.4]),  # of the severest breast; B's image of unknown side is one more breast
        ("max", [0.8, 0.9, 0.4]),
        ("noisy-or", [1 - 0.9 * 0.7 * 0.2 * 0.4, 1 - 0.8 * 0.1, 0.4]),
    ],
)
def test_patients_have_the_severest_label_and_leave_out_only_images_without_an_id(rule, scores):
    table = np.column_stack([1 - SCORES, np.zeros(8), SCORES])
    level = whole_patients(images(LABELS, table, PATIENTS), SIDES, rule)
    assert level.patients.tolist() == ["A", "B", "C"]
    assert level.labels.tolist() == [2, 1, 0]
    assert level.probabilities[:, 2] == pytest.approx(scores)
    assert level.left_out == 1


def test_ids_and_sides_are_kept_apart():
    level = breasts(images([0, 1], two([0.1, 0.9]), ["P", "PL"]), np.array(["LR", "R"]), "max")
    assert len(level.labels) == 2


def test_no_row_with_a_patient_makes_no_unit():
    nobody = np.array(["", " "])
    level = whole_patients(images([0, 1], two([0.1, 0.9]), nobody), np.array(["L", "R"]), "mean")
    assert (len(level.labels), level.probabilities.shape, level.left_out) == (0, (0, 2), 2)


@pytest.mark.parametrize("views", [1, 2])
def test_the_mean_over_views_ranks_patients_best(views):
    """The reason for the default: half of the patients have a lesion in one of two breasts, and views have noise."""
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(0)
    ill = np.arange(4000) % 2
    of = np.repeat(np.arange(4000), 2 * views)
    side = np.tile(np.repeat([0, 1], views), 4000)
    logits = -1.0 + 1.5 * (ill[of] * (side == 0)) + generator.normal(0, 1, len(of))
    table = two(1 / (1 + np.exp(-logits)))
    sides = np.where(side == 0, "L", "R")
    areas = {}
    for rule in RULES:
        level = whole_patients(images(ill[of] * (side == 0), table, of.astype(str)), sides, rule)
        areas[rule] = roc_auc_score(level.labels, level.probabilities[:, 1])
    assert areas["mean"] >= max(areas.values()) - 0.01, areas


def predicted(classes, ordinal, positive, patients=PATIENTS):
    table = np.column_stack([1 - SCORES, np.zeros(8), SCORES])
    return PredictedRows(
        labels=LABELS,
        probabilities=table,
        patients=patients,
        folds=np.zeros(8, dtype=np.int64),
        about=pd.DataFrame({"laterality": SIDES}),
        classes=classes,
        ordinal=ordinal,
        positive=positive,
    )


def test_classes_with_an_order_have_scores_by_breast_and_patient():
    levels = read_levels(predicted(("a", "b", "c"), True, (1, 2)), "max", np.random.default_rng(0))
    assert levels.rule == "max"
    breast, patient = levels.breast, levels.patient
    assert (breast.n, breast.patients, breast.left_out) == (4, 3, 2)
    assert breast.labels == {"a": 2, "b": 1, "c": 1}
    assert breast.positive.classes == ("b", "c")
    assert breast.positive.auroc is None, "not estimable: one patient has positive breasts"
    assert (patient.n, patient.left_out, patient.positive.positives) == (3, 1, 2)
    assert patient.scores.accuracy.value == pytest.approx(2 / 3)


def test_classes_without_order_are_read_as_positive_or_not_if_some_are_positive():
    levels = read_levels(predicted(("x", "y", "z"), False, (2,)), "mean", np.random.default_rng(0))
    assert levels.patient.labels == {"the rest": 2, "z": 1}
    assert levels.patient.positive.classes == ("z",)
    assert read_levels(predicted(("x", "y", "z"), False, ()), "mean", np.random.default_rng(0)) is None


def test_rows_without_patients_have_no_levels():
    nobody = np.full(8, "")
    levels = read_levels(predicted(("a", "b", "c"), True, (2,), nobody), "mean", np.random.default_rng(0))
    assert levels == Levels(rule="mean", breast=None, patient=None)


def test_units_are_compared_within_the_fold_that_predicted_their_images():
    table, folds = two([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1])
    level = Level(labels=np.array([0, 1, 0, 1]), probabilities=table, patients=np.array(list("ABCD")), folds=folds)
    sides = np.array(["L"] * 4)
    assert whole_patients(level, sides, "mean").folds.tolist() == [0, 0, 1, 1]
    torn = Level(labels=level.labels, probabilities=table, patients=np.array(list("ABBD")), folds=folds)
    assert breasts(torn, sides, "mean").folds.tolist() == [0, 0, 0], "two networks predicted B: one scale is assumed"


def test_macro_scores_need_a_unit_of_every_class():
    levels = read_levels(predicted(("a", "b", "c"), True, (1, 2)), "max", np.random.default_rng(0))
    assert levels.breast.scores.macro_f1 is not None
    rows = predicted(("a", "b", "c", "d"), True, (1, 2))
    wide = PredictedRows(**{**vars(rows), "probabilities": np.column_stack([rows.probabilities, np.zeros(8)])})
    scores = read_levels(wide, "max", np.random.default_rng(0)).breast.scores
    assert scores.macro_f1 is scores.macro_auroc is None
    assert scores.accuracy is not None
