"""Says how many processes train one network together, and which of them this one is: torchrun and srun say so."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Launch:
    """The place of a process: number `rank` of `size`, and on its node number `local_rank` of `local_size`.

    `by_torchrun` says that torchrun started it, and not srun.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    by_torchrun: bool = False

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and speaks to the user."""
        return self.rank == 0


def launched(environment: Mapping[str, str] = os.environ) -> Launch:
    """Return what the launcher says: torchrun, or srun with several tasks in one step; else one process."""
    if "TORCHELASTIC_RUN_ID" in environment:
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        rank, size, local_rank, local_size = (int(environment[name]) for name in names)
        return Launch(rank=rank, size=size, local_rank=local_rank, local_size=local_size, by_torchrun=True)
    size = int(environment.get("SLURM_STEP_NUM_TASKS", "1"))  # not set in a batch script outside of srun
    if size == 1:
        return Launch()
    return Launch(
        rank=int(environment["SLURM_PROCID"]),
        size=size,
        local_rank=int(environment["SLURM_LOCALID"]),
        local_size=size // int(environment.get("SLURM_STEP_NUM_NODES", "1")),
    )
