"""Size and power by simulation: patients with 1 to 8 dependent images, and models with the same difficult rows."""

import numpy as np
import pytest
from msgspec.structs import asdict

from birads_zoo.evaluation.rows import OutOfFold
from birads_zoo.evaluation.statistics.comparison import compare_pair, gain_over_best, holm, rank_with_ties
from birads_zoo.evaluation.statistics.resampling import clusters, resample
from birads_zoo.evaluation.statistics.weighted import weighted_scores


def sample(generator, patients, better=0.0, seeds=1, seed_noise=0.0):
    """Return two models on the same rows: logits = truth + a shared patient effect + noise of each model and seed."""
    of = np.repeat(np.arange(patients), generator.integers(1, 9, patients))
    labels = generator.integers(0, 3, patients)[of]
    shared = generator.normal(0, 0.7, (patients, 3))[of] + generator.normal(0, 0.7, (len(of), 3))

    def model(skill):
        logits = []
        for _ in range(seeds):
            own = shared + generator.normal(0, 0.7, shared.shape)
            own[np.arange(len(of)), labels] += skill + generator.normal(0, seed_noise)
            logits.append(np.exp(own) / np.exp(own).sum(axis=1, keepdims=True))
        return np.stack(logits)

    return labels, model(1.0 + better), model(1.0), of.astype(str)


def out_of_fold(probabilities, folds=None):
    """Return predictions (S, n, K) of networks of one fold, or of `folds`."""
    seeds, rows = probabilities.shape[:2]
    return OutOfFold(probabilities=probabilities, folds=np.zeros((seeds, rows), int) if folds is None else folds)


def rejections(times, metric, **options):
    generator = np.random.default_rng(5)
    comparisons = []
    for _ in range(times):
        labels, first, second, patients = sample(generator, **options)
        comparisons.append(
            compare_pair(labels, out_of_fold(first), out_of_fold(second), patients, metric, ordinal=True)
        )
    return comparisons


@pytest.mark.parametrize(
    ("metric", "seeds", "noise"),
    [
        ("macro_f1", 3, 0.0),
        pytest.param("macro_f1", 3, 0.3, marks=pytest.mark.slow),
        pytest.param("macro_auroc", 3, 0.3, marks=pytest.mark.slow),
    ],
)
def test_equal_models_are_rarely_called_different(metric, seeds, noise):
    comparisons = rejections(300, metric, patients=60, seeds=seeds, seed_noise=noise)
    wrong = np.mean([comparison.p_value < 0.05 for comparison in comparisons])
    assert wrong <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 300), wrong


def test_a_gap_of_the_stated_size_is_found_at_the_stated_power():
    comparisons = rejections(200, "macro_f1", patients=80, better=0.26, seeds=2)
    true = np.mean([comparison.difference for comparison in comparisons])
    stated = np.mean([comparison.smallest_gap for comparison in comparisons])
    power = np.mean([comparison.p_value < 0.05 for comparison in comparisons])
    # By the normal curve, a gap g is found with power Φ(2.8 · g / stated − 1.96): 0.8 where g is the stated one.
    from scipy.stats import norm

    assert power == pytest.approx(norm.cdf(2.8 * true / stated - 1.96), abs=0.09), (true, stated, power)
    covered = np.mean([comparison.low <= true <= comparison.high for comparison in comparisons])
    assert 0.91 <= covered <= 0.99, covered


def test_a_model_does_not_differ_from_itself():
    labels, first, _, patients = sample(np.random.default_rng(0), 20, seeds=2)
    assert first[0].tolist() != first[1].tolist()
    first[1] = first[0]
    comparison = compare_pair(labels, out_of_fold(first), out_of_fold(first), patients, "accuracy", ordinal=True)
    assert (comparison.difference, comparison.p_value) == (0, 1)


def test_an_undefined_metric_gives_no_comparison():
    labels, first, second, patients = sample(np.random.default_rng(0), 20, seeds=2)
    assert (
        compare_pair(labels, out_of_fold(first), out_of_fold(second), patients, "kappa_quadratic", ordinal=False)
        is None
    )


def test_one_seed_gives_no_p_value():
    labels, first, second, patients = sample(np.random.default_rng(0), 100, better=1.5)
    comparison = compare_pair(labels, out_of_fold(first), out_of_fold(second), patients, "macro_f1", ordinal=True)
    assert comparison.low > 0, "the interval is of these two trained models"
    assert comparison.p_value is comparison.smallest_gap is None


