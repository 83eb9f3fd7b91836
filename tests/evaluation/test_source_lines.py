"""The printed lines about the sources of pictures."""

import msgspec
import pytest

from birads_zoo.report.run.source_text import by_source
from birads_zoo.results.metrics import RunMetrics

BASIS = {"pairs": 900, "patients": 30, "few": False}


def estimate(value):
    return {"value": value, "low": value - 0.05, "high": value + 0.05}


@pytest.fixture
def sourced(made_metrics):
    """Metrics with two sources, of which B is too small for a score: `sourced(gap=None)` changes fields of `within`."""

    def make(**changes):
        scores = {"auroc": estimate(0.7), "accuracy": None, "macro_f1": None}
        group = {"n": 60, "patients": 40, "positives": 20, "absent": [], "basis": BASIS}
        groups = [group | {"value": "A", "scores": scores}, group | {"value": "B", "scores": None}]
        within = {"auroc": estimate(0.7), "pooled": estimate(0.8), "gap": estimate(0.1), "alone": [], "basis": BASIS}
        source = {"groups": groups, "p_value": None, "corrected": None, "differs": False, "within": within | changes}
        subgroups = msgspec.to_builtins(made_metrics().subgroups) | {"attributes": {"source": source}}
        return made_metrics(subgroups=subgroups)

    return make


def test_scores_of_each_source_and_within_a_source_are_shown_beside_the_pooled_score(sourced):
    assert by_source(sourced()) == [
        "by source: A ROC-AUC 0.700 [.65 .75] (n = 60, 40 patients) · B too few for a score (n = 60, 40 patients)",
        "within one source: ROC-AUC 0.700 [.65 .75], pooled 0.800 [.75 .85]: pairs across add +0.100"
        " (+0.05 to +0.15)  (weighted by pairs: 900 pairs, 30 patients)",
    ]


def test_scores_that_cannot_be_computed_are_explained(sourced):
    nothing = {"auroc": None, "pooled": None, "gap": None}
    assert by_source(sourced(**nothing, alone=["cancer"]))[1] == (
        "within one source: no cancer beside another class, so the source may give the class away"
    )
    assert by_source(sourced(**nothing))[1] == (
        "within one source: too few patients for a score (900 pairs, 30 patients)"
    )


def test_one_source_has_no_line(made_metrics):
    assert by_source(made_metrics()) == []


def test_metrics_of_older_versions_are_read(made_metrics):
    old = msgspec.to_builtins(made_metrics())
    old["intervals"].pop("areas")
    old["positive"].pop("basis")
    for fold in old["per_fold"]:
        fold.pop("basis")
    old["subgroups"]["all"].pop("basis")
    metrics = msgspec.convert(old, RunMetrics)
    assert (metrics.intervals.areas, metrics.positive.basis, by_source(metrics)) == ({}, None, [])
