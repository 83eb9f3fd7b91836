"""The optimiser of a model's trained parameters, and the moving average of its weights."""

import copy
from typing import TypeVar

import torch
from torch import nn

from birads_zoo.recipe import TrainingSection

M = TypeVar("M", bound=nn.Module)


def make_optimiser(model: nn.Module, section: TrainingSection) -> torch.optim.Optimizer:
    """Build Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019), in torch's fused form.

    Weight decay does not apply to vectors and scalars: norms' scales and all biases. Parameters are ordered by name.
    """
    trained = [parameter for _, parameter in trained_parameters(model)]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": section.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    make = torch.optim.Adam if section.optimizer == "adam" else torch.optim.AdamW
    return make([group for group in groups if group["params"]], lr=section.learning_rate, fused=True)


def trained_parameters(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Return the parameters that training changes, by name."""
    return sorted((name, p) for name, p in model.named_parameters() if p.requires_grad)


def averaged_copy(model: M) -> M:
    """Return a copy of `model`, which `update_average` turns into the moving average of its weights."""
    return copy.deepcopy(model).requires_grad_(False)


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Update `average` with `model` after the optimiser step number `step`, 0 for the first.

    The decay of this exponential moving average warms up as (1 + step) / (10 + step), the rule of TensorFlow's
    `ExponentialMovingAverage(num_updates=…)`; otherwise a short run's average would be mostly its random initial
    weights. Buffers are copied, because those of batch norms are averages already. torch's AveragedModel reads its step
    counter from the device at every step; this function never waits for the device.
    """
    weight = 1 - min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), weight)
    for averaged, buffer in zip(average.buffers(), model.buffers(), strict=True):
        averaged.copy_(buffer)
