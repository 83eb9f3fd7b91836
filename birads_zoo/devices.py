"""Chooses the device, its precision and its memory layout. No other module does."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from birads_zoo.errors import UserError

M = TypeVar("M", bound=nn.Module)

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_CLEAR_REFS = Path("/proc/self/clear_refs")
_EXCEPT_DEPTHWISE = "-except-depthwise"
_PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class Compute:
    """A device and its precision: `autocast` is the low precision of matrix products, `None` for float32.

    With `wide_depthwise`, depthwise convolutions that have a stride or a kernel larger than 3×3 stay in float32: CPUs
    have no fast kernels for them in bfloat16. `processes` train together.
    """

    device: torch.device
    autocast: torch.dtype | None
    wide_depthwise: bool = False
    processes: int = 1

    @contextlib.contextmanager
    def precision(self) -> Iterator[None]:
        """Return the context in which forward passes run."""
        if self.autocast is None:
            yield
            return
        wide = _WideDepthwise(self.device.type) if self.wide_depthwise else contextlib.nullcontext()
        with torch.autocast(self.device.type, dtype=self.autocast), wide:
            yield

    @property
    def precision_name(self) -> str:
        """The precision as recipes name it."""
        name = str(self.autocast or torch.float32).removeprefix("torch.")
        return name + _EXCEPT_DEPTHWISE * self.wide_depthwise

    def place(self, module: M) -> M:
        """Move `module` to the device, with its kernels in channels-last layout, which is fastest for convolutions."""
        return module.to(self.device).to(memory_format=torch.channels_last)

    @property
    def loss_scaling(self) -> bool:
        """Whether gradients need scaling: float16's range is too small for them, bfloat16's is not."""
        return self.autocast is torch.float16

    @property
    def is_emulated(self) -> bool:
        """Whether the chip has no instructions for its bfloat16, which is then slower than float32."""
        return self.autocast is torch.bfloat16 and "bfloat16" not in precisions(self.device)

    def wait(self) -> None:
        """Wait until the device has finished its work, so that time measurements are right."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def forget_peak(self) -> None:
        """Reset the peak that `peak_memory` returns."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        else:
            _give_back_freed_memory()  # memory that an earlier run in this process freed must not count
            with contextlib.suppress(OSError):  # not Linux, or not allowed: the peak is then unknown
                _CLEAR_REFS.write_text("5", encoding="ascii")  # proc(5): resets the peak resident set size

    def peak_memory(self) -> int | None:
        """Return the most bytes in use since `forget_peak`: torch's on a CUDA device, else the process's resident set.

        The resident set counts everything that the process holds, including pixels that it reads through memory
        mapping. `None` where the peak is unknown: on systems other than Linux, or where it cannot be reset.
        """
        if self.device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self.device))
        try:
            lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines() if _can_reset() else []
        except OSError:
            lines = []
        peaks = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
        return peaks[0] if peaks else None

    def energy(self) -> float | None:
        """Return the joules that the whole GPU has used since its driver was loaded; `None` where that is unknown.

        This is NVML's counter (nvmlDeviceGetTotalEnergyConsumption, in millijoules; Volta and later), so other
        processes on the same GPU count too. A CPU's counters are not read: only root can read them, and they overflow
        within an hour.
        """
        return _gpu_energy(self.device) if self.device.type == "cuda" else None

    def describe(self) -> dict[str, str]:
        """Return the device, its name and precision, a CPU's threads, and the processes if several train together.

        On a CPU the same seed gives the same bits only with the same number of threads, which decides how sums are
        divided into parts.
        """
        on_cuda = self.device.type == "cuda"
        about = {
            "device": str(self.device),
            "device_name": torch.cuda.get_device_name(self.device) if on_cuda else _cpu_name(),
            "precision": self.precision_name,
        }
        if not on_cuda:
            about["threads"] = str(torch.get_num_threads())
        if self.processes > 1:
            about["processes"] = str(self.processes)
        return about


class _WideDepthwise(TorchFunctionMode):
    """Computes in float32, within autocast, the depthwise convolutions that `_is_slow_depthwise` names."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self._device = device

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is not torch.conv2d or not _is_slow_depthwise(*args, **kwargs or {}):
            return func(*args, **kwargs or {})
        with torch.autocast(self._device, enabled=False):
            return func(*map(_as_float32, args), **{name: _as_float32(value) for name, value in (kwargs or {}).items()})


