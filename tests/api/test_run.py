"""`birads_zoo.run` and `open_run`: a run as a value."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

import birads_zoo as bz
from birads_zoo import pipeline
from birads_zoo.report.run.notebook import run_summary
from birads_zoo.runs.folder import read_metrics

LOG = (Path(__file__).parents[2] / "examples" / "plugins" / "log.py").read_text()
SMALL = {"backbone": "baseline_cnn", "image_size": (32, 32), "epochs": 1, "folds": 2, "device": "cpu"}


@pytest.fixture(scope="module")
def opened(finished):
    return bz.open_run(finished[0])


@pytest.fixture
def requested(monkeypatch, finished):
    """The arguments with which the API calls the pipeline, which then returns the run that the command line made."""
    requested = {}

    def answer(recipe, host, runs, device, screen, resumed, name):
        requested.update(recipe=recipe, runs=runs, device=device, resumed=resumed, name=name)
        screen.say("a line")
        return pipeline.Outcome(folder=finished[0], metrics=read_metrics(finished[0]))

    monkeypatch.setattr(pipeline, "run", answer)
    return requested


def test_the_api_requests_the_same_run_as_the_command_line(requested, phantom_root, opened):
    run = bz.run(dataset="phantom", root=phantom_root, **SMALL, out="mine", name="first")
    about = {"runs": Path("mine"), "device": "cpu", "resumed": None, "name": "first"}
    assert requested == about | {"recipe": opened.recipe}
    assert (run.folder, run.metrics, run.recipe) == (opened.folder, opened.metrics, opened.recipe)


def test_a_run_is_resumed_by_its_own_recipe(requested, finished, opened):
    bz.run(resume=str(finished[0]))
    assert (requested["recipe"], requested["resumed"]) == (opened.recipe, finished[0])


def test_a_resumed_runs_trackers_may_be_others(requested, finished, opened, folder):
    (folder / "log.py").write_text(LOG)
    bz.run(resume=finished[0], trackers=["log"], plugins=["log.py"])
    assert requested["recipe"].tracking.trackers == ("log",)
    assert requested["recipe"].replace({"tracking": {}}) == opened.recipe.replace({"tracking": {}})


def test_a_runs_recipe_repeats_it(requested, opened):
    bz.run(opened.recipe, seed=3)
    assert requested["recipe"] == opened.recipe.replace({"seed": 3})


@pytest.mark.parametrize(("progress", "printed"), [(True, "a line\n"), (False, "")])
def test_progress_is_shown_on_stderr(requested, opened, capfd, progress, printed):
    bz.run(opened.recipe, progress=progress)
    assert capfd.readouterr() == ("", printed)


def test_a_mistake_is_one_sentence_and_leaves_nothing(folder, phantom_root):
    with pytest.raises(bz.UserError, match="device 'cuda:77'"):
        bz.run(dataset="phantom", root=phantom_root, **SMALL | {"device": "cuda:77"}, progress=False)
    assert not list(folder.iterdir())


def test_it_holds_what_the_folder_holds(opened, finished, rows_of):
    folder = finished[0]
    assert opened.folder == folder
    assert opened.recipe.model.backbone == "baseline_cnn"
    assert isinstance(opened.metrics, bz.RunMetrics)
    assert opened.metrics.n == json.loads((folder / "metrics.json").read_text())["n"]
    rows = rows_of(folder / "predictions.csv")
    assert list(opened.predictions.columns) == list(rows[0])
    assert opened.predictions["label"].tolist() == [row["label"] for row in rows]
    assert opened.predictions["age"].dtype == np.float64
    assert set(opened.validation["part"]) == {"validation"}
    assert opened.history[["fold", "epoch"]].to_numpy().tolist() == [[0, 1], [1, 1]]
    assert repr(opened) == f"<Run baseline_cnn on phantom in {folder}>"


def test_its_tables_are_copies(opened):
    table = opened.predictions
    table["label"] = "changed"
    assert "changed" not in set(opened.predictions["label"])


def test_figures_are_found_by_name_and_show_themselves(opened, finished):
    assert "roc-curves" in opened.figures
    assert len(opened.figures) == len(list((finished[0] / "figures").glob("*.png")))
    figure = opened.figures["roc-curves"]
    assert figure._repr_png_() == figure.path.read_bytes()
    assert opened.figures._repr_html_().count("data:image/png;base64,") == len(opened.figures)
    with pytest.raises(KeyError):
        opened.figures["no-such-figure"]


def test_a_notebook_shows_scores_with_intervals_and_what_they_are_of(opened):
    shown = opened._repr_html_()
    metrics = opened.metrics
    low, high = metrics.intervals.scores["accuracy"]
    assert f"<td>{metrics.accuracy:.3f}</td>\n<td>{low:.3f} to {high:.3f}</td>" in shown
    assert f"gain in macro-F1 over {metrics.gain.over.replace('_', ' ')}" in shown
    assert f"patient split, n = {metrics.n} pictures" in shown
    assert "Research use only: no medical device." in shown
    assert shown.count("data:image/png;base64,") == 3
    assert "http" not in shown.replace("base64,", ""), "nothing is fetched"


def test_every_text_is_escaped(opened):
    recipe = opened.recipe.replace({"dataset.name": "<script>alert(1)</script>"})
    shown = run_summary(recipe, msgspec.structs.replace(opened.metrics, target="<b>"), {})
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "<b>" not in shown


def test_a_resumed_run_takes_no_other_recipe(finished):
    with pytest.raises(bz.UserError, match=r"leave out what would change it: the recipe, seed, --no-dropout$"):
        bz.run("demo", seed=3, ablations=["no-dropout"], resume=finished[0])


def test_what_is_no_run_is_refused(folder):
    with pytest.raises(bz.UserError, match=r"nowhere is not a run: it has no recipe\.toml"):
        bz.open_run("nowhere")


def test_a_misspelt_explainer_is_refused_before_anything_is_computed(opened):
    for explain in (opened.explain, lambda names: bz.explain(opened, names)):
        for names in (["grad-cm"], "grad-cm"):
            with pytest.raises(bz.UserError, match="unknown explainer 'grad-cm'; did you mean 'grad-cam'"):
                explain(names)


def test_the_working_directorys_registry_is_the_users_own(folder, phantom_root):
    (folder / "registry.toml").write_text('[recipes.mine]\nextends = "default"\nloss = "no-such-loss"\n')
    with pytest.raises(bz.UserError, match="unknown loss 'no-such-loss'"):
        bz.run("mine", dataset="phantom", root=phantom_root)
