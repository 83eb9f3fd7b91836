"""The page says of an answer how far its figures are calibrated, and what its sets guarantee."""

import re
from dataclasses import replace

import msgspec
import pytest
import torch

from birads_zoo.artifact.manifest import HeatMaps
from birads_zoo.serving.answers.answering import answer
from birads_zoo.serving.answers.uploads import Upload
from birads_zoo.serving.refusals import RefusedError
from birads_zoo.serving.templates import render_answer

COLUMN = '<th scope="col">calibrated</th>'


@pytest.fixture
def shown(queue, mammogram):
    """The page's answer for folds with these values: `shown(temperatures, thresholds)` → HTML in one line."""

    def make(temperatures, thresholds):
        folds = tuple(
            msgspec.structs.replace(fold, temperature=temperature, threshold=threshold)
            for fold, temperature, threshold in zip(queue.model.manifest.folds, temperatures, thresholds, strict=True)
        )
        manifest = msgspec.structs.replace(queue.model.manifest, folds=folds)
        result = answer(
            replace(queue, model=replace(queue.model, manifest=manifest)), [Upload(content=mammogram)], draw=False
        )
        return re.sub(r"\s+", " ", render_answer(result, manifest))

    return make


def test_a_number_that_is_none_is_never_an_answer(queue, mammogram):
    def broken(images, present):
        return tuple(values * torch.nan for values in queue.model.networks[0](images, present))

    model = replace(queue.model, networks=(broken, *queue.model.networks[1:]))
    with pytest.raises(RefusedError, match="cannot be used: 1 of the model's 2 networks give infinite or NaN") as error:
        answer(replace(queue, model=model), [Upload(content=mammogram)], draw=False)
    assert error.value.status == 422


def test_without_calibration_there_is_no_calibrated_column(shown):
    page = shown((None, None), (0.5, 0.5))
    assert COLUMN not in page
    assert "Not calibrated: too few validation patients." in page


def test_calibration_in_part_is_reported(shown):
    page = shown((None, 2.0), (0.5, 0.5))
    assert COLUMN in page
    assert "Calibrated in part, 1 of 2 networks: the others had too few validation patients" in page


def test_full_calibration_needs_no_note(shown):
    page = shown((1.5, 2.0), (0.5, 0.5))
    assert COLUMN in page
    assert "too few validation patients" not in page


def test_the_sets_promise_only_what_the_vote_guarantees(shown):
    page = shown((1.5, 2.0), (0.5, 0.5))
    assert "true category for 90 % of new patients" in page
    assert "Their vote guarantees no more than 80 %." in page
    assert "every category" not in page


def test_networks_without_a_set_are_reported(shown):
    page = shown((1.5, 2.0), (None, 0.5))
    assert "1 of 2 had too few validation patients for a set, and votes for every category." in page


def test_a_heat_map_has_its_verdict_beside_it(queue, mammogram):
    manifest, result = queue.model.manifest, answer(queue, [Upload(content=mammogram)], draw=True)
    assert "Do not rely on it: nobody has tested these maps." in render_answer(result, manifest)
    heat_maps = HeatMaps(faithful=True, verdict="beats a random and a centred map")
    page = render_answer(result, msgspec.structs.replace(manifest, heat_maps=heat_maps))
    assert "Tested on the training run: it beats a random and a centred map." in page
