"""Compares the full model with each ablated model, and gives a verdict on the part that the ablation removes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from birads_zoo.evaluation.statistics.comparison import SEED_NOISE, UNDEFINED
from birads_zoo.report.study.leaderboard import Effect
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.scores import Metric
from birads_zoo.study.executors.tasks import Failure
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

    What it estimates: by how much `metric` falls without the part (full model minus ablated model), as the mean over
    patients and seeds; positive where the part helps. The comparison is paired: both models were trained on the same
    folds with the same seeds, and with the same batch order and initial weights where the ablation keeps them. The
    p-values are corrected over all effects that are tested here (`score.adjusted`), and the verdict uses them at 5 %.
    The 95 % intervals are not corrected. With one seed there are no tests and so no verdicts.

    There is a row without a test for an ablation that changes nothing (because it says so, or because the predictions
    are exactly the same), for one that failed or whose full model failed, and for one where both models predict the
    same class for every image. The last does not apply if `metric` is an area, which uses the order of the
    probabilities.
    """
    rows = [_effect(variant, predicted, failures, metric, ordinal=ordinal) for variant in variants if variant.ablation]
    corrected = adjusted([row.p for row in rows])
    return tuple(
        row if p is None else replace(row, p=p, verdict=verdict(row.effect, p))
        for row, p in zip(rows, corrected, strict=True)
    )


def verdict(effect: Estimate | None, p: float) -> str:
    """Return the verdict on the part that the ablation removes."""
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
    backbone = variant.full  # the model's name and mark, because several recipes may have the same backbone
    for name in (variant.full, variant.name):
        if name in failures:
            reason = (
                NOTHING
                if failures[name].nothing_changed
                else f"{failures[name].kind}: {public_text(failures[name].reason)}"
            )
            return Effect(name=variant.ablation, backbone=backbone, effect=None, p=None, verdict=reason)
    full, without = predicted[variant.full], predicted[variant.name]
    if same_predictions(full, without):
        nothing = Estimate(value=0.0, low=0.0, high=0.0)
        return Effect(name=variant.ablation, backbone=backbone, effect=nothing, p=None, verdict=NOTHING)
    if "auroc" not in metric and same_class_throughout(full) and same_class_throughout(without):
        return Effect(name=variant.ablation, backbone=backbone, effect=None, p=None, verdict=COLLAPSED)
    comparison = compare(full, without, metric, ordinal=ordinal)
    if comparison is None:
        return Effect(name=variant.ablation, backbone=backbone, effect=None, p=None, verdict=UNDEFINED)
    effect = Estimate(value=comparison.difference, low=comparison.low, high=comparison.high)
    return Effect(name=variant.ablation, backbone=backbone, effect=effect, p=comparison.p_value, verdict=SEED_NOISE)
