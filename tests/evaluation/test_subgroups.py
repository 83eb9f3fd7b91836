"""Subgroups: each has its n, small ones have no score, and equal ones are rarely called different."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from birads_zoo.evaluation.statistics.resampling import resample
from birads_zoo.evaluation.subgroups import read_subgroups


def read(table, seed=0, resamples=200):
    return read_subgroups(table, resample(table.patients, resamples, np.random.default_rng(seed)))


@pytest.fixture
def table(rows, patients):
    """240 patients whose density, age, side and year are drawn at random."""
    generator = np.random.default_rng(7)
    of, positive, score = patients(generator, 240)
    chance = norm.cdf(score / 2)

    def drawn(*values):
        return np.array(values, dtype=object)[generator.integers(0, len(values), 240)][of]

    return rows(
        positive.astype(int),
        np.stack([1 - chance, chance], axis=1),
        patients=of,
        positive=(1,),
        density=drawn("A", "B", "C", ""),
        age=drawn(39.9, 40.0, 59.0, 60.0, 85.0, np.nan, "?"),
        view="MLO",
        laterality=np.array(["L", "R"])[generator.integers(0, 2, len(of))],
        study_date=drawn("2019", "2020-03", "2020-03-14"),
    )


def test_every_group_has_its_n_and_the_scores_of_its_rows(table):
    result = read(table)
    attributes = result.attributes
    assert list(attributes) == ["density", "age", "laterality", "year"], "view has one value: nothing to compare"
    assert [group.value for group in attributes["density"].groups] == ["A", "B", "C", "unknown"]
    assert [g.value for g in attributes["age"].groups] == ["<40", "40–49", "50–59", "60–69", "70+", "unknown"]
    assert [group.value for group in attributes["year"].groups] == ["2019", "2020"]
    for attribute in attributes.values():
        assert sum(group.n for group in attribute.groups) == len(table.labels)
        assert sum(group.positives for group in attribute.groups) == table.labels.sum()
    (group,) = [group for group in attributes["density"].groups if group.value == "B"]
    rows = (table.about["density"] == "B").to_numpy()
    labels, called = table.labels[rows], table.probabilities[rows].argmax(axis=1)
    assert (group.n, group.patients) == (rows.sum(), len(set(table.patients[rows])))
    assert group.scores.auroc.value == pytest.approx(roc_auc_score(labels, table.probabilities[rows, 1]))
    assert group.scores.accuracy.value == pytest.approx(accuracy_score(labels, called))
    assert group.scores.macro_f1.value == pytest.approx(f1_score(labels, called, average="macro"))
    assert result.all.n == len(table.labels)
    assert "17 groups" not in result.caution
    assert f"{sum(len(attribute.groups) for attribute in attributes.values())} groups" in result.caution
    assert result.compared(group) == group.scores.auroc, "classes are positive"
    assert group.scores.macro_auroc is None


def test_small_groups_show_their_n_only(rows):
    """19 patients; 30 patients of whom 9 are positive; 40 with 20 positive."""
    sizes = {"A": (19, 10), "B": (30, 9), "C": (40, 20)}
    density = np.repeat(list(sizes), [count for count, _ in sizes.values()])
    labels = np.concatenate([np.arange(count) < sick for count, sick in sizes.values()]).astype(int)
    score = np.random.default_rng(0).random(len(labels))
    result = read(rows(labels, np.stack([1 - score, score], axis=1), positive=(1,), density=density))
    groups = {group.value: group for group in result.attributes["density"].groups}
    assert [groups[name].scores is None for name in "ABC"] == [True, True, False]
    assert [groups[name].n for name in "ABC"] == [19, 30, 40]
    assert [groups[name].positives for name in "ABC"] == [10, 9, 20]
    assert result.attributes["density"].corrected is None, "one group with a score compares with nothing"
    assert result.attributes["density"].differs is False


def test_a_group_that_lacks_a_class_has_no_macro_score(rows):
    generator = np.random.default_rng(0)
    labels = np.r_[np.arange(60) % 3, np.arange(60) % 2]
    result = read(rows(labels, generator.dirichlet(np.ones(3), 120), density=np.repeat(["A", "B"], 60)))
    whole, lacking = result.attributes["density"].groups
    assert result.tested == "macro_auroc"
    assert whole.absent == ()
    assert result.compared(whole) == whole.scores.macro_auroc is not None
    assert lacking.absent == ("c",)
    assert (lacking.scores.macro_auroc, lacking.scores.macro_f1) == (None, None)
    assert lacking.scores.accuracy is not None
    assert lacking.positives is None


def test_without_known_values_there_is_nothing_but_all(rows):
    result = read(rows([0, 1], np.eye(2)))
    assert result.attributes == {}
    assert result.all.n == 2


def flags(rows, patients, times, better=0.0):
    """Return how often density, and how often any attribute, differs; images of density A are separated better."""
    generator, density, anything = np.random.default_rng(11), 0, 0
    for _ in range(times):
        of, positive, score = patients(generator, 160)
        letters = np.array(list("AB"))[generator.integers(0, 2, 160)][of]
        chance = norm.cdf((score + better * positive * (letters == "A")) / 2)
        result = read(
            rows(
                positive.astype(int),
                np.stack([1 - chance, chance], axis=1),
                patients=of,
                positive=(1,),
                density=letters,
                view=np.array(["CC", "MLO"])[generator.integers(0, 2, len(of))],
                study_date=np.array(["2018", "2019"])[generator.integers(0, 2, 160)][of],
            ),
            seed=generator,
            resamples=150,
        ).attributes
        density += result["density"].differs
        anything += any(attribute.differs for attribute in result.values())
    return density / times, anything / times


@pytest.mark.slow
def test_among_equal_groups_a_difference_is_rarely_found(rows, patients):
    _, anything = flags(rows, patients, 120)
    assert anything <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 120), anything


@pytest.mark.slow
def test_a_large_difference_is_found(rows, patients):
    density, _ = flags(rows, patients, 40, better=1.5)
    assert density >= 0.8, density
