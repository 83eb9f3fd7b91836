"""A leaking split's inflation is detected where a model memorises patients, and not where nothing can leak."""

import pytest

from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.progress import Screen
from birads_zoo.study.execute import execute
from birads_zoo.study.executors.tasks import Failure
from birads_zoo.study.gather import collect
from birads_zoo.study.leakage import fitting, inflation
from birads_zoo.study.plan import Study, leaking
from birads_zoo.study.studies import run_leakage_study

pytestmark = [pytest.mark.usefixtures("no_figures"), pytest.mark.filterwarnings("ignore:a split by")]


@pytest.fixture
def schemes(host, write_pictures, pixel_recipe, tmp_path):
    """Return a function that runs a leakage study of the linear model on made-up patients and returns its rows."""

    def run(patients, each, signal, pattern):
        recipe = pixel_recipe(write_pictures(tmp_path / "root", patients, each, signal, pattern, 0))
        variants = leaking(recipe)
        study = Study(kind="leakage", variants=variants, seeds=(0, 1), metric="macro_f1", command="")
        done = execute(study, host, tmp_path / "study", "cpu", Screen())
        predicted, failures = collect(done.folders, done.failures)
        return {row.scheme: row for row in inflation(variants, predicted, failures, "macro_f1", ordinal=False)}

    return run


@pytest.mark.slow
def test_a_model_that_memorises_patients_scores_at_chance_on_new_patients(schemes):
    """Labels are random by patient, and only the patient predicts them: the whole score under a leak is leakage."""
    rows = schemes(40, 4, 0.0, "patient")
    assert rows["patient"].score.low < 0.5 < rows["patient"].score.high, "chance is 0.5 for two equal classes"
    assert rows["patient"].inflation is None
    for scheme in ("image", "breast"):
        assert rows[scheme].score.value > 0.85
        assert rows[scheme].inflation.low < 0.45 < rows[scheme].inflation.high, (
            "the gap of a model that knows all patients is 0.5"
        )
        assert rows[scheme].p < 0.01
        assert rows[scheme].verdict == "inflates the score"


@pytest.mark.slow
def test_a_split_by_breast_does_not_leak_where_breasts_have_their_own_patterns(schemes):
    rows = schemes(40, 4, 0.0, "breast")
    assert rows["image"].verdict == "inflates the score"
    assert rows["breast"].verdict == "no inflation shown"
    assert rows["breast"].inflation.low < 0 < rows["breast"].inflation.high


@pytest.mark.slow
def test_independent_images_have_no_gap(schemes):
    """With one image per patient all three splits are the same except for chance."""
    rows = schemes(80, 1, 0.1, "patient")
    assert 0.55 < rows["patient"].score.value < 0.95, "a model that learns nothing, or all, would show no gap either"
    for scheme in ("image", "breast"):
        assert rows[scheme].inflation.low <= 0 <= rows[scheme].inflation.high
        assert rows[scheme].verdict == "no inflation shown"
    assert rows["image"].smallest_gap > 0


@pytest.mark.parametrize(("level", "splits"), [("breast", ["patient", "breast"]), ("", ["patient", "breast", "image"])])
def test_splits_that_are_the_same_at_the_labels_level_are_not_compared(
    host, write_pictures, pixel_recipe, tmp_path, level, splits
):
    recipe = pixel_recipe(write_pictures(tmp_path / "root", 2, 2, 0.0, "patient", 0), dataset__level=level)
    study = Study(kind="leakage", variants=leaking(recipe), seeds=(0,), metric="macro_f1", command="")
    assert [variant.mark for variant in fitting(study, host).variants] == splits


def test_labels_of_patients_cannot_leak_and_are_rejected(host, pixel_recipe, tmp_path):
    recipe = pixel_recipe(tmp_path, dataset__level="patient", dataset__views="exam")
    study = Study(kind="leakage", variants=leaking(recipe), seeds=(0,), metric="macro_f1", command="")
    with pytest.raises(
        UserError, match=r"keep those of an exam together: set dataset\.level to 'image', or to 'breast'"
    ):
        run_leakage_study(study, host, tmp_path / "study", "cpu", Screen())
    assert not (tmp_path / "study").exists()


def test_leaky_splits_give_a_warning(host, write_pictures, pixel_recipe, tmp_path, recwarn):
    recipe = pixel_recipe(write_pictures(tmp_path / "root", 12, 2, 0.0, "patient", 0), training__epochs=1)
    variants = tuple(variant for variant in leaking(recipe) if variant.mark == "image")
    study = Study(kind="leakage", variants=variants, seeds=(0,), metric="macro_f1", command="")
    with pytest.warns(BiradsZooWarning, match="a split by image puts images of one patient on both sides"):
        execute(study, host, tmp_path / "study", "cpu", Screen())


def test_a_split_that_cannot_be_made_is_a_row_with_its_reason(host, write_pictures, pixel_recipe, tmp_path):
    root = write_pictures(tmp_path / "root", 12, 2, 0.0, "patient", 0)
    table = root / "table.csv"
    table.write_text(table.read_text().replace("laterality", "nothing"))
    variants = leaking(pixel_recipe(root, training__epochs=1))
    study = Study(kind="leakage", variants=variants, seeds=(0,), metric="macro_f1", command="")
    done = execute(study, host, tmp_path / "study", "cpu", Screen())
    predicted, failures = collect(done.folders, done.failures)
    assert isinstance(failures["pixels@breast"], Failure)
    rows = {row.scheme: row for row in inflation(variants, predicted, failures, "macro_f1", ordinal=False)}
    assert "24 of 24 rows lack a patient id or a laterality" in rows["breast"].error
    assert rows["breast"].score is None
    assert rows["image"].inflation is not None


def test_a_split_is_leaky_if_its_runs_leaked(host, write_pictures, pixel_recipe, tmp_path):
    """With one image per patient no split has a patient on both sides, whatever its scheme allows."""
    recipe = pixel_recipe(write_pictures(tmp_path / "root", 12, 1, 0.0, "patient", 0), training__epochs=1)
    variants = tuple(variant for variant in leaking(recipe) if variant.mark != "breast")
    study = Study(kind="leakage", variants=variants, seeds=(0,), metric="macro_f1", command="")
    done = execute(study, host, tmp_path / "study", "cpu", Screen())
    predicted, failures = collect(done.folders, done.failures)
    rows = inflation(variants, predicted, failures, "macro_f1", ordinal=False)
    assert [(row.scheme, row.leaky) for row in rows] == [("patient", False), ("image", False)]
