"""An audit counts the samples that a run predicts, and scores shortcuts on them."""

import numpy as np
import pytest
from PIL import Image

from birads_zoo.inspection.audit import audit
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipe import DatasetSection, SplitSection


@pytest.fixture
def root(tmp_path):
    """Six patients with a picture of each breast; patient 0 has two categories, and patient 1 lacks a file."""
    lines = ["image_path,patient_id,laterality,view,assessment"]
    for patient in range(6):
        for side in "LR":
            if (patient, side) != (1, "R"):
                grey = np.full((48, 40), 20 * patient + 5 * (side == "L"), np.uint8)
                Image.fromarray(grey).save(tmp_path / f"{patient}{side}.png")
            category = 5 if (patient, side) == (0, "R") else 1 + 3 * (patient % 2)
            lines.append(f"{patient}{side}.png,{patient},{side},CC,{category}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    return tmp_path


@pytest.mark.parametrize(
    ("level", "counts", "dropped"),
    [
        ("", {"BI-RADS 1": 5, "BI-RADS 4": 5, "BI-RADS 5": 1}, {"no file": 1}),
        ("breast", {"BI-RADS 1": 5, "BI-RADS 4": 5, "BI-RADS 5": 1}, {"no file": 1}),
        ("patient", {"BI-RADS 1": 2, "BI-RADS 4": 3, "BI-RADS 5": 0}, {"contradicting labels": 2, "no file": 1}),
    ],
)
def test_samples_are_counted_at_the_labels_level(root, level, counts, dropped):
    section = DatasetSection(name="csv", root=str(root), level=level)
    result = audit(section, load_host(), Screen(), split=None, seed=0, probe=False)
    assert (result.level, result.to_dict()["level"]) == (level or "image", level or "image")
    assert {name: result.classes[name] for name in counts} == counts
    assert result.summary.dropped == dropped
    assert result.summary.usable == 12 - sum(dropped.values())


def test_shortcuts_are_scored_on_exams_if_labels_are_of_patients(root, monkeypatch):
    counts = []
    monkeypatch.setattr(
        "birads_zoo.shortcuts.sheet.fit_without_pixels", lambda labelled, *_: counts.append(len(labelled.labels)) or ()
    )
    section = DatasetSection(name="csv", root=str(root), level="patient", views="exam")
    (root / "table.csv").write_text((root / "table.csv").read_text().replace("R.png,0,R,CC,5", "R.png,0,R,CC,1"))
    audit(section, load_host(), Screen(), split=SplitSection(folds=2, validation=0), seed=0, probe=False)
    assert counts == [6]
