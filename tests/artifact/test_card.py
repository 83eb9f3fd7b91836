"""The model card says what its reader must know, and identifies no patient."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as change

from birads_zoo.artifact.card import model_card
from birads_zoo.artifact.manifest import NOTICE
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.subgroups import Attribute, Group, GroupScores


@pytest.fixture
def card(exported):
    return (exported / "model_card.md").read_text()


def test_the_card_starts_with_the_notice(card):
    assert card.splitlines()[2] == f"**{NOTICE}**"
    assert "it must not diagnose, screen, triage" in card


def test_the_card_has_the_figures_with_their_n_split_and_intervals(card, run):
    metrics = run.metrics
    low, high = metrics.intervals.scores["f1:BI-RADS 4"]
    f1 = next(scores.f1 for scores in metrics.per_class if scores.name == "BI-RADS 4")
    assert f"{f1:.3f} [{low:.3f}, {high:.3f}]" in card
    assert f"(patient split, n = {metrics.n}, 2 folds)" in card
    assert f"{metrics.n} pictures of {metrics.patients} patients" in card
    for heading in ("Data", "How well it did", "Subgroups", "Calibration and sets", "Warnings", "Licences"):
        assert f"\n## {heading}\n" in card
    assert "gain over the best shortcut" in card
    assert f"best possible on these rows: macro-F1 {metrics.best.macro_f1.value:.3f} [" in card
    assert f"the run's own predictions, in {run.environment.precision} |" in card
    assert "never measured" in card, "the mean of the folds' networks has no held-out rows"
    assert "This split leaks" not in card


@pytest.mark.parametrize(
    ("temperatures", "sentence"),
    [
        ((None, None), "**Not calibrated: too few validation patients** in every fold."),
        ((None, 1.5), "Only 1 of 2 folds had enough validation patients to be calibrated."),
        ((1.2, 1.5), "The model's calibrated probabilities are the mean of the folds' calibrated probabilities."),
    ],
)
def test_the_card_says_how_far_the_model_is_calibrated(run, calibrated_by, temperatures, sentence):
    card = model_card(run, calibrated_by(*temperatures).manifest)
    assert sentence in card
    assert ("model's calibrated probabilities are" in card) == (None not in temperatures)


def test_a_leaky_split_is_marked(run, model):
    leaky = replace(run, metrics=change(run.metrics, leaky=True, split="image"))
    assert "**This split leaks**: some patients are on both sides" in model_card(leaky, model.manifest)


def test_a_leak_that_cannot_be_ruled_out_is_marked_as_possible(run, model):
    doubtful = replace(run, metrics=change(run.metrics, leaky=True, leak_proven=False, split="official"))
    card = model_card(doubtful, model.manifest)
    assert "**This split may leak**: rows without a patient id may be of patients on both sides of it" in card
    assert "some patients are on both sides" not in card


def test_small_groups_are_left_out(run, model):
    scores = GroupScores(auroc=Estimate(value=0.8, low=0.7, high=0.9), accuracy=None, macro_f1=None)
    large = Group(value="A", n=40, patients=20, positives=20, absent=(), scores=scores)
    groups = (large, change(large, value="B", n=3, scores=None))
    density = Attribute(groups=groups, p_value=0.01, corrected=0.01, differs=True)
    subgroups = change(run.metrics.subgroups, attributes={"density": density})
    card = model_card(replace(run, metrics=change(run.metrics, subgroups=subgroups)), model.manifest)
    assert "| density | A | 0.800 [0.700, 0.900] | 40 |" in card
    assert "| density | B |" not in card
    assert "A test shows a difference by density." in card
