import io
from typing import Any

import numpy as np
from rich.console import Console

from birads_zoo.evaluation.metrics import evaluate
from birads_zoo.evaluation.table import (
    against_shortcuts,
    by_fold,
    few_note,
    headline,
    levels_and_chances,
    readings,
    results_table,
    results_text,
)

CLASSES = ("BI-RADS 1", "probably benign [3]", "a class with a name so long that it must not break the table at all")


def metrics() -> dict[str, Any]:
    return evaluate(np.array([0, 0, 1, 1]), np.eye(3)[[0, 1, 1, 0]], CLASSES).to_dict()


def rendered(width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(results_table(metrics(), "resnet50 [patient]"))
    return out.getvalue()


def test_headline_names_split_rows_and_folds() -> None:
    line = headline({**metrics(), "split": "patient", "leaky": False}, folds=5)
    assert line.startswith("accuracy 0.500 · balanced 0.500 · macro-F1 0.333")
    assert line.endswith("(patient split, n = 4, 5 folds)")


def test_headline_shows_a_dash_for_the_kappa_of_classes_without_an_order() -> None:
    nominal = evaluate(np.array([0, 1, 2]), np.eye(3), CLASSES, ordinal=False).to_dict()
    assert "kappa –  (n = 3, 1 fold)" in headline(nominal, folds=1)


def test_headline_says_when_the_split_leaks() -> None:
    assert "(image split, leaky, n = 4, 1 fold)" in headline({**metrics(), "split": "image", "leaky": True}, folds=1)


def test_table_shows_names_as_they_are_and_a_dash_for_undefined() -> None:
    text = rendered(120)
    assert "probably benign [3]" in text
    assert "resnet50 [patient]" in text
    assert next(line for line in text.splitlines() if line.startswith("a class")).split()[-2:] == ["–", "0"]


def test_table_keeps_every_number_at_80_columns() -> None:
    lines = [line for line in rendered(80).splitlines() if line.startswith("macro")]
    assert lines[0].split() == ["macro", "0.333", "0.333", "0.333", "0.500", "4"]


def test_plain_text_is_aligned_and_complete() -> None:
    lines = results_text(metrics(), "resnet50").splitlines()
    assert lines[0] == "resnet50"
    assert len({len(line) for line in lines[1:]}) == 1
    assert lines[-1].split() == ["weighted", "0.500", "0.500", "0.500", "4"]
    assert any(CLASSES[2] in line for line in lines)


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


def attribute(corrected: float | None, differs: bool = False) -> dict[str, Any]:
    return {"groups": [{}, {}], "p_value": corrected, "corrected": corrected, "differs": differs}


def test_readings_that_were_not_made_say_nothing() -> None:
    assert readings({"errors": None, "positive": None, "cost": None, "subgroups": {"attributes": {}}}) == []


def test_every_reading_is_a_line_with_its_interval() -> None:
    errors = {"adjacent": estimate(0.3), "severe": estimate(0.2), "severe_under": None, "severe_over": None}
    at = {"0.8": estimate(0.7), "0.9": estimate(0.5)}
    positive = {"classes": ["4", "5"], "auroc": estimate(0.9), "sensitivity_at_specificity": at, "positives": 3, "n": 9}
    cost = {"argmax": estimate(2.0), "minimising": estimate(1.0), "constant": estimate(1.5), "constant_class": "4"}
    told = {
        "errors": errors,
        "positive": positive,
        "cost": cost,
        "subgroups": {"attributes": {"view": attribute(None)}},
    }
    assert readings(told) == [
        "off by one class or more: adjacent 0.300 [.20 .40] · severe 0.200 [.10 .30] · severe and too low –",
        "4 or 5 against the rest: ROC-AUC 0.900 [.80 1.00] · sensitivity 0.700 [.60 .80] at 80 % specificity,"
        " 0.500 [.40 .60] at 90 % specificity  (3 of 9 images)",
        "mean cost: 2.000 [1.90 2.10] by the largest probability · 1.000 [.90 1.10] by the least expected cost"
        " · 1.500 [1.40 1.60] by calling everything 4",
        "subgroups: too few patients to compare any by view  (2 groups, each with its n in subgroups.png)",
    ]


def test_subgroups_differ_only_where_the_corrected_test_says_so() -> None:
    nothing = {"errors": None, "positive": None, "cost": None}
    attributes = {"density": attribute(0.2), "age": attribute(0.06)}
    (line,) = readings(nothing | {"subgroups": {"attributes": attributes}})
    assert "no difference in ROC-AUC shown by density, age  (4 groups" in line
    (line,) = readings(nothing | {"subgroups": {"attributes": attributes | {"view": attribute(0.012, True)}}})
    assert "ROC-AUC differs by view (p = 0.012), corrected for 3 comparisons  (6 groups" in line


def fitted(temperature: float | None, threshold: float | None) -> dict[str, Any]:
    level = {"left_out": 2, "scores": {"macro_f1": estimate(0.5)}, "positive": None}
    calibration = {"ece": 0.2, "ece_if_calibrated": 0.05, "brier_skill": estimate(0.3)}
    folds = [{"fold": 0, "temperature": temperature, "reason": "" if temperature else "4 validation patients"}]
    return {
        "levels": {"rule": "max", "breast": level, "patient": None},
        "calibration": {"before": calibration, "after": calibration if temperature else None, "folds": folds},
        "conformal": {
            "level": 0.9,
            "folds": [{"threshold": threshold}],
            "coverage": estimate(0.85),
            "mean_size": estimate(1.5),
        },
    }


def test_levels_calibration_and_sets_are_a_line_each() -> None:
    lines = levels_and_chances(fitted(temperature=1.5, threshold=0.4))
    assert lines == [
        "by breast: macro-F1 0.500 [.40 .60], 2 images left out · no patient is known  (images combined by max)",
        "calibration: ECE 0.200 (0.050 by chance), recalibrated 0.200 (0.050)"
        " · Brier skill 0.300 [.20 .40], recalibrated 0.300 [.20 .40]",
        "sets at 90 %: the true class is in 0.850 [.75 .95] of them, 1.50 [1.40 1.60] classes on average",
    ]


def test_what_could_not_be_fitted_is_said() -> None:
    lines = levels_and_chances(fitted(temperature=None, threshold=None) | {"levels": None})
    assert lines[0].endswith("Brier skill 0.300 [.20 .40]  (1 of 1 folds left as they are: 4 validation patients)")
    assert lines[1].endswith("  (1 of 1 folds hold all classes: too few validation patients)")


def test_folds_are_told_with_their_rows_their_spread_and_what_they_lack() -> None:
    folds = [
        {"fold": 0, "n": 80, "absent": [], "macro_f1": 0.7, "macro_auroc": 0.9},
        {"fold": 1, "n": 75, "absent": ["BI-RADS 5"], "macro_f1": 0.6, "macro_auroc": None},
    ]
    spread = {"macro_f1": {"mean": 0.65, "sd": 0.0707}, "macro_auroc": {"mean": None, "sd": None}}
    assert by_fold({"per_fold": folds, "spread_over_folds": spread}) == (
        "by fold: macro-F1 0.700 0.600, sd 0.071 · ROC-AUC 0.900 –"
        "  (n = 80 75; without rows, and so 0 in its macro-F1: fold 2: BI-RADS 5)"
    )


def test_a_class_of_few_patients_is_marked_and_explained() -> None:
    marked = {**metrics(), "intervals": {"scores": {}, "few": {"BI-RADS 1": 3}, "few_below": 5}}
    assert "BI-RADS 1 †" in results_text(marked, "resnet50")
    assert few_note(marked).startswith(
        "† fewer than 5 patients (BI-RADS 1 3): its intervals and those of macro averages"
    )
    assert few_note(metrics()) == ""


def test_an_interval_is_rounded_outwards_so_that_it_holds_its_value() -> None:
    one = metrics()
    one["intervals"] = {"scores": {"macro_auroc": [0.9974, 0.9991], "accuracy": [-0.004, 0.57]}}
    line = headline(one, 2)
    assert "[.99 1.00]" in line
    assert "[-.01 .57]" in line


def test_a_network_that_calls_everything_one_class_is_said_to() -> None:
    told = {"shortcuts": {}, "gain": {}}
    same = evaluate(np.array([0, 1, 2]), np.eye(3)[[1, 1, 1]], CLASSES).to_dict()
    assert against_shortcuts(same | told)[0] == f"every image is called {CLASSES[1]}: this network tells nothing apart"
    assert against_shortcuts(metrics() | told)[0] == "shortcuts, on the same folds:"
