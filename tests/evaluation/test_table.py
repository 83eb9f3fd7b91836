import io
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from rich.console import Console

from birads_zoo.evaluation.few import few_note
from birads_zoo.evaluation.metrics import evaluate
from birads_zoo.report.run.terminal import (
    against_best,
    against_shortcuts,
    by_fold,
    by_level,
    by_subgroup,
    chances,
    headline,
    readings,
    results_table,
    results_text,
)
from birads_zoo.results.metrics import RunMetrics

CLASSES = ("BI-RADS 1", "probably benign [3]", "a class with a name so long that it must not break the table at all")
Make = Callable[..., RunMetrics]


def scores(labels: list[int], called: list[int], ordinal: bool = True) -> dict[str, Any]:
    values = msgspec.to_builtins(
        evaluate(np.array(labels), np.eye(3)[called], np.zeros(len(labels), np.int64), CLASSES, ordinal=ordinal)
    )
    assert isinstance(values, dict)
    return values


@pytest.fixture
def made(made_metrics: Make) -> Make:
    """Metrics of four rows of three classes, without intervals; `made(leaky=True)` changes keys."""
    bare = {"method": "", "level": 0.95, "resamples": 4, "few": {}, "few_below": 5, "scores": {}}

    def make(**changes: Any) -> RunMetrics:
        return made_metrics(**scores([0, 0, 1, 1], [0, 1, 1, 0]) | {"intervals": bare} | changes)

    return make


def few_and_ends(few: dict[str, int], ends: dict[str, list[float]]) -> dict[str, Any]:
    return {"method": "", "level": 0.95, "resamples": 4, "few": few, "few_below": 5, "scores": ends}


