"""Runs one fold: builds a classifier, trains it, and predicts the rows that it never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from birads_zoo.data.batches import Batches
from birads_zoo.data.cache_folder import cache_root
from birads_zoo.data.index.views import Samples
from birads_zoo.data.prepare import Prepared
from birads_zoo.data.splits.split import Fold
from birads_zoo.devices import Compute
from birads_zoo.interfaces import AugmentationContext, LossContext, Target
from birads_zoo.model.build import build_classifier
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import HeadOutput
from birads_zoo.progress import Screen
from birads_zoo.randomness import seed_libraries
from birads_zoo.recipe import Recipe, recipe_digest
from birads_zoo.training.dry_run import dry_run_augmentation, dry_run_loss
from birads_zoo.training.feature_store import FeatureStore, frozen_features
from birads_zoo.training.features import FeatureBatches, cacheable_part
from birads_zoo.training.history import Epoch, best_epoch
from birads_zoo.training.loop import Fit, OnEpoch, train
from birads_zoo.training.predict import BatchSource, Forward, check_scores, predict
from birads_zoo.training.ranks import ALONE, Ranks

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The result of a fold: its training history, and its predictions for the rows that it was not trained on.

    `test` and `validation` are probabilities (float64, rows × classes). `test_views` and `validation_views` are the
    weights (rows × V) of the samples' views, `None` if the fusion has none.
    """

    fold: Fold
    history: list[Epoch]
    test: NDArray[np.float64]
    validation: NDArray[np.float64]
    test_views: NDArray[np.float64] | None = None
    validation_views: NDArray[np.float64] | None = None


def fit_fold(
    recipe: Recipe,
    host: Host,
    data: Prepared,
    fold: Fold,
    compute: Compute,
    checkpoints: Path,
    screen: Screen,
    on_epoch: OnEpoch,
    ranks: Ranks = ALONE,
) -> tuple[Fitted, Classifier]:
    """Train a classifier on a fold's training rows and predict its test and validation rows.

    Training resumes from the fold's checkpoint if there is one. `recipe` has its ablations applied. If `on_epoch`
    returns an exception, it is raised after the epoch is saved. Processes that train together share each batch.
    """
    seed_libraries(recipe.seed, "fold", fold.number, "weights")
    classifier = compute.place(build_classifier(recipe, host, len(data.labelled.classes)))
    if recipe.training.sync_batch_norm:
        ranks.share_norms(classifier)
    augment = _augmentation(recipe, host, compute)
    source, forward = _source_of(recipe, data, fold, classifier, augment, compute, ranks)
    title = f"fold {fold.number + 1}/{len(data.folds)}"
    epochs = recipe.training.epochs
    counts = np.bincount(data.labelled.labels[fold.train], minlength=len(data.labelled.classes)).tolist()
    with screen.bar(title, epochs * len(fold.train)) as show:
        done, note = 0, ""

        def step(images: int) -> None:
            nonlocal done
            done += images
            show(done, note)

        def record(epoch: Epoch) -> Exception | None:
            nonlocal done, note
            validation = "" if epoch.val_loss is None else f", validation {epoch.val_loss:.3f}"
            done, note = epoch.epoch * len(fold.train), f"epoch {epoch.epoch}: loss {epoch.train_loss:.3f}{validation}"
            show(done, note)
            return on_epoch(epoch)

        fit = Fit(
            classifier=classifier,
            forward=forward,
            batches=source(fold.train),
            validation=source(fold.validation) if len(fold.validation) else None,
            augment=augment,
            criterion=make_criterion(recipe, host, data.labelled.target, counts, classifier, compute.device),
            classes=data.labelled.classes,
            section=recipe.training,
            compute=compute,
            seed=recipe.seed,
            fold=fold.number,
            folder=checkpoints / f"fold-{fold.number}",
            recipe=recipe_digest(recipe),
            ranks=ranks,
        )
        history = train(fit, step, record)
    screen.say(_summary(title, history, recipe))
    known = (source, forward, classifier, data, compute, ranks)
    test, test_views = _predictions(fold, fold.test, *known)
    validation, validation_views = _predictions(fold, fold.validation, *known)
    fitted = Fitted(
        fold=fold,
        history=history,
        test=test,
        validation=validation,
        test_views=test_views,
        validation_views=validation_views,
    )
    return fitted, classifier


