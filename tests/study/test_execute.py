"""A study executes what is missing: it keeps finished runs, resumes stopped runs, and survives failed runs."""

import tomllib

import filelock
import pytest
from rich.console import Console

from birads_zoo.errors import UserError
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe, from_dict
from birads_zoo.study import execute as module
from birads_zoo.study.executors import attempt
from birads_zoo.study.executors.tasks import Attempt, Failure
from birads_zoo.study.gather import gather
from birads_zoo.study.plan import Job, Study, Variant

pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, write_pictures):
    return write_pictures(tmp_path_factory.mktemp("data") / "root", 12, 2, 1.0, "patient", 0)


@pytest.fixture
def study(pixel_recipe, pictures):
    """Return a function that makes a study of named backbones (ablations after "+"), two seeds, one epoch each."""

    def make(*names, seeds=(0, 1), **changes):
        variants = []
        for name in names:
            backbone, *ablations = name.split("+")
            recipe = pixel_recipe(pictures, split__folds=2, training__epochs=1, model__backbone=backbone, **changes)
            variants.append(Variant(recipe=recipe.replace({"ablations": ablations})))
        return Study(kind="compare", variants=tuple(variants), seeds=seeds, metric="macro_f1", command="birads-zoo me")

    return make


@pytest.fixture
def started(monkeypatch):
    """The names of the runs that were started or resumed, in order."""
    names, run = [], attempt.run

    def recording(recipe, host, runs, device, screen, resumed, name):
        names.append(f"resumed {name}" if resumed else name)
        return run(recipe, host, runs, device, screen, resumed, name)

    monkeypatch.setattr(attempt, "run", recording)
    return names


@pytest.fixture
def screen_and_text():
    """A screen, and a function that returns the text printed on it."""
    console = Console(record=True, quiet=False, width=300, stderr=True, highlight=False)
    return Screen(console), lambda: console.export_text(clear=False)


def test_a_study_runs_everything_and_nothing_when_started_again(study, host, tmp_path, started, screen_and_text):
    screen, text = screen_and_text
    done = module.execute(study("pixels", "pixels+no-thing"), host, tmp_path, "cpu", screen)
    expected = ["pixels@0", "pixels+no-thing@0", "pixels@1", "pixels+no-thing@1"]
    assert started == expected
    assert {name: [folder.name for folder in folders] for name, folders in done.folders.items()} == {
        "pixels": ["pixels@0", "pixels@1"],
        "pixels+no-thing": ["pixels+no-thing@0", "pixels+no-thing@1"],
    }
    assert "[2/4] pixels+no-thing@0 · about" in text()
    assert "macro_f1" in text()
    assert "(patient split, n = 24)" in text()
    assert module.execute(study("pixels", "pixels+no-thing"), host, tmp_path, "cpu", screen) == done
    assert started == expected, "a finished run ran again"
    assert "4 of 4 runs are finished already" in text()


class AllAtOnce:
    """An executor that takes all tasks at once, and fails each that is needed."""

    at_once = None

    def execute(self, tasks, screen):
        for task in list(iter(tasks.take, None)):
            if tasks.needs(task):
                yield Attempt(task=task, failure=Failure(reason=f"{task.folder} fails"), seconds=1.0)


def test_tasks_that_were_taken_early_are_not_needed_after_a_failure(study, host, tmp_path, screen_and_text):
    screen, text = screen_and_text
    done = module.execute(study("pixels", "broken"), host, tmp_path, "cpu", screen, executor=AllAtOnce())
    reasons = {name: failure.reason for name, failure in done.failures.items()}
    assert reasons == {"pixels": "pixels@0 fails", "broken": "broken@0 fails"}
    assert done.folders == {}
    assert "[4/4] broken@1" in text(), "the last task was not taken"
    assert text().count(" fails") == 2, "a task of a model that had failed was executed"


