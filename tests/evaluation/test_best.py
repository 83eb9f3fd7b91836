"""The best possible score: decisions checked by hand and against others, its scores, and unknown chances."""

from dataclasses import replace

import numpy as np
import pytest

from birads_zoo.evaluation.best import decide, read_best


def expected_f1(chances, called):
    """Return the macro-F1 of expected counts, written out."""
    classes = range(chances.shape[1])
    hits = np.array([chances[called == k, k].sum() for k in classes])
    size = np.array([(called == k).sum() for k in classes]) + chances.sum(axis=0)
    return (2 * hits / size).mean()


def test_a_rare_class_is_predicted_before_it_is_the_likeliest():
    chances = np.array([[0.9, 0.1]] * 40 + [[0.6, 0.4]] * 5)
    assert (chances.argmax(axis=1) == 0).all()
    assert decide(chances).tolist() == [0] * 40 + [1] * 5


def test_certain_classes_are_predicted():
    labels = np.array([0, 2, 1, 2, 0, 1])
    assert decide(np.eye(3)[labels]).tolist() == labels.tolist()


def test_a_class_that_has_no_chance_is_never_predicted():
    chances = np.column_stack([np.random.default_rng(0).dirichlet([0.3, 0.2], size=200), np.zeros(200)])
    assert set(decide(chances)) == {0, 1}


@pytest.mark.parametrize("seed", range(5))
def test_no_other_weighting_of_the_classes_scores_higher(seed):
    """The best decision uses weighted chances minus a threshold (Narasimhan et al., 2015); 3000 of these are tried."""
    generator = np.random.default_rng(seed)
    chances = generator.dirichlet([0.8, 0.3, 0.1], size=300)
    called = decide(chances)
    tried = [
        expected_f1(chances, (chances * np.exp(generator.normal(0, 1.5, 3)) - generator.normal(0, 0.1, 3)).argmax(1))
        for _ in range(3000)
    ]
    likeliest = expected_f1(chances, chances.argmax(axis=1))
    assert expected_f1(chances, called) >= max(*tried, likeliest) - 0.005
    assert expected_f1(chances, called) > likeliest


@pytest.mark.slow
def test_the_score_comes_from_the_chances_and_not_from_the_network(rows):
    """With labels drawn from the chances, the expected score is reached, whatever the network predicted."""
    generator = np.random.default_rng(1)
    chances = generator.dirichlet([0.5, 0.5, 0.5], size=4000)
    labels = (chances.cumsum(axis=1) < generator.random((4000, 1))).sum(axis=1)
    test = replace(rows(labels, np.full((4000, 3), 1 / 3)), known=chances)
    best = read_best(test)
    assert best.macro_f1.value == pytest.approx(expected_f1(chances, decide(chances)), abs=0.02)
    assert best.macro_f1.low < best.macro_f1.value < best.macro_f1.high
    assert 0.85 < best.macro_auroc.value < 0.95
    assert best.of("macro_f1") is best.macro_f1
    assert best.of("accuracy") is None


def test_areas_compare_rows_of_one_fold_as_the_networks_do(rows):
    chances = np.array([[0.9, 0.1], [0.4, 0.6], [0.6, 0.4], [0.1, 0.9], [0.9, 0.1], [0.4, 0.6], [0.6, 0.4], [0.1, 0.9]])
    test = replace(rows([0, 0, 1, 1] * 2, chances), known=chances, folds=np.array([0, 1] * 4))
    assert read_best(test).macro_auroc.value == 1.0, "pooled it is 0.75"


def test_without_known_chances_there_is_no_best_score(rows):
    assert read_best(rows([0, 1], np.eye(2))) is None
