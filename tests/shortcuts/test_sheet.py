import json
import os
import shutil
from pathlib import Path

import pytest

from birads_zoo.recipe import SplitSection
from birads_zoo.shortcuts.sheet import sheet_rows, sheet_shortcuts


def paths_of(categories):
    return [f"BIRAD {category}/{number}.jpg" for number, category in enumerate(categories)]


@pytest.fixture
def index(index_of, tmp_path):
    """Twelve patients with four rows each, four of each of the categories 1, 2 and 5; no file exists."""
    categories = [category for category in "125" for _ in range(16)]
    patients = [f"P{row // 4}" for row in range(48)]
    return index_of(patient_id=patients, assessment=categories, image_path=paths_of(categories))


def test_classes_with_a_folder_count(index, target):
    for category in "15":
        (index.root / f"BIRAD {category}").mkdir()
    labelled = sheet_rows(index, target)
    assert labelled.classes == ("BI-RADS 1", "BI-RADS 5")
    assert len(labelled.labels) == 32


@pytest.mark.parametrize("folders", ["", "5"], ids=["no folder", "one folder"])
def test_without_two_folders_all_classes_count(index, target, folders):
    for category in folders:
        (index.root / f"BIRAD {category}").mkdir()
    assert sheet_rows(index, target).classes == ("BI-RADS 1", "BI-RADS 2", "BI-RADS 5")


def test_named_classes_count_whatever_folders_exist(index, target):
    assert sheet_rows(index, target, ("BI-RADS 2", "BI-RADS 5")).classes == ("BI-RADS 2", "BI-RADS 5")


def test_the_lookup_knows_patients_it_has_seen_and_guesses_others(index, target):
    by_patient = sheet_shortcuts(index, target, (), SplitSection(folds=2), 0)
    assert list(by_patient) == ["majority", "patient_lookup", "metadata_tree"]
    assert by_patient["patient_lookup"] == by_patient["majority"]
    with pytest.warns(UserWarning, match="one patient on both sides"):
        by_image = sheet_shortcuts(index, target, (), SplitSection(scheme="image", folds=4), 0)
    assert by_image["patient_lookup"] == 1
    assert by_image["metadata_tree"] == by_image["majority"], "nothing is known of missing files"


@pytest.fixture(scope="module")
def kaumds():
    if not (data := os.environ.get("BIRADS_ZOO_DATA")):
        pytest.skip("BIRADS_ZOO_DATA does not name the folder of the real data")
    return Path(data) / "kaumds-sample"


@pytest.mark.slow
def test_the_real_sheet(zoo, kaumds):
    """The lookup beats the paper's best network (0.65) under its own split, and only the majority by patient."""
    shortcuts = {}
    for split in ("paper", "patient"):
        result = zoo("audit", "--dataset", "kaumds", "--root", kaumds, "--split", split, "--json")
        assert result.status == 0, result.err
        shortcuts[split] = json.loads(result.out)["shortcuts"]
    assert shortcuts["paper"]["patient_lookup"] == pytest.approx(0.745, abs=0.02)
    assert shortcuts["patient"]["patient_lookup"] == shortcuts["patient"]["majority"] == pytest.approx(0.227, abs=0.001)


def test_the_real_sheet_alone(zoo, kaumds, tmp_path):
    shutil.copy(kaumds / "correctSheetlast.xlsx", tmp_path)
    classes = [word for k in (1, 3, 4, 5) for word in ("--class", f"BI-RADS {k}")]
    result = zoo("audit", "--dataset", "kaumds", "--root", tmp_path, "--split", "paper", "--json", *classes)
    assert json.loads(result.out)["shortcuts"]["patient_lookup"] == pytest.approx(0.745, abs=0.02)


def test_the_printed_audit_shows_them_too(zoo, phantom_root):
    result = zoo("audit", "--dataset", "phantom", "--root", phantom_root, "--split", "image", "--folds", 3, "--seed", 1)
    assert result.status == 0, result.err
    assert "patient lookup, macro-F1" in result.out
    assert "one patient on both sides" in result.err


def test_folds_and_seed_without_a_split_are_rejected(zoo, phantom_root):
    result = zoo("audit", "--dataset", "phantom", "--root", phantom_root, "--seed", 1)
    assert (result.status, result.out) == (2, "")
    assert result.err == "birads-zoo: error: --folds and --seed are settings of --split: give --split too\n"
