"""Tries the smallest member of every family of timm and torchvision, and writes docs/zoo.md.

A family is a module of the library: networks that share their code. Each is tried in a separate process
(`bench/zoo_trial.py`) with limits of memory and time, so that none affects another. The results are kept in
`bench/results/zoo.json`; with `--only`, the results of all other families are taken from there.

    python bench/zoo.py
    python bench/zoo.py --only timm/swin_transformer timm/nest
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from zoo_page import page

from birads_zoo.data.cache_folder import cache_root
from birads_zoo.files import check_file, make_folder, write_text

HERE = Path(__file__).parent
LIBRARIES = ("timm", "torchvision")
MEMORY = 4 * 2**30  # bytes of one process
SECONDS = 600  # of one process
TRIAL = "test_"  # timm's networks for its own tests are left out: they are too small to be useful


def main() -> None:
    """Try the families, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", help="families such as timm/resnet; all by default")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "zoo.json")
    parser.add_argument("--page", type=Path, default=HERE.parent / "docs" / "zoo.md")
    arguments = parser.parse_args()
    for file in (arguments.results, arguments.page):
        check_file(file)  # before anything is tried
        make_folder(file.parent)

    os.nice(10)
    members = smallest_members()
    chosen = {family: name for family, name in members.items() if family in (arguments.only or members)}
    results: dict[str, Any] = {}
    if arguments.only and arguments.results.is_file():
        kept = json.loads(arguments.results.read_text())["families"]
        results = {family: result for family, result in kept.items() if family in members}
    with ThreadPoolExecutor(arguments.jobs) as threads:
        for family, result in threads.map(lambda each: (each[0], tried(each[1])), chosen.items()):
            results[family] = result
            print(f"{family:38} {result['member']:40} {result['verdict']}", flush=True)
    report = {"versions": versions(), "families": dict(sorted(results.items()))}
    write_text(arguments.results, json.dumps(report, indent=1) + "\n")
    write_text(arguments.page, page(report, MEMORY))


def versions() -> dict[str, str]:
    """Return the versions of torch and the libraries."""
    return {name: importlib.metadata.version(name) for name in ("torch", *LIBRARIES)}


def smallest_members() -> dict[str, str]:
    """Return the member with the fewest parameters of every family: by `library/module`, as `library/name`.

    Parameters are counted on torch's device "meta", without memory. This takes minutes, so the counts are kept for
    these versions.
    """
    kept = cache_root() / "zoo" / f"{'-'.join(versions().values())}.json"
    if not kept.is_file():
        counted = subprocess.run([sys.executable, __file__, "--count"], check=True, capture_output=True, text=True)
        write_text(make_folder(kept.parent) / kept.name, counted.stdout)
    sizes: dict[str, list[tuple[int, str]]] = json.loads(kept.read_text())
    return {family: min(networks)[1] for family, networks in sizes.items()}


def count() -> None:
    """Print the number of parameters of every network, by family."""
    import warnings

    import timm
    import torch
    from torchvision import models

    warnings.simplefilter("ignore")
    sizes: dict[str, list[tuple[int, str]]] = {}

    def add(family: str, name: str, build: Any) -> None:
        try:
            with torch.device("meta"):
                network = build()
        except NotImplementedError:  # some networks compute their widths with tensors
            network = build()
        total = sum(parameter.numel() for parameter in network.parameters())
        sizes.setdefault(family, []).append((total, name))

    for module in timm.list_modules():
        for name in timm.list_models(module=module):
            if not name.startswith(TRIAL):
                add(f"timm/{module}", f"timm/{name}", lambda name=name: timm.create_model(name))
    for name in models.list_models(module=models):
        module = models.get_model_builder(name).__module__.rpartition(".")[2]
        add(f"torchvision/{module}", f"torchvision/{name}", lambda name=name: models.get_model(name, weights=None))
    print(json.dumps(sizes))


def tried(name: str) -> dict[str, Any]:
    """Try one network in a separate process; return its results, and a verdict."""
    command = [sys.executable, str(HERE / "zoo_trial.py"), name]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    started = time.monotonic()
    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        ) as process,
        ThreadPoolExecutor(2) as readers,
    ):
        output, errors = readers.submit(process.stdout.read), readers.submit(process.stderr.read)
        peak = 0
        ended = ""
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            if peak > MEMORY or time.monotonic() - started > SECONDS:
                ended = "memory" if peak > MEMORY else "time"
                process.kill()
            time.sleep(0.2)
        lines = [json.loads(line) for line in output.result().splitlines() if line.startswith("{")]
        last = next((line for line in reversed(errors.result().splitlines()) if line.strip()), "")
    result: dict[str, Any] = {"member": name, "seconds": round(time.monotonic() - started), "peak_gib": peak / 2**30}
    result["tried"] = [line["tried"] for line in lines if "tried" in line]
    for key in ("errors", "warnings"):
        result[key] = [line[key[:-1]] for line in lines if key[:-1] in line]
    for key in ("licence", "own", "parameters", "contract", "weights"):
        result[key] = next((line[key] for line in lines if key in line), None)
    return result | {"verdict": verdict(result, process.returncode, ended, last)}


def verdict(result: dict[str, Any], code: int, ended: str, last: str) -> str:
    """Return "works" for a network that was built, trained and explained at both sizes and keeps the contract.

    For others, return the limit that it reached ("memory" or "time") or its error.
    """
    if len(result["tried"]) == 2 and not result["errors"] and result["contract"] == "kept":
        return "works"
    return ended or (result["errors"] or [f"ended with {code}: {last}"])[0]


def _memory(process: int) -> int:
    """Return the memory that a process uses now, in bytes; 0 if that is unknown or the process has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    resident = next((line for line in status.splitlines() if line.startswith("VmRSS")), "VmRSS: 0 kB")
    return int(resident.split()[1]) * 1024


if __name__ == "__main__":
    count() if sys.argv[1:] == ["--count"] else main()
