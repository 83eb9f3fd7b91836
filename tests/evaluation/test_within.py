"""Areas within sources: what tells sources apart counts for nothing, and what tells classes apart stays."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from birads_zoo.evaluation.subgroups import read_subgroups
from birads_zoo.evaluation.within import score_within


def scored(labels, scores, values, patients=None, folds=None, classes=("well", "sick")):
    labels, scores, values = np.asarray(labels), np.asarray(scores, float), np.asarray(values)
    return score_within(
        labels,
        np.stack([1 - scores, scores], axis=1),
        np.arange(len(labels)).astype(str) if patients is None else np.asarray(patients),
        np.zeros(len(labels), np.int64) if folds is None else np.asarray(folds),
        values,
        classes,
        ordinal=True,
    )


def test_pairs_of_one_source_are_compared_and_weighted_by_their_number():
    # A: 2 × 1 pairs, one won; B: 1 × 3 pairs, all won.
    found = scored([1, 1, 0, 1, 0, 0, 0], [0.3, 0.5, 0.4, 0.95, 0.9, 0.8, 0.7], list("AAABBBB"))
    assert found.auroc.value == pytest.approx((1 + 3) / 5)
    assert found.basis.pairs == 5
    assert found.pooled.value == pytest.approx(5 / 12)
    assert found.gap.value == pytest.approx(5 / 12 - 0.8)


def test_rows_of_other_folds_are_not_compared_within_a_source_either():
    found = scored([1, 0, 1, 0, 1, 0], [0.4, 0.3, 0.1, 0.2, 0.6, 0.7], list("AAAAAA"), folds=[0, 0, 1, 1, 2, 2])
    assert (found.auroc.value, found.pooled.value, found.basis.pairs) == (1 / 3, 1 / 3, 3)
    assert (found.gap.value, found.gap.low, found.gap.high) == (0, 0, 0)


@pytest.fixture
def films():
    """400 women; scanner B has 80 % of the sick ones and A 20 %: `films(by_scanner, by_class)` adds to their scores."""

    def make(by_scanner, by_class):
        generator = np.random.default_rng(3)
        sick = np.arange(400) % 2
        scanner = np.where(generator.random(400) < np.where(sick, 0.8, 0.2), "B", "A")
        score = by_scanner * (scanner == "B") + by_class * sick + generator.normal(0, 1, 400)
        return sick, norm.cdf(score / 3), scanner

    return make


def test_a_score_that_tells_scanners_alone_is_worth_nothing_within_one(films):
    found = scored(*films(by_scanner=3, by_class=0))
    assert found.pooled.low > 0.7
    assert found.auroc.low < 0.5 < found.auroc.high
    assert found.gap.low > 0.15


def test_a_score_that_tells_classes_alone_loses_nothing(films):
    found = scored(*films(by_scanner=0, by_class=2))
    assert found.auroc.value == pytest.approx(norm.cdf(2 / 2**0.5), abs=0.03)
    assert found.gap.low < 0 < found.gap.high


def test_the_interval_is_over_patients(films):
    sick, score, scanner = films(by_scanner=0, by_class=1)
    once = scored(sick, score, scanner)
    twice = scored(np.tile(sick, 2), np.tile(score, 2), np.tile(scanner, 2), patients=np.tile(np.arange(400), 2))
    assert (twice.auroc.low, twice.auroc.high) == pytest.approx((once.auroc.low, once.auroc.high), abs=1e-3)
    assert twice.basis.pairs == 4 * once.basis.pairs
    assert twice.basis.patients == once.basis.patients


def test_classes_of_a_source_each_cannot_be_told_from_it():
    found = scored([1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1], list("BBAA"))
    assert (found.auroc, found.pooled, found.gap) == (None, None, None)
    assert found.alone == ("well", "sick")
    assert found.basis.pairs == 0
    assert found.basis.few


def test_one_class_that_is_alone_in_its_source_spoils_the_macro_score():
    labels, values = [0, 1, 0, 1, 2, 2], list("AAAABB")
    found = score_within(
        np.array(labels),
        np.eye(3)[labels],
        np.arange(6).astype(str),
        np.zeros(6, np.int64),
        np.array(values),
        ("a", "b", "c"),
        ordinal=True,
    )
    assert (found.auroc, found.alone) == (None, ("c",))


def test_two_patients_of_a_class_are_too_few_for_any_of_it():
    found = scored([1, 0, 1, 0], [0.9, 0.1, 0.9, 0.1], list("AABB"))
    assert (found.auroc, found.pooled, found.gap, found.alone) == (None, None, None, ())


def test_many_patients_elsewhere_do_not_make_up_for_one_that_is_compared():
    generator = np.random.default_rng(0)
    sick = np.repeat([0, 1, 0], [40, 40, 1])  # scanner A has all the sick women and one well one, B has the others
    found = scored(sick, 0.3 * sick + 0.6 * generator.random(81), ["B"] * 40 + ["A"] * 41)
    assert (found.basis.pairs, found.basis.patients) == (40, 1)
    assert (found.auroc, found.pooled, found.gap, found.alone) == (None, None, None, ())


def test_a_source_of_each_pictures_own_is_no_group(rows):
    labels = np.arange(60) % 2
    made = rows(labels, np.full((60, 2), 0.5), source=[f"file {number}" for number in range(60)])
    assert "source" not in read_subgroups(made, np.random.default_rng(0), resamples=50).attributes


def test_the_two_sides_of_positive_classes_have_names_that_read_well(rows):
    labels = np.repeat([0, 1], 30)
    made = rows(labels, np.eye(2)[labels], positive=(1,), source=np.array(["A", "B"])[labels])
    assert read_subgroups(made, np.random.default_rng(0), resamples=50).attributes["source"].within.alone == (
        "negative",
        "positive",
    )


def test_subgroups_have_it_for_the_source_and_leave_unknown_ones_out(rows, films):
    sick, score, scanner = films(by_scanner=3, by_class=0)
    scanner = np.where(np.arange(400) < 40, "", scanner)
    views = np.array(["CC", "MLO"])[np.arange(400) // 2 % 2]
    made = rows(sick, np.stack([1 - score, score], axis=1), positive=(1,), source=scanner, view=views)
    attributes = read_subgroups(made, np.random.default_rng(0), resamples=50).attributes
    assert attributes["view"].within is None
    found = attributes["source"]
    assert [group.value for group in found.groups] == ["A", "B", "unknown"]
    assert found.within.pooled.value == pytest.approx(roc_auc_score(sick[40:], score[40:]))
    known = [group for group in found.groups if group.value != "unknown"]
    assert found.within.basis.pairs == sum(group.basis.pairs for group in known)
    weighted = sum(group.scores.auroc.value * group.basis.pairs for group in known) / found.within.basis.pairs
    assert found.within.auroc.value == pytest.approx(weighted)
