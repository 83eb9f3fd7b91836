"""Planted shortcuts are flagged, and there is no alarm without one."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from birads_zoo.data.index.audit import check_files, check_rows, select_classes
from birads_zoo.data.index.facts import file_facts
from birads_zoo.data.splits.split import make_folds
from birads_zoo.data.store.pixels import build_store
from birads_zoo.interfaces import DatasetContext
from birads_zoo.phantoms.files.writer import generate
from birads_zoo.phantoms.options import PhantomOptions
from birads_zoo.plugin.host import load_host
from birads_zoo.recipe import ImageSection, SplitSection
from birads_zoo.shortcuts.fit import shortcut_fitters
from birads_zoo.shortcuts.permutation_test import permutation_tests


@pytest.fixture(scope="module")
def phantom():
    return load_host().dataset("phantom")


@pytest.fixture
def fitted(phantom, tmp_path):
    """Make a small phantom and its shortcuts: `fitted(shortcut, seed, neutral=False)` → rows, folds, fitters."""

    def build(shortcut, seed, neutral=False):
        root = tmp_path / f"{shortcut}-{seed}"
        if not root.exists():
            planted = {"patients": 28, "height": 96, "width": 64, "damaged": 0, "balance": "balanced"}
            generate(root, PhantomOptions(seed=seed, shortcut=shortcut, **planted))
        index = check_files(check_rows(phantom.load(DatasetContext(root=root))))
        labelled = select_classes(index, phantom.targets[0])
        patients = labelled.index.rows["patient_id"].to_numpy(dtype=str)
        folds = make_folds(patients, labelled.labels, labelled.classes, SplitSection(folds=4), seed)
        store, _ = build_store(labelled.index, ImageSection(height=64, width=64, neutral=neutral), tmp_path / "cache")
        return labelled, folds, shortcut_fitters(labelled, folds, store.array, file_facts(labelled.index), seed)

    return build


@pytest.fixture
def flagged_in(fitted):
    """Return the names of the flagged shortcuts of a small phantom: `flagged_in(shortcut, seed, neutral=False)`."""

    def find(shortcut, seed, neutral=False):
        labelled, folds, shortcuts = fitted(shortcut, seed, neutral)
        patients = labelled.index.rows["patient_id"].to_numpy(dtype=str)
        results = permutation_tests(labelled.labels, shortcuts, folds, patients, np.random.default_rng(seed))
        return {name for name, result in results.items() if result.flagged}

    return find


@pytest.mark.slow
def test_a_planted_shortcut_is_flagged_and_neutral_pictures_do_not_show_it(flagged_in):
    assert flagged_in("none", 0) == set()
    assert flagged_in("size", 0) >= {"metadata_tree", "thumbnail"}
    assert flagged_in("size", 0, neutral=True) == {"metadata_tree"}, (
        "the files' facts stay; the pixels no longer show it"
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["none", "shuffled-size", "shuffled-format"])
def test_twenty_seeds_raise_few_false_alarms(flagged_in, kind):
    """Shuffled shortcuts have as many formats as planted ones, but the formats are unrelated to the class."""
    alarms = sum(bool(flagged_in(kind, seed)) for seed in range(20))
    assert alarms <= 3, f"{alarms} false alarms; 5 % of 20 is 1, and 4 or more would happen in 2 of 100"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["size", "format"])
def test_of_twenty_planted_shortcuts_none_is_missed(flagged_in, kind):
    assert [seed for seed in range(20) if not flagged_in(kind, seed)] == []


@pytest.mark.slow
def test_thumbnail_and_metadata_are_at_chance_over_twenty_seeds(fitted):
    """Without a shortcut, the mean area over 20 phantoms of 28 patients has a standard deviation of about 0.01."""
    areas = {"thumbnail": [], "metadata_tree": []}
    for seed in range(20):
        labelled, folds, shortcuts = fitted("none", seed)
        order = np.concatenate([fold.test for fold in folds])
        for shortcut in (fit(labelled.labels) for fit in shortcuts):
            if shortcut.name in areas:
                areas[shortcut.name].append(
                    np.mean(
                        [roc_auc_score(labelled.labels[order] == k, shortcut.probabilities[:, k]) for k in range(4)]
                    )
                )
    assert {name: np.mean(values) for name, values in areas.items()} == pytest.approx(
        dict.fromkeys(areas, 0.5), abs=0.03
    )
