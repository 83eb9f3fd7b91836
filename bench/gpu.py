"""Checks a GPU in four steps, each with a time limit: tests, throughput, comparison with the CPU, and a real task.

1. `tests`: the tests marked `gpu` (`bench/gpu_tests.py`).
2. `throughput`: the trainer against the bare step at 224×224, batch 64, for the paper's four networks and four of timm
   (`bench/throughput.py`).
3. `phantom`: the same run on the CPU and on the GPU, whose scores must be similar (`bench/gpu_phantom.py`).
4. `ddsm`: marked against unmarked images of the women with cancer in DDSM-299, if its folder is given
   (`bench/ddsm_299.py`).

If a step fails or runs out of time, the next one is still run. Writes `gpu-<step>.json` and `gpu-summary.json`, with
the hardware, versions and commit, and exits with 1 if a step failed. `--tiny` runs small steps in seconds on any
device.

    bench/gpu.sh --ddsm ddsm-299
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from birads_zoo.devices import choose_compute
from birads_zoo.files import make_folder, write_text
from birads_zoo.runs.environment import describe_machine

HERE = Path(__file__).parent
PAPER = ("baseline_cnn", "mobilenet_v2", "efficientnet_b0", "resnet50")
TIMM = ("timm/resnet18", "timm/convnext_tiny", "timm/efficientnetv2_rw_s", "timm/vit_small_patch16_224")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: its name, the seconds it may take, and the command; its JSON file is `gpu-<name>.json`."""

    name: str
    seconds: int
    command: list[str]


def main() -> None:
    """Run the steps and write the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="the smallest steps that work, on any device")
    parser.add_argument("--ddsm", type=Path, metavar="FOLDER", help="the unpacked ddsm-299, with its labels.csv")
    parser.add_argument("--weights", type=Path, metavar="FOLDER", help="holds mobilenet_v2_imagenet.pth, for ddsm")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    arguments = parser.parse_args()

    out = make_folder(arguments.out.absolute())
    done = [_attempt(step, out) for step in steps(arguments.tiny, arguments.ddsm, arguments.weights, out)]
    about = msgspec.to_builtins(describe_machine(choose_compute("auto", "auto")))
    write_text(out / "gpu-summary.json", json.dumps({"environment": about, "steps": done}, indent=2) + "\n")
    sys.exit(any(step["failed"] for step in done))


def _attempt(step: Step, out: Path) -> dict[str, Any]:
    """Run a step's command with its time limit, and return how it ended."""
    print(f"── {step.name}", flush=True)
    started = time.perf_counter()
    try:
        status = subprocess.run(step.command, timeout=step.seconds, check=False).returncode
        ended = "done" if status == 0 else f"exit status {status}"
    except subprocess.TimeoutExpired:
        status, ended = 1, f"stopped after {step.seconds} s"
    seconds = round(time.perf_counter() - started, 1)
    print(f"── {step.name}: {ended} ({seconds} s)", flush=True)
    written = f"gpu-{step.name}.json"
    return {
        "name": step.name,
        "failed": status != 0,
        "ended": ended,
        "seconds": seconds,
        "file": written if (out / written).exists() else None,
    }


def steps(tiny: bool, ddsm: Path | None, weights: Path | None, out: Path) -> list[Step]:
    """Return the steps in order; the limits without `ddsm` add up to less than six minutes."""
    python = sys.executable
    size = (
        ["--image-size", "32", "--batch-size", "4", "--steps", "1", "--rounds", "1"]
        if tiny
        else ["--steps", "30", "--rounds", "2"]
    )
    backbones = ["baseline_cnn", "timm/convnext_atto"] if tiny else [*PAPER, *TIMM]
    result = [
        Step(name="tests", seconds=180, command=[python, str(HERE / "gpu_tests.py"), "--out", str(out)]),
        Step(
            name="throughput",
            seconds=110,
            command=[
                *(python, str(HERE / "throughput.py"), "--out", str(out), "--name", "gpu-throughput"),
                *("--augmentations", *([] if tiny else ["none"]), "mammo", "--backbones", *backbones, *size),
            ],
        ),
        Step(
            name="phantom",
            seconds=60,
            command=[python, str(HERE / "gpu_phantom.py"), "--out", str(out), *(["--tiny"] if tiny else [])],
        ),
    ]
    if ddsm is not None:
        command = [python, str(HERE / "ddsm_299.py"), str(ddsm), "--out", str(out), "--name", "gpu-ddsm"]
        command += ["--weights", str(weights)] if weights else []
        result.append(Step(name="ddsm", seconds=150, command=[*command, *(["--tiny"] if tiny else [])]))
    return result


if __name__ == "__main__":
    main()
