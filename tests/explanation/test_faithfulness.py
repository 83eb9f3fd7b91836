"""The verdict: what it takes, how rarely random maps are called faithful, and what it says."""

import numpy as np
import pandas as pd
import pytest

from birads_zoo.explanation.faithfulness import BASELINES, DECISIVE_SCORES, LESS_IS_BETTER, evaluate_explainer

BETTER = {name: -1 if name in LESS_IS_BETTER else 1 for name in (*DECISIVE_SCORES, "pointing", "energy_in_lesion")}


def rows(generator, patients=30, gain=0.0, alike=0.1, marked=True):
    """Return the rows of one explainer, two images a patient, whose maps are better than all baselines by `gain`."""
    of = np.repeat(np.arange(patients), 2)
    table = pd.DataFrame({"patient_id": of.astype(str)})
    hard = generator.normal(0, 0.1, patients)[of]  # a patient's images go together
    for name, sign in BETTER.items():
        level = 0.4 + hard
        for baseline, names in BASELINES.items():
            if name in names and (baseline, name) != ("random", "pointing"):
                own = generator.normal(0, 0.05, patients)[of] + generator.normal(0, 0.05, 2 * patients)
                table[f"{baseline}_{name}"] = level + own
        table[name] = level + sign * gain + generator.normal(0, 0.05, 2 * patients)
    table["pointing"] = 1.0 if marked else np.nan
    table["pointing_chance"] = 0.02
    table["energy_in_breast"], table["breast_share"], table["ssim"] = 0.9, 0.6, 0.3
    table["rank_correlation"] = np.clip(alike + generator.normal(0, 0.1, 2 * patients), 0, 1)
    return table


def judged(*args, **how):
    return evaluate_explainer(rows(np.random.default_rng(0), *args, **how))


def test_better_than_all_baselines_in_all_three_is_faithful():
    found = judged(gain=0.2)
    assert found.faithful is True
    assert found.depends_on_weights is True
    assert found.verdict.startswith("beats a random, a centred and a brightness map in deletion, insertion and ROAD")
    for baseline in ("random", "centre", "brightness"):
        for name in DECISIVE_SCORES:  # more than 0 is better, whatever the score's direction
            assert found.gain[baseline][name].value == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("baseline", ["random", "centre", "brightness"])
def test_one_score_that_does_not_beat_one_baseline_is_enough_to_fail(baseline):
    table = rows(np.random.default_rng(0), gain=0.2)
    table[f"{baseline}_road"] = table["road"]
    found = evaluate_explainer(table)
    assert found.faithful is False
    assert found.verdict == f"does not beat its baselines: no gain shown in road over {baseline}"


def test_maps_that_random_weights_give_too_are_not_faithful():
    found = judged(gain=0.2, alike=0.8)
    assert (found.faithful, found.depends_on_weights) == (False, False)
    assert found.verdict.endswith("a network with random weights gives maps that are alike")


@pytest.mark.parametrize("flat", [1.0, 0.6])
def test_maps_that_could_not_be_compared_with_random_weights_are_not_shown_to_depend_on_them(flat):
    table = rows(np.random.default_rng(0), gain=0.2)
    table.loc[: int(flat * len(table)) - 1, "rank_correlation"] = np.nan
    before = table.copy()
    found = evaluate_explainer(table)
    assert (found.faithful, found.depends_on_weights) == (False, None)
    assert found.scores["rank_correlation"] is None
    assert found.verdict == (
        "is not shown to depend on the weights: the map or that of random weights is flat in most images, "
        "so how alike they are is undecided"
    )
    pd.testing.assert_frame_equal(table, before)


def test_a_few_flat_maps_leave_the_verdict_to_the_others():
    table = rows(np.random.default_rng(0), gain=0.2)
    table.loc[:10, "rank_correlation"] = np.nan
    found = evaluate_explainer(table)
    assert (found.faithful, found.depends_on_weights) == (True, True)


def test_no_interval_leaves_what_its_score_can_be():
    table = rows(np.random.default_rng(0), patients=4, gain=0.3)
    table["deletion"], table["random_deletion"] = np.repeat([0.0, 1.0], 4), np.repeat([1.0, 0.0], 4)
    table["rank_correlation"] = np.repeat([0.02, 0.9], 4)
    found = evaluate_explainer(table)
    gains = [one for of in found.gain.values() for one in of.values()]
    assert min(one.low for one in gains) == -1
    assert all(-1 <= one.low <= one.value <= one.high <= 1 for one in gains)
    scores = [one for name, one in found.scores.items() if name != "ssim"]
    assert all(0 <= one.low <= one.value <= one.high <= 1 for one in scores)


def test_few_patients_decide_nothing():
    found = judged(patients=9, gain=0.2)
    assert found.faithful is None
    assert found.verdict == "undecided: fewer than 10 patients"


def test_without_lesions_their_scores_are_none_and_the_verdict_stands():
    table = rows(np.random.default_rng(0), gain=0.2, marked=False)
    of_lesions = [name for name in table if name.endswith(("pointing", "energy_in_lesion", "pointing_chance"))]
    table[of_lesions] = np.nan
    found = evaluate_explainer(table)
    assert found.faithful is True
    assert (found.n_lesions, found.n_lesion_patients) == (0, 0)
    assert found.scores["pointing"] is found.gain["random"]["pointing"] is None


def test_a_perfect_pointer_still_has_an_interval():
    pointing = judged(gain=0.2).scores["pointing"]
    assert pointing.value == 1
    assert 0.8 < pointing.low < 1


def test_no_gain_is_shown_more_often_than_its_interval_allows_and_no_verdict_at_all():
    alarms, verdicts, studies = 0, 0, 80
    for seed in range(studies):
        found = evaluate_explainer(rows(np.random.default_rng(seed), patients=25))
        verdicts += found.faithful is True
        alarms += sum(found.gain["random"][name].low > 0 for name in DECISIVE_SCORES)
    assert verdicts <= 0.05 * studies
    assert alarms / (len(DECISIVE_SCORES) * studies) < 0.05  # 2.5 % is meant