def _source_of(
    recipe: Recipe,
    data: Prepared,
    fold: Fold,
    classifier: Classifier,
    augment: nn.Module,
    compute: Compute,
    ranks: Ranks,
) -> tuple[Callable[[NDArray[np.int64]], BatchSource], Forward]:
    """Return a function that makes the batches of given rows, and the forward pass for these batches.

    The batches are of pictures, or of features if these are the same in every epoch.
    """
    labels, size, sampler = data.labelled.labels, recipe.training.batch_size, recipe.training.sampler

    def lesions(rows: NDArray[np.int64]) -> NDArray[np.int8] | None:
        return None if data.lesions is None else data.lesions[rows]

    if (cacheable := cacheable_part(classifier, augment)) != "nothing":
        pictures = np.unique(data.samples[np.concatenate([fold.train, fold.validation, fold.test])].pictures)
        nothing = np.zeros(len(pictures), np.int64)
        alone = Batches(data.store.array, Samples.alone(pictures), nothing, size, compute.device)
        store = FeatureStore(cache=cache_root(), digest=data.store.key.digest, pictures=pictures)
        features = frozen_features(classifier, alone, compute, cacheable == "pooled", store)
        if features is not None:

            def cached(rows: NDArray[np.int64]) -> BatchSource:
                chosen = data.samples[rows]
                samples = replace(chosen, pictures=np.searchsorted(pictures, chosen.pictures))
                return FeatureBatches(
                    features, samples, labels[rows], size, sampler, lesions(rows), ranks.launch.rank, ranks.size
                )

            return cached, _from_pooled if cacheable == "pooled" else _from_features

    def decoded(rows: NDArray[np.int64]) -> BatchSource:
        samples = data.samples[rows]
        return Batches(
            data.store.array,
            samples,
            labels[rows],
            size,
            compute.device,
            sampler=sampler,
            lesions=lesions(rows),
            rank=ranks.launch.rank,
            ranks=ranks.size,
        )

    return decoded, Classifier.forward_details


def _from_features(classifier: Classifier, features: Tensor, present: Tensor) -> HeadOutput:
    return classifier.head.forward_details(features, present)


def _from_pooled(classifier: Classifier, pooled: Tensor, present: Tensor) -> HeadOutput:
    return classifier.head.forward_pooled(pooled, present)


def _augmentation(recipe: Recipe, host: Host, compute: Compute) -> nn.Module:
    section, height, width = recipe.augmentation, recipe.image.height, recipe.image.width
    spec, options = host.augmentation(section.name), host.options("augmentation", section.name, section.options)
    with host.building("augmentation", spec.name):
        context = AugmentationContext(
            height=height, width=width, chest_left=recipe.image.orient or recipe.image.neutral, options=options
        )
        augment = spec.build(context).to(compute.device)
        dry_run_augmentation(augment, height, width, compute.device, maps=recipe.training.lesion_weight > 0)
    return augment


def make_criterion(
    recipe: Recipe, host: Host, target: Target, counts: Sequence[int], classifier: Classifier, device: torch.device
) -> nn.Module:
    """Return the recipe's loss for `counts` training rows of each class, after a dry run with the classifier's outputs.

    `counts` has one number per class.
    """
    spec = host.loss(recipe.loss.name)
    context = LossContext(
        class_counts=tuple(counts),
        class_weights=recipe.loss.class_weights,
        ordinal=target.ordinal,
        options=host.options("loss", spec.name, recipe.loss.options),
    )
    with host.building("loss", spec.name):
        criterion = spec.build(context).to(device)
        dry_run_loss(criterion, classifier.outputs.logits, device)
    return criterion


def _predictions(
    fold: Fold,
    rows: NDArray[np.int64],
    source: Callable[[NDArray[np.int64]], BatchSource],
    forward: Forward,
    classifier: Classifier,
    data: Prepared,
    compute: Compute,
    ranks: Ranks,
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return the probabilities of a fold's `rows`, and the weights of their views."""
    if not len(rows):
        return np.empty((0, len(data.labelled.classes))), None
    logits, _, weights = predict(classifier, forward, source(rows), compute, ranks)
    check_scores(classifier, logits, fold.number)
    views = None if weights is None else weights.double().cpu().numpy()
    return classifier.probabilities(logits.double()).cpu().numpy(), views


def _summary(title: str, history: list[Epoch], recipe: Recipe) -> str:
    chosen = history[best_epoch(history, recipe.training.select)]
    speed = np.median([epoch.images_per_second for epoch in history])
    validation = "no validation rows" if chosen.val_loss is None else f"validation loss {chosen.val_loss:.3f}"
    epochs = f"{len(history)} epoch{'s' * (len(history) != 1)}"
    return f"{title}: {epochs}, {speed:.0f} images/s, epoch {chosen.epoch} kept ({validation})"
