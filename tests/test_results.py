"""A run's files are typed values, and their numbers equal scikit-learn's on predictions.csv."""

import json
import shutil

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from birads_zoo.errors import UserError
from birads_zoo.files import documents
from birads_zoo.plugin.host import load_host
from birads_zoo.plugin.lightness import heavy_modules_after
from birads_zoo.recipes.ablations import apply_ablations
from birads_zoo.report.study.leaderboard import Effect, Entry, Leaderboard, SchemeScore
from birads_zoo.results.cost import Cost
from birads_zoo.results.environment import Environment, machine_of
from birads_zoo.results.estimate import Estimate
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.results.scores import METRICS
from birads_zoo.runs.finished import read_run
from birads_zoo.runs.folder import read_cost, read_environment, read_history, read_metrics, read_recipe
from birads_zoo.study.results import AblationStudy, LeakageStudy

RUN_FILES = {"metrics.json": read_metrics, "cost.json": read_cost, "environment.json": read_environment}


@pytest.fixture(scope="module")
def metrics(finished):
    return read_metrics(finished[0])


@pytest.fixture(scope="module")
def predicted(finished):
    """The columns of predictions.csv: labels and predictions as class numbers, probabilities n×K, and the table."""
    frame = pd.read_csv(finished[0] / "predictions.csv", dtype={"patient_id": str}, keep_default_na=False)
    columns = [name for name in frame if name.startswith("probability_")]
    numbers = {name.removeprefix("probability_"): k for k, name in enumerate(columns)}
    labels, called = (frame[name].map(numbers).to_numpy() for name in ("label", "predicted"))
    return labels, called, frame[columns].to_numpy(), frame


@pytest.fixture
def copied(finished, tmp_path):
    return shutil.copytree(finished[0], tmp_path / "run")


def by_fold(positive, scores, folds):
    """Return the mean of the folds' areas, weighted by their pairs."""
    areas, pairs = [], []
    for fold in folds.unique():
        rows = (folds == fold).to_numpy()
        areas.append(sk.roc_auc_score(positive[rows], scores[rows]))
        pairs.append(positive[rows].sum() * (~positive[rows]).sum())
    return np.average(areas, weights=pairs)


def test_the_metrics_are_those_of_scikit_learn(metrics, predicted):
    labels, called, probabilities, frame = predicted
    assert metrics.n == len(frame)
    assert metrics.patients == frame["patient_id"].nunique()
    assert metrics.confusion == tuple(map(tuple, sk.confusion_matrix(labels, called).tolist()))
    assert metrics.accuracy == pytest.approx(sk.accuracy_score(labels, called))
    assert metrics.balanced_accuracy == pytest.approx(sk.balanced_accuracy_score(labels, called))
    assert metrics.kappa_quadratic == pytest.approx(sk.cohen_kappa_score(labels, called, weights="quadratic"))
    for average, mean in (("macro", metrics.macro), ("weighted", metrics.weighted)):
        precision, recall, f1, _ = sk.precision_recall_fscore_support(labels, called, average=average, zero_division=0)
        assert (mean.precision, mean.recall, mean.f1) == pytest.approx((precision, recall, f1))
    areas = [sk.roc_auc_score(labels == k, probabilities[:, k]) for k in range(4)]
    assert [per_class.pooled_auroc for per_class in metrics.per_class] == pytest.approx(areas)
    assert metrics.macro.pooled_auroc == pytest.approx(np.mean(areas))
    areas = [by_fold(labels == k, probabilities[:, k], frame["fold"]) for k in range(4)]
    assert [per_class.auroc for per_class in metrics.per_class] == pytest.approx(areas)
    assert metrics.macro.auroc == pytest.approx(np.mean(areas))
    assert [per_class.support for per_class in metrics.per_class] == np.bincount(labels).tolist()


def test_the_folds_are_those_of_scikit_learn(metrics, predicted):
    labels, called, _, frame = predicted
    assert [fold.fold for fold in metrics.per_fold] == [0, 1]
    for fold in metrics.per_fold:
        in_fold = (frame["fold"] == fold.fold).to_numpy()
        assert (fold.n, fold.patients) == (in_fold.sum(), frame["patient_id"][in_fold].nunique())
        assert fold.accuracy == pytest.approx(sk.accuracy_score(labels[in_fold], called[in_fold]))
        f1 = sk.f1_score(labels[in_fold], called[in_fold], labels=range(4), average="macro", zero_division=0)
        assert fold.macro_f1 == pytest.approx(f1)
    accuracies = [fold.accuracy for fold in metrics.per_fold]
    assert metrics.spread_over_folds.accuracy.mean == pytest.approx(np.mean(accuracies))
    assert metrics.spread_over_folds.accuracy.sd == pytest.approx(np.std(accuracies, ddof=1))


