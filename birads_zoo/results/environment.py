"""Defines the content of `environment.json`: the machine and software of a run, and the format of its folder."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Machine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The software and the machine that computed a run; `None` for a value that the system does not give.

    `started` is a time in ISO 8601, `memory_gib` is in GiB. `versions` are those of packages and of the libraries that
    decode pictures. `commit` is that of a source checkout, with "+changes" if it had uncommitted changes. `threads` are
    those of a CPU, for each of the `processes` that trained together.
    """

    started: str
    python: str
    platform: str
    cpus: int | None
    memory_gib: float | None
    versions: dict[str, str | None]
    commit: str | None
    device: str
    device_name: str
    precision: str
    threads: str | None = None
    processes: str | None = None


def machine_of(session: Session) -> Machine:
    """Return a session's machine, without the command line, which may contain private paths."""
    return Machine(**{name: getattr(session, name) for name in Machine.__struct_fields__})


class Session(Machine, frozen=True, kw_only=True):
    """A process that worked on a run, and the arguments of its command line."""

    arguments: tuple[str, ...]


class Environment(Session, frozen=True, kw_only=True):
    """The process that started the run, the processes that resumed it, and the run's seed and pictures.

    `FORMAT` is the format of the whole folder, because `recipe.toml`, `split.csv`, `metrics.jsonl`, `predictions.csv`
    and `validation.csv` have no format number. `pixels` identifies the pictures and how they were read and placed
    (`data.store.key.StoreKey.pictures`).
    """

    FORMAT: ClassVar[int] = 3

    seed: int
    pixels: str
    resumed: tuple[Session, ...] = ()
