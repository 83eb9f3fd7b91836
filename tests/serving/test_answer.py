"""What the page says of an answer: how far its figures are calibrated, and what its sets promise."""

import re
from dataclasses import replace

import msgspec
import pytest

from birads_zoo.artifact.manifest import HeatMaps
from birads_zoo.serving.answering import answer
from birads_zoo.serving.templates import render_answer
from birads_zoo.serving.uploads import Upload

COLUMN = '<th scope="col">calibrated</th>'


@pytest.fixture
def shown(queue, mammogram):
    """The page's answer as if the folds had these: `shown(temperatures, thresholds)` → HTML in one line."""

    def make(temperatures, thresholds):
        folds = tuple(
            msgspec.structs.replace(fold, temperature=temperature, threshold=threshold)
            for fold, temperature, threshold in zip(queue.model.manifest.folds, temperatures, thresholds, strict=True)
        )
        manifest = msgspec.structs.replace(queue.model.manifest, folds=folds)
        found = answer(
            replace(queue, model=replace(queue.model, manifest=manifest)), [Upload(content=mammogram)], drawn=False
        )
        return re.sub(r"\s+", " ", render_answer(found, manifest))

    return make


def test_what_nothing_calibrated_has_no_calibrated_column(shown):
    page = shown((None, None), (0.5, 0.5))
    assert COLUMN not in page
    assert "Not calibrated: too few validation patients." in page


def test_what_is_calibrated_in_part_says_so(shown):
    page = shown((None, 2.0), (0.5, 0.5))
    assert COLUMN in page
    assert "Calibrated in part, 1 of 2 networks: the others had too few validation patients" in page


def test_what_is_calibrated_needs_no_word(shown):
    page = shown((1.5, 2.0), (0.5, 0.5))
    assert COLUMN in page
    assert "too few validation patients" not in page


def test_the_sets_promise_no_more_than_the_vote_holds(shown):
    page = shown((1.5, 2.0), (0.5, 0.5))
    assert "true category for 90 % of new patients" in page
    assert "Their vote guarantees no more than 80 %." in page
    assert "every category" not in page


def test_networks_without_a_set_are_told_of(shown):
    page = shown((1.5, 2.0), (None, 0.5))
    assert "1 of 2 had too few validation patients for a set, and votes for every category." in page


def test_a_heat_map_has_its_verdict_beside_it(queue, mammogram):
    manifest, found = queue.model.manifest, answer(queue, [Upload(content=mammogram)], drawn=True)
    assert "Do not rely on it: nobody has tested these maps." in render_answer(found, manifest)
    judged = HeatMaps(faithful=True, verdict="beats a random and a centred map")
    page = render_answer(found, msgspec.structs.replace(manifest, heat_maps=judged))
    assert "Tested on the training run: it beats a random and a centred map." in page
