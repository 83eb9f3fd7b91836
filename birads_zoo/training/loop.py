"""The training loop, and prediction, for any classifier on any batches."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from birads_zoo.data.batches import Batch
from birads_zoo.devices import Compute
from birads_zoo.errors import UserError
from birads_zoo.evaluation.metrics import evaluate
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import HeadOutput
from birads_zoo.randomness import numpy_generator, seed_libraries
from birads_zoo.recipe import TrainingSection
from birads_zoo.training import checkpoint
from birads_zoo.training.augment import augmented
from birads_zoo.training.history import Epoch, best_epoch, is_over, learning_rate
from birads_zoo.training.lesions import lesion_loss
from birads_zoo.training.optimisation import averaged_copy, make_optimiser, update_average

CHECKPOINT_SECONDS = 20.0  # the most work that a killed run loses; writing a checkpoint takes up to a second


class BatchSource(Protocol):
    """Batches on the compute device: shuffled and sampled by a generator, or all in order without one."""

    def __len__(self) -> int:
        """Return the number of batches in an epoch with a generator."""

    def epoch(self, generator: np.random.Generator | None) -> Iterator[Batch]:
        """Yield one epoch's batches."""


Forward = Callable[[Classifier, Tensor, Tensor], HeadOutput]
"""Takes a classifier, a batch's `images` and its `present`; returns the output of the classifier's head."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Everything that one fold's training needs."""

    classifier: Classifier
    forward: Forward
    batches: BatchSource
    validation: BatchSource | None
    augment: nn.Module
    criterion: nn.Module
    classes: tuple[str, ...]
    section: TrainingSection
    compute: Compute
    seed: int
    fold: int
    folder: Path

    @property
    def last(self) -> Path:
        """The checkpoint from which training resumes."""
        return self.folder / "last.safetensors"

    @property
    def best(self) -> Path:
        """The weights of the chosen epoch."""
        return self.folder / "best.safetensors"


OnEpoch = Callable[[Epoch], Exception | None]
"""Takes an epoch's record; an exception that it returns ends training, and is raised after the epoch is saved."""


def train(fit: Fit, on_step: Callable[[int], None], on_epoch: OnEpoch) -> list[Epoch]:
    """Train until all epochs are done or early stopping ends it, then load the best weights; return the history.

    Training resumes from `fit.last` if that exists. `on_step` is called with each batch's size, and `on_epoch` with
    each epoch's record, including those of the checkpoint (what it returns for these is ignored).

    Raises:
        UserError: if a loss is not finite, with the epoch and the step; or for a damaged checkpoint.
        Exception: the exception that `on_epoch` returned.

    """
    model, section = fit.classifier, fit.section
    optimiser = make_optimiser(model, section)
    scaler = torch.amp.GradScaler(fit.compute.device.type, enabled=fit.compute.loss_scaling)
    average = averaged_copy(model) if section.ema else None
    history = checkpoint.load_state(fit.last, model, average, optimiser, scaler) if fit.last.exists() else []
    for record in history:
        on_epoch(record)
    saved, best = -math.inf, None
    while not is_over(history, section):
        started = time.perf_counter()
        seed_libraries(fit.seed, "fold", fit.fold, "epoch", len(history))
        losses, images = _one_epoch(fit, history, optimiser, scaler, average, on_step)
        seconds = time.perf_counter() - started
        current = model if average is None else average
        history.append(_record(fit, current, history, losses, images, seconds))
        ending = on_epoch(history[-1])
        if best_epoch(history, section.select) == len(history) - 1:
            best = checkpoint.weights_of(current)
        if time.perf_counter() - saved > CHECKPOINT_SECONDS or is_over(history, section) or ending is not None:
            if best is not None:  # written first, so that `last` never refers to an epoch whose weights are not saved
                checkpoint.save_weights(fit.best, best, history[: best_epoch(history, section.select) + 1])
            checkpoint.save_state(fit.last, model, average, optimiser, scaler, history)
            saved, best = time.perf_counter(), None
        if ending is not None:
            raise ending
    checkpoint.load_best(fit.best, model, epochs=best_epoch(history, section.select) + 1)
    return history


