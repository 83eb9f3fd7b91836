"""Runs the same recipe on the phantom on the CPU and on this machine's GPU: their scores must be similar.

Writes `gpu-phantom.json`, and exits with 1 if accuracy or macro-F1 differ by more than `CLOSE`.

    python bench/gpu_phantom.py
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from birads_zoo.devices import choose_compute
from birads_zoo.files import make_folder, write_text
from birads_zoo.phantoms.files.writer import generate
from birads_zoo.phantoms.options import PhantomOptions
from birads_zoo.pipeline import run
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipes.compose import compose
from birads_zoo.recipes.registry import packaged_registry
from birads_zoo.runs.environment import describe_machine

CLOSE = 0.1
"""The largest allowed difference of a score. Low precision and other kernels change the classes of some rows."""


def main() -> None:
    """Run on both devices, compare and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="few patients, one epoch")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    make_folder(arguments.out)  # before anything is measured

    here = choose_compute("auto", "auto")
    devices = ["cpu", here.device.type] if here.device.type != "cpu" else ["cpu"]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "phantom"
        generate(root, PhantomOptions(patients=8 if arguments.tiny else 60, height=256, width=192, balance="balanced"))
        rows = [_scores(root, device, Path(folder) / "runs", tiny=arguments.tiny) for device in devices]
    differences = {
        name: max(row[name] for row in rows) - min(row[name] for row in rows) for name in ("accuracy", "macro_f1")
    }
    report = {
        "results": rows,
        "differences": differences,
        "limit": CLOSE,
        "environment": msgspec.to_builtins(describe_machine(here)),
    }
    write_text(arguments.out / "gpu-phantom.json", json.dumps(report, indent=2) + "\n")
    print(json.dumps(report["results"]), differences)
    sys.exit(any(difference > CLOSE for difference in differences.values()))


def _scores(root: Path, device: str, runs: Path, *, tiny: bool) -> dict[str, Any]:
    changes = {
        "dataset.root": str(root),
        "model.backbone": "baseline_cnn",
        "image.height": 32 if tiny else 128,
        "image.width": 24 if tiny else 96,
        "split.folds": 2,
        "training.epochs": 1 if tiny else 16,
    }
    started = time.perf_counter()
    outcome = run(
        compose("default", changes, (), packaged_registry(), load_host()), load_host(), runs, device, Screen()
    )
    return {
        "device": device,
        "accuracy": outcome.metrics.accuracy,
        "macro_f1": outcome.metrics.macro.f1,
        "n": outcome.metrics.n,
        "seconds": round(time.perf_counter() - started, 1),
    }


if __name__ == "__main__":
    main()
