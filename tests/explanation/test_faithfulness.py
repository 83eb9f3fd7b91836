"""The verdict: its conditions, how rarely random maps are called faithful, and its text."""

import numpy as np
import pandas as pd
import pytest

from birads_zoo.explanation.faithfulness import BASELINES, DECISIVE_SCORES, LESS_IS_BETTER, evaluate_explainer

BETTER = {name: -1 if name in LESS_IS_BETTER else 1 for name in (*DECISIVE_SCORES, "pointing", "energy_in_lesion")}


def rows(generator, patients=30, gain=0.0, correlation=0.1, marked=True):
    """Return the rows of an explainer, two images per patient, whose maps are better than all baselines by `gain`."""
    of = np.repeat(np.arange(patients), 2)
    table = pd.DataFrame({"patient_id": of.astype(str)})
    hard = generator.normal(0, 0.1, patients)[of]  # a patient's images are correlated
    for name, sign in BETTER.items():
        level = 0.4 + hard
        for baseline, names in BASELINES.items():
            if name in names and (baseline, name) != ("random", "pointing"):
                noise = generator.normal(0, 0.05, patients)[of] + generator.normal(0, 0.05, 2 * patients)
                table[f"{baseline}_{name}"] = level + noise
        table[name] = level + sign * gain + generator.normal(0, 0.05, 2 * patients)
    table["pointing"] = 1.0 if marked else np.nan
    table["pointing_chance"] = 0.02
    table["energy_in_breast"], table["breast_share"], table["ssim"] = 0.9, 0.6, 0.3
    table["rank_correlation"] = np.clip(correlation + generator.normal(0, 0.1, 2 * patients), 0, 1)
    return table


def evaluated(*args, **options):
    return evaluate_explainer(rows(np.random.default_rng(0), *args, **options))


def test_better_than_all_baselines_in_all_three_is_faithful():
    scores = evaluated(gain=0.2)
    assert scores.faithful is True
    assert scores.depends_on_weights is True
    assert scores.verdict.startswith("beats a random, a centred and a brightness map in deletion, insertion and ROAD")
    for baseline in ("random", "centre", "brightness"):
        for name in DECISIVE_SCORES:  # above 0 is better for every score
            assert scores.gain[baseline][name].value == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("baseline", ["random", "centre", "brightness"])
def test_one_score_that_does_not_beat_a_baseline_is_enough_to_fail(baseline):
    table = rows(np.random.default_rng(0), gain=0.2)
    table[f"{baseline}_road"] = table["road"]
    scores = evaluate_explainer(table)
    assert scores.faithful is False
    assert scores.verdict == f"does not beat its baselines: no gain shown over {baseline} in ROAD"


def test_maps_that_random_weights_also_give_are_not_faithful():
    scores = evaluated(gain=0.2, correlation=0.8)
    assert (scores.faithful, scores.depends_on_weights) == (False, False)
    assert scores.verdict.endswith("a network with random weights gives similar maps")


@pytest.mark.parametrize("flat", [1.0, 0.6])
def test_maps_that_could_not_be_compared_with_random_weights_are_not_shown_to_depend_on_them(flat):
    table = rows(np.random.default_rng(0), gain=0.2)
    table.loc[: int(flat * len(table)) - 1, "rank_correlation"] = np.nan
    before = table.copy()
    scores = evaluate_explainer(table)
    assert (scores.faithful, scores.depends_on_weights) == (False, None)
    assert scores.scores["rank_correlation"] is None
    assert scores.verdict == (
        "is not shown to depend on the weights: the map or that of random weights is flat in most images, "
        "so their similarity is undecided"
    )
    pd.testing.assert_frame_equal(table, before)


def test_a_few_flat_maps_do_not_prevent_a_verdict():
    table = rows(np.random.default_rng(0), gain=0.2)
    table.loc[:10, "rank_correlation"] = np.nan
    scores = evaluate_explainer(table)
    assert (scores.faithful, scores.depends_on_weights) == (True, True)


def test_intervals_stay_in_the_range_of_their_scores():
    table = rows(np.random.default_rng(0), patients=4, gain=0.3)
    table["deletion"], table["random_deletion"] = np.repeat([0.0, 1.0], 4), np.repeat([1.0, 0.0], 4)
    table["rank_correlation"] = np.repeat([0.02, 0.9], 4)
    scores = evaluate_explainer(table)
    gains = [estimate for of in scores.gain.values() for estimate in of.values()]
    assert min(estimate.low for estimate in gains) == -1
    assert all(-1 <= estimate.low <= estimate.value <= estimate.high <= 1 for estimate in gains)
    scores = [estimate for name, estimate in scores.scores.items() if name != "ssim"]
    assert all(0 <= estimate.low <= estimate.value <= estimate.high <= 1 for estimate in scores)


def test_with_few_patients_there_is_no_verdict():
    scores = evaluated(patients=9, gain=0.2)
    assert scores.faithful is None
    assert scores.verdict == "undecided: fewer than 10 patients"


def test_without_lesions_their_scores_are_none_and_there_is_still_a_verdict():
    table = rows(np.random.default_rng(0), gain=0.2, marked=False)
    of_lesions = [name for name in table if name.endswith(("pointing", "energy_in_lesion", "pointing_chance"))]
    table[of_lesions] = np.nan
    scores = evaluate_explainer(table)
    assert scores.faithful is True
    assert (scores.n_lesions, scores.n_lesion_patients) == (0, 0)
    assert scores.scores["pointing"] is scores.gain["random"]["pointing"] is None


def test_perfect_pointing_still_has_an_interval():
    pointing = evaluated(gain=0.2).scores["pointing"]
    assert pointing.value == 1
    assert 0.8 < pointing.low < 1


def test_gains_of_random_maps_are_rarely_shown_and_no_verdict_is_faithful():
    alarms, verdicts, studies = 0, 0, 80
    for seed in range(studies):
        scores = evaluate_explainer(rows(np.random.default_rng(seed), patients=25))
        verdicts += scores.faithful is True
        alarms += sum(scores.gain["random"][name].low > 0 for name in DECISIVE_SCORES)
    assert verdicts <= 0.05 * studies
    assert alarms / (len(DECISIVE_SCORES) * studies) < 0.05  # the nominal rate is 2.5 %
