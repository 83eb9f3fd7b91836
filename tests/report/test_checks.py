"""What the first lines of a run's page say is wrong with it."""

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
    """A point of a reliability diagram: stated 0.5, came true in that share of nine images."""
    share = {"value": observed, "low": observed - 0.1, "high": observed + 0.1}
    return {"predicted": 0.5, "n": 9, "patients": 9, "observed": share}


@pytest.fixture
def metrics(finished):
    """A real run's metrics.json, of a network as good as can be: each test makes one thing worse."""
    told = json.loads((finished[0] / "metrics.json").read_text("utf-8"))
    k = len(told["classes"])
    told["confusion"] = [[10 * (i == j) for j in range(k)] for i in range(k)]
    for one in told["per_class"]:
        one |= {"recall": 1.0, "support": 10}
    for key in ("macro_f1", "macro_auroc"):
        told["gain"][key] = {"value": 0.3, "low": 0.2, "high": 0.4, "over": "patient_lookup"}
    for one in told["shortcuts"].values():
        one["flagged"] = False
    told["intervals"] |= {"few": {}, "areas": {}}
    for one in told["subgroups"]["attributes"].values():
        one |= {"differs": False, "corrected": 0.5}
    told["calibration"]["after"] = None
    told["calibration"]["before"] |= {
        "brier_skill": {"value": 0.5, "low": 0.4, "high": 0.6},
        "top_label": [point(0.5)] * 10,
    }
    told["conformal"]["coverage"] = {"value": 0.9, "low": 0.85, "high": 0.95}
    return told


def judged(metrics, summary=NOTHING_LOST, explainers=None):
    return check_run(msgspec.convert(metrics, RunMetrics), summary, explainers or {})


def claims(metrics, severity, summary=NOTHING_LOST, explainers=None):
    return [one.claim for one in judged(metrics, summary, explainers) if one.severity == severity]


def test_of_a_good_run_nothing_is_wrong_or_doubtful(metrics):
    assert claims(metrics, "wrong") == []
    assert claims(metrics, "doubt") == []
    assert "No severe errors" in claims(metrics, "fine")
    assert "Beats the best shortcut in macro-F1" in claims(metrics, "fine")


def test_a_leak_comes_first(metrics):
    metrics["leaky"], metrics["split"] = True, "image"
    first = judged(metrics)[0]
    assert first.claim == "The split leaks patients"
    assert "image split" in first.because


def test_a_leak_that_cannot_be_ruled_out_is_told_as_such(metrics):
    metrics |= {"leaky": True, "leak_proven": False, "split": "official"}
    first = judged(metrics)[0]
    assert (first.severity, first.claim) == ("wrong", "It cannot be ruled out that the split leaks patients")
    assert first.because.startswith("Rows without a patient id may be of patients on both sides of the official split")


@pytest.mark.parametrize(
    ("low", "high", "severity", "claim"),
    [
        (0.01, 0.2, "fine", "Beats the best shortcut in macro-F1"),
        (-0.01, 0.2, "wrong", "Not shown to beat the best shortcut in macro-F1"),
        (-0.2, -0.01, "wrong", "Worse than a shortcut in macro-F1"),
    ],
)
def test_the_gain_is_judged_by_its_interval(metrics, low, high, severity, claim):
    metrics["gain"]["macro_f1"] = {"value": (low + high) / 2, "low": low, "high": high, "over": "thumbnail"}
    assert claim in claims(metrics, severity)


def test_a_class_that_is_never_called_and_one_answer_for_all_are_told_apart(metrics):
    k = len(metrics["classes"])
    metrics["confusion"][0] = [0, 10, *[0] * (k - 2)]
    assert f"{metrics['classes'][0]} is never called" in claims(metrics, "wrong")
    metrics["confusion"] = [[10, *[0] * (k - 1)] for _ in range(k)]
    assert "Every image gets the same answer" in claims(metrics, "wrong")
    assert not any("never called" in claim for claim in claims(metrics, "wrong"))


def test_what_is_counted_is_what_labels_are_of(metrics):
    k = len(metrics["classes"])
    metrics |= {"confusion": [[10, *[0] * (k - 1)] for _ in range(k)], "level": "patient"}
    (found,) = (one for one in judged(metrics) if one.part == "classes" and one.severity == "wrong")
    assert found.claim == "Every exam gets the same answer"
    assert found.because.startswith(f"All {metrics['n']} exams are called")


