from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace
from PIL import Image

from birads_zoo.evaluation.probabilities.conformal import read_conformal
from birads_zoo.evaluation.probabilities.recalibration import read_calibration
from birads_zoo.evaluation.rows import PredictedRows
from birads_zoo.report.drawing import calibration as calibration_figures
from birads_zoo.report.drawing import style
from birads_zoo.report.drawing.style import COOL, WARM
from birads_zoo.results.estimate import Estimate

CLASSES = {
    2: ("normal", "abnormal"),
    4: ("BI-RADS 1", "BI-RADS 3", "BI-RADS 4", "BI-RADS 5"),
    7: ("a finding with a name that is far too long for any axis", "$x_1$", "乳", "a_b", "", "[4]", "7"),
}
CONTEXT = "resnet50 · patient split · n = 12"


def predicted(k: int, patients: int, seed: int) -> PredictedRows:
    generator = np.random.default_rng(seed)
    n = 2 * patients
    labels = generator.integers(0, max(k - 1, 2), n)  # with many classes, one has no row
    probabilities = generator.dirichlet(np.ones(k), n) + 0.3 * np.eye(k)[labels]
    return PredictedRows(
        labels=labels,
        probabilities=probabilities / probabilities.sum(axis=1, keepdims=True),
        patients=np.repeat(np.arange(patients), 2).astype(str),
        folds=np.zeros(n, dtype=np.int64),
        about=pd.DataFrame(),
        classes=CLASSES[k],
        ordinal=True,
    )


def colours(path: Path) -> set[str]:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert 600 <= picture.width < 4000
        assert 150 <= picture.height < 4000
        counts = picture.convert("RGB").getcolors(1 << 24)
    assert counts is not None
    return {"#{:02x}{:02x}{:02x}".format(*colour) for count, colour in counts if count > 30}


@pytest.mark.parametrize("k", [2, 4, pytest.param(7, marks=pytest.mark.slow)])
@pytest.mark.parametrize("validated", [30, 4])
def test_reliability_before_and_if_recalibrated_after(tmp_path: Path, k: int, validated: int) -> None:
    calibration = read_calibration(predicted(k, 60, 0), predicted(k, validated, 1), {0: np.zeros(k)})
    calibration_figures.reliability(calibration, tmp_path / "reliability.png", CONTEXT)
    shown = colours(tmp_path / "reliability.png")
    assert WARM in shown
    assert (COOL in shown) == (validated == 30)


@pytest.mark.parametrize("k", [2, 4, pytest.param(7, marks=pytest.mark.slow)])
@pytest.mark.parametrize("validated", [30, 4])
def test_coverage_and_sizes_of_sets(tmp_path: Path, k: int, validated: int) -> None:
    conformal = read_conformal(predicted(k, 60, 0), predicted(k, validated, 1), 0.9, chose_epoch=False, leak="none")
    calibration_figures.conformal_sets(conformal, tmp_path / "sets.png", CONTEXT)
    assert COOL in colours(tmp_path / "sets.png")


def test_a_class_that_sets_hold_too_seldom_stands_out(tmp_path: Path) -> None:
    conformal = read_conformal(predicted(4, 60, 0), predicted(4, 30, 1), 0.9, chose_epoch=False, leak="none")
    seldom = replace(conformal.per_class[1], coverage=Estimate(value=0.5, low=0.4, high=0.6))
    conformal = replace(conformal, per_class=(conformal.per_class[0], seldom, *conformal.per_class[2:]))
    calibration_figures.conformal_sets(conformal, tmp_path / "sets.png", CONTEXT)
    assert WARM in colours(tmp_path / "sets.png")


def test_the_key_says_why_folds_were_left_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    monkeypatch.setattr(style, "write", lambda axes, x, y, text, *_, **__: texts.append(text))
    calibration = read_calibration(predicted(4, 60, 0), predicted(4, 4, 1), {0: np.zeros(4)})
    calibration_figures.reliability(calibration, tmp_path / "reliability.png", CONTEXT)
    assert " ".join(texts).endswith("1 of 1 folds not recalibrated: 4 validation patients are too few: 10 are needed")
