"""Explains a finished run's test rows, scores each explainer's maps, and writes `explanations/` to its folder."""

from __future__ import annotations

import itertools
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from msgspec.structs import asdict
from numpy.typing import NDArray
from torch import Tensor

from birads_zoo.data.batches import Batches
from birads_zoo.data.picture import GreyArray
from birads_zoo.data.prepare import Prepared
from birads_zoo.devices import Compute, choose_compute
from birads_zoo.evaluation.statistics.intervals import LEVEL
from birads_zoo.evaluation.statistics.resampling import clusters
from birads_zoo.explanation.curves import Views
from birads_zoo.explanation.faithfulness import evaluate_explainer
from birads_zoo.explanation.files import COLUMNS, FILES, FOLDER, write_explanations, write_maps
from birads_zoo.explanation.heat_maps import explain_sample
from birads_zoo.explanation.sanity import DRAWS, random_classifier
from birads_zoo.explanation.scoring import PASSES, Cases, MapMaker, Scores, Subject, score_cases
from birads_zoo.explanation.selection import ExplainedRows, choose
from birads_zoo.files import check_folder, make_folder, whole_folder
from birads_zoo.interfaces import ExplainerContext, ExplainerSpec
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.folding import folded
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe
from birads_zoo.report.drawing.overlays import draw_overlay
from birads_zoo.results.explanations import ExplainerResult, ExplainerScores, Explanations
from birads_zoo.runs.finished import Finished, prepare_again, trained_classifier

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host

_CALIBRATING = 8  # batches from which the norms of a network with random weights take their statistics


def explain(
    finished: Finished,
    host: Host,
    explainers: Sequence[str],
    limit: int | None,
    device: str,
    screen: Screen,
    root: Path | None = None,
) -> Explanations:
    """Explain test rows of a finished run by the classifiers of their folds; write and return the results.

    Args:
        finished: the run; its old `explanations/` is replaced.
        host: the registered plugins.
        explainers: their names.
        limit: the largest number of rows, drawn at random; `None` for all. All pictures that a row's label is about are
            explained.
        device: "auto", "cpu", "cuda" or "cuda:N".
        screen: where progress is shown.
        root: the new folder of the run's data, if it was moved.

    Returns:
        The content of `explanations.json`.

    Raises:
        UserError: for data that is gone or is not the run's, an unknown or broken explainer, or a folder that cannot
            be written.

    """
    check_folder(finished.folder / FOLDER)
    specs = [host.explainer(name) for name in dict.fromkeys(explainers)]
    data = prepare_again(finished, host, screen, root)
    compute = choose_compute(device, finished.recipe.training.precision, finished.environment.precision)
    selection = choose(data, finished.recipe, finished.test, limit)
    batches: dict[str, list[tuple[NDArray[np.float16], Scores]]] = {spec.name: [] for spec in specs}
    with whole_folder(finished.folder / FOLDER, replaces=FILES) as folder:
        started = time.perf_counter()
        with screen.bar("explaining", len(selection.samples)) as show:
            done = 0
            for fold in np.unique(selection.folds).tolist():
                for name, maps, scores in _explain_fold(finished, host, specs, data, selection, fold, compute):
                    batches[name].append((maps.astype(np.float16), scores))
                    done += len(maps) if name == specs[-1].name else 0
                    show(done, f"fold {fold + 1}")
        seconds = round(time.perf_counter() - started, 1)
        table, results = _write_maps(folder, data, selection, batches)
        return write_explanations(folder, table, _explanations(finished, data, selection, results, seconds))


def _write_maps(
    folder: Path,
    data: Prepared,
    selection: ExplainedRows,
    batches: Mapping[str, Sequence[tuple[NDArray[np.float16], Scores]]],
) -> tuple[pd.DataFrame, dict[str, ExplainerResult]]:
    """Evaluate each explainer, write its maps and overlays, and return all maps' scores and the explainers' results."""
    results, tables = {}, []
    for name, parts in batches.items():
        maps = np.concatenate([batch_maps for batch_maps, _ in parts])
        columns = {key: np.concatenate([batch_scores[key] for _, batch_scores in parts]) for key in parts[0][1]}
        table = selection.about.assign(explainer=name, **columns)
        scores = evaluate_explainer(table)
        result = results[name] = ExplainerResult(
            **asdict(scores), maps=f"{name}.npz", overlays=f"overlays/{name}", passes=PASSES, draws=DRAWS
        )
        table = table.assign(
            faithful="" if result.faithful is None else str(result.faithful),
            overlay=[f"{result.overlays}/{row}.png" for row in table["row"]],
        )
        write_maps(folder / result.maps, table["row"].to_numpy(np.int64), maps)
        _draw(folder, table, data.store.array, selection.positions, maps, selection.lesions, scores)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)[list(COLUMNS)], results


