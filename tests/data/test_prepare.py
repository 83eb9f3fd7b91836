"""The data that a run gets at each level."""

import numpy as np
import pytest

from birads_zoo.data.lesions import UNKNOWN
from birads_zoo.data.prepare import prepare
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe


@pytest.fixture
def prepared(phantom_root, tmp_path):
    """Prepare the phantom with a changed recipe: `prepared(**{"dataset.views": "exam"})`."""

    def make(**changes):
        usual = {"dataset.root": str(phantom_root), "dataset.target": "suspicious", "split.folds": 2}
        small = {"image.height": 32, "image.width": 24, "model.evidence": True, "training.lesion_weight": 1.0}
        return prepare(Recipe().replace(usual | small | changes), load_host(), tmp_path, Screen())

    return make


LEVELS = [
    ({"dataset.views": "exam", "dataset.level": "patient"}, 4, 4),
    ({"dataset.views": "breast", "dataset.level": "breast"}, 2, 2),
    ({"dataset.views": "exam"}, 4, 1),
    ({"dataset.views": "bilateral"}, 2, 1),
    ({}, 1, 1),
]


@pytest.mark.parametrize(("changes", "views", "own"), LEVELS)
def test_lesions_are_those_of_the_labelled_pictures(prepared, changes, views, own):
    data = prepared(**changes)
    count = len(data.labelled.labels)
    assert data.samples.pictures.shape == (count, views)
    assert data.own.pictures.shape == (count, own)
    assert data.lesions.shape == (count, own, 32, 24)
    for sample in range(count):
        for view in range(own):
            at, maps = data.own.pictures[sample, view], data.lesions[sample, view]
            marked = len(data.pictures.rows["lesions"].iloc[at]) > 0
            if not data.own.present[sample, view] or (data.labelled.labels[sample] and not marked):
                assert (maps == UNKNOWN).all()
            else:
                assert maps.any() == marked
                assert maps.min() == 0


@pytest.mark.parametrize(("changes", "views", "own"), LEVELS[:2])
def test_folds_hold_out_whole_samples_of_whole_patients(prepared, changes, views, own):
    data = prepared(**changes)
    patients = data.pictures.rows["patient_id"].to_numpy()[data.samples.pictures]
    assert (patients == patients[:, :1]).all()
    for fold in data.folds:
        assert not set(patients[fold.train].ravel()) & set(patients[fold.test].ravel())
    tested = np.concatenate([fold.test for fold in data.folds])
    assert sorted(tested) == list(range(len(patients)))


def test_used_and_dropped_rows_add_up_to_all_rows(prepared):
    data = prepared(**LEVELS[0][0])
    assert data.summary.usable == data.samples.present.sum()
    assert data.summary.usable + sum(data.summary.dropped.values()) == data.summary.rows
    assert data.summary.dropped["contradicting labels"] > 0