def _one_epoch(
    fit: Fit,
    history: list[Epoch],
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    average: Classifier | None,
    on_step: Callable[[int], None],
) -> tuple[Tensor, int]:
    """Pass once over the training batches; return each step's loss, on the CPU, and the number of images."""
    section, steps, images = fit.section, len(fit.batches), 0
    losses = torch.zeros(steps, device=fit.compute.device)  # read after the epoch: reading waits for the device
    fit.classifier.train()
    generator = numpy_generator(fit.seed, "fold", fit.fold, "order", len(history))
    for step, batch in enumerate(fit.batches.epoch(generator)):
        first = step - step % section.accumulate  # the first of the batches that share an optimiser step
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(section, history, first / steps, min(first + section.accumulate, steps) / steps)
        pictures, lesions = augmented(fit.augment, batch)
        with fit.compute.precision():
            output = fit.forward(fit.classifier, pictures, batch.present)
        loss = fit.criterion(output.logits.float(), batch.targets)
        if lesions is not None:  # only if section.lesion_weight > 0
            assert output.evidence is not None, "lesions need a head that classifies places"
            loss = loss + section.lesion_weight * lesion_loss(output.evidence.float(), lesions, batch.targets)
        losses[step] = loss.detach()
        scaler.scale(loss / min(section.accumulate, steps - first)).backward()
        if (step + 1) % section.accumulate == 0 or step + 1 == steps:
            if section.clip_norm:
                scaler.unscale_(optimiser)
                nn.utils.clip_grad_norm_(fit.classifier.parameters(), section.clip_norm)
            scaler.step(optimiser)
            scaler.update()
            optimiser.zero_grad()
            if average is not None:
                done = len(history) * math.ceil(steps / section.accumulate) + step // section.accumulate
                update_average(average, fit.classifier, section.ema, done)
        images += len(batch.targets)
        on_step(len(batch.targets))
    return losses.cpu(), images


@torch.inference_mode()
def predict(
    classifier: Classifier,
    forward: Forward,
    batches: BatchSource,
    compute: Compute,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return all samples' logits S×L (float32), targets S and view weights S×V (see `HeadOutput`), in order.

    They are on the device. The classifier is in evaluation mode afterwards.
    """
    classifier.eval()
    logits, targets, weights = [], [], []
    for batch in batches.epoch(None):
        with compute.precision():
            output = forward(classifier, batch.images, batch.present)
        logits.append(output.logits.float())
        targets.append(batch.targets)
        if output.view_weights is not None:
            weights.append(output.view_weights)
    return torch.cat(logits), torch.cat(targets), torch.cat(weights) if weights else None


def _record(fit: Fit, current: Classifier, history: list[Epoch], losses: Tensor, images: int, seconds: float) -> Epoch:
    _refuse_divergence(fit, current, history, losses)
    validated = _validate(fit, current) if fit.validation is not None else dict.fromkeys(_VALIDATED)
    return Epoch(
        fold=fit.fold,
        epoch=len(history) + 1,
        train_loss=float(losses.mean()),
        learning_rate=learning_rate(fit.section, history, 0.0, 1 / len(fit.batches)),
        seconds=round(seconds, 3),
        images_per_second=round(images / seconds, 2),
        **validated,
    )


def _refuse_divergence(fit: Fit, current: Classifier, history: list[Epoch], losses: Tensor) -> None:
    bad = (~losses.isfinite()).nonzero()
    step = int(bad[0, 0]) if len(bad) else len(losses) - 1
    problem = f"the training loss became {losses[step]:g}"
    if not len(bad):
        # No loss of this epoch shows the effect of the last step.
        weights = [tensor.isfinite().all() for tensor in current.state_dict().values() if tensor.is_floating_point()]
        if torch.stack(weights).all():
            return
        problem = "weights became infinite or NaN"
    kept = f"; the last good checkpoint stays in {fit.folder}" if fit.last.exists() else ""
    raise UserError(
        f"{problem} in fold {fit.fold + 1}, epoch {len(history) + 1}, step {step + 1}: "
        f"lower training.learning_rate, set training.clip_norm or use training.precision=float32{kept}"
    )


_VALIDATED = ("val_loss", "val_accuracy", "val_macro_f1", "val_auroc")


def _validate(fit: Fit, current: Classifier) -> dict[str, float | None]:
    assert fit.validation is not None
    logits, targets, _ = predict(current, fit.forward, fit.validation, fit.compute)
    loss = float(nn.functional.cross_entropy(current.scores(logits), targets))  # mean −log p, whatever the loss
    labels, probabilities = targets.cpu().numpy(), current.probabilities(logits.double()).cpu().numpy()
    metrics = evaluate(labels, probabilities, np.zeros_like(labels), fit.classes)  # of one network
    return dict(zip(_VALIDATED, (loss, metrics.accuracy, metrics.macro.f1, metrics.macro.auroc), strict=True))
