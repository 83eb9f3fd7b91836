"""A ROC-AUC of too few pairs is flagged in words wherever it is printed."""

import numpy as np
import pytest

from birads_zoo.evaluation.few import areas_note
from birads_zoo.report.run.text import by_fold, by_level, headline, readings, results_text

FEW = "too few pairs: 9 pairs, 3 patients"


@pytest.fixture
def perfect(measure_rows):
    """A run that is right about all of 3 sick and 8 healthy women: areas of 1.000, on 9 pairs in one of two folds."""
    labels = np.array([1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0])
    return measure_rows(labels, np.eye(2)[labels] * 0.8 + 0.1, ("normal", "cancer"))


def test_the_headline_says_so(perfect):
    assert perfect.macro.auroc == 1
    assert f"ROC-AUC 1.000 [.39 1.00] ({FEW}) · kappa" in headline(perfect)


def test_metrics_json_says_so(perfect):
    basis = perfect.intervals.areas["cancer"]
    assert (basis.pairs, basis.patients, basis.few) == (9, 3, True)


def test_the_table_marks_it_and_a_note_explains(perfect):
    rows = results_text(perfect, "title").splitlines()
    assert [line.split()[0] for line in rows if "‡" in line] == ["normal", "cancer", "macro"]
    assert areas_note(perfect) == (
        "‡ fewer than 100 pairs within folds, or 10 patients with the class or without it (9 pairs, 3 patients): a "
        "ROC-AUC of so few cannot tell a good network from a poor one"
    )


def test_every_other_line_with_an_area_says_so(measure_rows):
    """Three classes, of which two are positive: 2 images of each in both folds."""
    labels = np.arange(12) // 2 % 3
    found = measure_rows(labels, np.eye(3)[labels] * 0.7 + 0.1, ("BI-RADS 1", "BI-RADS 4", "BI-RADS 5"))
    each = " 16 pairs, 4 patients".join(("BI-RADS 1", "; BI-RADS 4", "; BI-RADS 5", ""))
    assert f"ROC-AUC 1.000 [.58 1.00] (too few pairs: {each})" in headline(found)
    (positive,) = (line for line in readings(found) if "against the rest" in line)
    assert positive.endswith("  (8 of 12 images; too few pairs: 16 pairs, 4 patients)")
    assert by_fold(found).endswith("; too few pairs for a ROC-AUC in folds 1, 2)")
    (level,) = by_level(found)
    assert "by patient: ROC-AUC 1.000 [.28 1.00] (8 of 12 positive; too few pairs: 16 pairs, 4 patients)" in level


def test_enough_pairs_are_not_told(measure_rows):
    labels = np.arange(80) % 2
    found = measure_rows(labels, np.random.default_rng(0).dirichlet((1, 1), 80), ("normal", "cancer"))
    said = [headline(found), by_fold(found), *readings(found), *by_level(found), results_text(found, "title")]
    assert not any("too few pairs" in line or "‡" in line for line in said)
    assert areas_note(found) == ""
