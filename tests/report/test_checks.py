"""The checks at the top of a run's page."""

import json

import msgspec
import pytest

from birads_zoo.data.index.audit import AuditSummary
from birads_zoo.report.run.checks import check_run
from birads_zoo.results.metrics import RunMetrics

NOTHING_LOST = AuditSummary(
    rows=64, patients=16, usable=60, by_assessment={}, dropped={"x": 4}, repaired={}, unlisted={}
)


def point(observed):
    """A point of a reliability diagram: stated 0.5, true in the share `observed` of nine images."""
    share = {"value": observed, "low": observed - 0.1, "high": observed + 0.1}
    return {"predicted": 0.5, "n": 9, "patients": 9, "observed": share}


@pytest.fixture
def metrics(finished):
    """A real run's metrics.json, changed to those of a perfect network: each test makes one thing worse."""
    content = json.loads((finished[0] / "metrics.json").read_text("utf-8"))
    k = len(content["classes"])
    content["confusion"] = [[10 * (i == j) for j in range(k)] for i in range(k)]
    for scores in content["per_class"]:
        scores |= {"recall": 1.0, "support": 10}
    for key in ("macro_f1", "macro_auroc"):
        content["gain"][key] = {"value": 0.3, "low": 0.2, "high": 0.4, "over": "patient_lookup"}
    for shortcut in content["shortcuts"].values():
        shortcut["flagged"] = False
    content["intervals"] |= {"few": {}, "areas": {}}
    for attribute in content["subgroups"]["attributes"].values():
        attribute |= {"differs": False, "corrected": 0.5}
    content["calibration"]["after"] = None
    content["calibration"]["before"] |= {
        "brier_skill": {"value": 0.5, "low": 0.4, "high": 0.6},
        "top_label": [point(0.5)] * 10,
    }
    content["conformal"]["coverage"] = {"value": 0.9, "low": 0.85, "high": 0.95}
    return content


def checks(metrics, summary=NOTHING_LOST, explainers=None):
    return check_run(msgspec.convert(metrics, RunMetrics), summary, explainers or {})


def sentences(metrics, severity, summary=NOTHING_LOST, explainers=None):
    return [check.sentence for check in checks(metrics, summary, explainers) if check.severity == severity]


def test_a_good_run_has_nothing_wrong_or_in_doubt(metrics):
    assert sentences(metrics, "wrong") == []
    assert sentences(metrics, "doubt") == []
    assert "No severe errors" in sentences(metrics, "fine")
    assert "Beats the best shortcut in macro-F1" in sentences(metrics, "fine")


def test_a_leak_comes_first(metrics):
    metrics["leaky"], metrics["split"] = True, "image"
    first = checks(metrics)[0]
    assert first.sentence == "The split leaks patients"
    assert "image split" in first.reason


def test_a_leak_that_cannot_be_ruled_out_is_reported_as_possible(metrics):
    metrics |= {"leaky": True, "leak_proven": False, "split": "official"}
    first = checks(metrics)[0]
    assert (first.severity, first.sentence) == ("wrong", "It cannot be ruled out that the split leaks patients")
    assert first.reason.startswith("Rows without a patient id may be of patients on both sides of the official split")


@pytest.mark.parametrize(
    ("low", "high", "severity", "sentence"),
    [
        (0.01, 0.2, "fine", "Beats the best shortcut in macro-F1"),
        (-0.01, 0.2, "wrong", "Not shown to beat the best shortcut in macro-F1"),
        (-0.2, -0.01, "wrong", "Worse than a shortcut in macro-F1"),
    ],
)
def test_the_severity_of_a_gain_follows_from_its_interval(metrics, low, high, severity, sentence):
    metrics["gain"]["macro_f1"] = {"value": (low + high) / 2, "low": low, "high": high, "over": "thumbnail"}
    assert sentence in sentences(metrics, severity)


def test_a_class_that_is_never_predicted_differs_from_one_prediction_for_all(metrics):
    k = len(metrics["classes"])
    metrics["confusion"][0] = [0, 10, *[0] * (k - 2)]
    assert f"{metrics['classes'][0]} is never predicted" in sentences(metrics, "wrong")
    metrics["confusion"] = [[10, *[0] * (k - 1)] for _ in range(k)]
    assert "Every image gets the same prediction" in sentences(metrics, "wrong")
    assert not any("never predicted" in sentence for sentence in sentences(metrics, "wrong"))


def test_counts_are_of_the_labels_level(metrics):
    k = len(metrics["classes"])
    metrics |= {"confusion": [[10, *[0] * (k - 1)] for _ in range(k)], "level": "patient"}
    (check,) = (check for check in checks(metrics) if check.part == "classes" and check.severity == "wrong")
    assert check.sentence == "Every exam gets the same prediction"
    assert check.reason.startswith(f"All {metrics['n']} exams are predicted as")


def test_severe_errors_are_counted_by_direction(metrics):
    metrics["confusion"][0][3], metrics["confusion"][2][0], metrics["confusion"][1][2] = 3, 2, 5
    metrics["errors"]["severe"] = {"value": 0.1, "low": 0.05, "high": 0.2}
    check = next(check for check in checks(metrics) if "two classes off" in check.sentence)
    assert check.reason.startswith(f"5 of {metrics['n']} images")
    assert check.reason.endswith("2 predicted too low, 3 too high.")


