"""What the part that each ablation removes is worth: the full model against the one without it, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from birads_zoo.evaluation.statistics.comparison import SEED_NOISE, UNDEFINED
from birads_zoo.report.study.leaderboard import Effect
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.scores import Metric
from birads_zoo.study.execute import Failure
from birads_zoo.study.gather import Predicted
from birads_zoo.study.plan import Variant
from birads_zoo.study.redaction import public_text
from birads_zoo.study.score import adjusted, compare, same_class_throughout, same_predictions

HELPS, HURTS, NOT_SHOWN = "what it removes helps", "what it removes hurts", "not shown"
NOTHING = "it changes nothing here"
COLLAPSED = "nothing to compare: with it and without, every image is called the same class"
LEVEL = 0.05


def effects(
    variants: Sequence[Variant],
    predicted: Mapping[str, Predicted],
    failures: Mapping[str, Failure],
    metric: Metric,
    *,
    ordinal: bool,
) -> tuple[Effect, ...]:
    """Return an effect for every ablated variant, in order; `predicted` and `failures` are by the variants' names.

    What it estimates: by how much `metric` falls when the part is taken away (full model less ablated one), as the
    mean over patients and seeds; positive where the part helps. Paired: both were trained on the same folds with the
    same seeds, batch order and initial weights where the ablation leaves them. The p-values are corrected over all
    effects that are tested here (`score.adjusted`), and the verdict goes by them at 5 %. The intervals are single
    ones, at 95 %, not corrected. With one seed there are no tests and so no verdicts.
    An ablation that changes nothing, whether it says so or predicts the same to the last digit, is a row of its own
    kind and no test; so is one that failed, or whose full model did, and one where both call every image the same
    class, unless `metric` is an area, which goes by the order of the probabilities.
    """
    rows = [_effect(variant, predicted, failures, metric, ordinal=ordinal) for variant in variants if variant.ablation]
    corrected = adjusted([row.p for row in rows])
    return tuple(
        row if p is None else replace(row, p=p, verdict=verdict(row.effect, p))
        for row, p in zip(rows, corrected, strict=True)
    )


def verdict(effect: Estimate | None, p: float) -> str:
    """Say what an effect shows, from the point of view of the part that the ablation removes."""
    if effect is None or p >= LEVEL or effect.value == 0:
        return NOT_SHOWN
    return HELPS if effect.value > 0 else HURTS


def _effect(
    variant: Variant,
    predicted: Mapping[str, Predicted],
    failures: Mapping[str, Failure],
    metric: Metric,
    *,
    ordinal: bool,
) -> Effect:
    backbone = variant.full  # the model's name and mark: two recipes of one backbone are told apart
    for name in (variant.full, variant.name):
        if name in failures:
            said = (
                NOTHING
                if failures[name].nothing_changed
                else f"{failures[name].kind}: {public_text(failures[name].reason)}"
            )
            return Effect(name=variant.ablation, backbone=backbone, effect=None, p=None, verdict=said)
    full, without = predicted[variant.full], predicted[variant.name]
    if same_predictions(full, without):
        nothing = Estimate(value=0.0, low=0.0, high=0.0)
        return Effect(name=variant.ablation, backbone=backbone, effect=nothing, p=None, verdict=NOTHING)
    if "auroc" not in metric and same_class_throughout(full) and same_class_throughout(without):
        return Effect(name=variant.ablation, backbone=backbone, effect=None, p=None, verdict=COLLAPSED)
    found = compare(full, without, metric, ordinal=ordinal)
    if found is None:
        return Effect(name=variant.ablation, backbone=backbone, effect=None, p=None, verdict=UNDEFINED)
    effect = Estimate(value=found.difference, low=found.low, high=found.high)
    return Effect(name=variant.ablation, backbone=backbone, effect=effect, p=found.p_value, verdict=SEED_NOISE)
