"""The leaderboard's values: scores and intervals over seeds, ties, gains, costs, and models that failed."""

import itertools

import numpy as np
import pytest

from birads_zoo.recipe import Recipe
from birads_zoo.study.compare import leaderboard
from birads_zoo.study.execute import Failure
from birads_zoo.study.gather import Predicted
from birads_zoo.study.plan import Study, Variant
from birads_zoo.study.score import adjusted, compare, score, values

N = 200


def _predicted(right, generator, seeds=2, **metrics):
    """Two classes, two rows a patient; seed s predicts a share `right[s]` rightly."""
    labels = np.repeat(np.arange(N // 2) % 2, 2)
    shares = np.broadcast_to(right, (seeds,))
    hit = np.stack([generator.permutation(np.arange(N)) < round(N * share) for share in shares])
    second = np.where(hit, labels, 1 - labels) * 0.6 + 0.2
    own = {
        "target": "t", "split": "patient", "folds": 5, "patients": N // 2,
        "per_class": [{"f1": 0.5, "auroc": 0.7}, {"f1": 0.4, "auroc": None}],
        "per_fold": [{"fold": 0, "n": 120, "accuracy": 0.6}, {"fold": 1, "n": 80, "accuracy": 0.8}],
        "spread_over_folds": {"accuracy": {"mean": 0.7, "sd": 0.02**0.5}},
    }  # fmt: skip
    return Predicted(
        rows=np.arange(N),
        labels=labels,
        patients=np.repeat(np.arange(N // 2).astype(str), 2),
        classes=("a", "b"),
        probabilities=np.stack([1 - second, second], axis=-1),
        metrics=(own | metrics,) * seeds,
        costs=tuple({"parameters": 10, "flops": None, "train_rate": 10.0 * (s + 1)} for s in range(seeds)),
    )


def _variant(backbone):
    return Variant(recipe=Recipe().replace({"model.backbone": backbone}))


@pytest.fixture(scope="module")
def models():
    generator = np.random.default_rng(0)
    gain = {"over": "majority", "accuracy": {"value": 0.1, "low": 0.0, "high": 0.2, "over": "thumbnail"}}
    shortcuts = {"thumbnail": {"accuracy": 0.55}, "majority": {"accuracy": 0.5}}
    return {
        "low": _predicted(0.6, generator, shortcuts=shortcuts),
        "high": _predicted((0.9, 0.92), generator, gain=gain),
        "twin": _predicted((0.9, 0.91), generator),
    }


@pytest.fixture(scope="module")
def found(models):
    names = ("low", "broken", "high", "twin")
    study = Study(
        kind="compare",
        variants=tuple(map(_variant, names)),
        seeds=(0, 1),
        metric="accuracy",
        command="birads-zoo compare",
    )
    failures = {"broken": Failure(said="seed 0: it never builds")}
    return leaderboard(study, models, failures, {"device": "cpu"}, (), ordinal=False)


def test_entries_are_sorted_by_score_and_the_failed_come_last(found):
    assert [entry.name for entry in found.entries] == ["high", "twin", "low", "broken"]
    assert [entry.score and round(entry.score.value, 3) for entry in found.entries] == [0.91, 0.905, 0.6, None]
    assert found.entries[-1].error == "seed 0: it never builds"


def test_models_that_tests_do_not_tell_apart_share_a_rank(found):
    assert found.ranks == (1, 1, 3, None)
    p = found.pairwise
    assert p[0][1] > 0.05 > p[0][2]
    assert [p[k][k] for k in range(4)] == [None] * 4
    assert [row[3] for row in p] == list(p[3]) == [None] * 4
    assert p[0][2] == p[2][0]


def test_the_smallest_gap_is_that_of_the_pair_that_tells_least(found, models):
    gaps = [
        compare(a, b, "accuracy", ordinal=False).smallest_gap for a, b in itertools.combinations(models.values(), 2)
    ]
    assert min(gaps) < 0.9 * max(gaps), "the pairs differ"
    assert found.smallest_gap == max(gaps)


def test_an_entry_has_its_spread_classes_gain_and_cost(found):
    high, twin = found.entries[:2]
    assert high.seed_spread == pytest.approx(0.02 / 2**0.5)
    assert [(one.name, one.f1, one.auroc, one.n, one.patients) for one in high.per_class] == [
        ("a", 0.5, 0.7, N // 2, N // 4),
        ("b", 0.4, None, N // 2, N // 4),
    ]
    assert (high.gain.value, high.gain.low, high.gain.high, high.best_shortcut) == (
        pytest.approx(0.1), pytest.approx(0.0), pytest.approx(0.2), "thumbnail",
    )  # fmt: skip
    assert (twin.gain, twin.best_shortcut) == (None, "")
    assert (high.parameters, high.flops, high.train_rate, high.energy) == (10, None, 15.0, None)


def test_folds_are_told_one_by_one_for_every_seed_and_their_spread_is_within_seeds(found):
    high = found.entries[0]
    assert [(one.seed, one.fold, one.n, one.value) for one in high.by_fold] == [
        (0, 0, 120, 0.6), (0, 1, 80, 0.8), (1, 0, 120, 0.6), (1, 1, 80, 0.8),
    ]  # fmt: skip
    assert high.fold_spread == pytest.approx(0.02**0.5)
    assert (found.entries[-1].by_fold, found.entries[-1].fold_spread) == ((), None), "it failed"


def test_the_leaderboard_says_on_what_it_rests(found):
    assert (found.n, found.patients, found.folds, found.split, found.leaky) == (N, N // 2, 5, "patient", False)
    assert found.classes == ("a", "b")
    assert found.shortcuts == {"thumbnail": 0.55, "majority": 0.5}


def test_a_score_is_the_seeds_mean_and_more_seeds_that_differ_widen_its_interval():
    generator = np.random.default_rng(1)
    alike, apart = _predicted((0.7, 0.7), generator), _predicted((0.5, 0.9), generator)
    assert values(apart, "accuracy", ordinal=False) == [0.5, 0.9]
    narrow, wide = (score(one, "accuracy", ordinal=False) for one in (alike, apart))
    assert narrow.value == wide.value == pytest.approx(0.7)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert narrow.low < 0.7 < narrow.high


def test_an_undefined_metric_has_no_score():
    three = _predicted(0.7, np.random.default_rng(2))
    constant = np.full_like(three.probabilities, 0.5)
    same = Predicted(**{**vars(three), "labels": np.zeros(N, dtype=np.int64), "probabilities": constant})
    assert score(same, "macro_auroc", ordinal=False) is None


def test_only_known_p_values_are_corrected():
    assert adjusted([0.01, None, 0.04]) == pytest.approx([0.02, None, 0.04])
    assert adjusted([None]) == [None]
