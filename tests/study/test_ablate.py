"""An ablation's verdict speaks of what it removes, and a null ablation shows nothing."""

from dataclasses import replace

import numpy as np
import pytest

from birads_zoo.evaluation.rows import OutOfFold
from birads_zoo.evaluation.statistics.comparison import UNDEFINED
from birads_zoo.recipe import Recipe
from birads_zoo.results.estimate import Estimate
from birads_zoo.study.ablate import COLLAPSED, HELPS, HURTS, NOT_SHOWN, NOTHING, effects, verdict
from birads_zoo.study.execute import Failure
from birads_zoo.study.gather import Predicted
from birads_zoo.study.plan import Variant

FULL = Variant(recipe=Recipe())


def _ablated(name):
    return Variant(recipe=Recipe().replace({"ablations": [name]}), ablation=name)


def _predicted(generator, right, seeds=3, patients=100):
    """Two classes, two images a patient, of which a share `right` is predicted rightly, each seed by its own chance."""
    labels = np.repeat(np.arange(patients) % 2, 2)
    hit = generator.random((seeds, len(labels))) < right
    second = np.where(hit, labels, 1 - labels) * 0.6 + 0.2
    return Predicted(
        rows=np.arange(len(labels)),
        labels=labels,
        patients=np.repeat(np.arange(patients).astype(str), 2),
        classes=("a", "b"),
        out_of_fold=OutOfFold(
            probabilities=np.stack([1 - second, second], axis=-1), folds=np.zeros(second.shape, dtype=np.int64)
        ),
        metrics=({},) * seeds,
        costs=({},) * seeds,
    )


def _effects(names, predicted, failures=None):
    variants = (FULL, *map(_ablated, names))
    found = effects(variants, predicted, failures or {}, "macro_f1", ordinal=False)
    return {row.name: row for row in found}


def _name(ablation):
    return _ablated(ablation).name


def test_verdicts_speak_of_what_is_removed():
    generator = np.random.default_rng(0)
    predicted = {
        FULL.name: _predicted(generator, 0.75),
        _name("no-dropout"): _predicted(generator, 0.55),  # worse without it: dropout helps
        _name("no-freeze"): _predicted(generator, 0.95),  # better without it: freezing hurts
        _name("no-augmentation"): _predicted(generator, 0.75),
    }
    found = _effects(["no-dropout", "no-freeze", "no-augmentation"], predicted)
    assert found["no-dropout"].verdict == HELPS
    assert found["no-dropout"].effect.low < 0.2 < found["no-dropout"].effect.high
    assert found["no-freeze"].verdict == HURTS
    assert found["no-freeze"].effect.value == pytest.approx(-0.2, abs=0.1)
    assert found["no-freeze"].effect.high < 0
    assert found["no-augmentation"].verdict == NOT_SHOWN
    assert found["no-augmentation"].effect.low < 0 < found["no-augmentation"].effect.high


def test_the_p_values_are_corrected_over_the_ablations_that_were_tested():
    generator = np.random.default_rng(1)
    predicted = {FULL.name: _predicted(generator, 0.7)}
    predicted[_name("no-dropout")] = _predicted(generator, 0.63)
    alone = _effects(["no-dropout"], predicted)["no-dropout"]
    predicted |= {_name(name): _predicted(generator, 0.7) for name in ("no-freeze", "no-augmentation")}
    failures = {_name("no-pretrained"): Failure(reason="it does nothing", nothing_changed=True)}
    together = _effects(["no-dropout", "no-freeze", "no-augmentation", "no-pretrained"], predicted, failures)
    assert 0 < alone.p < 0.3
    assert together["no-dropout"].p == pytest.approx(min(3 * alone.p, 1)), "Holm: three were tested, four were asked"


def test_what_cannot_be_tested_is_a_row_that_says_so():
    generator = np.random.default_rng(2)
    full = _predicted(generator, 0.7)
    predicted = {FULL.name: full, _name("no-dropout"): full}
    failures = {
        _name("no-freeze"): Failure(reason="ablation 'no-freeze' changes nothing", nothing_changed=True),
        _name("no-batchnorm"): Failure(reason="seed 0: it diverged"),
    }
    found = _effects(["no-dropout", "no-freeze", "no-batchnorm"], predicted, failures)
    assert (found["no-dropout"].verdict, found["no-dropout"].p) == (NOTHING, None), "the very same predictions"
    assert (found["no-freeze"].verdict, found["no-freeze"].effect) == (NOTHING, None)
    assert (found["no-batchnorm"].verdict, found["no-batchnorm"].effect) == ("failed: seed 0: it diverged", None)


