"""Flips bits in everything that is kept: what is read must be what was written, or be refused."""

from __future__ import annotations

import contextlib
import io
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

Command = Callable[..., tuple[int, str]]


def command(*arguments: object) -> tuple[int, str]:
    """Execute a `birads-zoo` command in this process; return its status and what it printed on stderr."""
    from birads_zoo.cli import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            return int(stopped.code or 0), err.getvalue()
    raise AssertionError("unreachable")


def flips(path: Path, count: int, seed: int) -> Iterator[str]:
    """Flip a random bit of a file, yield a name for it, and put the content back, `count` times."""
    content, generator = path.read_bytes(), random.Random(f"{seed} {path.name}")
    for _ in range(count):
        place, bit = generator.randrange(len(content)), generator.randrange(8)
        path.write_bytes(content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :])
        yield f"{path.name}, byte {place}, bit {bit}"
    path.write_bytes(content)


def of_caches_and_checkpoints(start: Callable[[Path], None], folder: Path, count: int) -> Iterator[tuple[str, str]]:
    """Yield each flipped bit in a stopped run's stores and checkpoints with what is wrong; "" where nothing is.

    `start(out)` executes a run that is stopped in its second fold. Resuming it must give the results of a run without
    damage, or end with one sentence.
    """
    start(folder)
    stopped, cache = folder / "runs" / "baseline_cnn", folder / "cache"
    files = [*sorted(stopped.rglob("*.safetensors")), *sorted(path for path in cache.rglob("*") if path.is_file())]
    expected = _results(_resumed(folder, stopped, "expected")[1])
    for file in (path for path in files if path.suffix != ".lock" and path.stat().st_size):
        for name in flips(file, count, seed=0):
            (status, text), run = _resumed(folder, stopped, "again")
            wrong = ""
            if status == 0 and _results(run) != expected:
                wrong = "other results in silence"
            elif status not in (0, 2) or "Traceback" in text or (status == 2 and text.count(": error: ") != 1):
                wrong = f"status {status}: {text[-300:]}"
            yield name, wrong


def _resumed(folder: Path, stopped: Path, name: str) -> tuple[tuple[int, str], Path]:
    run = folder / name
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(stopped, run)
    return command("run", "--resume", run, "--device", "cpu"), run


def _results(run: Path) -> tuple[bytes, ...]:
    return tuple((run / name).read_bytes() for name in ("predictions.csv", "validation.csv", "metrics.json"))


def of_a_finished_run(run: Path, count: int) -> Iterator[tuple[str, str]]:
    """Yield each flipped bit in a finished run's files with what is wrong: `verify` must notice every one."""
    for file in sorted(path for path in run.rglob("*") if path.is_file() and not path.name.startswith(".")):
        if file.stat().st_size:
            for name in flips(file, count, seed=1):
                status, text = command("verify", run)
                wrong = "" if status in (1, 2) and "Traceback" not in text else f"not noticed: status {status}"
                yield name, _harmless(file) if wrong and file.suffix == ".json" else wrong


def _harmless(file: Path) -> str:
    """Return "" if a document with a flipped bit has the same values: white space, or the version that wrote it."""
    return "" if file.name == "complete.json" else f"not noticed in {file.name}"
