"""The files that `leakage` and `ablate` write, from given effects."""

import json

import msgspec
import pytest

from birads_zoo.report.study.leaderboard import Effect, SchemeScore
from birads_zoo.results.environment import Machine
from birads_zoo.results.estimate import Estimate
from birads_zoo.study.results import Basis, write_ablations, write_leakage

MACHINE = Machine(
    started="", python="", platform="", cpus=2, memory_gib=None, versions={}, commit=None, device="cpu",
    device_name="", precision="float32",
)  # fmt: skip
SCORE = Estimate(value=0.7, low=0.6, high=0.8)


@pytest.fixture
def about():
    """Return a function that describes a study: `about(seeds=(0, 1))`."""

    def make(seeds=(0, 1), level="image"):
        return Basis(
            name="my-net", dataset="csv", target="finding", classes=("a", "b"), split="by patient", folds=4,
            seeds=seeds, metric="macro_f1", n=80, patients=40, environment=MACHINE, command="birads-zoo …", level=level,
        )  # fmt: skip

    return make


def scheme(name, gap):
    return SchemeScore(
        scheme=name, leaky=name != "patient", score=SCORE, inflation=None if gap is None else SCORE,
        p=None if gap is None else 0.5, smallest_gap=gap, verdict="" if gap is None else "no inflation shown",
    )  # fmt: skip


def test_the_reported_gap_is_the_largest_smallest_gap_of_all_splits(tmp_path, about):
    schemes = [scheme("patient", None), scheme("breast", 0.0625), scheme("image", 0.125)]
    text, values = write_leakage(tmp_path, about(), schemes)
    assert "A difference of 0.125 or more would have been shown with power 0.8" in text
    assert (tmp_path / "leakage.md").read_text() == f"{text}\n\n`birads-zoo …`\n"
    assert json.loads((tmp_path / "leakage.json").read_text())["schemes"] == list(msgspec.to_builtins(values.schemes))
    assert {path.name for path in tmp_path.iterdir()} == {"leakage.md", "leakage.json", "leakage.csv", "figures"}
    alone, _ = write_leakage(tmp_path, about(), schemes[:1])
    assert "would have been shown" not in alone


@pytest.mark.parametrize(
    ("seeds", "counted", "warned"), [((0,), "4 folds, 1 seed ·", True), ((0, 1), "2 seeds", False)]
)
def test_a_study_of_one_seed_has_a_caveat(tmp_path, about, seeds, counted, warned):
    effect = Effect(name="no-dropout", backbone="my-net", effect=SCORE, p=0.01, verdict="helps")
    text, _ = write_ablations(tmp_path, about(seeds), SCORE, [effect])
    assert counted in text
    assert ("Seed noise not measured: with one seed" in text) == warned
    assert "Full model: 0.700 [0.600, 0.800]." in text
    assert "n = 80 images of 40 patients · macro-F1" in text
    undefined, _ = write_ablations(tmp_path, about(seeds), None, [effect])
    assert "Full model: undefined." in undefined


@pytest.mark.parametrize(("level", "counted"), [("breast", "80 breasts of 40"), ("patient", "80 exams of 40")])
def test_samples_are_counted_at_the_level_of_the_labels(about, level, counted):
    assert counted in about(level=level).text
