"""The plugins of examples/more_plugins, written after docs/plugins.md alone: short, sound, and run together."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import binom

import birads_zoo as bz
from birads_zoo import conformance, pipeline
from birads_zoo.interfaces import OutputsContext
from birads_zoo.plugin.host import load_host

FILES = sorted((Path(__file__).parents[1] / "examples" / "more_plugins").glob("*.py"))


@pytest.fixture(scope="module")
def host():
    return load_host(FILES, strict=True)


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    """Twelve patients' folders, each with two pictures and a text file; one line is unreadable."""
    root = tmp_path_factory.mktemp("patients")
    random = np.random.default_rng(0)
    for patient in range(12):
        folder = root / f"p{patient:02d}"
        folder.mkdir()
        label = ("normal", "benign", "malignant")[patient % 3]
        for name in ("LCC.png", "RCC.png"):
            Image.fromarray(random.integers(20, 220, (48, 40), dtype=np.uint8)).save(folder / name)
        (folder / "truth.txt").write_text(f"LCC.png,{label}\nRCC.png,{label}\n" + "no label here\n" * (patient == 3))
    return root


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_is_short(path):
    assert len(path.read_text().splitlines()) <= 40


@pytest.mark.parametrize(
    ("kind", "name"), [("losses", "binomial"), ("datasets", "patient-folders"), ("trackers", "journal")]
)
def test_it_keeps_its_contract(host, kind, name):
    assert conformance.check_spec(host.of_kind(kind)[name].spec) == []


@pytest.mark.parametrize("member", ["1x8", "2x88"])
def test_the_familys_members_keep_theirs(host, member):
    assert conformance.check_backbone(host.backbone(f"strided/{member}")) == []


def test_one_logit_makes_the_binomial_distribution(host):
    spec = host.loss("binomial")
    outputs = spec.outputs(OutputsContext(classes=4, options=spec.options()))
    probability = 0.3
    logits = torch.tensor([[np.log(probability / (1 - probability))]])
    probabilities = outputs.scores(logits).softmax(1)[0].numpy()
    np.testing.assert_allclose(probabilities, binom.pmf(range(4), 3, probability), atol=1e-6)


def test_all_of_them_together_make_a_run_that_the_tracker_stops(patients, tmp_path, monkeypatch):
    # Figures and the tests of shortcuts take most of so small a run's time, and no plugin has a part in them.
    monkeypatch.setattr(pipeline, "draw_all", lambda *given: None)
    monkeypatch.setattr(pipeline, "permutation_tests", lambda *given: {})
    settings = {
        "dataset": {"name": "patient-folders", "options": {"labels": "truth.txt", "separator": ","}},
        "root": patients,
        "backbone": {"name": "strided/2x8", "options": {"kernel": 5}},
        "loss": {"name": "binomial", "options": {"sharpness": True}},
        "folds": 2,
        "epochs": 1,
        "image_size": (48, 40),
        "device": "cpu",
        "plugins": FILES,
        "progress": False,
    }
    run = bz.run(**settings, trackers=["journal"], out=tmp_path / "runs")
    assert run.predictions.shape[0] == 24
    assert "unreadable line" in (run.folder / "audit.csv").read_text()
    lines = [json.loads(line) for line in (run.folder / "journal" / "journal.jsonl").read_text().splitlines()]
    assert [line["fold"] for line in lines if "fold" in line] == [0, 1]
    with pytest.raises(bz.RunStoppedError, match="minutes trained"):
        bz.run(
            **settings,
            trackers=["journal"],
            set={"tracking.options.journal.minutes": 1e-9},
            out=tmp_path / "stopped",
        )
