"""A ROC-AUC of too few pairs is flagged in words wherever it is printed."""

import numpy as np
import pytest

from birads_zoo.evaluation.few import areas_note
from birads_zoo.report.run.terminal import by_fold, by_level, headline, readings, results_text

FEW = "too few pairs: 9 pairs, 3 patients"


@pytest.fixture
def perfect(measure_rows):
    """A run that classifies 3 sick and 8 healthy women correctly: areas of 1.000, on 9 pairs in one of two folds."""
    labels = np.array([1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0])
    return measure_rows(labels, np.eye(2)[labels] * 0.8 + 0.1, ("normal", "cancer"))


def test_the_headline_flags_it(perfect):
    assert perfect.macro.auroc == 1
    assert f"ROC-AUC 1.000 [.39 1.00] ({FEW}) · kappa" in headline(perfect)


def test_metrics_json_flags_it(perfect):
    basis = perfect.intervals.areas["cancer"]
    assert (basis.pairs, basis.patients, basis.few) == (9, 3, True)


def test_the_table_marks_it_and_a_note_explains(perfect):
    rows = results_text(perfect, "title").splitlines()
    assert [line.split()[0] for line in rows if "‡" in line] == ["normal", "cancer", "macro"]
    assert areas_note(perfect) == (
        "‡ fewer than 100 pairs within folds, or 10 patients with the class or without it (9 pairs, 3 patients): a "
        "ROC-AUC of so few cannot tell a good network from a poor one"
    )


def test_every_other_line_with_an_area_flags_it(measure_rows):
    """Three classes, of which two are positive: 2 images of each in both folds."""
    labels = np.arange(12) // 2 % 3
    metrics = measure_rows(labels, np.eye(3)[labels] * 0.7 + 0.1, ("BI-RADS 1", "BI-RADS 4", "BI-RADS 5"))
    each = " 16 pairs, 4 patients".join(("BI-RADS 1", "; BI-RADS 4", "; BI-RADS 5", ""))
    assert f"ROC-AUC 1.000 [.58 1.00] (too few pairs: {each})" in headline(metrics)
    (positive,) = (line for line in readings(metrics) if "against the rest" in line)
    assert positive.endswith("  (8 of 12 images; too few pairs: 16 pairs, 4 patients)")
    assert by_fold(metrics).endswith("; too few pairs for a ROC-AUC in folds 1, 2)")
    (level,) = by_level(metrics)
    assert "by patient: ROC-AUC 1.000 [.28 1.00] (8 of 12 positive; too few pairs: 16 pairs, 4 patients)" in level


def test_enough_pairs_are_not_flagged(measure_rows):
    labels = np.arange(80) % 2
    metrics = measure_rows(labels, np.random.default_rng(0).dirichlet((1, 1), 80), ("normal", "cancer"))
    lines = [
        headline(metrics),
        by_fold(metrics),
        *readings(metrics),
        *by_level(metrics),
        results_text(metrics, "title"),
    ]
    assert not any("too few pairs" in line or "‡" in line for line in lines)
    assert areas_note(metrics) == ""