def _explain_fold(
    finished: Finished,
    host: Host,
    specs: Sequence[ExplainerSpec],
    data: Prepared,
    selection: ExplainedRows,
    fold: int,
    compute: Compute,
) -> Iterator[tuple[str, NDArray[np.float32], Scores]]:
    """Yield each explainer's maps and scores of a fold's rows, batch by batch, in their order."""
    rows = np.flatnonzero(selection.folds == fold)
    size = 8 if compute.device.type == "cpu" else finished.recipe.training.batch_size
    batches = Batches(
        data.store.array, data.samples[selection.places[rows]], selection.targets[rows], size, compute.device
    )
    trained = trained_classifier(finished, host, fold, compute)
    images = [batch.images for batch in itertools.islice(batches.epoch(None), _CALIBRATING)]
    randoms = [
        random_classifier(finished.recipe, host, len(finished.classes), fold, draw, compute, images)
        for draw in range(DRAWS)
    ]
    seed = finished.recipe.seed
    explainers = {
        spec.name: (
            _maker(host, spec, finished.recipe, trained),
            [_maker(host, spec, finished.recipe, random) for random in randoms],
        )
        for spec in specs
    }
    placed = _placed(trained, images[0])
    subject = Subject(
        classifier=folded(trained, images[0]), placed=placed, explainers=explainers, compute=compute, seed=seed
    )
    for batch in batches.epoch(None):
        drawn = rows[batch.positions.cpu().numpy()]
        chosen = np.flatnonzero(np.isin(selection.samples, drawn))
        samples, views = np.searchsorted(drawn, selection.samples[chosen]), selection.views[chosen]
        cases = Cases(
            explained=Views(
                images=batch.images,
                present=batch.present,
                targets=batch.targets,
                samples=torch.from_numpy(samples).to(compute.device),
                views=torch.from_numpy(views).to(compute.device),
            ),
            rows=selection.about["row"].to_numpy(np.int64)[chosen],
            breasts=selection.breasts[chosen],
            lesions=selection.lesions[chosen],
        )
        yield from score_cases(subject, cases)


@torch.no_grad()
def _placed(classifier: Classifier, images: Tensor) -> NDArray[np.bool_]:
    """Return which part of the picture (H×W) the feature map covers."""
    everywhere = torch.ones_like(classifier.features(images[:1])[:, 0, :1])
    placed: NDArray[np.bool_] = (classifier.over_pictures(everywhere, *images.shape[-2:])[0, 0] > 0).cpu().numpy()
    return placed


def _maker(host: Host, spec: ExplainerSpec, recipe: Recipe, classifier: Classifier) -> MapMaker:
    """Build an explainer, and return a function that makes its maps; errors name its plugin.

    The recipe's own explainer has the recipe's options; any other explainer has its defaults.
    """
    changes = recipe.explainer.options if spec.name == recipe.explainer.name else {}
    options = host.options("explainer", spec.name, changes)
    with host.building("explainer", spec.name):
        explainer = spec.build(ExplainerContext(classifier=classifier, options=options))

    def make(images: Tensor, targets: Tensor, present: Tensor) -> NDArray[np.float32]:
        with host.building("explainer", spec.name):
            return explain_sample(
                classifier, explainer, images, targets, len(images), present=present, seed=recipe.seed
            )

    return make


def _explanations(
    finished: Finished, data: Prepared, selection: ExplainedRows, explainers: dict[str, ExplainerResult], seconds: float
) -> Explanations:
    patients = selection.about["patient_id"].to_numpy(dtype=np.str_)
    return Explanations(
        n=len(selection.samples),
        of=int(sum(data.own.present[fold.test].sum() for fold in data.folds)),
        patients=int(clusters(patients).max()) + 1,
        with_lesions=int(selection.lesions.any(axis=(1, 2)).sum()),
        target=data.labelled.target.name,
        classes=data.labelled.classes,
        split=finished.metrics.split,
        leaky=finished.metrics.leaky,
        leak_proven=finished.metrics.leak_proven,
        folds=finished.metrics.folds,
        height=finished.recipe.image.height,
        width=finished.recipe.image.width,
        level=LEVEL,
        method="whole patients left out one at a time",
        explainers=explainers,
        seconds=seconds,
    )


def _draw(
    folder: Path,
    table: pd.DataFrame,
    pictures: GreyArray,
    positions: NDArray[np.int64],
    maps: NDArray[np.float16],
    lesions: NDArray[np.bool_],
    scores: ExplainerScores,
) -> None:
    make_folder(folder / Path(table["overlay"].iloc[0]).parent)

    def draw(number: int, row: dict[Hashable, Any]) -> None:
        draw_overlay(
            folder / row["overlay"],
            pictures[positions[number]],
            maps[number],
            lesions[number],
            f"{row['explainer']}: evidence for {row['explained']}",
            f"true {row['label']}, called {row['predicted']}; {row['explained']} was given {row['probability']:.2f}",
            "" if scores.faithful else scores.verdict,
        )

    with ThreadPoolExecutor() as threads:  # most of the time is spent in Pillow, NumPy and SciPy, without Python's lock
        for drawn in [threads.submit(draw, number, row) for number, row in enumerate(table.to_dict("records"))]:
            drawn.result()
