"""The figures of a run's readings: curves with bands, and subgroups."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from msgspec.structs import replace
from PIL import Image

from birads_zoo.evaluation.curves import curves
from birads_zoo.evaluation.pairs import count_pairs
from birads_zoo.evaluation.statistics.resampling import resample
from birads_zoo.report.drawing import curves as curve_figures
from birads_zoo.report.drawing import style
from birads_zoo.report.drawing import subgroups as subgroup_figure
from birads_zoo.report.drawing.curves import Against
from birads_zoo.report.run import plots as run_plots
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.subgroups import Attribute, Group, GroupScores, Subgroups

CONTEXT = "resnet50 · patient split · n = 12"
WARM = (0xC8, 0x50, 0x1E)


def against(name: str, n: int, share: float, seed: int = 0) -> Against:
    generator = np.random.default_rng(seed)
    positive = np.arange(n) < share * n
    drawn_curves = curves(positive, generator.random(n) + positive, resample(np.arange(n).astype(str), 50, generator))
    roc, pr = drawn_curves or (None, None)
    basis = count_pairs(positive, np.arange(n).astype(str), np.zeros(n, np.int64))
    return Against(name=name, positives=int(positive.sum()), n=n, roc=roc, pr=pr, basis=basis)


def drawn(path: Path) -> Any:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB"))
    assert max(pixels.shape) < 4000
    assert (pixels < 128).all(axis=2).mean() > 0.001, f"{path.name} is blank"
    return pixels


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of the figures that are saved."""
    texts: list[str] = []
    save = style.save

    def save_and_read(figure: Figure, path: Path) -> None:
        texts.extend(text.get_text() for text in figure.findobj(Text))
        save(figure, path)

    monkeypatch.setattr(style, "save", save_and_read)
    return texts


@pytest.mark.parametrize("k", [2, 4, pytest.param(7, marks=pytest.mark.slow)])
@pytest.mark.parametrize("n", [1, 60])
@pytest.mark.parametrize("together", [True, False])
def test_curves_of_any_number_of_classes_and_rows(tmp_path: Path, k: int, n: int, together: bool) -> None:
    each = [against(f"$x_{c}$, a class with a name that is far too long", n, 1 / k, c) for c in range(k)]
    positive = against(" or ".join(f"BI-RADS {c}" for c in range(k)), n, 0.5) if together else None
    for draw in (curve_figures.roc_curves, curve_figures.pr_curves):
        path = tmp_path / f"{draw.__name__}.png"
        draw(positive, each, path, CONTEXT)
        width = drawn(path).shape[1]
        assert (width > 1500) == (together and k > 2), "two classes read together are one panel, as is no reading"


def test_a_class_without_rows_is_named_as_one_without_a_curve(written: list[str], tmp_path: Path) -> None:
    curve_figures.roc_curves(None, [against("a", 20, 0.0), against("b", 20, 1.0)], tmp_path / "roc.png", CONTEXT)
    drawn(tmp_path / "roc.png")
    assert sum("no curve" in text for text in written) == 2, written


def group(value: str, n: int, score: float | None) -> Group:
    scores = None
    if score is not None:
        auroc = Estimate(value=score, low=score - 0.1, high=score + 0.1)
        scores = GroupScores(auroc=auroc, accuracy=None, macro_f1=None)
    return Group(value=value, n=n, patients=n, positives=n // 2, absent=(), scores=scores)


def subgroups(differs: bool) -> Subgroups:
    groups = (group("A", 40, 0.8), group("B", 50, 0.6), group("unknown", 1, None))
    density = Attribute(groups=groups, p_value=0.001, corrected=0.001, differs=differs)
    return Subgroups(tested="auroc", rule="", caution="", all=group("", 91, 0.7), attributes={"density": density})


def test_subgroups_that_differ_are_coloured(tmp_path: Path) -> None:
    warm = []
    for differs in (False, True):
        subgroup_figure.subgroups(subgroups(differs), tmp_path / "groups.png", CONTEXT)
        warm.append((np.abs(drawn(tmp_path / "groups.png").astype(int) - WARM).max(axis=2) < 12).sum())
    assert warm[0] == 0
    assert warm[1] > 300


def test_a_figure_without_subgroups_has_a_note(written: list[str], tmp_path: Path) -> None:
    without = replace(subgroups(False), attributes={}, all=group("", 5, None))
    subgroup_figure.subgroups(without, tmp_path / "groups.png", CONTEXT)
    drawn(tmp_path / "groups.png")
    assert any("no attribute has two known values" in text.replace("\n", " ") for text in written), written


def test_an_area_of_too_few_pairs_is_flagged_beside_its_curve(written: list[str], tmp_path: Path) -> None:
    few, enough = against("few", 12, 0.25), against("enough", 60, 0.5)
    curve_figures.roc_curves(None, [few, enough], tmp_path / "roc.png", CONTEXT)
    assert [text for text in written if "pairs" in text] == ["too few pairs"]
    (name, other) = (run_plots.roc_plots(None, [few, enough])[0].series[place].name for place in (0, 1))
    assert name.endswith(" · 3 of 12 · too few pairs")
    assert other.endswith(" · 30 of 60")
