"""An ablation's verdict is about the part it removes, and a null ablation has no effect."""

from dataclasses import replace

import numpy as np
import pytest

from birads_zoo.evaluation.rows import OutOfFold
from birads_zoo.evaluation.statistics.comparison import UNDEFINED
from birads_zoo.recipe import Recipe
from birads_zoo.results.estimate import Estimate
from birads_zoo.study.ablate import COLLAPSED, HELPS, HURTS, NOT_SHOWN, NOTHING, effects, verdict
from birads_zoo.study.executors.tasks import Failure
from birads_zoo.study.gather import Predicted
from birads_zoo.study.plan import Variant

FULL = Variant(recipe=Recipe())


def _ablated(name):
    return Variant(recipe=Recipe().replace({"ablations": [name]}), ablation=name)


def _predicted(generator, right, seeds=3, patients=100):
    """Return predictions for two classes and two images per patient; each seed is correct for a share `right`."""
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
    rows = effects(variants, predicted, failures or {}, "macro_f1", ordinal=False)
    return {row.name: row for row in rows}


def _name(ablation):
    return _ablated(ablation).name


def test_verdicts_are_about_the_removed_part():
    generator = np.random.default_rng(0)
    predicted = {
        FULL.name: _predicted(generator, 0.75),
        _name("no-dropout"): _predicted(generator, 0.55),  # worse without it: dropout helps
        _name("no-freeze"): _predicted(generator, 0.95),  # better without it: freezing hurts
        _name("no-augmentation"): _predicted(generator, 0.75),
    }
    rows = _effects(["no-dropout", "no-freeze", "no-augmentation"], predicted)
    assert rows["no-dropout"].verdict == HELPS
    assert rows["no-dropout"].effect.low < 0.2 < rows["no-dropout"].effect.high
    assert rows["no-freeze"].verdict == HURTS
    assert rows["no-freeze"].effect.value == pytest.approx(-0.2, abs=0.1)
    assert rows["no-freeze"].effect.high < 0
    assert rows["no-augmentation"].verdict == NOT_SHOWN
    assert rows["no-augmentation"].effect.low < 0 < rows["no-augmentation"].effect.high


def test_the_p_values_are_corrected_over_the_ablations_that_were_tested():
    generator = np.random.default_rng(1)
    predicted = {FULL.name: _predicted(generator, 0.7)}
    predicted[_name("no-dropout")] = _predicted(generator, 0.63)
    alone = _effects(["no-dropout"], predicted)["no-dropout"]
    predicted |= {_name(name): _predicted(generator, 0.7) for name in ("no-freeze", "no-augmentation")}
    failures = {_name("no-pretrained"): Failure(reason="it does nothing", nothing_changed=True)}
    together = _effects(["no-dropout", "no-freeze", "no-augmentation", "no-pretrained"], predicted, failures)
    assert 0 < alone.p < 0.3
    assert together["no-dropout"].p == pytest.approx(min(3 * alone.p, 1)), "Holm: three were tested, of four"


def test_an_ablation_that_cannot_be_tested_has_a_row_with_the_reason():
    generator = np.random.default_rng(2)
    full = _predicted(generator, 0.7)
    predicted = {FULL.name: full, _name("no-dropout"): full}
    failures = {
        _name("no-freeze"): Failure(reason="ablation 'no-freeze' changes nothing", nothing_changed=True),
        _name("no-batchnorm"): Failure(reason="seed 0: it diverged"),
    }
    rows = _effects(["no-dropout", "no-freeze", "no-batchnorm"], predicted, failures)
    assert (rows["no-dropout"].verdict, rows["no-dropout"].p) == (NOTHING, None), "exactly the same predictions"
    assert (rows["no-freeze"].verdict, rows["no-freeze"].effect) == (NOTHING, None)
    assert (rows["no-batchnorm"].verdict, rows["no-batchnorm"].effect) == ("failed: seed 0: it diverged", None)


def test_two_networks_that_predict_a_single_class_are_not_compared():
    generator = np.random.default_rng(3)
    predicted = {FULL.name: _predicted(generator, 0.7), _name("no-dropout"): _predicted(generator, 0.7)}
    for predictions in predicted.values():
        predictions.out_of_fold.probabilities[..., 1] = 0.3 * predictions.out_of_fold.probabilities[..., 1]
        predictions.out_of_fold.probabilities[..., 0] = 1 - predictions.out_of_fold.probabilities[..., 1]
    row = _effects(["no-dropout"], predicted)["no-dropout"]
    assert (row.verdict, row.effect, row.p) == (COLLAPSED, None, None)
    (row,) = effects((FULL, _ablated("no-dropout")), predicted, {}, "macro_auroc", ordinal=False)
    assert row.p is not None, "the order of the probabilities can still be compared"


def test_a_verdict_needs_a_small_p_and_a_sign():
    up, down = (Estimate(value=value, low=value - 1, high=value + 1) for value in (0.1, -0.1))
    assert [verdict(up, 0.04), verdict(down, 0.04)] == [HELPS, HURTS]
    assert [verdict(up, 0.05), verdict(None, 0.01)] == [NOT_SHOWN, NOT_SHOWN]


def _null(generator, seeds, patients=60):
    """Yield predictions of four models that differ by chance of rows and seeds; some patients are hard for all."""
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
def test_null_ablations_have_an_effect_no_more_often_than_the_level_allows(seeds):
    """A study of three is wrong if any has an effect: at 5 %, 12 of 100 studies are wrong by chance once in 200 times.

    (Observed: 10 and 8 of 200 with 2 and 3 seeds. With one seed, where no test sees seed noise, 71 of 200.)
    """
    wrong = 0
    for study in range(100):
        rows = _effects(NULLS, dict(_null(np.random.default_rng(study), seeds)))
        wrong += any(row.verdict != NOT_SHOWN for row in rows.values())
    assert wrong < 12, f"{wrong} of 100 studies gave a null ablation an effect"


def test_an_undefined_metric_gives_no_verdict():
    generator = np.random.default_rng(0)
    predicted = {FULL.name: _predicted(generator, 0.75), _name("no-dropout"): _predicted(generator, 0.5)}
    predicted = {
        name: replace(predictions, labels=np.zeros_like(predictions.labels)) for name, predictions in predicted.items()
    }
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
