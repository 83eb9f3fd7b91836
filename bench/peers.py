"""Images per second of whole training, beside other frameworks, on the same pictures, network and number of threads.

Trains MobileNetV2 from random weights at 224×224 in float32 or, where the framework does so by itself, in a lower
precision, with AdamW and batches of 32, on JPEGs of 3584×2816 of the phantom. Each framework reads its pictures as its
own documentation says: it decodes them in every epoch, with as many processes as threads where it has such. `lightning
400` reads pictures that were shrunk to 400 pixels once. birads-zoo decodes into its pixel store in the first epoch.

Every framework trains in a process of its own; frameworks take turns, round by round. `later` is the median of the
epochs after the first, in images/s; `ten` is the seconds of ten epochs from cold: decoding or shrinking, the first
epoch, and nine later ones. Starting Python and importing is left out. Writes `bench/results/peers-cpu.json`.

    pip install tensorflow-cpu keras lightning fastai
    python bench/peers.py --threads 1 2 --folder /scratch
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import torch
from peers_frameworks import PEERS, pictures

from birads_zoo.devices import choose_compute
from birads_zoo.files import make_folder, write_text
from birads_zoo.phantoms.files.writer import generate
from birads_zoo.phantoms.options import PhantomOptions
from birads_zoo.runs.environment import describe_machine


def main() -> None:
    """Make the pictures, let all frameworks take turns, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--threads", nargs="+", type=int, default=[os.cpu_count() or 1])
    parser.add_argument("--patients", type=int, default=40, help="four pictures each")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the pictures are made; a temporary folder by default")
    parser.add_argument("--one", metavar="PEER", choices=PEERS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    if arguments.one:
        torch.set_num_threads(arguments.threads[0])
        for seconds in PEERS[arguments.one](arguments.folder, arguments.epochs, arguments.threads[0]):
            print(seconds, flush=True)
        return
    make_folder(arguments.out)  # before anything is measured

    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        data = Path(folder) / "data"
        generate(data, PhantomOptions(patients=arguments.patients, height=3584, width=2816, balance="balanced"))
        count = len(pictures(data))
        rows = [row for threads in arguments.threads for row in measure(data, count, threads, arguments)]
    report = {
        "pictures": count,
        "results": rows,
        "versions": {name: _version(name) for name in ("tensorflow-cpu", "keras", "lightning", "fastai", "timm")},
        "environment": msgspec.to_builtins(describe_machine(choose_compute("cpu", "auto"))),
    }
    write_text(arguments.out / "peers-cpu.json", json.dumps(report, indent=2) + "\n")


def measure(data: Path, count: int, threads: int, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Return each framework's rate of later epochs and its seconds of ten epochs, with ratios to birads-zoo's."""
    epochs: dict[str, list[list[float]]] = {name: [] for name in arguments.peers}
    for _ in range(arguments.rounds):
        for name, rounds in epochs.items():
            rounds.append(_in_process(name, data, threads, arguments.epochs))
            print(f"{threads} threads  {name:20}", *(f"{count / seconds:8.1f}" for seconds in rounds[-1]), flush=True)
    later = {name: statistics.median(s for run in runs for s in run[1:]) for name, runs in epochs.items()}
    first = {name: statistics.median(run[0] for run in runs) for name, runs in epochs.items()}
    ten = {name: first[name] + 9 * later[name] for name in epochs}
    own = "birads-zoo"
    return [
        {
            "threads": threads,
            "peer": name,
            "later": round(count / later[name], 2),
            "ten": round(ten[name], 1),
            "times_faster_later": round(later[name] / later[own], 2) if own in later else None,
            "times_faster_ten": round(ten[name] / ten[own], 2) if own in ten else None,
        }
        for name in epochs
    ]


def _in_process(name: str, data: Path, threads: int, epochs: int) -> list[float]:
    pools = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    command = [sys.executable, __file__, "--one", name, "--folder", str(data), "--threads", str(threads)]
    with tempfile.TemporaryDirectory() as cache:
        names = dict.fromkeys(pools, str(threads)) | {"BIRADS_ZOO_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "2"}
        cores = set(sorted(os.sched_getaffinity(0))[:threads])
        done = subprocess.run(
            [*command, "--epochs", str(epochs)],
            env=os.environ | names,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
    return [float(line) for line in done.stdout.split("\n") if line.replace(".", "", 1).isdigit()]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