def test_each_model_and_seed_has_its_own_folds():
    """Rows of the second fold score 0.8 higher: where folds are given, this has no effect."""
    labels, patients = np.array([0, 1, 0, 1] * 10), np.arange(40).astype(str)
    folds = (np.arange(40) >= 20).astype(int)
    right = np.where(labels == 1, 0.1, 0.05) + 0.8 * folds
    both = np.stack([1 - right, right], axis=1)
    first, second = out_of_fold(both[None].repeat(2, 0), np.stack([folds, folds])), out_of_fold(both[None].repeat(2, 0))
    comparison = compare_pair(labels, first, second, patients, "macro_auroc", ordinal=True)
    assert comparison.difference == pytest.approx(1 - 0.75)


def test_the_sign_says_which_is_better():
    labels, first, second, patients = sample(np.random.default_rng(0), 100, better=1.5)
    forward = compare_pair(labels, out_of_fold(first), out_of_fold(second), patients, "macro_f1", ordinal=True)
    backward = compare_pair(labels, out_of_fold(second), out_of_fold(first), patients, "macro_f1", ordinal=True)
    assert forward.difference > 0 > backward.high
    assert forward.difference == pytest.approx(-backward.difference)


def test_the_gain_is_over_the_best_shortcut():
    labels = np.array([0, 1] * 30)
    patients = np.repeat(np.arange(30), 2).astype(str)
    right, wrong = np.eye(2)[labels], np.eye(2)[1 - labels]
    half = np.where((np.arange(60) % 4 < 2)[:, None], right, wrong)
    shortcuts = {"bad": wrong, "half": half}
    gain = gain_over_best(labels, right, shortcuts, np.zeros(60, int), patients, ("accuracy",), ordinal=True)[
        "accuracy"
    ]
    assert gain[0] == "half"
    assert gain[1].value == pytest.approx(0.5)
    assert 0.2 < gain[1].low < 0.5 < gain[1].high < 0.8


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_ranks_are_shared_where_no_difference_is_shown():
    pairwise = np.ones((4, 4))
    pairwise[0, 2] = pairwise[2, 0] = pairwise[0, 3] = pairwise[3, 0] = 0.01
    assert rank_with_ties(np.array([0.9, 0.85, 0.7, 0.6]), pairwise) == [1, 1, 3, 3]
    assert rank_with_ties(np.array([0.6, 0.9]), np.ones((2, 2))) == [1, 1]


def test_a_resample_holds_whole_patients():
    patients = np.array(["a", "a", "b", "", "", "c"])
    weights = resample(patients, 500, np.random.default_rng(0)).repeats(np.arange(6))
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3] != weights[:, 4]).any(), "rows without a patient come and go alone"
    assert weights[:, [0, 2, 3, 4, 5]].sum(axis=1).tolist() == [5] * 500


@pytest.mark.parametrize("blank", ["", " "])
def test_each_row_without_a_patient_is_a_cluster_of_its_own_however_short_the_ids_are(blank):
    of = clusters(np.array([blank] * 30 + ["a", "b", "a"]))
    assert len(set(of[:30])) == 30
    assert of[30] == of[32] != of[31]
    assert set(of) == set(range(32))


def test_weighted_scores_are_those_of_repeated_rows():
    from birads_zoo.evaluation.metrics import evaluate

    generator = np.random.default_rng(1)
    labels, probabilities = generator.integers(0, 4, 60), generator.random((60, 4)).round(1) + 0.01
    weights = generator.integers(0, 3, (5, 60)).astype(float)
    folds = generator.integers(0, 2, 60)
    scores = weighted_scores(labels, probabilities, folds, weights, True)
    for b in range(5):
        rows = np.repeat(np.arange(60), weights[b].astype(int))
        metrics = evaluate(labels[rows], probabilities[rows], folds[rows], tuple("abcd"))
        for name in ("accuracy", "balanced_accuracy", "kappa_quadratic"):
            assert scores[name][b] == pytest.approx(getattr(metrics, name)), name
        for name, value in asdict(metrics.macro).items():
            assert scores[f"macro_{name}"][b] == pytest.approx(value), name
        for k, entry in enumerate(metrics.per_class):
            for name in ("precision", "recall", "f1", "auroc", "pooled_auroc"):
                assert scores[f"{name}:{k}"][b] == pytest.approx(getattr(entry, name)), (name, k)
