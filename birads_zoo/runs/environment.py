"""Describes what a run is computed with: versions, hardware, commit."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from pathlib import Path

from msgspec.structs import asdict

from birads_zoo.data.decoding.versions import decoders, version
from birads_zoo.devices import Compute
from birads_zoo.results.environment import Machine, Session

_VERSIONS = (
    "birads-zoo",
    "torch",
    "torchvision",
    "timm",
    "kornia",
    "numpy",
    "pandas",
    "scikit-learn",
    "safetensors",
)


def describe_machine(compute: Compute) -> Machine:
    """Describe the software, the machine and the computing device."""
    return Machine(
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        cpus=os.cpu_count(),
        memory_gib=_memory_gib(),
        versions={name: version(name) for name in _VERSIONS} | decoders(dicom=True),
        commit=commit(),
        **compute.describe(),
    )


def describe_session(compute: Compute) -> Session:
    """Describe the machine as `describe_machine` does, and the command line."""
    return Session(**asdict(describe_machine(compute)), arguments=tuple(sys.argv[1:]))


def commit() -> str | None:
    """Return the commit of a source checkout, with "+changes" for uncommitted changes; `None` in a wheel."""
    source = Path(__file__).resolve().parent.parent.parent
    if not (source / ".git").exists():
        return None
    git = ["git", "-C", str(source)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        dirty = subprocess.run(
            [*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+changes" if dirty else "")


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):  # not available on every system
        return None