def test_severe_errors_are_counted_by_direction(metrics):
    metrics["confusion"][0][3], metrics["confusion"][2][0], metrics["confusion"][1][2] = 3, 2, 5
    metrics["errors"]["severe"] = {"value": 0.1, "low": 0.05, "high": 0.2}
    told = next(one for one in judged(metrics) if "two classes off" in one.claim)
    assert told.because.startswith(f"5 of {metrics['n']} images")
    assert told.because.endswith("2 called too low, 3 too high.")


@pytest.mark.parametrize(
    ("observed", "off", "claim"), [(0.2, 3, "Probabilities are too high"), (0.9, 3, "Probabilities are too low")]
)
def test_probabilities_are_judged_by_the_points_outside_their_intervals(metrics, observed, off, claim):
    away = point(observed)
    bins = metrics["calibration"]["before"]["top_label"]
    metrics["calibration"]["before"]["top_label"] = [away] * 2 + bins[2:]
    assert claim not in claims(metrics, "doubt"), "two of ten happen by chance"
    metrics["calibration"]["before"]["top_label"] = [away] * off + bins[off:]
    assert claim in claims(metrics, "doubt")


def test_what_else_is_doubted(metrics):
    for name in ("thumbnail", "background"):
        metrics["shortcuts"][name] |= {"flagged": True, "over_chance": 0.2, "p_value": 0.01}
    attribute = next(iter(metrics["subgroups"]["attributes"]))
    metrics["subgroups"]["attributes"][attribute] |= {"differs": True, "corrected": 0.01}
    metrics["intervals"]["few"] = {metrics["classes"][1]: 3}
    metrics["conformal"]["coverage"] = {"value": 0.7, "low": 0.6, "high": 0.8}
    lost = AuditSummary(
        rows=64, patients=16, usable=40, by_assessment={}, dropped={"no file": 24}, repaired={}, unlisted={}
    )
    doubted = claims(metrics, "doubt", lost, {"a": True, "b": False, "c": None})
    assert doubted == [
        "The shortcut “thumbnail” works on this data",
        "The shortcut “background” works on this data",
        f"Few patients have {metrics['classes'][1]}",
        "Sets hold the true class too seldom",
        f"Scores differ by {attribute}",
        "Many rows were left out",
        "Some heat maps are not shown to be faithful",
    ]


def test_an_area_of_few_pairs_is_doubted(metrics):
    few, enough = (
        {"pairs": pairs, "patients": patients, "few": pairs < 100} for pairs, patients in ((12, 3), (900, 30))
    )
    metrics["intervals"]["areas"] = dict(zip(metrics["classes"], [few, *[enough] * 3], strict=True))
    (told,) = (one for one in judged(metrics) if "too few pairs" in one.claim)
    assert (told.severity, told.because) == ("doubt", f"{metrics['classes'][0]}: 12 pairs, 3 patients.")


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


def test_a_score_that_falls_within_sources_is_doubted(metrics):
    sourced(metrics, low=0.02)
    (told,) = (one for one in judged(metrics) if "one source" in one.claim)
    assert told.severity == "doubt"
    assert told.because == (
        "ROC-AUC 0.800 over all pairs and 0.700 over those of one source: +0.100 (+0.02 to +0.20) comes from pairs of "
        "different sources."
    )
    sourced(metrics, low=-0.01)
    assert not [one for one in judged(metrics) if "one source" in one.claim]


def test_sources_that_are_the_classes_make_the_result_useless(metrics):
    within = sourced(metrics, low=0)
    within |= {"auroc": None, "pooled": None, "gap": None, "alone": metrics["classes"][:1]}
    metrics["subgroups"]["attributes"]["source"]["within"] = within
    assert claims(metrics, "wrong") == ["Classes cannot be told from sources"]


def test_sets_that_hold_too_little_are_told_with_the_folds_whose_sets_hold_everything(metrics):
    conformal = metrics["conformal"]
    conformal |= {"coverage": {"value": 0.7, "low": 0.6, "high": 0.8}, "level": 0.9}
    for whole, ending in ((0, "instead of 90 %."), (1, " In 1 of 2 folds all sets hold all classes.")):
        fold = {"fold": 0, "n": 9, "patients": 9}
        conformal["folds"] = [fold | {"threshold": None if k < whole else 0.5} for k in range(2)]
        (told,) = (one for one in judged(metrics) if one.claim.startswith("Sets hold"))
        assert told.because.endswith(ending)


def test_no_readings_are_no_error(metrics):
    metrics |= {"errors": None, "positive": None, "kappa_quadratic": None}
    metrics["gain"] = {"over": "", "macro_f1": None, "macro_auroc": None}
    metrics["calibration"]["before"]["brier_skill"] = None
    metrics["subgroups"]["attributes"] = {}
    assert claims(metrics, "wrong") == []
