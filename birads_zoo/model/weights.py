"""Loads weights from a file into a module."""

from __future__ import annotations

import mmap
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from birads_zoo.errors import UserError
from birads_zoo.files.refusal import refuse_if_passing
from birads_zoo.files.regular import open_regular
from birads_zoo.files.zips import bloated_part
from birads_zoo.model.finite import check_finite, check_kinds, check_variances


def load_weights(module: nn.Module, path: Path) -> None:
    """Load the state dict in `path` into `module`: safetensors by that suffix, else a .pth read with `weights_only`.

    Other entries of the file, such as a classification head, are ignored. Batch norms' step counters may be missing,
    because old files lack them. A module with a method `adapt_weights` may adapt a state dict that does not fit.
    Nothing is loaded unless everything fits.

    Raises:
        UserError: if the file is missing, is not a state dict, or an entry of the module is missing, has another
            shape or is not of finite real numbers, or a batch norm has a negative variance.

    """
    state = _read(path)
    if isinstance(module, AdaptsWeights) and not _fits(state, module.state_dict()):
        state = _adapted(module, state, path)
    needed = {name: tensor for name, tensor in module.state_dict().items() if _matters(name, state)}
    if missing := [name for name in needed if name not in state]:
        raise UserError(
            f"the weights in {path} do not fit: {len(missing)} of {len(needed)} entries are missing, the first of them "
            f"{missing[0]!r}; give a file made for this backbone, with the same names"
        )
    for name, tensor in needed.items():
        if state[name].shape != tensor.shape:
            raise UserError(
                f"the weights in {path} do not fit: {name!r} has shape {_shape(state[name])} there and "
                f"{_shape(tensor)} in the backbone; give a file made for this backbone"
            )
    weights = {name: state[name] for name in needed}
    file, remedy = f"the weights file {path}", "give another copy of it, or other weights"
    check_kinds(weights, file)
    check_finite(weights, file, remedy)
    check_variances(weights, file, remedy)
    module.load_state_dict(weights, strict=False)


@runtime_checkable
class AdaptsWeights(Protocol):
    """A module that can use weights made for pictures of another size, or with older names."""

    def adapt_weights(self, state: Mapping[str, Tensor], /) -> Mapping[str, Tensor]:
        """Return `state`, a whole state dict, with this module's names and shapes."""


def _fits(state: Mapping[str, Tensor], needed: Mapping[str, Tensor]) -> bool:
    return all(name in state and state[name].shape == tensor.shape for name, tensor in needed.items())


def _adapted(module: AdaptsWeights, state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    try:
        return dict(module.adapt_weights(state))
    except Exception as error:  # a plugin's method may raise anything for entries that it does not know
        raise UserError(
            f"the weights in {path} do not fit, and cannot be adapted ({type(error).__name__}: {error}); give a file "
            "made for this backbone, with the same names"
        ) from error


def _read(path: Path) -> dict[str, Tensor]:
    try:
        with open_regular(path) as file:
            values = load_file(path) if path.suffix == ".safetensors" else _unpickled(file)
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"there is no weights file {path}; check the path given as --weights") from None
    except OSError as error:
        raise UserError(f"cannot read the weights file {path}: {error.strerror or error}; check the path") from None
    except pickle.UnpicklingError:  # PyTorch's text advises to run what the file holds
        raise UserError(
            f"cannot read the weights file {path}: it holds something other than tensors, which is not loaded because "
            "it could run code; give a .safetensors file, or a .pth that holds only tensors (a state dict)"
        ) from None
    except Exception as error:  # torch has no common exception for files that it cannot read
        refuse_if_passing(path, error)
        first_line = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(
            f"cannot read the weights file {path}: it is damaged or not a plain state dict ({first_line}); give a "
            ".safetensors file, or a .pth that holds only tensors"
        ) from None
    if not isinstance(values, Mapping) or not all(isinstance(value, Tensor) for value in values.values()):
        raise UserError(
            f"the weights file {path} holds something other than a state dict (names and their tensors); save "
            "module.state_dict() and nothing around it"
        )
    return dict(values)


def _unpickled(file: BinaryIO) -> object:
    """Load a .pth file. PyTorch unpickles tensors and plain values, and refuses everything else.

    Raises:
        ValueError: for a file that could fill the memory: with compressed tensors, which PyTorch never writes, or with
            a bytearray, of which a pickle states only the length.

    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(b"bytearray\n") >= 0:
            raise ValueError("it has a bytearray")
    if zipfile.is_zipfile(file) and (bloated := bloated_part(file, {})):
        raise ValueError(f"it unpacks to {bloated}")
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of kinds of tensors and pickles that are refused anyway
        return torch.load(file, map_location="cpu", weights_only=True)


def _matters(name: str, state: Mapping[str, Tensor]) -> bool:
    """Whether `name` must be in the file: a batch norm's step counter need not, because nothing is computed from it."""
    return name in state or not name.endswith("num_batches_tracked")


def _shape(tensor: Tensor) -> str:
    return "×".join(str(size) for size in tensor.shape) or "a single value"
