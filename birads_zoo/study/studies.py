"""The three studies: run what is missing, read the predictions, compare, and write the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.data.index.audit import check_files, check_rows, choose_target
from birads_zoo.data.index.classes import classes_with_rows
from birads_zoo.data.index.load import load_index
from birads_zoo.errors import UserError
from birads_zoo.progress import Screen
from birads_zoo.recipes.registry import Reference
from birads_zoo.report.study.leaderboard import Leaderboard
from birads_zoo.report.study.page import FILES, write_leaderboard
from birads_zoo.results.environment import machine_of
from birads_zoo.results.scores import METRICS
from birads_zoo.runs.folder import read_environment
from birads_zoo.study import results
from birads_zoo.study.ablate import effects
from birads_zoo.study.compare import leaderboard
from birads_zoo.study.execute import execute, finish
from birads_zoo.study.executors.tasks import Executor
from birads_zoo.study.gather import Predicted, collect
from birads_zoo.study.leakage import fitting, inflation
from birads_zoo.study.plan import Study
from birads_zoo.study.results import AblationStudy, LeakageStudy
from birads_zoo.study.score import score

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


def run_comparison(
    study: Study,
    host: Host,
    folder: Path,
    device: str,
    screen: Screen,
    references: Sequence[Reference],
    executor: Executor | None = None,
) -> Leaderboard:
    """Run a comparison and write its leaderboard into `folder`; raises `UserError` when every model failed."""
    check_metric(study, host)
    executed = execute(study, host, folder, device, screen, FILES, executor)
    predicted, failures = collect(executed.folders, executed.failures)
    if not predicted:
        reasons = "; ".join(f"{name}: {failure.reason}" for name, failure in failures.items())
        raise UserError(f"nothing to compare, every model failed: {reasons}")
    ordinal = _is_ordinal(study, host, predicted)
    environment = machine_of(read_environment(executed.folders[next(iter(predicted))][0]))
    board = leaderboard(study, predicted, failures, environment, references, ordinal=ordinal)
    write_leaderboard(folder, board)
    finish(folder, FILES, executed)
    return board


def run_ablation_study(
    study: Study, host: Host, folder: Path, device: str, screen: Screen, executor: Executor | None = None
) -> tuple[str, AblationStudy]:
    """Run an ablation study, whose first variant is the full model; return its Markdown and its JSON's content.

    Raises:
        UserError: when the full model failed: there is nothing to compare with.

    """
    check_metric(study, host)
    executed = execute(study, host, folder, device, screen, results.ABLATION_FILES, executor)
    predicted, failures = collect(executed.folders, executed.failures)
    full = study.variants[0]
    if full.name in failures:
        raise UserError(f"the full model failed, so nothing can be compared: {failures[full.name].reason}")
    ordinal = _is_ordinal(study, host, predicted)
    rows = effects(study.variants, predicted, failures, study.metric, ordinal=ordinal)
    environment = machine_of(read_environment(executed.folders[full.name][0]))
    about = results.basis(study, predicted[full.name], environment, f"{full.recipe.split.scheme} split")
    written = results.write_ablations(folder, about, score(predicted[full.name], study.metric, ordinal=ordinal), rows)
    finish(folder, results.ABLATION_FILES, executed)
    return written


def run_leakage_study(
    study: Study, host: Host, folder: Path, device: str, screen: Screen, executor: Executor | None = None
) -> tuple[str, LeakageStudy]:
    """Run a recipe under the splits that differ, by patient first; return the report's Markdown and JSON content.

    Raises:
        UserError: for labels of patients (see `leakage.fitting`), and when the split by patient failed: there is
            nothing to compare with.

    """
    check_metric(study, host)
    study = fitting(study, host)
    executed = execute(study, host, folder, device, screen, results.LEAKAGE_FILES, executor)
    predicted, failures = collect(executed.folders, executed.failures)
    by_patient = study.variants[0]
    if by_patient.name in failures:
        raise UserError(f"the split by patient failed, so nothing can be compared: {failures[by_patient.name].reason}")
    ordinal = _is_ordinal(study, host, predicted)
    rows = inflation(study.variants, predicted, failures, study.metric, ordinal=ordinal)
    environment = machine_of(read_environment(executed.folders[by_patient.name][0]))
    about = results.basis(study, predicted[by_patient.name], environment, f"split {_joined(study)}")
    written = results.write_leakage(folder, about, rows)
    finish(folder, results.LEAKAGE_FILES, executed)
    return written


def check_metric(study: Study, host: Host) -> None:
    """Raise `UserError`, before anything is trained, for a metric that is undefined for the target's classes.

    The data set is loaded for this, because the target, and the classes of an open target, may depend on its rows.
    """
    if study.metric != "kappa_quadratic":
        return
    section = study.variants[0].recipe.dataset
    index = load_index(section, host)
    target = choose_target(host.dataset(section.name), section.target, index)
    classes = section.classes or classes_with_rows(check_files(check_rows(index)), target)
    if not target.ordinal and len(classes) > 2:
        others = ", ".join(metric for metric in METRICS if metric != study.metric)
        raise UserError(
            f"kappa_quadratic weighs mistakes by the order of the classes, and those of the target {target.name!r} "
            f"({', '.join(classes)}) have none: choose another --metric ({others})"
        )


def _joined(study: Study) -> str:
    """Name the splits of a study, such as "by patient, by breast and by image"."""
    *first, last = (f"by {variant.recipe.split.scheme}" for variant in study.variants)
    return f"{', '.join(first)} and {last}"


def _is_ordinal(study: Study, host: Host, predicted: Mapping[str, Predicted]) -> bool:
    """Return whether the classes' order carries meaning, for the target that the runs used."""
    chosen = next(iter(predicted.values())).metrics[0].target
    targets = host.dataset(study.variants[0].recipe.dataset.name).targets
    return next(target.ordinal for target in targets if target.name == chosen)
