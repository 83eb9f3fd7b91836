"""Areas within sources: recognising the source gains nothing, and recognising the class still counts."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from birads_zoo.evaluation.statistics.resampling import resample
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
    result = scored([1, 1, 0, 1, 0, 0, 0], [0.3, 0.5, 0.4, 0.95, 0.9, 0.8, 0.7], list("AAABBBB"))
    assert result.auroc.value == pytest.approx((1 + 3) / 5)
    assert result.basis.pairs == 5
    assert result.pooled.value == pytest.approx(5 / 12)
    assert result.gap.value == pytest.approx(5 / 12 - 0.8)


def test_rows_of_other_folds_are_not_compared_within_a_source_either():
    result = scored([1, 0, 1, 0, 1, 0], [0.4, 0.3, 0.1, 0.2, 0.6, 0.7], list("AAAAAA"), folds=[0, 0, 1, 1, 2, 2])
    assert (result.auroc.value, result.pooled.value, result.basis.pairs) == (1 / 3, 1 / 3, 3)
    assert (result.gap.value, result.gap.low, result.gap.high) == (0, 0, 0)


@pytest.fixture
def films():
    """400 women; scanner B has 80 % of the sick and A 20 %. `films(by_scanner, by_class)` adds these to the scores."""

    def make(by_scanner, by_class):
        generator = np.random.default_rng(3)
        sick = np.arange(400) % 2
        scanner = np.where(generator.random(400) < np.where(sick, 0.8, 0.2), "B", "A")
        score = by_scanner * (scanner == "B") + by_class * sick + generator.normal(0, 1, 400)
        return sick, norm.cdf(score / 3), scanner

    return make


def test_a_score_that_only_separates_scanners_is_worth_nothing_within_one(films):
    result = scored(*films(by_scanner=3, by_class=0))
    assert result.pooled.low > 0.7
    assert result.auroc.low < 0.5 < result.auroc.high
    assert result.gap.low > 0.15


def test_a_score_that_only_separates_classes_loses_nothing(films):
    result = scored(*films(by_scanner=0, by_class=2))
    assert result.auroc.value == pytest.approx(norm.cdf(2 / 2**0.5), abs=0.03)
    assert result.gap.low < 0 < result.gap.high


def test_the_interval_is_over_patients(films):
    sick, score, scanner = films(by_scanner=0, by_class=1)
    once = scored(sick, score, scanner)
    twice = scored(np.tile(sick, 2), np.tile(score, 2), np.tile(scanner, 2), patients=np.tile(np.arange(400), 2))
    assert (twice.auroc.low, twice.auroc.high) == pytest.approx((once.auroc.low, once.auroc.high), abs=1e-3)
    assert twice.basis.pairs == 4 * once.basis.pairs
    assert twice.basis.patients == once.basis.patients


def test_classes_with_a_source_each_cannot_be_separated_from_it():
    result = scored([1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1], list("BBAA"))
    assert (result.auroc, result.pooled, result.gap) == (None, None, None)
    assert result.alone == ("well", "sick")
    assert result.basis.pairs == 0
    assert result.basis.few


def test_one_class_that_is_alone_in_its_source_spoils_the_macro_score():
    labels, values = [0, 1, 0, 1, 2, 2], list("AAAABB")
    result = score_within(
        np.array(labels),
        np.eye(3)[labels],
        np.arange(6).astype(str),
        np.zeros(6, np.int64),
        np.array(values),
        ("a", "b", "c"),
        ordinal=True,
    )
    assert (result.auroc, result.alone) == (None, ("c",))


def test_two_patients_of_a_class_are_too_few_for_a_score():
    result = scored([1, 0, 1, 0], [0.9, 0.1, 0.9, 0.1], list("AABB"))
    assert (result.auroc, result.pooled, result.gap, result.alone) == (None, None, None, ())


def test_many_patients_elsewhere_do_not_make_up_for_a_single_compared_patient():
    generator = np.random.default_rng(0)
    sick = np.repeat([0, 1, 0], [40, 40, 1])  # scanner A has all the sick women and one well one, B has the others
    result = scored(sick, 0.3 * sick + 0.6 * generator.random(81), ["B"] * 40 + ["A"] * 41)
    assert (result.basis.pairs, result.basis.patients) == (40, 1)
    assert (result.auroc, result.pooled, result.gap, result.alone) == (None, None, None, ())


def test_a_different_source_for_each_picture_makes_no_groups(rows):
    labels = np.arange(60) % 2
    table = rows(labels, np.full((60, 2), 0.5), source=[f"file {number}" for number in range(60)])
    assert "source" not in read_subgroups(table, resample(table.patients, 50, np.random.default_rng(0))).attributes


def test_positive_and_negative_rows_have_readable_names(rows):
    labels = np.repeat([0, 1], 30)
    table = rows(labels, np.eye(2)[labels], positive=(1,), source=np.array(["A", "B"])[labels])
    assert read_subgroups(table, resample(table.patients, 50, np.random.default_rng(0))).attributes[
        "source"
    ].within.alone == (
        "negative",
        "positive",
    )


def test_subgroups_have_it_for_the_source_and_leave_out_unknown_sources(rows, films):
    sick, score, scanner = films(by_scanner=3, by_class=0)
    scanner = np.where(np.arange(400) < 40, "", scanner)
    views = np.array(["CC", "MLO"])[np.arange(400) // 2 % 2]
    table = rows(sick, np.stack([1 - score, score], axis=1), positive=(1,), source=scanner, view=views)
    attributes = read_subgroups(table, resample(table.patients, 50, np.random.default_rng(0))).attributes
    assert attributes["view"].within is None
    result = attributes["source"]
    assert [group.value for group in result.groups] == ["A", "B", "unknown"]
    assert result.within.pooled.value == pytest.approx(roc_auc_score(sick[40:], score[40:]))
    known = [group for group in result.groups if group.value != "unknown"]
    assert result.within.basis.pairs == sum(group.basis.pairs for group in known)
    weighted = sum(group.scores.auroc.value * group.basis.pairs for group in known) / result.within.basis.pairs
    assert result.within.auroc.value == pytest.approx(weighted)
