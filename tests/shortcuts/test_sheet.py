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
    """Twelve patients of four rows, none of whose files is here: four each of the categories 1, 2 and 5."""
    categories = [category for category in "125" for _ in range(16)]
    patients = [f"P{row // 4}" for row in range(48)]
    return index_of(patient_id=patients, assessment=categories, image_path=paths_of(categories))


def test_classes_count_whose_folder_is_here(index, target):
    for category in "15":
        (index.root / f"BIRAD {category}").mkdir()
    found = sheet_rows(index, target)
    assert found.classes == ("BI-RADS 1", "BI-RADS 5")
    assert len(found.labels) == 32


@pytest.mark.parametrize("folders", ["", "5"], ids=["no folder", "one folder"])
def test_without_two_folders_all_classes_count(index, target, folders):
    for category in folders:
        (index.root / f"BIRAD {category}").mkdir()
    assert sheet_rows(index, target).classes == ("BI-RADS 1", "BI-RADS 2", "BI-RADS 5")


def test_classes_that_are_named_count_whatever_is_here(index, target):
    assert sheet_rows(index, target, ("BI-RADS 2", "BI-RADS 5")).classes == ("BI-RADS 2", "BI-RADS 5")


def test_the_lookup_knows_patients_it_has_seen_and_guesses_those_it_has_not(index, target):
    by_patient = sheet_shortcuts(index, target, (), SplitSection(folds=2), 0)
    assert list(by_patient) == ["majority", "patient_lookup", "metadata_tree"]
    assert by_patient["patient_lookup"] == by_patient["majority"]
    with pytest.warns(UserWarning, match="one patient on both sides"):
        by_image = sheet_shortcuts(index, target, (), SplitSection(scheme="image", folds=4), 0)
    assert by_image["patient_lookup"] == 1
    assert by_image["metadata_tree"] == by_image["majority"], "of absent files nothing is known"


@pytest.fixture(scope="module")
def kaumds():
    if not (data := os.environ.get("BIRADS_ZOO_DATA")):
        pytest.skip("BIRADS_ZOO_DATA does not name the folder of the real data")
    return Path(data) / "kaumds-sample"


@pytest.mark.slow
def test_the_real_sheet(zoo, kaumds):
    """A table of patients beats the paper's best network (0.65) under its own split, and nothing by patient."""
    found = {}
    for split in ("paper", "patient"):
        said = zoo("audit", "--dataset", "kaumds", "--root", kaumds, "--split", split, "--json")
        assert said.status == 0, said.err
        found[split] = json.loads(said.out)["shortcuts"]
    assert found["paper"]["patient_lookup"] == pytest.approx(0.745, abs=0.02)
    assert found["patient"]["patient_lookup"] == found["patient"]["majority"] == pytest.approx(0.227, abs=0.001)


def test_the_real_sheet_alone(zoo, kaumds, tmp_path):
    shutil.copy(kaumds / "correctSheetlast.xlsx", tmp_path)
    classes = [word for k in (1, 3, 4, 5) for word in ("--class", f"BI-RADS {k}")]
    said = zoo("audit", "--dataset", "kaumds", "--root", tmp_path, "--split", "paper", "--json", *classes)
    assert json.loads(said.out)["shortcuts"]["patient_lookup"] == pytest.approx(0.745, abs=0.02)


def test_a_person_gets_them_too(zoo, phantom_root):
    said = zoo("audit", "--dataset", "phantom", "--root", phantom_root, "--split", "image", "--folds", 3, "--seed", 1)
    assert said.status == 0, said.err
    assert "patient lookup, macro-F1" in said.out
    assert "one patient on both sides" in said.err


def test_folds_and_seed_without_a_split_are_refused(zoo, phantom_root):
    said = zoo("audit", "--dataset", "phantom", "--root", phantom_root, "--seed", 1)
    assert (said.status, said.out) == (2, "")
    assert said.err == "birads-zoo: error: --folds and --seed are settings of --split: give --split too\n"
