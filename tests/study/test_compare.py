"""The leaderboard's values: scores and intervals over seeds, ties, gains, costs, and models that failed."""

import itertools
from functools import partial

import numpy as np
import pytest
from msgspec.structs import replace

from birads_zoo.evaluation.rows import OutOfFold
from birads_zoo.recipe import Recipe
from birads_zoo.results.cost import Cost
from birads_zoo.results.environment import Machine
from birads_zoo.results.scores import METRICS
from birads_zoo.study.compare import leaderboard
from birads_zoo.study.executors.tasks import Failure
from birads_zoo.study.gather import Predicted
from birads_zoo.study.plan import Study, Variant
from birads_zoo.study.score import adjusted, compare, score, values

N = 200


MACHINE = Machine(
    started="", python="", platform="", cpus=2, memory_gib=None, versions={}, commit=None, device="cpu",
    device_name="", precision="float32",
)  # fmt: skip


@pytest.fixture(scope="module")
def predicted(made_metrics):
    """Runs of two classes, two rows per patient; seed s is right for a share `right[s]`: `predicted(right, …)`."""
    return partial(_predicted, made_metrics)


def _predicted(made_metrics, right, generator, seeds=2, **metrics):
    labels = np.repeat(np.arange(N // 2) % 2, 2)
    shares = np.broadcast_to(right, (seeds,))
    hit = np.stack([generator.permutation(np.arange(N)) < round(N * share) for share in shares])
    second = np.where(hit, labels, 1 - labels) * 0.6 + 0.2
    of_class = {"precision": 0.5, "recall": 0.5, "pooled_auroc": 0.6, "support": N // 2}
    of_fold = {"patients": 9, "absent": [], **dict.fromkeys(METRICS)}
    own = {
        "target": "t", "split": "patient", "folds": 5, "patients": N // 2,
        "per_class": [
            of_class | {"name": "a", "f1": 0.5, "auroc": 0.7}, of_class | {"name": "b", "f1": 0.4, "auroc": None}
        ],
        "per_fold": [
            of_fold | {"fold": 0, "n": 120, "accuracy": 0.6}, of_fold | {"fold": 1, "n": 80, "accuracy": 0.8}
        ],
        "spread_over_folds": {name: {"mean": 0.7, "sd": 0.02**0.5} for name in METRICS},
    }  # fmt: skip
    cost = Cost(
        parameters=10, trainable=10, flops=None, train_rate=10.0, predict_rate=10.0, peak_memory=None, energy=None,
        seconds=None,
    )  # fmt: skip
    return Predicted(
        rows=np.arange(N),
        labels=labels,
        patients=np.repeat(np.arange(N // 2).astype(str), 2),
        classes=("a", "b"),
        out_of_fold=OutOfFold(
            probabilities=np.stack([1 - second, second], axis=-1), folds=np.zeros(second.shape, dtype=np.int64)
        ),
        metrics=(made_metrics(**own | metrics),) * seeds,
        costs=tuple(replace(cost, train_rate=10.0 * (s + 1)) for s in range(seeds)),
    )


def _variant(backbone):
    return Variant(recipe=Recipe().replace({"model.backbone": backbone}))


@pytest.fixture(scope="module")
def models(predicted):
    generator = np.random.default_rng(0)
    gain = {"value": 0.1, "low": 0.0, "high": 0.2, "over": "thumbnail"}
    gains = {"over": "majority", "macro_f1": gain, "macro_auroc": None}
    nothing = {"over": "", "macro_f1": None, "macro_auroc": None}
    shortcuts = {name: {"macro_f1": f1, "macro_auroc": None} for name, f1 in (("thumbnail", 0.55), ("majority", 0.5))}
    return {
        "low": predicted(0.6, generator, shortcuts=shortcuts),
        "high": predicted((0.9, 0.92), generator, gain=gains),
        "twin": predicted((0.9, 0.91), generator, gain=nothing),
    }


@pytest.fixture(scope="module")
def board(models):
    """The leaderboard of four made-up models by a metric: `board(metric)`."""
    return lambda metric: _board(models, metric)


@pytest.fixture(scope="module")
def table(board):
    return board("accuracy")


def _board(models, metric):
    names = ("low", "broken", "high", "twin")
    study = Study(
        kind="compare",
        variants=tuple(map(_variant, names)),
        seeds=(0, 1),
        metric=metric,
        command="birads-zoo compare",
    )
    failures = {"broken": Failure(reason="seed 0: it never builds")}
    return leaderboard(study, models, failures, MACHINE, (), ordinal=False)


def test_entries_are_sorted_by_score_and_failed_entries_come_last(table):
    assert [entry.name for entry in table.entries] == ["high", "twin", "low", "broken"]
    assert [entry.score and round(entry.score.value, 3) for entry in table.entries] == [0.91, 0.905, 0.6, None]
    assert table.entries[-1].error == "seed 0: it never builds"


def test_models_without_a_significant_difference_share_a_rank(table):
    assert table.ranks == (1, 1, 3, None)
    p = table.pairwise
    assert p[0][1] > 0.05 > p[0][2]
    assert [p[k][k] for k in range(4)] == [None] * 4
    assert [row[3] for row in p] == list(p[3]) == [None] * 4
    assert p[0][2] == p[2][0]


def test_with_one_seed_there_is_no_rank_and_no_test(predicted):
    generator = np.random.default_rng(0)
    models = {"low": predicted(0.6, generator, seeds=1), "high": predicted(0.9, generator, seeds=1)}
    study = Study(kind="compare", variants=tuple(map(_variant, models)), seeds=(0,), metric="accuracy", command="")
    table = leaderboard(study, models, {}, MACHINE, (), ordinal=False)
    assert [entry.name for entry in table.entries] == ["high", "low"]
    assert table.ranks == (None, None)
    assert table.pairwise == ((None, None), (None, None))
    assert table.smallest_gap is None


def test_models_with_equal_predictions_are_not_tested(predicted):
    """They share a rank, and p-values are corrected only for the pairs that are tested."""
    first, second = predicted(0.9, np.random.default_rng(0)), predicted(0.8, np.random.default_rng(1))
    boards = []
    for models in ({"one": first, "other": second}, {"one": first, "copy": first, "other": second}):
        study = Study(
            kind="compare", variants=tuple(map(_variant, models)), seeds=(0, 1), metric="accuracy", command=""
        )
        boards.append(leaderboard(study, models, {}, MACHINE, (), ordinal=False))
    (alone, together), ranks = boards, boards[1].ranks
    assert together.pairwise[0][1] is None
    assert ranks[0] == ranks[1] == 1
    assert together.pairwise[0][2] == pytest.approx(min(2 * alone.pairwise[0][1], 1))


def test_the_smallest_gap_is_the_largest_of_all_pairs(table, models):
    gaps = [
        compare(a, b, "accuracy", ordinal=False).smallest_gap for a, b in itertools.combinations(models.values(), 2)
    ]
    assert min(gaps) < 0.9 * max(gaps), "the pairs differ"
    assert table.smallest_gap == max(gaps)


def test_an_entry_has_its_spread_classes_and_cost(table):
    high = table.entries[0]
    assert high.seed_spread == pytest.approx(0.02 / 2**0.5)
    assert [(row.name, row.f1, row.auroc, row.n, row.patients) for row in high.per_class] == [
        ("a", 0.5, 0.7, N // 2, N // 4),
        ("b", 0.4, None, N // 2, N // 4),
    ]
    assert (high.parameters, high.flops, high.train_rate, high.energy) == (10, None, 15.0, None)


def test_the_gain_and_the_shortcuts_are_of_the_metric_where_runs_have_them(board, table):
    by_f1 = board("macro_f1")
    high, twin = by_f1.entries[:2]
    assert (high.gain.value, high.gain.low, high.gain.high, high.best_shortcut) == (
        pytest.approx(0.1), pytest.approx(0.0), pytest.approx(0.2), "thumbnail",
    )  # fmt: skip
    assert (twin.gain, twin.best_shortcut) == (None, "")
    assert by_f1.shortcuts == {"thumbnail": 0.55, "majority": 0.5}
    assert (table.entries[0].gain, table.shortcuts) == (None, {}), "shortcuts are not scored by accuracy"


def test_each_fold_of_every_seed_has_a_score_and_the_spread_is_within_seeds(table):
    high = table.entries[0]
    assert [(fold.seed, fold.fold, fold.n, fold.value) for fold in high.by_fold] == [
        (0, 0, 120, 0.6), (0, 1, 80, 0.8), (1, 0, 120, 0.6), (1, 1, 80, 0.8),
    ]  # fmt: skip
    assert high.fold_spread == pytest.approx(0.02**0.5)
    assert (table.entries[-1].by_fold, table.entries[-1].fold_spread) == ((), None), "it failed"


def test_the_leaderboard_describes_its_data(table):
    assert (table.n, table.patients, table.folds, table.split, table.leaky) == (N, N // 2, 5, "patient", False)
    assert table.classes == ("a", "b")
    assert table.environment == MACHINE


def test_a_score_is_the_mean_of_seeds_and_seeds_that_differ_widen_its_interval(predicted):
    generator = np.random.default_rng(1)
    equal, apart = predicted((0.7, 0.7), generator), predicted((0.5, 0.9), generator)
    assert values(apart, "accuracy", ordinal=False) == [0.5, 0.9]
    narrow, wide = (score(model, "accuracy", ordinal=False) for model in (equal, apart))
    assert narrow.value == wide.value == pytest.approx(0.7)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert narrow.low < 0.7 < narrow.high


def test_an_undefined_metric_has_no_score(predicted):
    three = predicted(0.7, np.random.default_rng(2))
    same = Predicted(**{**vars(three), "labels": np.zeros(N, dtype=np.int64)})
    assert score(same, "macro_auroc", ordinal=False) is None


def test_only_known_p_values_are_corrected():
    assert adjusted([0.01, None, 0.04]) == pytest.approx([0.02, None, 0.04])
    assert adjusted([None]) == [None]
