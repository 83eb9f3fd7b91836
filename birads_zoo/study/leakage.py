"""Measures how much a leaking split inflates a score: the same recipe split by image, by breast and by patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from birads_zoo.data.index.audit import choose_target
from birads_zoo.data.index.load import load_index
from birads_zoo.data.splits.split import may_leak
from birads_zoo.errors import UserError
from birads_zoo.evaluation.statistics.comparison import SEED_NOISE, UNDEFINED
from birads_zoo.report.study.leaderboard import SchemeScore
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.scores import Metric
from birads_zoo.study.executors.tasks import Failure
from birads_zoo.study.gather import Predicted
from birads_zoo.study.plan import Study, Variant
from birads_zoo.study.redaction import public_text
from birads_zoo.study.score import adjusted, compare, score, shortcut_scores

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host

LEVEL = 0.05

_SPLITS = {"image": ("patient", "breast", "image"), "breast": ("patient", "breast")}
"""The splits that differ from each other, by the level of the labels; the split by patient is first."""


def fitting(study: Study, host: Host) -> Study:
    """Return the leakage study with only those splits that differ at the level of its recipe's labels.

    Raises:
        UserError: for labels of patients, and for data that cannot be loaded.

    """
    section = study.variants[0].recipe.dataset
    level = section.level
    if not level:
        level = choose_target(host.dataset(section.name), section.target, load_index(section, host)).level
    if level not in _SPLITS:
        raise UserError(
            "a leakage study puts pictures of one patient on both sides of a split, and labels of the patient "
            "(dataset.level) keep those of an exam together: set dataset.level to 'image', or to 'breast' with "
            "dataset.views = 'breast'"
        )
    return replace(
        study, variants=tuple(variant for variant in study.variants if variant.recipe.split.scheme in _SPLITS[level])
    )


def inflation(
    variants: Sequence[Variant],
    predicted: Mapping[str, Predicted],
    failures: Mapping[str, Failure],
    metric: Metric,
    *,
    ordinal: bool,
) -> tuple[SchemeScore, ...]:
    """Return each split's score, and its difference to the split by patient, which comes first and has a result.

    What it estimates: by how much the score reported under a leaking split exceeds the score under the split by
    patient, for this recipe on this data. It is the mean difference over patients and seeds on the same rows, which
    were predicted out of fold under both splits. A part of the difference may come from training on other rows; the
    test is whether it is zero. The comparison is paired by row and seed, and clustered by patient (see
    `score.compare`). The p-values are corrected over the splits that are tested. With one seed there is no test and no
    verdict.
    """
    base_variant = variants[0]
    base = predicted[base_variant.name]
    rows = []
    for variant in variants:
        scheme = variant.recipe.split.scheme
        if variant.name in failures:
            rows.append(
                SchemeScore(
                    scheme=scheme,
                    leaky=may_leak(scheme),
                    leak_proven=False,  # unknown, because it has no result
                    error=public_text(failures[variant.name].reason),
                )
            )
            continue
        estimate = score(predicted[variant.name], metric, ordinal=ordinal)
        lookup = shortcut_scores(predicted[variant.name], metric).get("patient_lookup")
        leaking = [run for run in predicted[variant.name].metrics if run.leaky]
        row = SchemeScore(
            scheme=scheme,
            leaky=bool(leaking),
            leak_proven=any(run.leak_proven for run in leaking) or not leaking,
            score=estimate,
            patient_lookup=lookup,
        )
        if variant is base_variant:
            rows.append(row)
            continue
        row = msgspec.structs.replace(row, verdict=UNDEFINED)
        if comparison := compare(predicted[variant.name], base, metric, ordinal=ordinal):
            row = msgspec.structs.replace(
                row,
                inflation=Estimate(value=comparison.difference, low=comparison.low, high=comparison.high),
                p=comparison.p_value,
                smallest_gap=comparison.smallest_gap,
                verdict=SEED_NOISE,
            )
        rows.append(row)
    corrected = adjusted([row.p for row in rows])
    return tuple(
        row if p is None else msgspec.structs.replace(row, p=p, verdict=_verdict(row.inflation, p))
        for row, p in zip(rows, corrected, strict=True)
    )


def _verdict(inflated: Estimate | None, p: float) -> str:
    if inflated is None or p >= LEVEL or inflated.value == 0:
        return "no inflation shown"
    return "inflates the score" if inflated.value > 0 else "lowers the score"
