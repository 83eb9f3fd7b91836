"""Reads what a user asks SLURM for, such as partition=gpu,time=4:00:00."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from birads_zoo.errors import UserError, did_you_mean, nearest

_TIME = re.compile(r"(?:(?P<days>\d+)-)?(?P<rest>\d+(?::\d+){0,2})")


def slurm_parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of jobs by submitit's names, from options of `sbatch`; the time is in minutes.

    Raises:
        UserError: for an unknown name, a value that is none, and a missing time.

    """
    parameters = {}
    for name, value in given.items():
        key = name.replace("-", "_")
        if key not in _OPTIONS:
            known = did_you_mean(nearest(key, _OPTIONS)) or ""
            raise UserError(
                f"unknown option of SLURM {name!r}; {known} known: {', '.join(_OPTIONS)}".replace("  ", " ")
            )
        try:
            parameters[key] = _OPTIONS[key](value)
        except ValueError as error:
            raise UserError(f"{name}={value} for SLURM: {error}") from None
    if "time" not in parameters:
        raise UserError("SLURM needs the time that a run may take before it is put back into the queue: time=4:00:00")
    return parameters


def minutes(text: Any) -> int:
    """Return the minutes in a time as `sbatch` reads it: "90", "4:00:00", "2-12" or "2-12:30", rounded up.

    Raises:
        ValueError: for anything else, and for no time at all.

    """
    match = _TIME.fullmatch(str(text))
    if match is None:
        raise ValueError("give minutes, HOURS:MINUTES:SECONDS or DAYS-HOURS")
    parts = [int(part) for part in match["rest"].split(":")]
    if match["days"] is not None:
        hours, mins, seconds = (*parts, 0, 0)[:3]
    elif len(parts) == 3:
        hours, mins, seconds = parts
    else:
        hours, (mins, seconds) = 0, (*parts, 0)[:2]
    total = (int(match["days"] or 0) * 24 + hours) * 60 + mins + (seconds > 0)
    if not total:
        raise ValueError("give more than no time")
    return total


def _count(value: Any) -> int:
    if not re.fullmatch(r"[1-9]\d*", str(value)):
        raise ValueError("give a number, at least 1")
    return int(value)


_OPTIONS: Mapping[str, Callable[[Any], Any]] = {
    "account": str,
    "comment": str,
    "constraint": str,
    "cpus_per_task": _count,
    "exclude": str,
    "gpus_per_node": str,
    "gres": str,
    "mail_type": str,
    "mail_user": str,
    "mem": str,
    "mem_per_cpu": str,
    "mem_per_gpu": str,
    "nodelist": str,
    "partition": str,
    "qos": str,
    "signal_delay_s": _count,
    "time": minutes,
}
"""The options of `sbatch` that can be given, and `signal_delay_s`: the seconds before its end when a job is warned."""
