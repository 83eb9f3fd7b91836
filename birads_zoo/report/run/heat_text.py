"""Formats `explanations.json` as lines of text."""

from __future__ import annotations

from birads_zoo.evaluation.statistics.intervals import FEW
from birads_zoo.evaluation.words import leak_note
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.explanations import Baseline, ExplainerScores, Explanations, MapScore

_ROWS: tuple[tuple[str, MapScore], ...] = (
    ("deletion, lower is better", "deletion"),
    ("insertion", "insertion"),
    ("ROAD, lower is better", "road"),
    ("sum in the breast", "energy_in_breast"),
    ("points into a lesion", "pointing"),
    ("sum in lesions", "energy_in_lesion"),
)
_SIMILARITIES: tuple[MapScore, MapScore] = ("rank_correlation", "ssim")
AT_LESIONS: tuple[MapScore, ...] = ("pointing", "energy_in_lesion")
"""The scores of images with marked lesions only."""

_BASELINES: dict[Baseline, str] = {
    "random": "at random",
    "centre": "centred",
    "brightness": "brightness",
    "untrained": "untrained",
}
_GAINS: dict[Baseline, str] = {"random": "random", "centre": "centred", "brightness": "brightness"}
_COLUMNS = ("", "maps", *_BASELINES.values(), *(f"gain over {name}" for name in _GAINS.values()))


def explanations_text(explanations: Explanations) -> str:
    """Return every explainer's scores, those of the baseline maps, the gains over them, and the verdict, as text."""
    lines = [
        f"{explanations.n} of {explanations.of} test images of {explanations.patients} patients,"
        f" {explanations.with_lesions} of them with marked lesions, explained out of fold"
        f" ({explanations.split} split{leak_note(explanations)}, {explanations.folds} folds,"
        f" target {explanations.target}; 95 % intervals over patients)"
    ]
    for name, explainer in explanations.explainers.items():
        cells = [_COLUMNS, *(_cells(title, key, explainer) for title, key in _ROWS if explainer.scores.get(key))]
        widths = [max(len(row[column]) for row in cells) for column in range(len(_COLUMNS))]
        lines += ["", f"{name} {explainer.verdict}"]
        for row in cells:
            padded = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            lines.append(f"  {row[0].ljust(widths[0])}  {'  '.join(padded)}".rstrip())
        correlation, ssim = (_value(explainer.scores.get(key)) for key in _SIMILARITIES)
        lines.append(f"  with the maps of random weights: rank correlation {correlation} · SSIM {ssim}")
        if note := few_lesions(explainer):
            lines.append(f"  {note}")
    return "\n".join(lines)


def few_lesions(explainer: ExplainerScores) -> str:
    """Return what † beside an explainer's scores at lesions means; "" if no patient or enough patients have lesions."""
    if not 0 < explainer.n_lesion_patients < FEW:
        return ""
    few = f"† of fewer than {FEW} patients ({explainer.n_lesion_patients})"
    return f"{few}: the intervals are too narrow"


def _cells(title: str, key: MapScore, explainer: ExplainerScores) -> tuple[str, ...]:
    at_lesion = key in AT_LESIONS
    few = " †" * (at_lesion and bool(few_lesions(explainer)))
    n = f" (n = {explainer.n_lesions if at_lesion else explainer.n}){few}"
    if key == "energy_in_breast":  # the baseline maps are inside the breast by construction
        return (
            title + n,
            _value(explainer.scores.get(key)),
            _bare(explainer.scores.get("breast_share")),
            *[""] * (len(_COLUMNS) - 3),
        )
    return (
        title + n,
        _value(explainer.scores.get(key)),
        *(_bare(explainer.baselines[baseline].get(key)) for baseline in _BASELINES),
        *(_gain(explainer.gain[baseline].get(key)) for baseline in _GAINS),
    )


def _bare(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"{estimate.value:.3f}"


def _value(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{estimate.value:.3f} [{estimate.low:.3f} {estimate.high:.3f}]"


def _gain(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    shown = " *" if estimate.low > 0 else "  "
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f}){shown}"
