"""The history of training by epoch, and the decisions that follow from it.

The best epoch, the learning rate after a plateau and the end of training depend only on the history, so a resumed run
needs no other state for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from birads_zoo.recipe import TrainingSection


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch of one fold: a line of `metrics.jsonl`.

    `train_loss` is the mean over the batches of the minimised loss, with class weights, sampling, dropout and marked
    lesions. The `val_` figures are of the fold's validation rows, `None` without any. `val_loss` is the plain mean
    negative log-likelihood in nats, without class weights.
    """

    fold: int
    epoch: int
    train_loss: float
    val_loss: float | None
    val_accuracy: float | None
    val_macro_f1: float | None
    val_auroc: float | None
    learning_rate: float
    seconds: float
    images_per_second: float


def score(epoch: Epoch, select: str) -> float:
    """Return the score of an epoch, higher is better: minus the loss, macro-F1, AUROC, or the epoch number."""
    if epoch.val_loss is None or select == "last":
        return float(epoch.epoch)
    if select == "loss":
        return -epoch.val_loss
    value = epoch.val_macro_f1 if select == "macro_f1" else epoch.val_auroc
    return -math.inf if value is None else value


def best_epoch(history: Sequence[Epoch], select: str) -> int:
    """Return the position of the best epoch, the earliest of equally good ones; without validation rows the last."""
    return max(range(len(history)), key=lambda i: (score(history[i], select), -i))


def is_over(history: Sequence[Epoch], section: TrainingSection) -> bool:
    """Return whether training ends: all epochs are done, or the last `early_stopping` had no better `val_loss`."""
    if len(history) >= section.epochs:
        return True
    if not section.early_stopping or not history or history[-1].val_loss is None:
        return False
    return len(history) - 1 - best_epoch(history, "loss") >= section.early_stopping


def learning_rate(section: TrainingSection, history: Sequence[Epoch], start: float, end: float) -> float:
    """Return the learning rate of a step from `start` to `end`, as fractions of the next epoch: 0 ≤ start < end ≤ 1.

    First comes a linear warm-up over `warmup_epochs`, but at most a fifth of all epochs, so that short runs train too.
    It uses the step's end, so that the first step trains. After that the rate depends on the step's start and on
    `schedule`: "cosine" falls to zero at the last epoch (Loshchilov and Hutter 2017, eq. 5, one cycle); "plateau" falls
    tenfold whenever `val_loss` has not improved for `plateau_patience` epochs; "constant" does not change.
    """
    at, warmup = len(history) + start, min(section.warmup_epochs, section.epochs / 5)
    if at < warmup:
        return section.learning_rate * min((len(history) + end) / warmup, 1.0)
    if section.schedule == "cosine":
        return section.learning_rate * 0.5 * (1 + math.cos(math.pi * (at - warmup) / (section.epochs - warmup)))
    if section.schedule == "plateau":
        return section.learning_rate * 0.1 ** _plateaus(history, section.plateau_patience)
    return section.learning_rate


def _plateaus(history: Sequence[Epoch], patience: int) -> int:
    plateaus, best, waited = 0, math.inf, 0
    for epoch in history:
        if epoch.val_loss is None:
            continue
        if epoch.val_loss < best:
            best, waited = epoch.val_loss, 0
        else:
            waited += 1
        if waited >= patience:
            plateaus, waited = plateaus + 1, 0
    return plateaus
