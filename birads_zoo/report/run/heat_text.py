"""What `explanations.json` says, as lines of text."""

from __future__ import annotations

from birads_zoo.evaluation.statistics.intervals import FEW
from birads_zoo.evaluation.words import leak_note
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.explanations import Baseline, ExplainerScores, Explanations, MapScore

_ROWS: tuple[tuple[str, MapScore], ...] = (
    ("deletion, less is better", "deletion"),
    ("insertion", "insertion"),
    ("ROAD, less is better", "road"),
    ("sum in the breast", "energy_in_breast"),
    ("points into a lesion", "pointing"),
    ("sum in lesions", "energy_in_lesion"),
)
AT_LESIONS: tuple[MapScore, ...] = ("pointing", "energy_in_lesion")
"""The scores that only images with marked lesions have."""

_BASELINES: dict[Baseline, str] = {
    "random": "at random",
    "centre": "centred",
    "brightness": "brightness",
    "untrained": "untrained",
}
_GAINS: dict[Baseline, str] = {"random": "random", "centre": "centred", "brightness": "brightness"}
_COLUMNS = ("", "maps", *_BASELINES.values(), *(f"gain over {name}" for name in _GAINS.values()))


def explanations_text(found: Explanations) -> str:
    """Lay out every explainer's scores, those of the baselines, the gains over them, and the verdict."""
    lines = [
        f"{found.n} of {found.of} test images of {found.patients} patients, {found.with_lesions} of them"
        f" with marked lesions, explained out of fold ({found.split} split{leak_note(found)}, {found.folds} folds,"
        f" target {found.target}; 95 % intervals over patients)"
    ]
    for name, one in found.explainers.items():
        cells = [_COLUMNS, *(_cells(title, key, one) for title, key in _ROWS if one.scores.get(key))]
        widths = [max(len(row[column]) for row in cells) for column in range(len(_COLUMNS))]
        lines += ["", f"{name} {one.verdict}"]
        for row in cells:
            padded = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            lines.append(f"  {row[0].ljust(widths[0])}  {'  '.join(padded)}".rstrip())
        alike = f"rank correlation {_value(one.scores.get('rank_correlation'))} · SSIM {_value(one.scores.get('ssim'))}"
        lines.append(f"  with the maps of random weights: {alike}")
        if note := few_lesions(one):
            lines.append(f"  {note}")
    return "\n".join(lines)


def few_lesions(one: ExplainerScores) -> str:
    """Say what † beside an explainer's scores at lesions means; "" where enough patients have lesions, or none has."""
    if not 0 < one.n_lesion_patients < FEW:
        return ""
    held = f"† of fewer than {FEW} patients ({one.n_lesion_patients})"
    return f"{held}: intervals hold the truth less often than they say"


def _cells(title: str, key: MapScore, one: ExplainerScores) -> tuple[str, ...]:
    at_lesion = key in AT_LESIONS
    few = " †" * (at_lesion and bool(few_lesions(one)))
    n = f" (n = {one.n_lesions if at_lesion else one.n}){few}"
    if key == "energy_in_breast":  # the baselines lie in the breast by construction
        return (
            title + n,
            _value(one.scores.get(key)),
            _bare(one.scores.get("breast_share")),
            *[""] * (len(_COLUMNS) - 3),
        )
    return (
        title + n,
        _value(one.scores.get(key)),
        *(_bare(one.baselines[baseline].get(key)) for baseline in _BASELINES),
        *(_gain(one.gain[baseline].get(key)) for baseline in _GAINS),
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
