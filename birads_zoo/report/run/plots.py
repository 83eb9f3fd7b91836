"""Builds the charts of a run's page: learning curves, ROC and PR curves with bands, and reliability."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from birads_zoo.evaluation.curves import Curve
from birads_zoo.report.drawing.charts import Score
from birads_zoo.report.drawing.curves import Against
from birads_zoo.report.drawing.svg import Plot, Point, Series, corners
from birads_zoo.results.probabilities import Bin, Recalibration
from birads_zoo.training.history import Epoch

_UNIT = (0.0, 1.0, 0.0, 1.0)
_FIFTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_DASHES = ("", "9 3", "3 2", "9 3 3 3")
_BAND_STEP = 4  # a band has 201 points; every fourth is enough for a small chart


def learning_plots(history: Sequence[Epoch], chosen: Mapping[int, int]) -> list[Plot]:
    """Build the charts of losses and validation scores by epoch; several folds are faint lines behind their mean."""
    loss: list[tuple[str, str, str, Score]] = [
        ("training", "quiet", "4 3", "train_loss"),
        ("validation", "cool", "", "val_loss"),
    ]
    scores: list[tuple[str, str, str, Score]] = [
        ("macro-F1", "cool", "", "val_macro_f1"),
        ("accuracy", "warm", "9 3", "val_accuracy"),
    ]
    plots = []
    for title, kinds in (("Loss", loss), ("Validation scores", scores)):
        lines = [line for kind in kinds for line in _by_epoch(history, chosen, *kind)]
        values = [y for line in lines for _, y in line.points]
        if not values:
            continue
        last = max(epoch.epoch for epoch in history)
        top = 1.0 if kinds is scores else _ticks(0, max(values))[-1]
        plots.append(
            Plot(
                title=title,
                x="epoch",
                y="",
                ends=(min(1, last - 1), max(last, 1), 0.0, top),
                series=lines,
                x_ticks=[tick for tick in _ticks(1, max(last, 2), integer=True) if 1 <= tick <= last],
                y_ticks=_FIFTHS if kinds is scores else _ticks(0, top),
                width=620,
                height=320,
            )
        )
    return plots


def _by_epoch(
    history: Sequence[Epoch], chosen: Mapping[int, int], name: str, tone: str, dash: str, score: Score
) -> list[Series]:
    folds: dict[int, dict[int, float]] = {}
    for epoch in history:
        value: float | None = getattr(epoch, score)
        if value is not None and math.isfinite(value):
            folds.setdefault(epoch.fold, {})[epoch.epoch] = value
    if not folds:
        return []
    # The mean ends with the shortest fold: after that it would jump, because it would be over fewer folds.
    shared = sorted(set.intersection(*(set(curve) for curve in folds.values())))
    means = [(float(epoch), float(np.mean([curve[epoch] for curve in folds.values()]))) for epoch in shared]
    several = f", mean of {len(folds)} folds" if len(folds) > 1 else ""
    lines = [
        Series(name=name, points=_points(curve), tone=tone, dash=dash, faint=True)
        for curve in folds.values()
        if several
    ]
    tips = [f"{name} {value:.3f} after epoch {epoch:.0f}{several}" for epoch, value in means]
    lines.append(Series(name=name, points=means, tips=tips, tone=tone, dash=dash))
    kept = [(fold, chosen[fold]) for fold in folds if chosen.get(fold) in folds[fold]]
    if kept and score.startswith("val_"):
        lines.append(
            Series(
                name="",
                points=[(float(epoch), folds[fold][epoch]) for fold, epoch in kept],
                tips=[f"fold {fold + 1} kept epoch {epoch}: {name} {folds[fold][epoch]:.3f}" for fold, epoch in kept],
                tone=tone,
                dots=[3.5] * len(kept),
                line=False,
            )
        )
    return lines


def _points(curve: Mapping[int, float]) -> list[Point]:
    return [(float(epoch), curve[epoch]) for epoch in sorted(curve)]


def _ticks(low: float, high: float, *, integer: bool = False) -> list[float]:
    locator = MaxNLocator("auto" if integer else 5, integer=integer, min_n_ticks=2)
    return [float(tick) for tick in locator.tick_values(low, max(high, low + 1e-6)) if tick >= low - 1e-9]


def roc_plots(together: Against | None, each: Sequence[Against]) -> list[Plot]:
    """Build the ROC charts of the positive classes `together`, unless `None`, and of each class."""

    def tip_text(line: Against, curve: Curve, x: float, y: float) -> str:
        return f"{line.name}: sensitivity {y:.3f} at specificity {1 - x:.3f}"

    names = ("false positive rate (1 − specificity)", "sensitivity")
    return _panels(together, each, "roc", names, tip_text, [(0.0, 0.0), (1.0, 1.0)])


def pr_plots(together: Against | None, each: Sequence[Against]) -> list[Plot]:
    """Build the precision-recall charts of the same classes."""

    def tip_text(line: Against, curve: Curve, x: float, y: float) -> str:
        return f"{line.name}: precision {y:.3f} at recall {x:.3f} (by chance {line.positives / line.n:.3f})"

    return _panels(together, each, "pr", ("recall (sensitivity)", "precision"), tip_text, ())


def _panels(
    together: Against | None,
    each: Sequence[Against],
    kind: str,
    names: tuple[str, str],
    tip_text: Callable[[Against, Curve, float, float], str],
    guide: Sequence[Point],
) -> list[Plot]:
    area = "pooled AUC" if kind == "roc" else "AP"
    parts: list[tuple[str, list[Series], Sequence[Point]]] = []
    if together is not None:
        share = together.positives / together.n
        chance = guide or [(0.0, share), (1.0, share)]
        parts.append(("positive against the rest", _curve(together, kind, area, "ink", "", tip_text), chance))
    if together is None or len(each) > 2:
        lines = [_curve(line, kind, area, f"c{k}", _DASHES[k % len(_DASHES)], tip_text) for k, line in enumerate(each)]
        parts.append(("each class against the rest", [series for curve in lines for series in curve], guide))
    return [
        Plot(
            title=f"{kind.upper()}: {title}",
            x=names[0],
            y=names[1],
            ends=_UNIT,
            series=series,
            x_ticks=_FIFTHS,
            y_ticks=_FIFTHS,
            guide=chance,
        )
        for title, series, chance in parts
    ]


def _curve(
    line: Against,
    kind: str,
    area: str,
    tone: str,
    dash: str,
    tip_text: Callable[[Against, Curve, float, float], str],
) -> list[Series]:
    curve: Curve | None = getattr(line, kind)
    if curve is None:
        return []
    points = corners([(float(x), float(y)) for x, y in zip(curve.x, curve.y, strict=True)])
    few = " · too few pairs" if kind == "roc" and line.basis.few else ""
    band = [tuple(map(float, point)) for point in zip(curve.at, curve.low, curve.high, strict=True)]
    return [
        Series(
            name=f"{line.name} · {area} {curve.area:.3f} · {line.positives} of {line.n}{few}",
            points=points,
            tips=[tip_text(line, curve, x, y) for x, y in points],
            tone=tone,
            dash=dash,
            band=[*band[::_BAND_STEP], band[-1]],  # type: ignore[list-item]  # tuples of three
        )
    ]


def reliability_plots(calibration: Recalibration) -> list[Plot]:
    """Build the reliability diagrams: how often a stated probability came true.

    There is one for the predicted class and one for each class; of two classes only the second has one.
    """
    drawn = [("as the network states it", "warm", "circle", calibration.before)]
    if calibration.after is not None:
        drawn.append(("recalibrated", "cool", "square", calibration.after))
    classes = [scores.name for scores in calibration.before.per_class]
    panels = [("The predicted class", [step.top_label for *_, step in drawn])]
    for k in [1] if len(classes) == 2 else range(len(classes)):
        panels.append((classes[k], [step.per_class[k].bins for *_, step in drawn]))
    return [
        Plot(
            title=title,
            x="stated probability",
            y="share that came true",
            ends=_UNIT,
            series=[_bins(*look[:3], bins) for look, bins in zip(drawn, series, strict=True)],
            x_ticks=_FIFTHS,
            y_ticks=_FIFTHS,
            guide=[(0.0, 0.0), (1.0, 1.0)],
        )
        for title, series in panels
    ]


def _bins(name: str, tone: str, marker: str, bins: Sequence[Bin]) -> Series:
    most = max(point.n for point in bins)
    at = [(point.predicted, point.observed) for point in bins]
    return Series(
        name=name,
        points=[(x, share.value) for x, share in at],
        tips=[
            f"{name}: stated {x:.2f}, came true {share.value:.2f} ({share.low:.2f} to {share.high:.2f}), n = {point.n}"
            for (x, share), point in zip(at, bins, strict=True)
        ],
        tone=tone,
        bars=[(x, share.low, share.high) for x, share in at],
        dots=[2.5 + 4 * math.sqrt(point.n / most) for point in bins],
        marker=marker,
    )
