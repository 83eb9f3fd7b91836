"""The optimiser over a model's trained parameters."""

import torch
from torch import nn

from birads_zoo.recipe import TrainingSection


def make_optimiser(model: nn.Module, section: TrainingSection) -> torch.optim.Optimizer:
    """Build Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019), fused where torch has it.

    Weight decay spares vectors and scalars: norms' scales and all biases. Parameters are ordered by name.
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