def test_two_networks_that_call_every_image_one_class_are_no_comparison():
    generator = np.random.default_rng(3)
    predicted = {FULL.name: _predicted(generator, 0.7), _name("no-dropout"): _predicted(generator, 0.7)}
    for found in predicted.values():
        found.out_of_fold.probabilities[..., 1] = 0.3 * found.out_of_fold.probabilities[..., 1]
        found.out_of_fold.probabilities[..., 0] = 1 - found.out_of_fold.probabilities[..., 1]
    row = _effects(["no-dropout"], predicted)["no-dropout"]
    assert (row.verdict, row.effect, row.p) == (COLLAPSED, None, None)
    (row,) = effects((FULL, _ablated("no-dropout")), predicted, {}, "macro_auroc", ordinal=False)
    assert row.p is not None, "the order of the probabilities can still be compared"


def test_a_verdict_needs_a_small_p_and_a_sign():
    up, down = (Estimate(value=value, low=value - 1, high=value + 1) for value in (0.1, -0.1))
    assert [verdict(up, 0.04), verdict(down, 0.04)] == [HELPS, HURTS]
    assert [verdict(up, 0.05), verdict(None, 0.01)] == [NOT_SHOWN, NOT_SHOWN]


def _null(generator, seeds, patients=60):
    """Predictions of four models that differ by the chance of rows and of seeds; some patients are hard for all."""
    of = np.repeat(np.arange(patients), 3)
    labels, hard = of % 2, 0.8 + generator.normal(0, 1.2, patients)[of]
    for name in (FULL.name, *map(_name, NULLS)):
        logit = hard + generator.normal(0, 0.6, (seeds, len(of))) + generator.normal(0, 0.25, (seeds, 1))
        hit = generator.random(logit.shape) < 1 / (1 + np.exp(-logit))
        second = np.where(hit, labels, 1 - labels) * 0.6 + 0.2
        yield (
            name,
            Predicted(
                rows=np.arange(len(of)),
                labels=labels,
                patients=of.astype(str),
                classes=("a", "b"),
                out_of_fold=OutOfFold(
                    probabilities=np.stack([1 - second, second], axis=-1),
                    folds=np.zeros(second.shape, dtype=np.int64),
                ),
                metrics=({},) * seeds,
                costs=({},) * seeds,
            ),
        )


NULLS = ("no-dropout", "no-freeze", "no-augmentation")


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 3])
def test_null_ablations_are_shown_no_more_often_than_the_level_says(seeds):
    """A study of three is wrong if any is shown: at 5 %, 12 of 100 studies would be so by chance once in 200 times.

    (Seen: 10 and 8 of 200 with 2 and 3 seeds. With one seed, whose chance no test can see, 71 of 200.)
    """
    wrong = 0
    for study in range(100):
        found = _effects(NULLS, dict(_null(np.random.default_rng(study), seeds)))
        wrong += any(row.verdict != NOT_SHOWN for row in found.values())
    assert wrong < 12, f"{wrong} of 100 studies gave a null ablation an effect"


def test_a_metric_that_the_rows_do_not_tell_is_no_verdict():
    generator = np.random.default_rng(0)
    predicted = {FULL.name: _predicted(generator, 0.75), _name("no-dropout"): _predicted(generator, 0.5)}
    predicted = {name: replace(found, labels=np.zeros_like(found.labels)) for name, found in predicted.items()}
    (row,) = effects((FULL, _ablated("no-dropout")), predicted, {}, "macro_auroc", ordinal=False)
    assert (row.effect, row.p, row.verdict) == (None, None, UNDEFINED)


def test_one_seed_gives_a_difference_and_no_verdict():
    generator = np.random.default_rng(0)
    predicted = {
        FULL.name: _predicted(generator, 0.75, seeds=1),
        _name("no-dropout"): _predicted(generator, 0.5, seeds=1),
    }
    row = _effects(["no-dropout"], predicted)["no-dropout"]
    assert (row.verdict, row.p) == ("seed noise not measured", None)
    assert row.effect.low > 0
