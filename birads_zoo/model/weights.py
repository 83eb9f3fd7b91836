"""Weights from a file the user names, into a module whose names they bear."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from birads_zoo.errors import UserError


def load_weights(module: nn.Module, path: Path) -> None:
    """Load the state dict in `path` into `module`: safetensors by that suffix, else a .pth read with `weights_only`.

    Further entries of the file, such as a classification head, are ignored. Batch norms' step counters may be
    missing, as old files lack them. What does not fit as it is, a module with a method `adapt_weights` may adapt.
    Nothing is loaded unless everything fits.

    Raises:
        UserError: when the file is missing, is no state dict, or lacks or misshapes an entry of the module.

    """
    found = _read(path)
    if isinstance(module, AdaptsWeights) and not _fits(found, module.state_dict()):
        found = _adapted(module, found, path)
    wanted = {name: tensor for name, tensor in module.state_dict().items() if _matters(name, found)}
    if missing := [name for name in wanted if name not in found]:
        raise UserError(
            f"the weights in {path} do not fit: {len(missing)} of {len(wanted)} entries are missing, the first of them "
            f"{missing[0]!r}; give a file made for this backbone, with its entries named alike"
        )
    for name, tensor in wanted.items():
        if found[name].shape != tensor.shape:
            raise UserError(
                f"the weights in {path} do not fit: {name!r} has shape {_shape(found[name])} there and "
                f"{_shape(tensor)} in the backbone; give a file made for this backbone"
            )
    module.load_state_dict({name: found[name] for name in wanted}, strict=False)


@runtime_checkable
class AdaptsWeights(Protocol):
    """A module that can use weights that were made for other pictures, or under older names."""

    def adapt_weights(self, found: Mapping[str, Tensor], /) -> Mapping[str, Tensor]:
        """Return what `found`, a whole state dict, is under this module's names and in its shapes."""


def _fits(found: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> bool:
    return all(name in found and found[name].shape == tensor.shape for name, tensor in own.items())


def _adapted(module: AdaptsWeights, found: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    try:
        return dict(module.adapt_weights(found))
    except Exception as error:  # what a stranger's method says of entries that it does not know has no type of its own
        raise UserError(
            f"the weights in {path} do not fit, and cannot be adapted ({type(error).__name__}: {error}); give a file "
            "made for this backbone, with its entries named alike"
        ) from error


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise UserError(f"there is no weights file {path}; check the path given as --weights")
    try:
        if path.suffix == ".safetensors":
            values: object = load_file(path)
        else:
            values = torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError as error:
        raise UserError(f"cannot read the weights file {path}: {error.strerror}; make it readable") from None
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError, KeyError, ValueError) as error:
        first_line = str(error).partition("\n")[0]
        raise UserError(
            f"cannot read the weights file {path}: it is damaged or no plain state dict ({first_line}); give a "
            ".safetensors file, or a .pth that holds tensors alone"
        ) from None
    if not isinstance(values, Mapping) or not all(isinstance(value, Tensor) for value in values.values()):
        raise UserError(
            f"the weights file {path} holds something other than a state dict (names and their tensors); save "
            "module.state_dict() and nothing around it"
        )
    return dict(values)


def _matters(name: str, found: Mapping[str, Tensor]) -> bool:
    """Whether `name` must be in the file: a batch norm's step counter need not, since nothing is computed from it."""
    return name in found or not name.endswith("num_batches_tracked")


def _shape(tensor: Tensor) -> str:
    return "×".join(str(size) for size in tensor.shape) or "a single value"