def test_more_seeds_and_models_run_only_what_is_new(study, host, tmp_path, started):
    module.execute(study("pixels", seeds=(0,)), host, tmp_path, "cpu", Screen())
    module.execute(study("pixels", "pixels+no-thing"), host, tmp_path, "cpu", Screen())
    assert started == ["pixels@0", "pixels+no-thing@0", "pixels@1", "pixels+no-thing@1"]


@pytest.mark.slow
def test_a_killed_study_can_be_resumed_with_the_same_results(study, host, tmp_path, started, monkeypatch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    unbroken = module.execute(study("pixels", "pixels+no-thing"), host, whole, "cpu", Screen())
    started.clear()
    from birads_zoo import pipeline

    fit_fold, calls = pipeline.fit_fold, []

    def dying(*arguments):
        calls.append(None)
        if len(calls) == 4:  # the second fold of the second run
            raise KeyboardInterrupt
        return fit_fold(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "fit_fold", dying)
        with pytest.raises(KeyboardInterrupt):
            module.execute(study("pixels", "pixels+no-thing"), host, broken, "cpu", Screen())
    assert started == ["pixels@0", "pixels+no-thing@0"]
    resumed = module.execute(study("pixels", "pixels+no-thing"), host, broken, "cpu", Screen())
    assert started[2:] == ["resumed pixels+no-thing@0", "pixels@1", "pixels+no-thing@1"]
    for name, folders in resumed.folders.items():
        for folder, expected in zip(folders, unbroken.folders[name], strict=True):
            assert (folder / "predictions.csv").read_bytes() == (expected / "predictions.csv").read_bytes()


def test_a_failed_model_is_reported_in_a_line_and_the_others_finish(study, host, tmp_path, started, screen_and_text):
    screen, text = screen_and_text
    done = module.execute(study("broken", "pixels"), host, tmp_path, "cpu", screen)
    assert set(done.folders) == {"pixels"}
    failure = done.failures["broken"]
    assert failure.reason.startswith("seed 0: backbone 'broken' (plugin ")
    assert "this one never builds" in failure.reason
    assert not failure.nothing_changed
    assert started == ["broken@0", "pixels@0", "pixels@1"], "the failed model's other seeds must not run"
    assert "Traceback" in (tmp_path / "errors" / "broken@0.txt").read_text()
    assert "[1/4] broken@0 · failed: seed 0" in text()
    module.execute(study("broken", "pixels"), host, tmp_path, "cpu", screen)
    assert started[3:] == ["broken@0"], "only the failed run is tried again"


def test_a_bug_in_a_run_is_reported_in_a_line_too(study, host, tmp_path, monkeypatch):
    def buggy(*arguments):
        raise ZeroDivisionError("no reason")

    monkeypatch.setattr(attempt, "run", buggy)
    done = module.execute(study("pixels"), host, tmp_path, "cpu", Screen())
    assert done.failures["pixels"].reason == "seed 0: ZeroDivisionError: no reason"


def test_an_ablation_that_changes_nothing_is_not_a_failure(study, host, tmp_path, screen_and_text):
    screen, text = screen_and_text
    done = module.execute(study("pixels", "pixels+no-batchnorm", "pixels+no-dropout"), host, tmp_path, "cpu", screen)
    assert set(done.folders) == {"pixels"}
    assert all(failure.nothing_changed for failure in done.failures.values())
    assert "nothing to run: ablation 'no-dropout' changes nothing" in text()
    assert not (tmp_path / "errors").exists()


def test_a_run_of_an_older_version_is_kept_and_reported(study, host, tmp_path):
    existing = tmp_path / "runs" / "pixels@0"
    existing.mkdir(parents=True)
    (existing / "recipe.toml").write_text("seed = 0")
    (existing / "environment.json").write_text("{}")
    with pytest.raises(
        UserError, match=r"environment.json was written by an older birads-zoo \(.*\); run it again"
    ) as error:
        module.execute(study("pixels", seeds=(0,)), host, tmp_path, "cpu", Screen())
    assert str(error.value).endswith("(choose another place with --out, or delete that run)")
    assert {path.name for path in existing.iterdir()} == {"recipe.toml", "environment.json"}


def test_a_run_whose_recipe_has_pretrained_weights_that_do_not_exist_is_the_same_run(study, host, tmp_path, started):
    recipe_study, recipe = (
        study("pixels", seeds=(0,), model__pretrained=True),
        tmp_path / "runs" / "pixels@0" / "recipe.toml",
    )
    module.execute(recipe_study, host, tmp_path, "cpu", Screen())
    recipe.write_text(recipe.read_text().replace("pretrained = true", "pretrained = false"))
    module.execute(recipe_study, host, tmp_path, "cpu", Screen())
    assert started == ["pixels@0"]


def test_another_recipe_in_the_same_folder_is_rejected(study, host, tmp_path):
    module.execute(study("pixels", seeds=(0,)), host, tmp_path, "cpu", Screen())
    with pytest.raises(UserError, match=r"pixels@0 is a run with another recipe \(loss.name = 'focal'"):
        module.execute(study("pixels", seeds=(0,), loss__name="focal"), host, tmp_path, "cpu", Screen())


def test_a_folder_that_is_no_run_is_left_alone(study, host, tmp_path, started):
    kept = tmp_path / "runs" / "pixels@0" / "thesis.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("three years of work")
    with pytest.raises(UserError, match=r"pixels@0 is not a run: it has no recipe\.toml; move it away, or choose"):
        module.execute(study("pixels", seeds=(0,)), host, tmp_path, "cpu", Screen())
    assert started == []
    assert kept.read_text() == "three years of work"


def test_a_run_killed_while_its_folder_was_filled_starts_again(study, host, tmp_path, started, left_behind):
    """A run's folder appears when it has its recipe; before that it is a temporary one."""
    left = left_behind(tmp_path / "runs" / "pixels@0")
    (left / "checkpoints").mkdir(parents=True)
    done = module.execute(study("pixels", seeds=(0,)), host, tmp_path, "cpu", Screen())
    assert started == ["pixels@0"]
    assert gather(done.folders["pixels"]).labels.shape == (24,)
    assert not left.exists()


def test_a_study_in_use_is_left_alone(study, host, tmp_path):
    with (
        filelock.FileLock(tmp_path / ".birads-zoo-lock"),
        pytest.raises(UserError, match="another process is at work on the st"),
    ):
        module.execute(study("pixels"), host, tmp_path, "cpu", Screen())


def test_the_record_holds_the_study(study):
    planned = study("pixels", "pixels+no-thing", seeds=(3, 4))
    text = module.record(planned)
    assert "# birads-zoo me" in text
    values = tomllib.loads(text)
    assert (values["kind"], values["metric"], values["seeds"]) == ("compare", "macro_f1", [3, 4])
    for variant in planned.variants:
        assert from_dict(values["variants"][variant.name], "study.toml") == variant.recipe.replace({"seed": 0})


@pytest.mark.parametrize(("seconds", "text"), [(40, "40 s"), (99.4, "99 s"), (840, "14 min"), (12000, "3 h 20 min")])
def test_durations_are_readable(seconds, text):
    assert module.spoken(seconds) == text


def test_the_time_left_is_estimated_from_the_variant_then_the_backbone_then_all():
    def job(backbone, seed, *ablations):
        recipe = Recipe().replace({"model.backbone": backbone, "ablations": list(ablations)})
        return Job(variant=Variant(recipe=recipe), seed=seed)

    took = [(job("resnet50", 0), 10.0), (job("resnet50", 1), 20.0), (job("baseline_cnn", 0), 3.0)]
    assert module.time_left([job("resnet50", 2)], took) == 15.0
    assert module.time_left([job("resnet50", 2, "no-dropout")], took) == 15.0
    assert module.time_left([job("mobilenet_v2", 0)], took) == 11.0
    assert module.time_left([job("resnet50", 2), job("mobilenet_v2", 0)], took) == 26.0
    assert module.time_left([job("resnet50", 2)], []) is None