def rendered(metrics: RunMetrics, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(results_table(metrics, "resnet50 [patient]"))
    return out.getvalue()


def test_headline_names_split_rows_and_folds(made: Make) -> None:
    line = headline(made(folds=5))
    assert line.startswith("accuracy 0.500 · balanced 0.500 · macro-F1 0.333")
    assert line.endswith("(patient split, n = 4, 5 folds)")


def test_headline_shows_a_dash_for_the_kappa_of_classes_without_an_order(made: Make) -> None:
    nominal = made(**scores([0, 1, 2], [0, 1, 2], ordinal=False), folds=1)
    assert "kappa –  (patient split, n = 3, 1 fold)" in headline(nominal)


def test_headline_says_when_the_split_leaks(made: Make) -> None:
    assert "(image split, leaky, n = 4, 1 fold)" in headline(made(split="image", leaky=True, folds=1))


def test_headline_says_when_a_leak_cannot_be_ruled_out(made: Make) -> None:
    assert "(image split, may leak, n = 4" in headline(made(split="image", leaky=True, leak_proven=False, folds=1))


def test_table_shows_names_as_they_are_and_a_dash_for_undefined(made: Make) -> None:
    text = rendered(made(), 120)
    assert "probably benign [3]" in text
    assert "resnet50 [patient]" in text
    assert next(line for line in text.splitlines() if line.startswith("a class")).split()[-2:] == ["–", "0"]


def test_table_keeps_every_number_at_80_columns(made: Make) -> None:
    lines = [line for line in rendered(made(), 80).splitlines() if line.startswith("macro")]
    assert lines[0].split() == ["macro", "0.333", "0.333", "0.333", "0.500", "4"]


def test_plain_text_is_aligned_and_complete(made: Make) -> None:
    lines = results_text(made(), "resnet50").splitlines()
    assert lines[0] == "resnet50"
    assert len({len(line) for line in lines[1:]}) == 1
    assert lines[-1].split() == ["weighted", "0.500", "0.500", "0.500", "4"]
    assert any(CLASSES[2] in line for line in lines)


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


def subgroups(**corrected: tuple[float | None, bool]) -> dict[str, Any]:
    """Two groups by each attribute, with its corrected p-value and whether it is below 0.05."""
    group = {"value": "A", "n": 5, "patients": 5, "positives": 2, "absent": [], "scores": None}
    attributes = {
        name: {"groups": [group] * 2, "p_value": p, "corrected": p, "differs": differs}
        for name, (p, differs) in corrected.items()
    }
    return {"tested": "auroc", "rule": "", "caution": "", "all": group, "attributes": attributes}


def test_missing_readings_have_no_line(made: Make) -> None:
    nothing = made(errors=None, positive=None, cost=None, levels=None, subgroups=subgroups())
    assert readings(nothing) + by_subgroup(nothing) + by_level(nothing) == []


def test_every_reading_is_a_line_with_its_interval(made: Make) -> None:
    errors = {"adjacent": 0.3, "severe": 0.2, "severe_under": 0.15, "severe_over": 0.05}
    positive = {
        "classes": ["4", "5"],
        "n": 9,
        **{"positives": 3, "negatives": 6, "positive_patients": 2, "negative_patients": 4},
        **{"auroc": estimate(0.9), "pooled_auroc": None, "average_precision": None},
        "sensitivity_at_specificity": {"0.8": estimate(0.7), "0.9": estimate(0.5)},
        "specificity_at_sensitivity": {},
    }
    cost = {"argmax": estimate(2.0), "minimising": estimate(1.0), "saved": None, "constant": estimate(1.5)}
    metrics = made(
        errors={name: estimate(value) for name, value in errors.items()},
        positive=positive,
        cost=cost | {"matrix": [[0, 1], [1, 0]], "constant_class": "4"},
    )
    assert readings(metrics) == [
        "off by one class or more: adjacent 0.300 [.20 .40] · severe 0.200 [.10 .30]"
        " · severe and too low 0.150 [.05 .25]",
        "4 or 5 against the rest: ROC-AUC 0.900 [.80 1.00] · sensitivity 0.700 [.60 .80] at 80 % specificity,"
        " 0.500 [.40 .60] at 90 % specificity  (3 of 9 images)",
        "mean cost: 2.000 [1.90 2.10] by the largest probability · 1.000 [.90 1.10] by the least expected cost"
        " · 1.500 [1.40 1.60] by always predicting 4",
    ]


def test_subgroups_differ_only_where_the_corrected_test_says_so(made: Make) -> None:
    (line,) = by_subgroup(made(subgroups=subgroups(view=(None, False))))
    assert line == "subgroups: too few patients to compare any by view  (2 groups, each with its n in subgroups.png)"
    same = {"density": (0.2, False), "age": (0.06, False)}
    (line,) = by_subgroup(made(subgroups=subgroups(**same)))
    assert "no difference in ROC-AUC shown by density, age  (4 groups" in line
    (line,) = by_subgroup(made(subgroups=subgroups(**same, view=(0.012, True))))
    assert "ROC-AUC differs by view (p = 0.012), corrected for 3 comparisons  (6 groups" in line
    (line,) = by_subgroup(made(subgroups=subgroups(view=(0.0001, True))))
    assert "ROC-AUC differs by view (p < 0.001), corrected" in line


def fitted(temperature: float | None, threshold: float | None) -> dict[str, Any]:
    errors = {
        "bins": 3,
        "ece": 0.2,
        "ece_if_calibrated": 0.05,
        "classwise_ece": 0.1,
        "classwise_ece_if_calibrated": 0.1,
    }
    scores = {"brier": None, "brier_skill": estimate(0.3), "log_loss": None}
    step = {"n": 9, "patients": 4, **errors, **scores, "top_label": [], "per_class": []}
    counts = {"fold": 0, "n": 4, "patients": 4}
    folds = [counts | {"temperature": temperature, "reason": "" if temperature else "4 validation patients"}]
    coverage = {"coverage": estimate(0.85), "coverage_by_patient": estimate(0.85), "mean_size": estimate(1.5)}
    conformal = coverage | {"level": 0.9, "score": "", "caution": "", "n": 9, "patients": 4, "sizes": [0, 9]}
    return {
        "calibration": {
            "before": step,
            "after": step if temperature else None,
            "gain": None,
            "temperature_only": None,
            "folds": folds,
        },
        "conformal": conformal | {"per_class": [], "folds": [counts | {"threshold": threshold}]},
    }


def test_levels_calibration_and_sets_are_a_line_each(made: Make) -> None:
    areas = {"accuracy": None, "macro_f1": estimate(0.5), "macro_auroc": None, "kappa_quadratic": None}
    breast = {"n": 9, "patients": 4, "left_out": 2, "labels": {}, "scores": areas, "positive": None}
    metrics = made(levels={"rule": "max", "breast": breast, "patient": None}, **fitted(temperature=1.5, threshold=0.4))
    assert by_level(metrics) == [
        "by breast: macro-F1 0.500 [.40 .60], 2 images left out · no patient is known  (images combined by max)"
    ]
    assert chances(metrics) == [
        "calibration: ECE 0.200 in 3 equal-count bins (0.050 by chance), recalibrated 0.200 (0.050)"
        " · Brier skill 0.300 [.20 .40], recalibrated 0.300 [.20 .40]",
        "sets at 90 %: the true class is in 0.850 [.75 .95] of them, 1.50 [1.40 1.60] classes on average",
    ]


def test_folds_without_a_fit_are_explained(made: Make) -> None:
    lines = chances(made(**fitted(temperature=None, threshold=None)))
    assert lines[0].endswith("Brier skill 0.300 [.20 .40]  (1 of 1 folds not recalibrated: 4 validation patients)")
    assert lines[1].endswith("  (1 of 1 folds: all classes, too few validation patients)")


def test_folds_are_shown_with_their_rows_spread_and_absent_classes(made: Make) -> None:
    rest = {"patients": 9, "balanced_accuracy": 0.5, "accuracy": 0.5, "kappa_quadratic": None}
    folds = [
        rest | {"fold": 0, "n": 80, "absent": [], "macro_f1": 0.7, "macro_auroc": 0.9},
        rest | {"fold": 1, "n": 75, "absent": ["BI-RADS 5"], "macro_f1": 0.6, "macro_auroc": None},
    ]
    unknown = {"mean": None, "sd": None}
    others = dict.fromkeys(("macro_auroc", "balanced_accuracy", "accuracy", "kappa_quadratic"), unknown)
    spread = {"macro_f1": {"mean": 0.65, "sd": 0.0707}, **others}
    assert by_fold(made(per_fold=folds, spread_over_folds=spread)) == (
        "by fold: macro-F1 0.700 0.600, sd 0.071 · ROC-AUC 0.900 –"
        "  (n = 80 75; without rows, and so 0 in its macro-F1: fold 2: BI-RADS 5)"
    )


def test_a_class_of_few_patients_is_marked_and_explained(made: Make) -> None:
    marked = made(intervals=few_and_ends({"BI-RADS 1": 3}, {}))
    assert "BI-RADS 1 †" in results_text(marked, "resnet50")
    assert few_note(marked).startswith(
        "† fewer than 5 patients (BI-RADS 1 3): the class's intervals and those of macro averages"
    )
    assert few_note(made()) == ""


def test_an_interval_is_rounded_outwards_so_that_it_holds_its_value(made: Make) -> None:
    ends = {"macro_auroc": [0.9974, 0.9991], "accuracy": [-0.004, 0.57]}
    line = headline(made(intervals=few_and_ends({}, ends)))
    assert "[.99 1.00]" in line
    assert "[-.01 .57]" in line


def test_a_network_that_predicts_a_single_class_is_reported(made: Make) -> None:
    same = made(**scores([0, 1, 2], [1, 1, 1]))
    (first, *_) = against_shortcuts(same)
    assert first == f"every image is predicted as {CLASSES[1]}: this network does not tell classes apart"
    assert against_shortcuts(made())[0] == "shortcuts, on the same folds:"


def test_the_best_possible_score_is_shown_where_the_data_set_knows_it(made: Make) -> None:
    assert against_best(made()) == []
    ends = {"value": 0.8716, "low": 0.83, "high": 0.91}
    assert against_best(made(best={"macro_f1": ends, "macro_auroc": None})) == [
        "best possible on these rows: macro-F1 0.872 [.83 .91] · ROC-AUC –"
        "  (by the classes' true chances, which this data set knows)"
    ]
