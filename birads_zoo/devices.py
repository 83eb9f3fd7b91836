"""The one door of devices: which one computes, in which precision and memory layout."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from birads_zoo.errors import UserError

M = TypeVar("M", bound=nn.Module)

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class Compute:
    """A device and how it computes: `autocast` is the low precision of its matrix work, `None` for float32."""

    device: torch.device
    autocast: torch.dtype | None

    def precision(self) -> contextlib.AbstractContextManager[object]:
        """Return the context in which forward passes run."""
        if self.autocast is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.autocast)

    def place(self, module: M) -> M:
        """Move `module` to the device, its kernels with the channels last, which convolutions are quickest in."""
        return module.to(self.device).to(memory_format=torch.channels_last)

    @property
    def loss_scaling(self) -> bool:
        """Whether gradients need scaling: float16's range is too short for them, bfloat16's is not."""
        return self.autocast is torch.float16

    def describe(self) -> dict[str, str]:
        """Return the device's kind, name and precision, for the run's record."""
        on_cuda = self.device.type == "cuda"
        return {
            "device": str(self.device),
            "device_name": torch.cuda.get_device_name(self.device) if on_cuda else _cpu_name(),
            "precision": str(self.autocast or torch.float32).removeprefix("torch."),
        }


def choose_compute(device: str, precision: str) -> Compute:
    """Choose the device for "auto", "cpu", "cuda" or "cuda:1", and what "auto" precision means on it.

    On CUDA that is bfloat16 where the chip has it, else float16; on a CPU bfloat16 only where the chip computes
    in it natively (AMX or AVX-512 BF16), since emulation is slower than float32. For a CPU it also tells the process's
    allocator to keep freed memory for the next step.

    Raises:
        UserError: for a device that this machine does not have.

    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise UserError(f"unknown device {device!r}; say auto, cpu, cuda or cuda:N") from None
    if chosen.type not in ("cpu", "cuda"):
        raise UserError(f"device {device!r} is not supported; say auto, cpu, cuda or cuda:N")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"device {device!r}: this machine has {torch.cuda.device_count()} CUDA devices; say --device cpu"
        )
    if chosen.type == "cpu":
        _keep_freed_memory()
    autocast = _native_precision(chosen) if precision == "auto" else _PRECISIONS[precision]
    return Compute(device=chosen, autocast=autocast)


def _native_precision(device: torch.device) -> torch.dtype | None:
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if _cpu().get("amx_bf16") or _cpu().get("avx512_bf16") else None


def _keep_freed_memory() -> None:
    """Tell glibc not to give freed memory back to the system at once.

    Each training step frees and takes hundreds of megabytes of activations; fetching them anew as zeroed pages took
    40 % of a step (12.8 → 24.4 images/s for `baseline_cnn`, 15.8 → 23.3 for `mobilenet_v2`, 224×224, two cores).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:  # musl has none
        mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


def _cpu_name() -> str:
    return f"{_cpu().get('cpu_name', 'CPU')}, {torch.get_num_threads()} threads"


def _cpu() -> Mapping[str, Any]:
    """Return what torch knows of the processor; nothing before torch 2.11."""
    return torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
