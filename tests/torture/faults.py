"""Builds the library that makes events fail, and spreads the trials of `trial.py` over processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).parent


def compiler() -> str | None:
    """Return the C compiler; `None` where there is none, or where libraries cannot be loaded before others."""
    return shutil.which("cc") if sys.platform == "linux" else None


def build(folder: Path) -> Path:
    """Compile `shim.c` and return the library."""
    library = folder / "shim.so"
    subprocess.run([str(compiler()), "-O2", "-shared", "-fPIC", "-o", library, HERE / "shim.c", "-ldl"], check=True)
    return library


def write_pictures(root: Path) -> None:
    """Write ten pictures of each of two classes, which two epochs can tell apart."""
    generator = np.random.default_rng(0)
    for number, name in enumerate(("benign", "malignant")):
        (root / name).mkdir(parents=True)
        for woman in range(10):
            pixels = generator.integers(0, 60, (48, 40), dtype=np.uint8)
            pixels[8:40, :25] += 80 + 40 * number
            Image.fromarray(pixels).save(root / name / f"{name}{woman:02d}.png")


def trials(folder: Path, steps: dict[str, int], first: int = 1, processes: int = 1) -> Iterator[dict[str, Any]]:
    """Yield the lines of `trial.py`, one for each trial: `steps` has for each fault n, for every n-th event."""
    folder.mkdir(parents=True, exist_ok=True)
    library, data = build(folder), folder / "data"
    write_pictures(data)
    environment = {**os.environ, "LD_PRELOAD": str(library), "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    workers = [
        subprocess.Popen(
            [
                *(sys.executable, HERE / "trial.py", library, data, folder / f"process-{part}", json.dumps(steps)),
                *("--first", str(first), "--part", str(part), "--parts", str(processes)),
            ],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for part in range(processes)
    ]
    lines: SimpleQueue[str | None] = SimpleQueue()
    for worker in workers:
        Thread(target=_read, args=(worker, lines), daemon=True).start()
    for _ in workers:
        while (line := lines.get()) is not None:
            yield json.loads(line)
    assert not any(worker.wait() for worker in workers), "the trials themselves failed"


def _read(worker: subprocess.Popen[str], lines: SimpleQueue[str | None]) -> None:
    assert worker.stdout is not None
    with worker.stdout:
        for line in worker.stdout:
            lines.put(line)
    lines.put(None)
