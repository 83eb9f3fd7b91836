"""Processes that train one network together: each computes a share of every batch, and all take the same steps.

Shares of one batch are put together before the loss, so the loss is that of the whole batch, whatever it divides by.
Lightning Fabric connects the processes that torchrun or srun has started.
"""

from __future__ import annotations

import atexit
import datetime
import functools
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from birads_zoo.data.batches import share
from birads_zoo.devices import choose_compute
from birads_zoo.errors import UserError
from birads_zoo.launch import Launch, launched

if TYPE_CHECKING:
    from lightning_fabric import Fabric

T = TypeVar("T")

_CONVERTIBLE = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_PATIENCE = datetime.timedelta(days=2)  # the first process also evaluates and draws, while the others wait


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """The processes that train one network. For one process `ALONE` every method does nothing."""

    launch: Launch
    fabric: Fabric | None = None

    @property
    def size(self) -> int:
        """The number of processes."""
        return self.launch.size

    @property
    def leads(self) -> bool:
        """Whether this process writes the run's files."""
        return self.launch.leads

    @property
    def stream(self) -> tuple[str | int, ...]:
        """Names of this process's own stream of random numbers (`randomness.derive`); () for a process alone."""
        return () if self.fabric is None else ("rank", self.launch.rank)

    def is_shared(self, count: int) -> bool:
        """Whether each process has only a share of a batch of `count` samples."""
        return share(count, self.launch.rank, self.size) != slice(0, count)

    def gather(self, own: Tensor, count: int) -> Tensor:
        """Return the values of all `count` samples of a batch, of which this process has its `own` share.

        The gradient reaches only the own values.
        """
        if self.fabric is None or not self.is_shared(count):
            return own
        shares = [share(count, rank, self.size) for rank in range(self.size)]
        padded = own.new_zeros((max(part.stop - part.start for part in shares), *own.shape[1:]))
        padded[: len(own)] = own.detach()
        everyone = [torch.empty_like(padded) for _ in shares]
        with _others_alive():
            torch.distributed.all_gather(everyone, padded)
        parts = [values[: part.stop - part.start] for values, part in zip(everyone, shares, strict=True)]
        parts[self.launch.rank] = own
        return torch.cat(parts)

    def add_gradients(self, module: nn.Module, flag: bool) -> bool:
        """Replace each gradient by the sum over all processes; return whether any of them has raised its `flag`."""
        if self.fabric is None:
            return flag
        gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), gradients[0].new_tensor([float(flag)])])
        with _others_alive():
            total = self.fabric.all_reduce(flat, reduce_op="sum")
        assert isinstance(total, Tensor)
        *summed, flags = torch.split(total, [*(gradient.numel() for gradient in gradients), 1])
        for gradient, values in zip(gradients, summed, strict=True):
            gradient.copy_(values.view_as(gradient))
        return bool(flags.item())

    def average_buffers(self, modules: Sequence[nn.Module]) -> None:
        """Replace batch norms' running statistics by their means over all processes."""
        buffers = [buffer for module in modules for buffer in module.buffers() if buffer.is_floating_point()]
        if self.fabric is None or not buffers:
            return
        with _others_alive():
            mean = self.fabric.all_reduce(torch.cat([buffer.flatten() for buffer in buffers]), reduce_op="mean")
        assert isinstance(mean, Tensor)
        for buffer, values in zip(buffers, torch.split(mean, [buffer.numel() for buffer in buffers]), strict=True):
            buffer.copy_(values.view_as(buffer))

    def share_norms(self, classifier: nn.Module) -> None:
        """Let batch norms use the statistics of the whole batch, instead of those of this process's share.

        Raises:
            UserError: on a CPU, for which PyTorch has no such norm, and for batch norms of other classes than PyTorch's
                own: what else they do, such as an activation, would be lost.

        """
        if self.fabric is None:
            return
        if self.fabric.device.type == "cpu":
            raise UserError(
                "training.sync_batch_norm needs GPUs: leave it out, or train without batch norms (--no-batchnorm)"
            )
        for name, module in classifier.named_modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and type(module) not in _CONVERTIBLE:
                raise UserError(
                    f"training.sync_batch_norm: {name} is a {type(module).__name__}, which cannot be synchronised; "
                    "leave it out, or take another backbone"
                )
        for name, child in classifier.named_children():
            converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(child)  # type: ignore[no-untyped-call]
            setattr(classifier, name, converted)

    def any(self, flag: bool) -> bool:
        """Return whether any process has raised its `flag`; waits for all."""
        if self.fabric is None:
            return flag
        with _others_alive():
            total = self.fabric.all_reduce(torch.tensor(float(flag), device=self.fabric.device), reduce_op="sum")
        return bool(total)

    def wait(self) -> None:
        """Wait until all processes are here."""
        self.any(False)

    def broadcast(self, value: T) -> T:
        """Return the `value` of the first process."""
        if self.fabric is None:
            return value
        with _others_alive():
            received: T = self.fabric.broadcast(value)
        return received

    def check_same(self, value: T, what: str) -> None:
        """Raise `UserError` if this process has another `value` than the first; `what` names it."""
        if self.broadcast(value) != value:
            raise UserError(
                f"process {self.launch.rank + 1} of {self.size} has another state of {what} than the first: start all "
                "with the same command, software and data"
            )


ALONE = Ranks(launch=Launch())


def join(device: str, batch_size: int) -> tuple[Ranks, str]:
    """Connect this process with those that were started with it, if any; return them, and the name of its device.

    Raises:
        UserError: without the extra `distributed`, or if a batch is too small to be shared.

    """
    launch = launched()
    if launch.size == 1:
        return ALONE, device
    if batch_size < 2 * launch.size:
        raise UserError(
            f"training.batch_size = {batch_size} is shared by {launch.size} processes, and each needs two samples: "
            f"raise it to at least {2 * launch.size}"
        )
    if device.startswith("cuda:"):
        raise UserError(f"device {device!r}: each of the processes has a GPU of its own; use auto, cpu or cuda")
    on_gpu = choose_compute(device, "float32").device.type == "cuda"
    return Ranks(launch=launch, fabric=_connected(launch, on_gpu)), f"cuda:{launch.local_rank}" if on_gpu else "cpu"


@functools.cache
def _connected(launch: Launch, on_gpu: bool) -> Fabric:
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
        from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
        from lightning_fabric.strategies.ddp import DDPStrategy
        from lightning_fabric.utilities.exceptions import MisconfigurationException
    except ImportError:
        raise UserError(
            "several processes train one network with lightning-fabric: pip install 'birads-zoo[distributed]'"
        ) from None
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    strategy = DDPStrategy(process_group_backend="nccl" if on_gpu else "gloo", timeout=_PATIENCE)
    try:
        fabric = Fabric(
            accelerator="cuda" if on_gpu else "cpu",
            devices=launch.local_size,
            num_nodes=launch.size // launch.local_size,
            strategy=strategy,
            # Named, because Fabric takes a SLURM job named "interactive" for none, and would start processes itself.
            plugins=[TorchElasticEnvironment() if launch.by_torchrun else SLURMEnvironment(auto_requeue=False)],
        )
        fabric.launch()
    except (
        RuntimeError,
        ValueError,
        MisconfigurationException,
    ) as error:  # such as of SLURM's --ntasks without --ntasks-per-node
        raise UserError(f"the {launch.size} processes cannot be connected: {' '.join(str(error).split())}") from None
    atexit.register(torch.distributed.destroy_process_group)
    return fabric


@contextmanager
def _others_alive() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo's and NCCL's, when a connection is lost
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"another process of this run has ended ({reason}); go on with --resume") from None
