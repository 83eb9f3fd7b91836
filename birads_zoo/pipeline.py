"""Executes a run: from a recipe to a folder of results."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.cells import alike_ids
from birads_zoo.data.cache_folder import cache_root
from birads_zoo.data.index.facts import file_facts
from birads_zoo.data.index.view_names import UNITS
from birads_zoo.data.prepare import Prepared, prepare
from birads_zoo.devices import choose_compute
from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.explanation.overview import explain_fold
from birads_zoo.interruption import interruptible
from birads_zoo.progress import Screen
from birads_zoo.randomness import numpy_generator
from birads_zoo.recipe import Recipe, recipe_digest
from birads_zoo.recipes.ablations import apply_ablations
from birads_zoo.recipes.compose import check_class_weights
from birads_zoo.report.run.figures import draw_all, figures_of_numbers
from birads_zoo.results.metrics import RunMetrics
from birads_zoo.runs import folder as run_folder
from birads_zoo.runs.completion import complete
from birads_zoo.runs.measure import check_evaluation, measure
from birads_zoo.runs.predictions import fitted_frame, predictions_frame
from birads_zoo.runs.tracking import tracked
from birads_zoo.shortcuts.fit import shortcut_fitters
from birads_zoo.shortcuts.permutation_test import permutation_tests
from birads_zoo.training.checking import check_recipe
from birads_zoo.training.cost import begin, measure_size, total
from birads_zoo.training.fold import fit_fold
from birads_zoo.training.history import Epoch
from birads_zoo.training.ranks import Ranks, join
from birads_zoo.training.step_times import choose_precision
from birads_zoo.version import __version__

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The folder of a run, and its metrics (the content of its `metrics.json`)."""

    folder: Path
    metrics: RunMetrics


def run(
    recipe: Recipe,
    host: Host,
    runs: Path,
    device: str,
    screen: Screen,
    resumed: Path | None = None,
    name: str = "",
) -> Outcome:
    """Train and evaluate `recipe` fold by fold, and write all results to a new folder under `runs`.

    A signal ends it after the present step of training, or at once elsewhere (see `birads_zoo.interruption`).

    Args:
        recipe: the recipe, with its ablations named but not applied.
        host: the registered plugins.
        runs: the folder of run folders.
        device: "auto", "cpu", "cuda" or "cuda:N".
        screen: where progress is shown.
        resumed: the folder of a stopped run of the same recipe, to resume it.
        name: name of the new folder; "" for the run id, with a number if that exists.

    Raises:
        UserError: if something in the recipe, the data or a plugin prevents the run; a new folder is kept only if an
            epoch was completed in it.
        RunStoppedError: when a tracker stops the run.
        Interrupted: when a signal ended it.

    """
    with interruptible():
        ranks, device = join(device, recipe.training.batch_size)
        if ranks.leads:
            return _run(recipe, host, runs, device, screen, resumed, name, ranks)
        return _follow(recipe, host, device, ranks)


