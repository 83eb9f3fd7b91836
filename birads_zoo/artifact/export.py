"""From a finished run to a folder that predicts without it: whole and checked, or not there at all."""

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

from birads_zoo.artifact.agreement import check_network, check_pixels, checked_rows
from birads_zoo.artifact.card import model_card
from birads_zoo.artifact.held_out import Seen, fit_training_range, see
from birads_zoo.artifact.manifest import (
    NOTICE,
    REFERENCE,
    SUFFIXES,
    FoldPart,
    HeatMaps,
    Manifest,
    NetworkFormat,
    OutputsPart,
    Preprocessing,
    checksums,
    write_manifest,
)
from birads_zoo.artifact.networks import ExportedNetwork, save_network
from birads_zoo.data.prepare import Prepared
from birads_zoo.devices import choose_compute
from birads_zoo.errors import UserError
from birads_zoo.explanation.files import read_explanations
from birads_zoo.files import whole_folder
from birads_zoo.model.outputs import make_outputs
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe, shareable
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
) -> Manifest:
    """Export the finished run in `run` as `kind` to the new folder `out`; `root` says where its data lies if moved.

    Every network is opened again from its file and compared with the trainer's, and the preprocessing with the pixel
    store, before the folder gets its name.

    Raises:
        UserError: when the run or its data cannot be opened, the network cannot be exported so, or an exported one
            disagrees with the trainer's; nothing stays then.

    """
    if out.exists():
        raise UserError(f"{out} exists already; remove it, or name another folder with --out")
    finished = read_run(run, host)
    data = prepare_again(finished, host, screen, root)
    compute = choose_compute(device, "float32")
    with whole_folder(out) as folder:
        seen, channels = [], ((), ())
        for fold in data.folds:
            classifier = trained_classifier(finished, host, fold.number, compute)
            with screen.bar(f"fold {fold.number + 1}/{len(data.folds)}", len(data.labelled.labels)) as show:
                seen.append(see(classifier, fold, finished.recipe, data, compute, lambda n: show(n, "")))
            path = folder / _weights_name(fold.number, kind)
            portable = copy.deepcopy(classifier).cpu().to(memory_format=torch.contiguous_format)
            network = ExportedNetwork(portable, len(data.own.names))
            save_network(kind, network, finished.recipe, path)
            check_network(kind, path, network, finished, host, data)
            channels = tuple(classifier.pixel_mean.tolist()), tuple(classifier.pixel_std.tolist())
        preprocessing = Preprocessing(
            image=finished.recipe.image,
            detail=data.store.detail,
            bits=16 if data.store.array.dtype == np.uint16 else 8,
            pixel_mean=channels[0],
            pixel_std=channels[1],
        )
        check_pixels(preprocessing, data, checked_rows(len(data.labelled.labels)))
        training_range = fit_training_range(data, seen)
        _write_references(folder / REFERENCE, seen)
        manifest = Manifest(
            notice=NOTICE,
            torch=str(torch.__version__),
            kind=kind,
            run_id=finished.recipe.run_id,
            recipe=shareable(finished.recipe).replace({"dataset.level": data.labelled.target.level}),
            classes=finished.classes,
            target=finished.metrics.target,
            ordinal=data.labelled.target.ordinal,
            positive=() if finished.metrics.positive is None else finished.metrics.positive.classes,
            outputs=OutputsPart.of(make_outputs(finished.recipe, host, len(finished.classes))),
            preprocessing=preprocessing,
            folds=_folds(finished, data, seen, kind),
            training_range=training_range,
            heat_maps=_heat_maps(finished),
            licences=_licences(finished.recipe, host, registry),
            files={},
        )
        (folder / CARD).write_text(model_card(finished, manifest), encoding="utf-8")
        manifest = msgspec.structs.replace(manifest, files=checksums(sorted(folder.iterdir())))
        write_manifest(folder, manifest)
    return manifest


def _folds(finished: Finished, data: Prepared, seen: Sequence[Seen], kind: NetworkFormat) -> tuple[FoldPart, ...]:
    temperatures = {fit.fold: fit.temperature for fit in finished.metrics.calibration.folds}
    thresholds = {one.fold: one.threshold for one in finished.metrics.conformal.folds}
    shifts = class_shifts(data, finished.recipe)
    return tuple(
        FoldPart(
            number=fold.number,
            weights=_weights_name(fold.number, kind),
            temperature=temperatures[fold.number],
            shift=tuple(shifts[fold.number].tolist()),
            threshold=thresholds[fold.number],
            scale=one.scale,
        )
        for fold, one in zip(data.folds, seen, strict=True)
    )


def _heat_maps(finished: Finished) -> HeatMaps:
    """Take over what `birads-zoo explain` found of the recipe's explainer, if it was asked."""
    told = read_explanations(finished.folder)
    judged = None if told is None else told.explanations.explainers.get(finished.recipe.explainer.name)
    if judged is None:
        return HeatMaps(faithful=None, verdict="nobody has tested these maps")
    return HeatMaps(faithful=judged.faithful, verdict=judged.verdict)


def _weights_name(number: int, kind: NetworkFormat) -> str:
    return f"fold-{number}{SUFFIXES[kind]}"


def _write_references(path: Path, seen: Sequence[Seen]) -> None:
    tensors: dict[str, NDArray[Any]] = {}
    for number, one in enumerate(seen):
        tensors[f"features-{number}"] = one.reference.features.astype(np.float16)
        tensors[f"labels-{number}"] = one.reference.labels.astype(np.int16)
        tensors[f"mean-{number}"], tensors[f"spread-{number}"] = one.reference.mean, one.reference.spread
    path.write_bytes(safetensors.numpy.save(tensors))


def _licences(recipe: Recipe, host: Host, registry: Registry) -> tuple[str, ...]:
    """Say under what terms the parts of the model stand."""
    told = ["birads-zoo: MIT"]
    spec = host.backbone(recipe.model.backbone)
    if recipe.model.weights:
        told.append(
            f"{spec.name}: trained from weights in a file of the user's, whose giver's terms go on binding them"
        )
    elif recipe.model.pretrained and spec.weights:
        told.append(f"{spec.name}: trained from {registry.licences.get(spec.name, spec.licence or spec.weights)}")
    told.append(f"data set {recipe.dataset.name}: its publisher's terms may bind what was learned from it")
    return tuple(told)
