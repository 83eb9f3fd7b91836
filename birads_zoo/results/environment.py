"""The content of `environment.json`: on what a run was computed, and of which format its folder is."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Machine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The software and the machine that computed. `None` where the system does not tell.

    `started` is a time in ISO 8601, `memory_gib` in GiB; `versions` are by package, and by library of those that decode
    pictures; `commit` is that of a source checkout, with "+changes" when it held uncommitted ones. `threads` are those
    of a CPU.
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


def machine_of(session: Session) -> Machine:
    """Return what a session says of its machine, without the command line, which may name places on it."""
    return Machine(**{name: getattr(session, name) for name in Machine.__struct_fields__})


class Session(Machine, frozen=True, kw_only=True):
    """One process that worked on a run, and the arguments of its command line."""

    arguments: tuple[str, ...]


class Environment(Session, frozen=True, kw_only=True):
    """The process that started the run, those that went on with it (`resumed`), and what the folder rests on.

    `FORMAT` is that of the whole folder: `recipe.toml`, `split.csv`, `metrics.jsonl`, `predictions.csv` and
    `validation.csv` have no place for a number of their own. `pixels` names the pictures and how
    they were read and placed (`data.store.key.StoreKey.pictures`).
    """

    FORMAT: ClassVar[int] = 2

    seed: int
    pixels: str
    resumed: tuple[Session, ...] = ()