def _run(
    recipe: Recipe, host: Host, runs: Path, device: str, screen: Screen, resumed: Path | None, name: str, ranks: Ranks
) -> Outcome:
    applied = apply_ablations(recipe, host)
    check_class_weights(applied, host)
    before = "" if resumed is None else run_folder.read_environment(resumed).precision
    compute = choose_compute(device, applied.training.precision, before)
    data = prepare(applied, host, cache_root(), screen, partial(check_recipe, applied, host))
    check_evaluation(data, applied)
    _show_data(applied, data, screen)
    if applied.training.precision == "auto" and resumed is None:
        compute = choose_precision(applied, host, len(data.labelled.classes), compute, cache_root(), screen)
    compute = replace(compute, processes=ranks.size)
    facts = file_facts(data.labelled.index)
    views = [data.store.array[position] for position in data.positions]  # the store is not copied
    fitters = shortcut_fitters(data.labelled, data.folds, views, facts, applied.seed)
    shortcuts = [fit(data.labelled.labels) for fit in fitters]
    patients = data.labelled.index.rows["patient_id"].to_numpy(dtype=str)
    chance = numpy_generator(applied.seed, "shortcuts")
    tests = permutation_tests(data.labelled.labels, fitters, data.folds, patients, chance)
    with (
        run_folder.opened(runs, recipe, data, compute, resumed, name) as folder,
        tracked(applied, host, data, folder, resumed=resumed is not None) as trackers,
    ):
        ranks.check_same(_identity(applied, data), "the recipe, the rows or the software")
        ranks.broadcast((folder.absolute(), compute.precision_name))
        history: list[Epoch] = []

        def on_epoch(epoch: Epoch) -> Exception | None:
            history.append(epoch)
            run_folder.write_history(folder, history)
            return trackers.epoch(epoch)

        fitted = []
        started = begin(compute)
        for fold in data.folds:
            done, classifier = fit_fold(
                applied, host, data, fold, compute, folder / "checkpoints", screen, on_epoch, ranks
            )
            fitted.append(done)
            if fold.number == 0:
                explained = explain_fold(applied, host, data, done, classifier, compute)
                size = measure_size(classifier, applied, data, compute)
            del classifier  # keep only one in memory
        cost = total(started, size, history, compute, resumed=resumed is not None)
        predictions = predictions_frame(data, fitted)
        metrics = measure(predictions, data, applied, shortcuts, tests)
        test = fitted_frame(predictions, data, applied)
        validation = predictions[predictions["part"] == "validation"]
        run_folder.write_results(folder, test, validation, metrics, cost)
        draw_all(folder / "figures", data, history, predictions, metrics, explained, applied)
        trackers.finished(metrics, figures_of_numbers(folder.absolute() / "figures"))
        complete(folder)
    ranks.wait()
    return Outcome(folder=folder, metrics=metrics)


def _follow(recipe: Recipe, host: Host, device: str, ranks: Ranks) -> Outcome:
    """Train and predict along with the first process, which writes the run's folder and evaluates."""
    applied, quiet = apply_ablations(recipe, host), Screen(quiet=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BiradsZooWarning)  # the first process shows them
        data = prepare(applied, host, cache_root(), quiet, partial(check_recipe, applied, host))
        ranks.check_same(_identity(applied, data), "the recipe, the rows or the software")
        folder, precision = ranks.broadcast((Path(), ""))
        if not folder.is_dir():
            raise UserError(f"{folder} is not there for process {ranks.launch.rank}: all need the same file system")
        compute = replace(choose_compute(device, precision), processes=ranks.size)
        for fold in data.folds:
            fit_fold(applied, host, data, fold, compute, folder / "checkpoints", quiet, lambda epoch: None, ranks)
    ranks.wait()
    return Outcome(folder=folder, metrics=run_folder.read_metrics(folder))


def _identity(recipe: Recipe, data: Prepared) -> str:
    """Return what must be the same in processes that train together: the software, the recipe, the rows and folds."""
    rows = hashlib.sha256(data.labelled.labels.tobytes())
    for fold in data.folds:
        for part in (fold.train, fold.validation, fold.test):
            rows.update(part.tobytes())
    return f"{__version__} {recipe_digest(recipe)} {data.store.key.pictures} {rows.hexdigest()}"


def _show_data(recipe: Recipe, data: Prepared, screen: Screen) -> None:
    summary, labelled = data.summary, data.labelled
    screen.say(f"{recipe.dataset.name}: {summary.rows} rows, {summary.patients} patients, {summary.usable} usable")
    for action in ("dropped", "repaired", "unlisted"):
        for reason, count in getattr(summary, action).items():
            screen.say(f"  {action} {count}: {reason}")
    if alike := alike_ids(labelled.index.rows["patient_id"]):
        example = " and ".join(map(repr, alike[0]))
        screen.say(f"  warning: some patient ids look like spellings of the same id, such as {example}")
    if labelled.target.level != "image":
        screen.say(f"  {summary.usable} pictures make {len(labelled.labels)} {UNITS[labelled.target.level]}")
    counts = ", ".join(f"{name} {(labelled.labels == k).sum()}" for k, name in enumerate(labelled.classes))
    screen.say(f"target {labelled.target.name}: {counts}")