@pytest.mark.parametrize(
    ("observed", "off", "sentence"), [(0.2, 3, "Probabilities are too high"), (0.9, 3, "Probabilities are too low")]
)
def test_probabilities_are_off_if_many_points_are_outside_their_intervals(metrics, observed, off, sentence):
    away = point(observed)
    bins = metrics["calibration"]["before"]["top_label"]
    metrics["calibration"]["before"]["top_label"] = [away] * 2 + bins[2:]
    assert sentence not in sentences(metrics, "doubt"), "two of ten happen by chance"
    metrics["calibration"]["before"]["top_label"] = [away] * off + bins[off:]
    assert sentence in sentences(metrics, "doubt")


def test_other_doubts(metrics):
    for name in ("thumbnail", "background"):
        metrics["shortcuts"][name] |= {"flagged": True, "over_chance": 0.2, "p_value": 0.01}
    attribute = next(iter(metrics["subgroups"]["attributes"]))
    metrics["subgroups"]["attributes"][attribute] |= {"differs": True, "corrected": 0.01}
    metrics["intervals"]["few"] = {metrics["classes"][1]: 3}
    metrics["conformal"]["coverage"] = {"value": 0.7, "low": 0.6, "high": 0.8}
    lost = AuditSummary(
        rows=64, patients=16, usable=40, by_assessment={}, dropped={"no file": 24}, repaired={}, unlisted={}
    )
    doubted = sentences(metrics, "doubt", lost, {"a": True, "b": False, "c": None})
    assert doubted == [
        "The shortcut “thumbnail” works on this data",
        "The shortcut “background” works on this data",
        f"Few patients have {metrics['classes'][1]}",
        "Sets hold the true class too seldom",
        f"Scores differ by {attribute}",
        "Many rows were left out",
        "Some heat maps are not shown to be faithful",
    ]


def test_an_area_of_few_pairs_is_in_doubt(metrics):
    few, enough = (
        {"pairs": pairs, "patients": patients, "few": pairs < 100} for pairs, patients in ((12, 3), (900, 30))
    )
    metrics["intervals"]["areas"] = dict(zip(metrics["classes"], [few, *[enough] * 3], strict=True))
    (check,) = (check for check in checks(metrics) if "too few pairs" in check.sentence)
    assert (check.severity, check.reason) == ("doubt", f"{metrics['classes'][0]}: 12 pairs, 3 patients.")


def sourced(metrics, low):
    """Give the metrics two sources, within one of which the score is 0.1 less, by `low` at least."""
    ends = {
        name: {"value": value, "low": value - 0.1, "high": value + 0.1}
        for name, value in (("auroc", 0.7), ("pooled", 0.8))
    }
    within = ends | {
        "gap": {"value": 0.1, "low": low, "high": 0.2},
        "alone": [],
        "basis": {"pairs": 900, "patients": 30, "few": False},
    }
    source = {"groups": [], "p_value": None, "corrected": None, "differs": False, "within": within}
    metrics["subgroups"]["attributes"]["source"] = source
    return within


def test_a_score_that_is_lower_within_sources_is_in_doubt(metrics):
    sourced(metrics, low=0.02)
    (check,) = (check for check in checks(metrics) if "one source" in check.sentence)
    assert check.severity == "doubt"
    assert check.reason == (
        "ROC-AUC 0.800 over all pairs and 0.700 over those of one source: +0.100 (+0.02 to +0.20) comes from pairs of "
        "different sources."
    )
    sourced(metrics, low=-0.01)
    assert not [check for check in checks(metrics) if "one source" in check.sentence]


def test_sources_that_are_the_classes_make_the_result_useless(metrics):
    within = sourced(metrics, low=0)
    within |= {"auroc": None, "pooled": None, "gap": None, "alone": metrics["classes"][:1]}
    metrics["subgroups"]["attributes"]["source"]["within"] = within
    assert sentences(metrics, "wrong") == ["Classes cannot be separated from sources"]


def test_sets_that_hold_too_little_name_the_folds_whose_sets_hold_all_classes(metrics):
    conformal = metrics["conformal"]
    conformal |= {"coverage": {"value": 0.7, "low": 0.6, "high": 0.8}, "level": 0.9}
    for whole, ending in ((0, "instead of 90 %."), (1, " In 1 of 2 folds all sets hold all classes.")):
        fold = {"fold": 0, "n": 9, "patients": 9}
        conformal["folds"] = [fold | {"threshold": None if k < whole else 0.5} for k in range(2)]
        (check,) = (check for check in checks(metrics) if check.sentence.startswith("Sets hold"))
        assert check.reason.endswith(ending)


def test_a_run_without_readings_is_checked_too(metrics):
    metrics |= {"errors": None, "positive": None, "kappa_quadratic": None}
    metrics["gain"] = {"over": "", "macro_f1": None, "macro_auroc": None}
    metrics["calibration"]["before"]["brier_skill"] = None
    metrics["subgroups"]["attributes"] = {}
    assert sentences(metrics, "wrong") == []
