"""Saves and loads weights and training state as safetensors; nothing is ever unpickled.

`last.safetensors` holds everything that the next step needs, and `best.safetensors` only the weights of the best
epoch. Every epoch seeds its own random numbers (see `birads_zoo.randomness`), so their state is saved only for an epoch
that was interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import msgspec
import torch
from torch import Tensor, nn

from birads_zoo.errors import UserError
from birads_zoo.files.tensors import read_tensors, write_tensors
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.finite import check_finite
from birads_zoo.model.misfit import misfit
from birads_zoo.training.history import Epoch
from birads_zoo.training.optimisation import trained_parameters


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint belongs to: the digest of the recipe's fields that shape a result, and the fold (from 0)."""

    recipe: str
    fold: int


class _Interrupted(msgspec.Struct, frozen=True, kw_only=True):
    """An epoch that was interrupted after some `steps` with `images` in `seconds`."""

    steps: int
    images: int
    seconds: float


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """The header of a checkpoint. Increase `FORMAT` when its tensors get other names or meanings."""

    FORMAT: ClassVar[int] = 2

    origin: Origin
    history: list[Epoch]
    scaler: dict[str, float] = {}
    interrupted: _Interrupted | None = None


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that training changes: the model, perhaps its moving average, the optimiser and the loss scaler."""

    model: Classifier
    average: Classifier | None
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler


@dataclass(frozen=True, kw_only=True)
class Pass:
    """The steps of an epoch so far: their `losses` (one for each step of the epoch), number, images and seconds.

    `random` is the state of the random generators (`randomness.library_state`) if the epoch was interrupted.
    """

    losses: Tensor
    steps: int = 0
    images: int = 0
    seconds: float = 0.0
    random: Mapping[str, Tensor] = field(default_factory=dict)


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a model's weights and buffers on the CPU, which training cannot change."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in model.state_dict().items()}


def save_weights(path: Path, weights: Mapping[str, Tensor], origin: Origin, history: list[Epoch]) -> None:
    """Write weights and the history of the epochs that led to them, completely or not at all."""
    write_tensors(path, weights, _Header(origin=origin, history=history))


def load_best(path: Path, model: nn.Module, origin: Origin, epochs: int) -> None:
    """Load into `model` the weights that `save_weights` wrote after `epochs` epochs.

    Raises:
        UserError: if the file is damaged, or of another recipe, fold, epoch or model.

    """
    tensors, header = _read(path, origin)
    if len(header.history) != epochs:
        raise UserError(
            f"checkpoint {path} is of epoch {len(header.history)}, but epoch {epochs} was the best; {_remedy(path)}"
        )
    _fill(model, tensors, path)


def save_state(path: Path, parts: Parts, origin: Origin, history: list[Epoch], unfinished: Pass | None = None) -> None:
    """Write everything that the next step needs, completely or not at all.

    `unfinished` is the part of an epoch that was interrupted.
    """
    tensors = {f"model/{name}": tensor for name, tensor in weights_of(parts.model).items()}
    if parts.average is not None:
        tensors |= {f"average/{name}": tensor for name, tensor in weights_of(parts.average).items()}
    for name, parameter in trained_parameters(parts.model):
        for key, value in parts.optimiser.state[parameter].items():
            tensors[f"optimiser/{name}/{key}"] = value.detach().to("cpu", copy=True).contiguous()
    interrupted = None
    if unfinished is not None:
        tensors["losses"] = unfinished.losses.cpu()
        tensors |= {f"random/{name}": state for name, state in unfinished.random.items()}
        interrupted = _Interrupted(
            steps=unfinished.steps, images=unfinished.images, seconds=round(unfinished.seconds, 3)
        )
    header = _Header(origin=origin, history=history, scaler=parts.scaler.state_dict(), interrupted=interrupted)
    write_tensors(path, tensors, header)


def load_state(path: Path, parts: Parts, origin: Origin) -> tuple[list[Epoch], Pass | None]:
    """Load what `save_state` wrote into newly built parts of the same recipe.

    Return the history and, if an epoch was interrupted, its steps.

    Raises:
        UserError: if the file is damaged, or belongs to another recipe, fold or model.

    """
    tensors, header = _read(path, origin)
    _fill(parts.model, _under(tensors, "model/"), path)
    if parts.average is not None:
        _fill(parts.average, _under(tensors, "average/"), path)
    for name, parameter in trained_parameters(parts.model):
        state = _under(tensors, f"optimiser/{name}/")
        if any(value.ndim and value.shape != parameter.shape for value in state.values()):
            raise UserError(f"checkpoint {path} belongs to another model: the optimiser has another shape for {name}")
        parts.optimiser.state[parameter] = {key: _like(parameter, value) for key, value in state.items()}
    if parts.scaler.is_enabled():
        parts.scaler.load_state_dict(header.scaler)
    return header.history, _unfinished(tensors, header.interrupted, next(parts.model.parameters()).device)


def _unfinished(tensors: Mapping[str, Tensor], interrupted: _Interrupted | None, device: torch.device) -> Pass | None:
    if interrupted is None:
        return None
    return Pass(
        losses=tensors["losses"].to(device),
        steps=interrupted.steps,
        images=interrupted.images,
        seconds=interrupted.seconds,
        random=_under(tensors, "random/"),
    )


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """Return a moment in the memory format of its parameter, which the fused optimisers require."""
    if value.shape != parameter.shape:
        return value.to(parameter.device)  # the step counter
    return torch.empty_like(parameter, requires_grad=False).copy_(value)


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def check_whole(path: Path) -> None:
    """Raise `UserError` if a checkpoint is not what was written, or is of another format."""
    read_tensors(path, _Header, f"checkpoint {path}", _remedy(path))


def _read(path: Path, origin: Origin) -> tuple[dict[str, Tensor], _Header]:
    remedy = _remedy(path)
    tensors, header = read_tensors(path, _Header, f"checkpoint {path}", remedy)
    if header.origin != origin:
        raise UserError(f"checkpoint {path} belongs to another recipe or fold; {remedy}")
    return tensors, header


def _remedy(path: Path) -> str:
    return f"delete the folder {path.parent} and train its fold again (birads-zoo run --resume {path.parents[2]})"


def _fill(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    check_finite(tensors, f"checkpoint {path}", _remedy(path))
    if reason := misfit(model, tensors):
        raise UserError(f"checkpoint {path} belongs to another model: {reason}; {_remedy(path)}")
    model.load_state_dict(dict(tensors))