def test_the_readings_are_those_of_their_definitions(metrics, predicted):
    labels, called, probabilities, frame = predicted
    positive = np.isin(labels, [2, 3])
    score = probabilities[:, 2:].sum(axis=1)
    assert metrics.positive.classes == metrics.classes[2:]
    assert metrics.positive.positives == positive.sum()
    assert metrics.positive.pooled_auroc.value == pytest.approx(sk.roc_auc_score(positive, score))
    assert metrics.positive.auroc.value == pytest.approx(by_fold(positive, score, frame["fold"]))
    assert metrics.positive.average_precision.value == pytest.approx(sk.average_precision_score(positive, score))
    assert (metrics.subgroups.all.n, metrics.subgroups.all.positives) == (len(labels), positive.sum())
    steps = called - labels
    assert metrics.errors.adjacent.value == pytest.approx((abs(steps) == 1).mean())
    assert metrics.errors.severe_under.value == pytest.approx((steps <= -2).mean())
    assert metrics.errors.severe_over.value == pytest.approx((steps >= 2).mean())
    stated = metrics.calibration.before
    assert stated.log_loss.value == pytest.approx(sk.log_loss(labels, probabilities))
    assert stated.brier.value == pytest.approx(((probabilities - np.eye(4)[labels]) ** 2).sum(axis=1).mean())
    sets = frame[[f"set_{name}" for name in metrics.classes]].astype(str).to_numpy() == "True"
    assert metrics.conformal.coverage.value == pytest.approx(sets[np.arange(len(labels)), labels].mean())
    assert metrics.conformal.mean_size.value == pytest.approx(sets.sum(axis=1).mean())
    assert metrics.gain.macro_f1.value == pytest.approx(
        metrics.macro.f1 - max(scores.macro_f1 for scores in metrics.shortcuts.values())
    )


def test_every_value_is_in_its_interval(metrics):
    for metric in METRICS:
        low, high = metrics.intervals.scores[metric]
        assert low <= metrics.score(metric) <= high, metric
    for per_class in metrics.per_class:
        low, high = metrics.intervals.scores[f"recall:{per_class.name}"]
        assert low <= per_class.recall <= high


def test_the_quadratic_kappa_needs_ordered_classes(measure_rows):
    for ordinal, kappa in ((True, 1.0), (False, None)):
        measured = measure_rows([0, 1, 2], np.eye(3), ("apple", "pear", "plum"), ordinal=ordinal)
        assert measured.kappa_quadratic == kappa


def test_a_run_is_read_from_its_files(finished):
    run = read_run(finished[0], load_host())
    for name, value in (("metrics.json", run.metrics), ("environment.json", run.environment)):
        assert (finished[0] / name).read_text() == documents.encode(value)
    assert run.recipe == apply_ablations(read_recipe(finished[0]), load_host())
    assert run.environment.pixels
    assert run.environment.seed == run.recipe.seed
    assert [epoch.fold for epoch in read_history(finished[0])] == [0, 1]


@pytest.mark.parametrize("name", RUN_FILES)
def test_a_file_of_a_run_comes_back_as_it_was_written(finished, name):
    assert documents.encode(RUN_FILES[name](finished[0])) == (finished[0] / name).read_text()


def test_a_file_of_a_study_comes_back_as_it_was_written(finished):
    machine = machine_of(read_environment(finished[0]))
    score = Estimate(value=0.5, low=0.4, high=0.6)
    about = {"dataset": "phantom", "target": "birads", "folds": 2, "n": 9, "patients": 4, "metric": "macro_f1"}
    about |= {"split": "patient", "classes": ("a", "b"), "environment": machine, "command": "birads-zoo"}
    effect = Effect(name="no-dropout", backbone="x", effect=score, p=0.5, verdict="not shown")
    entries = (
        Entry(name="x", backbone="x", ablations=(), recipe="", start="random", seeds=(0, 1), score=score, flops=5),
        Entry(name="y", backbone="y", ablations=("no-dropout",), recipe="", start="", seeds=(0, 1), error="it failed"),
    )
    rest = {"title": "", "leaky": False, "smallest_gap": None, "shortcuts": {"majority": 0.1}, "references": ()}
    pairwise = ((None, None), (None, None))
    studies = (
        AblationStudy(name="x", seeds=(0, 1), full=score, ablations=(effect,), **about),
        LeakageStudy(name="x", seeds=(0,), schemes=(SchemeScore(scheme="image", leaky=True, error="no"),), **about),
        Leaderboard(entries=entries, ranks=(1, None), pairwise=pairwise, ablations=(effect,), **rest, **about),
    )
    for study in studies:
        text = documents.encode(study)
        assert documents.decode(text, type(study), "it", "") == study
        assert list(json.loads(text))[:3] == ["format", "birads_zoo", "digest"]