def _is_slow_depthwise(
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: object = 0,
    dilation: object = 1,
    groups: int = 1,
) -> bool:
    strided = stride not in (1, (1, 1), [1, 1])
    return groups > 1 and weight.shape[1] == 1 and (strided or max(weight.shape[2:]) > 3)


def _as_float32(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) else value


def choose_compute(device: str, precision: str, before: str = "") -> Compute:
    """Choose the device for "auto", "cpu", "cuda" or "cuda:1", and its precision.

    "auto" precision is `before`, which an earlier process of the same run used, if that is one of the device's
    `precisions`, and else the first of them. For a CPU, memory that a training step frees is also kept for the next
    step.

    Raises:
        UserError: for a device that this machine does not have.

    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    unknown = UserError(f"unknown device {device!r}; use auto, cpu, cuda or cuda:N")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise unknown from None
    if chosen.type == "cpu" and chosen.index:
        raise unknown  # PyTorch computes on any number of a CPU
    if chosen.type not in ("cpu", "cuda"):
        raise UserError(f"device {device!r} is not supported; use auto, cpu, cuda or cuda:N")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"device {device!r}: this machine has {torch.cuda.device_count()} CUDA devices; use --device cpu"
        )
    if chosen.type == "cpu":
        _keep_freed_memory()
    if precision == "auto":
        able = precisions(chosen)
        precision = before if before in able else able[0]
    return with_precision(chosen, precision)


def with_precision(device: torch.device, name: str) -> Compute:
    """Return the device with the precision that a recipe names, other than "auto"."""
    wide = name.endswith(_EXCEPT_DEPTHWISE)
    return Compute(device=device, autocast=_PRECISIONS[name.removesuffix(_EXCEPT_DEPTHWISE)], wide_depthwise=wide)


def precisions(device: torch.device) -> tuple[str, ...]:
    """Return the precisions that may be the fastest on a device, the likeliest first.

    On CUDA that is bfloat16 where the chip supports it, else float16. On a CPU it is float32, unless the chip computes
    in bfloat16 natively (AMX or AVX-512 BF16; emulation is slower than float32). Then it depends on the network
    (`training.step_times`).
    """
    if device.type == "cuda":
        return ("bfloat16",) if torch.cuda.is_bf16_supported(including_emulation=False) else ("float16",)
    if _cpu().get("amx_bf16") or _cpu().get("avx512_bf16"):
        return ("bfloat16", "bfloat16" + _EXCEPT_DEPTHWISE, "float32")
    return ("float32",)


def gpus_of(device: str) -> tuple[str, ...]:
    """Return the names of the GPUs that several processes share for a device: all for "auto" and "cuda"."""
    if device in ("auto", "cuda"):
        return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
    return (device,) if device.startswith("cuda") else ()


def _keep_freed_memory() -> None:
    """Set glibc's allocator so that it does not return freed memory to the system at once.

    Each training step frees and allocates hundreds of megabytes of activations. Getting them again as zeroed pages took
    40 % of a step (12.8 → 24.4 images/s for `baseline_cnn`, 15.8 → 23.3 for `mobilenet_v2`, 224×224, two cores).
    """
    mallopt = _of_libc("mallopt")
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


def _give_back_freed_memory() -> None:
    trim = _of_libc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_libc(name: str) -> Callable[..., int] | None:
    """Return a function of glibc; `None` on other systems, and with musl, which does not have it."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def _cpu_name() -> str:
    return f"{_cpu().get('cpu_name', 'CPU')}, {torch.get_num_threads()} threads"


def _cpu() -> Mapping[str, Any]:
    """Return what torch knows about the processor; nothing before torch 2.11."""
    return torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}


def _can_reset() -> bool:
    return os.access(_CLEAR_REFS, os.W_OK)


def _gpu_energy(device: torch.device) -> float | None:
    import pynvml

    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    try:
        pynvml.nvmlInit()
        millijoules: int = pynvml.nvmlDeviceGetTotalEnergyConsumption(pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}"))
    except pynvml.NVMLError:  # no NVIDIA library, a GPU without a counter, or one that the driver does not show
        return None
    return millijoules / 1000
