"""Exports a finished run to a folder that predicts without the run; the folder is complete and checked, or absent."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray

from birads_zoo.artifact.agreement import TOLERANCES, Difference, check_network, check_pixels, checked_rows
from birads_zoo.artifact.card import model_card
from birads_zoo.artifact.held_out import FoldDistances, fit_training_range, measure_distances
from birads_zoo.artifact.licences import licences_of, warning
from birads_zoo.artifact.manifest import (
    NOTICE,
    REFERENCE,
    SUFFIXES,
    Agreement,
    FoldPart,
    HeatMaps,
    Manifest,
    NetworkFormat,
    OutputsPart,
    Precision,
    Preprocessing,
    checksums,
    write_manifest,
)
from birads_zoo.artifact.networks.exported import ExportedNetwork
from birads_zoo.artifact.networks.opening import check_precision, device_for
from birads_zoo.artifact.networks.saving import save_network
from birads_zoo.data.prepare import Prepared
from birads_zoo.devices import choose_compute
from birads_zoo.errors import UserError, warn
from birads_zoo.explanation.files import read_explanations
from birads_zoo.files import check_folder, whole_folder
from birads_zoo.model.outputs import make_outputs
from birads_zoo.progress import Screen
from birads_zoo.recipe import shareable
from birads_zoo.runs.finished import Finished, prepare_again, read_run, trained_classifier
from birads_zoo.runs.predictions import class_shifts

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host
    from birads_zoo.recipes.registry import Registry

CARD = "model_card.md"


def export(
    run: Path,
    kind: NetworkFormat,
    out: Path,
    host: Host,
    registry: Registry,
    device: str,
    screen: Screen,
    root: Path | None = None,
    precision: Precision = "float32",
) -> Manifest:
    """Export the finished run in `run` as `kind` to the new folder `out`; `root` says where its data is if it moved.

    The model predicts in `precision`.

    Before the folder gets its name, every network is opened again from its file and compared with the trainer's, and
    the preprocessing is compared with the pixel store.

    Raises:
        UserError: if the run or its data cannot be opened, the network cannot be exported in this format, or an
            exported network disagrees with the trainer's. Nothing is left behind.

    """
    if out.exists():
        raise UserError(f"{out} exists already; remove it, or name another folder with --out")
    check_folder(out)
    if precision != "float32":
        check_precision(kind, choose_compute(device_for(kind, device), precision))
    finished = read_run(run, host)
    data = prepare_again(finished, host, screen, root)
    licences = licences_of(finished.recipe, host, registry)
    if restricted := warning(licences, "pass the model on"):
        warn(restricted)
    compute = choose_compute(device, "float32")
    with whole_folder(out) as folder:
        measured, checked, channels = [], [], ((), ())
        for fold in data.folds:
            classifier = trained_classifier(finished, host, fold.number, compute)
            with screen.bar(f"fold {fold.number + 1}/{len(data.folds)}", len(data.labelled.labels)) as show:
                measured.append(
                    measure_distances(classifier, fold, finished.recipe, data, compute, lambda n: show(n, ""))
                )
            path = folder / _weights_name(fold.number, kind)
            portable = copy.deepcopy(classifier).cpu().to(memory_format=torch.contiguous_format)
            network = ExportedNetwork(portable, len(data.own.names))
            save_network(kind, network, finished.recipe, path)
            checked.append(check_network(kind, path, network, finished, host, data, precision, device))
            channels = tuple(classifier.pixel_mean.tolist()), tuple(classifier.pixel_std.tolist())
        preprocessing = Preprocessing(
            image=finished.recipe.image,
            detail=data.store.detail,
            bits=16 if data.store.array.dtype == np.uint16 else 8,
            pixel_mean=channels[0],
            pixel_std=channels[1],
        )
        check_pixels(preprocessing, data, checked_rows(len(data.labelled.labels)))
        training_range = fit_training_range(data, measured)
        _write_references(folder / REFERENCE, measured)
        manifest = Manifest(
            notice=NOTICE,
            torch=str(torch.__version__),
            kind=kind,
            precision=precision,
            run_id=finished.recipe.run_id,
            recipe=shareable(finished.recipe).replace({"dataset.level": data.labelled.target.level}),
            classes=finished.classes,
            target=finished.metrics.target,
            ordinal=data.labelled.target.ordinal,
            positive=() if finished.metrics.positive is None else finished.metrics.positive.classes,
            outputs=OutputsPart.of(make_outputs(finished.recipe, host, len(finished.classes))),
            preprocessing=preprocessing,
            folds=_folds(finished, data, measured, kind, [folded for folded, _ in checked]),
            agreement=_agreement(data, precision, [difference for _, difference in checked]),
            training_range=training_range,
            heat_maps=_heat_maps(finished),
            licences=licences,
            files={},
        )
        (folder / CARD).write_text(model_card(finished, manifest), encoding="utf-8")
        manifest = msgspec.structs.replace(manifest, files=checksums(sorted(folder.iterdir())))
        write_manifest(folder, manifest)
    return manifest


def _folds(
    finished: Finished,
    data: Prepared,
    measured: Sequence[FoldDistances],
    kind: NetworkFormat,
    folded: Sequence[bool],
) -> tuple[FoldPart, ...]:
    temperatures = {fit.fold: fit.temperature for fit in finished.metrics.calibration.folds}
    thresholds = {fit.fold: fit.threshold for fit in finished.metrics.conformal.folds}
    shifts = class_shifts(data, finished.recipe)
    return tuple(
        FoldPart(
            number=fold.number,
            weights=_weights_name(fold.number, kind),
            folded=is_folded,
            temperature=temperatures[fold.number],
            shift=tuple(shifts[fold.number].tolist()),
            threshold=thresholds[fold.number],
            scale=entry.scale,
        )
        for fold, entry, is_folded in zip(data.folds, measured, folded, strict=True)
    )


def _agreement(data: Prepared, precision: Precision, differences: Sequence[Difference]) -> Agreement:
    return Agreement(
        pictures=len(checked_rows(len(data.labelled.labels))),
        tolerance=TOLERANCES[precision],
        probability=max(difference.probability for difference in differences),
    )


def _heat_maps(finished: Finished) -> HeatMaps:
    """Copy the verdict of `birads-zoo explain` on the recipe's explainer, if there is one."""
    saved = read_explanations(finished.folder)
    scores = None if saved is None else saved.explanations.explainers.get(finished.recipe.explainer.name)
    if scores is None:
        return HeatMaps(faithful=None, verdict="nobody has tested these maps")
    return HeatMaps(faithful=scores.faithful, verdict=scores.verdict)


def _weights_name(number: int, kind: NetworkFormat) -> str:
    return f"fold-{number}{SUFFIXES[kind][0]}"


def _write_references(path: Path, measured: Sequence[FoldDistances]) -> None:
    tensors: dict[str, NDArray[Any]] = {}
    for number, entry in enumerate(measured):
        tensors[f"features-{number}"] = entry.reference.features.astype(np.float16)
        tensors[f"labels-{number}"] = entry.reference.labels.astype(np.int16)
        tensors[f"mean-{number}"], tensors[f"spread-{number}"] = entry.reference.mean, entry.reference.spread
    path.write_bytes(safetensors.numpy.save(tensors))