@pytest.mark.parametrize("name", RUN_FILES)
def test_old_foreign_and_damaged_files_give_one_sentence(copied, name):
    path, read = copied / name, RUN_FILES[name]
    values = json.loads(path.read_text())
    bare = {key: value for key, value in values.items() if key not in ("format", "birads_zoo")}
    for content, message in (
        (json.dumps(bare), "was written by an older birads-zoo (it has no format number); run it again"),
        (json.dumps(values | {"format": 99, "birads_zoo": "9.0"}), "was written by birads-zoo 9.0 in format 99, and"),
        (json.dumps(values | {"new": 1}), "was changed after it was written; run it again"),
        (path.read_text()[:-40], "is damaged (Input data was truncated); run it again"),
    ):
        path.write_text(content)
        with pytest.raises(UserError) as error:
            read(copied)
        assert str(error.value).startswith(f"{path} {message}")
        with pytest.raises(UserError):
            read_run(copied, load_host()) if name != "cost.json" else read_cost(copied)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.pop("macro"), "Object missing required field `macro`"),
        (lambda values: values["macro"].pop("f1"), "Object missing required field `f1` - at `$.macro`"),
        (lambda values: values.update(n="64"), "Expected `int`, got `str` - at `$.n`"),
        (
            lambda values: values["per_fold"][0].update(accuracy="x"),
            "Expected `float | null`, got `str` - at `$.per_fold[0].accuracy`",
        ),
        (lambda values: values["subgroups"].update(tested="f1"), "Invalid enum value 'f1' - at `$.subgroups.tested`"),
        (lambda values: values["intervals"]["scores"].update(accuracy=[1]), "Expected `array` of length 2, got 1"),
    ],
)
def test_keys_of_metrics_that_are_missing_or_of_another_type_are_named(copied, edited, change, message):
    with edited(copied / "metrics.json") as values:
        change(values)
    with pytest.raises(UserError) as error:
        read_metrics(copied)
    assert f"metrics.json is damaged ({message}" in str(error.value)


FILES = ("recipe.toml", "environment.json", "predictions.csv", "validation.csv", "metrics.json", "metrics.jsonl")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("command", ["report", "explain", "export"])
def test_a_finished_run_whose_file_was_edited_is_refused_in_one_sentence(copied, zoo, command, name):
    path = copied / name
    path.write_text(path.read_text() + "\n")
    result = zoo(command, copied)
    assert (result.status, result.out) == (2, "")
    remedy = f"make its files again with: birads-zoo run --resume {copied}"
    assert result.err == f"birads-zoo: error: {path} was changed after the run had finished; {remedy}\n"


@pytest.mark.parametrize("name", [*FILES, "complete.json"])
def test_a_finished_run_whose_file_is_gone_is_refused_in_one_sentence(copied, zoo, name):
    (copied / name).unlink()
    result = zoo("report", copied)
    assert result.status == 2
    assert result.err.count("\n") == 1
    assert str(copied if name in ("complete.json", "recipe.toml") else copied / name) in result.err


def test_a_folders_recipe_and_epochs_are_of_the_format_of_its_environment(copied, zoo):
    values = json.loads((copied / "environment.json").read_text())
    (copied / "environment.json").write_text(json.dumps(values | {"format": 99, "birads_zoo": "9.0"}))
    with pytest.raises(UserError, match=r"environment.json was written by birads-zoo 9.0 in format 99"):
        read_recipe(copied)
    for command in (["report", copied], ["explain", copied], ["export", copied], ["run", "--resume", copied]):
        result = zoo(*command)
        assert result.status == 2, command
        assert "was written by birads-zoo 9.0 in format 99" in " ".join(result.err.split())


@pytest.mark.parametrize("line", ["{", '{"fold": 0}', "\xff", "[" * 100_000])
def test_damaged_epochs_give_one_sentence(copied, line):
    (copied / "metrics.jsonl").write_text(line, encoding="latin-1")
    with pytest.raises(UserError, match=r"metrics.jsonl is damaged \(.*\); run it again"):
        read_history(copied)


def test_the_types_load_no_heavy_library():
    assert heavy_modules_after("import birads_zoo.results.metrics, birads_zoo.results.explanations") == ()
    code = "import sys, birads_zoo.results.metrics\nassert 'numpy' not in sys.modules"
    assert heavy_modules_after(code) == ()


@pytest.mark.parametrize("kind", [RunMetrics, Cost, Environment, Leaderboard])
def test_no_field_of_a_result_is_untyped(kind):
    """Then mypy finds a misspelt field before the code runs."""
    seen, waiting = set(), [kind]
    while waiting:
        struct = waiting.pop()
        for field in msgspec.structs.fields(struct):
            for part in _parts(msgspec.inspect.type_info(field.type)):
                assert not isinstance(part, msgspec.inspect.AnyType), f"{struct.__name__}.{field.name}"
                if isinstance(part, msgspec.inspect.StructType) and part.cls not in seen:
                    seen.add(part.cls)
                    waiting.append(part.cls)


def _parts(info):
    yield info
    inner = [getattr(info, name, None) for name in ("item_type", "key_type", "value_type")]
    inner += [*getattr(info, "types", ()), *getattr(info, "item_types", ())]
    for part in inner:
        if part is not None:
            yield from _parts(part)
