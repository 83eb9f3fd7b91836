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
from birads_zoo.interruption import deferred, interrupted
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import HeadOutput
from birads_zoo.randomness import library_state, numpy_generator, restore_library_state, seed_libraries
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
    recipe: str  # digest of the recipe's fields that shape a result

    @property
    def origin(self) -> checkpoint.Origin:
        """What the fold's checkpoints belong to."""
        return checkpoint.Origin(recipe=self.recipe, fold=self.fold)

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

    Training resumes from `fit.last` if that exists, in the middle of an epoch if it was interrupted there. A signal
    ends training after the present optimiser step, with a checkpoint. `on_step` is called with each batch's size, and
    `on_epoch` with each epoch's record, including those of the checkpoint (what it returns for these is ignored).

    Raises:
        UserError: if a loss is not finite, with the epoch and the step; or for a damaged checkpoint.
        Exception: the exception that `on_epoch` returned.
        Interrupted: when a signal asked the process to end.

    """
    with deferred():
        history = _train(fit, on_step, on_epoch)
    return history


def _train(fit: Fit, on_step: Callable[[int], None], on_epoch: OnEpoch) -> list[Epoch]:
    section = fit.section
    parts = checkpoint.Parts(
        model=fit.classifier,
        average=averaged_copy(fit.classifier) if section.ema else None,
        optimiser=make_optimiser(fit.classifier, section),
        scaler=torch.amp.GradScaler(fit.compute.device.type, enabled=fit.compute.loss_scaling),
    )
    history, unfinished = checkpoint.load_state(fit.last, parts, fit.origin) if fit.last.exists() else ([], None)
    for record in history:
        on_epoch(record)
    current = parts.model if parts.average is None else parts.average
    saved, best = -math.inf, None
    while not is_over(history, section):
        passed = _one_epoch(fit, parts, history, unfinished, on_step)
        ending, unfinished = None, passed if passed.steps < len(fit.batches) else None
        if unfinished is None:
            history.append(_record(fit, current, history, passed))
            ending = on_epoch(history[-1])
            if best_epoch(history, section.select) == len(history) - 1:
                best = checkpoint.weights_of(current)
        stopping = ending is not None or interrupted()
        if time.perf_counter() - saved > CHECKPOINT_SECONDS or is_over(history, section) or stopping:
            if best is not None:  # written first, so that `last` never refers to an epoch whose weights are not saved
                epochs = history[: best_epoch(history, section.select) + 1]
                checkpoint.save_weights(fit.best, best, fit.origin, epochs)
            checkpoint.save_state(fit.last, parts, fit.origin, history, unfinished)
            saved, best = time.perf_counter(), None
        if ending is not None:
            raise ending
        if stopping:
            return history
    epochs_of_best = best_epoch(history, section.select) + 1
    checkpoint.load_best(fit.best, fit.classifier, fit.origin, epochs=epochs_of_best)
    return history


def _one_epoch(
    fit: Fit,
    parts: checkpoint.Parts,
    history: list[Epoch],
    unfinished: checkpoint.Pass | None,
    on_step: Callable[[int], None],
) -> checkpoint.Pass:
    """Pass once over the training batches, or over those that an `unfinished` epoch has left; return what was done.

    A signal ends it early, after an optimiser step.
    """
    section, steps, started = fit.section, len(fit.batches), time.perf_counter()
    if unfinished is None:
        seed_libraries(fit.seed, "fold", fit.fold, "epoch", len(history))
        losses = torch.zeros(steps, device=fit.compute.device)  # read after the epoch: reading waits for the device
        unfinished = checkpoint.Pass(losses=losses)
    else:
        restore_library_state(unfinished.random, fit.compute.device)
        on_step(unfinished.images)
    losses, images, done = unfinished.losses, unfinished.images, unfinished.steps
    fit.classifier.train()
    generator = numpy_generator(fit.seed, "fold", fit.fold, "order", len(history))
    for step, batch in enumerate(fit.batches.epoch(generator)):
        if step < unfinished.steps:
            continue
        first = step - step % section.accumulate  # the first of the batches that share an optimiser step
        for group in parts.optimiser.param_groups:
            group["lr"] = learning_rate(section, history, first / steps, min(first + section.accumulate, steps) / steps)
        losses[step] = _backward(fit, parts, batch, min(section.accumulate, steps - first))
        images, done = images + len(batch.targets), step + 1
        if done % section.accumulate == 0 or done == steps:
            _update(fit, parts, len(history) * math.ceil(steps / section.accumulate) + step // section.accumulate)
        on_step(len(batch.targets))
        if interrupted() and done % section.accumulate == 0:
            break
    seconds = unfinished.seconds + time.perf_counter() - started
    random = library_state(fit.compute.device) if done < steps else {}
    return checkpoint.Pass(losses=losses, steps=done, images=images, seconds=seconds, random=random)


def _backward(fit: Fit, parts: checkpoint.Parts, batch: Batch, batches: int) -> Tensor:
    """Add the gradients of one of the `batches` that share an optimiser step; return its loss."""
    pictures, lesions = augmented(fit.augment, batch)
    with fit.compute.precision():
        output = fit.forward(fit.classifier, pictures, batch.present)
    loss = fit.criterion(output.logits.float(), batch.targets)
    if lesions is not None:  # only if section.lesion_weight > 0
        assert output.evidence is not None, "lesions need a head that classifies places"
        loss = loss + fit.section.lesion_weight * lesion_loss(output.evidence.float(), lesions, batch.targets)
    parts.scaler.scale(loss / batches).backward()
    detached: Tensor = loss.detach()
    return detached


def _update(fit: Fit, parts: checkpoint.Parts, done: int) -> None:
    """Take an optimiser step, after `done` others since training began."""
    if fit.section.clip_norm:
        parts.scaler.unscale_(parts.optimiser)
        nn.utils.clip_grad_norm_(fit.classifier.parameters(), fit.section.clip_norm)
    parts.scaler.step(parts.optimiser)
    parts.scaler.update()
    parts.optimiser.zero_grad()
    if parts.average is not None:
        update_average(parts.average, fit.classifier, fit.section.ema, done)


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


def check_scores(classifier: Classifier, logits: Tensor, fold: int) -> None:
    """Check that the logits S×L of rows are numbers, and so are the class scores made of them.

    Raises:
        UserError: if any is infinite or NaN. The message names the fold, whose number is `fold` (from 0).

    """
    finite = logits.isfinite().all(1) & classifier.scores(logits).isfinite().all(1)
    if not finite.all():
        raise UserError(
            f"the network of fold {fold + 1} gives infinite or NaN scores for {int((~finite).sum())} of the "
            f"{len(finite)} rows that it predicts: lower training.learning_rate, set training.clip_norm or use "
            "training.precision=float32"
        )


def _record(fit: Fit, current: Classifier, history: list[Epoch], passed: checkpoint.Pass) -> Epoch:
    losses = passed.losses.cpu()
    _refuse_divergence(fit, current, history, losses)
    validated = _validate(fit, current) if fit.validation is not None else dict.fromkeys(_VALIDATED)
    return Epoch(
        fold=fit.fold,
        epoch=len(history) + 1,
        train_loss=float(losses.mean()),
        learning_rate=learning_rate(fit.section, history, 0.0, 1 / len(fit.batches)),
        seconds=round(passed.seconds, 3),
        images_per_second=round(passed.images / passed.seconds, 2),
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
    check_scores(current, logits, fit.fold)
    loss = float(nn.functional.cross_entropy(current.scores(logits), targets))  # mean −log p, whatever the loss
    labels, probabilities = targets.cpu().numpy(), current.probabilities(logits.double()).cpu().numpy()
    metrics = evaluate(labels, probabilities, np.zeros_like(labels), fit.classes)  # of one network
    return dict(zip(_VALIDATED, (loss, metrics.accuracy, metrics.macro.f1, metrics.macro.auroc), strict=True))
