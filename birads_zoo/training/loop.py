"""The training loop, and prediction, for any classifier on any batches."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from birads_zoo.data.batches import Batch
from birads_zoo.devices import Compute
from birads_zoo.errors import UserError
from birads_zoo.evaluation.metrics import evaluate
from birads_zoo.interruption import Interrupted, deferred, interrupted
from birads_zoo.model.classifier import Classifier
from birads_zoo.randomness import library_state, numpy_generator, restore_library_state, seed_libraries
from birads_zoo.recipe import TrainingSection
from birads_zoo.training import checkpoint
from birads_zoo.training.augment import augmented
from birads_zoo.training.history import Epoch, best_epoch, is_over, learning_rate
from birads_zoo.training.lesions import lesion_loss
from birads_zoo.training.optimisation import averaged_copy, make_optimiser, update_average
from birads_zoo.training.predict import BatchSource, Forward, check_scores, predict
from birads_zoo.training.ranks import ALONE, Ranks

CHECKPOINT_SECONDS = 20.0  # a killed run loses this or an epoch; writing a checkpoint takes up to a second


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
    ranks: Ranks = ALONE

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
    fit.ranks.check_same((len(history), unfinished.steps if unfinished else 0), "the checkpoint")
    for record in history:
        on_epoch(record)
    current = parts.model if parts.average is None else parts.average
    saved, best = -math.inf, None
    while not is_over(history, section):
        passed = _one_epoch(fit, parts, history, unfinished, on_step)
        ending, unfinished = None, passed if passed.steps < len(fit.batches) else None
        if unfinished is None:
            history.append(fit.ranks.broadcast(_record(fit, current, history, passed)))
            ending = on_epoch(history[-1])
            if best_epoch(history, section.select) == len(history) - 1 and fit.ranks.leads:
                best = checkpoint.weights_of(current)
        stopping = fit.ranks.any(ending is not None or interrupted())
        due = time.perf_counter() - saved > CHECKPOINT_SECONDS or is_over(history, section) or stopping
        if due and fit.ranks.leads:
            if best is not None:  # written first, so that `last` never refers to an epoch whose weights are not saved
                epochs = history[: best_epoch(history, section.select) + 1]
                checkpoint.save_weights(fit.best, best, fit.origin, epochs)
            checkpoint.save_state(fit.last, parts, fit.origin, history, unfinished)
            saved, best = time.perf_counter(), None
        if stopping:
            fit.ranks.wait()  # for the checkpoint
            if ending is not None:
                raise ending
            if not interrupted():  # another process has the reason
                raise Interrupted(signal.SIGTERM)
            return history
    fit.ranks.wait()  # for the best weights
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
        seed_libraries(fit.seed, "fold", fit.fold, "epoch", len(history), *fit.ranks.stream)
        losses = torch.zeros(steps, device=fit.compute.device)  # read after the epoch: reading waits for the device
        unfinished = checkpoint.Pass(losses=losses)
    else:
        if fit.ranks.size == 1:
            restore_library_state(unfinished.random, fit.compute.device)
        else:  # the state is that of the first process
            names = ("fold", fit.fold, "epoch", len(history), "step", unfinished.steps)
            seed_libraries(fit.seed, *names, *fit.ranks.stream)
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
        on_step(len(batch.targets))
        if done % section.accumulate == 0 or done == steps:
            updates = len(history) * math.ceil(steps / section.accumulate) + step // section.accumulate
            if _update(fit, parts, updates):
                break
    fit.ranks.average_buffers([network for network in (parts.model, parts.average) if network is not None])
    seconds = unfinished.seconds + time.perf_counter() - started
    random = library_state(fit.compute.device) if done < steps else {}
    return checkpoint.Pass(losses=losses, steps=done, images=images, seconds=seconds, random=random)


def _backward(fit: Fit, parts: checkpoint.Parts, batch: Batch, batches: int) -> Tensor:
    """Add the gradients of one of the `batches` that share an optimiser step; return its loss."""
    pictures, lesions = augmented(fit.augment, batch)
    with fit.compute.precision():
        output = fit.forward(fit.classifier, pictures, batch.present)
    count = len(batch.targets)
    loss = fit.criterion(fit.ranks.gather(output.logits.float(), count), batch.targets)
    if lesions is not None:  # only if section.lesion_weight > 0
        assert output.evidence is not None, "lesions need a head that classifies places"
        evidence, marks = fit.ranks.gather(output.evidence.float(), count), fit.ranks.gather(lesions, count)
        loss = loss + fit.section.lesion_weight * lesion_loss(evidence, marks, batch.targets)
    alike = 1 if fit.ranks.is_shared(count) else fit.ranks.size  # processes that compute the same gradient
    parts.scaler.scale(loss / (batches * alike)).backward()
    detached: Tensor = loss.detach()
    return detached


def _update(fit: Fit, parts: checkpoint.Parts, done: int) -> bool:
    """Take an optimiser step, after `done` others since training began; return whether a signal asks to end."""
    ending = fit.ranks.add_gradients(fit.classifier, interrupted())
    if fit.section.clip_norm:
        parts.scaler.unscale_(parts.optimiser)
        nn.utils.clip_grad_norm_(fit.classifier.parameters(), fit.section.clip_norm)
    parts.scaler.step(parts.optimiser)
    parts.scaler.update()
    parts.optimiser.zero_grad()
    if parts.average is not None:
        update_average(parts.average, fit.classifier, fit.section.ema, done)
    return ending


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
    logits, targets, _ = predict(current, fit.forward, fit.validation, fit.compute, fit.ranks)
    check_scores(current, logits, fit.fold)
    loss = float(nn.functional.cross_entropy(current.scores(logits), targets))  # mean −log p, whatever the loss
    labels, probabilities = targets.cpu().numpy(), current.probabilities(logits.double()).cpu().numpy()
    metrics = evaluate(labels, probabilities, np.zeros_like(labels), fit.classes)  # of one network
    return dict(zip(_VALIDATED, (loss, metrics.accuracy, metrics.macro.f1, metrics.macro.auroc), strict=True))
