"""Saves and loads weights and training state as safetensors; nothing is ever unpickled.

`last.safetensors` holds everything that the next epoch needs, and `best.safetensors` only the weights of the best
epoch. Random state is not saved, because every epoch seeds its own (see `birads_zoo.randomness`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import msgspec
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from birads_zoo import documents
from birads_zoo.errors import UserError
from birads_zoo.files import whole_file
from birads_zoo.training.history import Epoch
from birads_zoo.training.optimisation import trained_parameters


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """The header of a checkpoint. Increase `FORMAT` when its tensors get other names or meanings."""

    FORMAT: ClassVar[int] = 1

    history: list[Epoch]
    scaler: dict[str, float] = {}


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a model's weights and buffers on the CPU, which training cannot change."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in model.state_dict().items()}


def save_weights(path: Path, weights: Mapping[str, Tensor], history: list[Epoch]) -> None:
    """Write weights and the history of the epochs that led to them, completely or not at all."""
    _write(path, dict(weights), _Header(history=history))


def load_best(path: Path, model: nn.Module, epochs: int) -> None:
    """Load into `model` the weights that `save_weights` wrote after `epochs` epochs.

    Raises:
        UserError: if the file is damaged, or of another epoch or model.

    """
    tensors, header = _read(path)
    if len(header.history) != epochs:
        raise UserError(
            f"checkpoint {path} is of epoch {len(header.history)}, but epoch {epochs} was the best; "
            f"delete the folder {path.parent} to train its fold from the start"
        )
    _fill(model, tensors, path)


def save_state(
    path: Path,
    model: nn.Module,
    average: nn.Module | None,
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    history: list[Epoch],
) -> None:
    """Write everything that the next epoch needs, completely or not at all."""
    tensors = {f"model/{name}": tensor for name, tensor in weights_of(model).items()}
    if average is not None:
        tensors |= {f"average/{name}": tensor for name, tensor in weights_of(average).items()}
    for name, parameter in trained_parameters(model):
        for key, value in optimiser.state[parameter].items():
            tensors[f"optimiser/{name}/{key}"] = value.detach().to("cpu", copy=True).contiguous()
    _write(path, tensors, _Header(history=history, scaler=scaler.state_dict()))


def load_state(
    path: Path,
    model: nn.Module,
    average: nn.Module | None,
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
) -> list[Epoch]:
    """Load what `save_state` wrote into newly built parts of the same recipe; return the history.

    Raises:
        UserError: if the file is damaged or belongs to another model.

    """
    tensors, header = _read(path)
    _fill(model, _under(tensors, "model/"), path)
    if average is not None:
        _fill(average, _under(tensors, "average/"), path)
    for name, parameter in trained_parameters(model):
        state = _under(tensors, f"optimiser/{name}/")
        optimiser.state[parameter] = {key: _like(parameter, value) for key, value in state.items()}
    if scaler.is_enabled():
        scaler.load_state_dict(header.scaler)
    return header.history


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """Return a moment in the memory format of its parameter, which the fused optimisers require."""
    if value.shape != parameter.shape:
        return value.to(parameter.device)  # the step counter
    return torch.empty_like(parameter, requires_grad=False).copy_(value)


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _write(path: Path, tensors: dict[str, Tensor], header: _Header) -> None:
    with whole_file(path) as temporary:
        safetensors.torch.save_file(tensors, temporary, metadata={"birads_zoo": documents.encode(header)})


def _read(path: Path) -> tuple[dict[str, Tensor], _Header]:
    remedy = f"delete the folder {path.parent} to train its fold from the start"
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            text = (file.metadata() or {})["birads_zoo"]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is not a dict
    except (OSError, safetensors.SafetensorError, KeyError) as error:
        raise UserError(f"checkpoint {path} is damaged or not a checkpoint ({error}); {remedy}") from None
    return tensors, documents.decode(text, _Header, f"checkpoint {path}", remedy)


def _fill(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    try:
        model.load_state_dict(dict(tensors))
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise UserError(f"checkpoint {path} belongs to another model: {first}") from None
