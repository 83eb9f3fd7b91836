"""The smallest member of every one of timm's and torchvision's families, tried: writes docs/zoo.md.

A family is a module of the library: networks that share their code. Each is tried in a process of its own
(`bench/zoo_trial.py`) with a limit of memory and of time, so that none harms another. What was found is kept in
`bench/results/zoo.json`; with `--only`, what is not named is taken from there.

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

from birads_zoo.data.cache import cache_root
from birads_zoo.files import make_folder, write_text

HERE = Path(__file__).parent
LIBRARIES = ("timm", "torchvision")
MEMORY = 4 * 2**30  # bytes of one process
SECONDS = 600  # of one process
TRIAL = "test_"  # timm's own networks for its tests are left out: they are smaller than anything of use


def main() -> None:
    """Try the families, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", help="families such as timm/resnet; all by default")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "zoo.json")
    parser.add_argument("--page", type=Path, default=HERE.parent / "docs" / "zoo.md")
    arguments = parser.parse_args()

    os.nice(10)
    members = smallest_members()
    chosen = {family: name for family, name in members.items() if family in (arguments.only or members)}
    found: dict[str, Any] = {}
    if arguments.only and arguments.results.is_file():
        kept = json.loads(arguments.results.read_text())["families"]
        found = {family: result for family, result in kept.items() if family in members}
    with ThreadPoolExecutor(arguments.jobs) as threads:
        for family, result in threads.map(lambda each: (each[0], tried(each[1])), chosen.items()):
            found[family] = result
            print(f"{family:38} {result['member']:40} {result['verdict']}", flush=True)
    report = {"versions": versions(), "families": dict(sorted(found.items()))}
    write_text(make_folder(arguments.results.parent) / arguments.results.name, json.dumps(report, indent=1) + "\n")
    write_text(arguments.page, page(report, MEMORY))


def versions() -> dict[str, str]:
    """Return the versions of what was tried."""
    return {name: importlib.metadata.version(name) for name in ("torch", *LIBRARIES)}


def smallest_members() -> dict[str, str]:
    """Return the member of every family that has the fewest parameters: by `library/module`, as `library/name`.

    Counted without memory, on torch's device "meta", which takes minutes; so it is kept for these versions.
    """
    kept = cache_root() / "zoo" / f"{'-'.join(versions().values())}.json"
    if not kept.is_file():
        counted = subprocess.run([sys.executable, __file__, "--count"], check=True, capture_output=True, text=True)
        write_text(make_folder(kept.parent) / kept.name, counted.stdout)
    sizes: dict[str, list[tuple[int, str]]] = json.loads(kept.read_text())
    return {family: min(networks)[1] for family, networks in sizes.items()}


def count() -> None:
    """Print how many parameters every network has, by family."""
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
        except NotImplementedError:  # some compute their widths by tensors
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
    """Try one network in a process of its own; return what it said, and a verdict."""
    command = [sys.executable, str(HERE / "zoo_trial.py"), name]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    started = time.monotonic()
    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        ) as process,
        ThreadPoolExecutor(2) as readers,
    ):
        said, faults = readers.submit(process.stdout.read), readers.submit(process.stderr.read)
        peak = 0
        ended = ""
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            if peak > MEMORY or time.monotonic() - started > SECONDS:
                ended = "memory" if peak > MEMORY else "time"
                process.kill()
            time.sleep(0.2)
        lines = [json.loads(line) for line in said.result().splitlines() if line.startswith("{")]
        last = next((line for line in reversed(faults.result().splitlines()) if line.strip()), "")
    result: dict[str, Any] = {"member": name, "seconds": round(time.monotonic() - started), "peak_gib": peak / 2**30}
    result["tried"] = [line["tried"] for line in lines if "tried" in line]
    for key in ("errors", "warnings"):
        result[key] = [line[key[:-1]] for line in lines if key[:-1] in line]
    for key in ("licence", "own", "parameters", "contract", "weights"):
        result[key] = next((line[key] for line in lines if key in line), None)
    return result | {"verdict": verdict(result, process.returncode, ended, last)}


def verdict(result: dict[str, Any], code: int, ended: str, last: str) -> str:
    """Say whether a network works: built, trained and explained at both sizes, and the contract is kept."""
    if len(result["tried"]) == 2 and not result["errors"] and result["contract"] == "kept":
        return "works"
    return ended or (result["errors"] or [f"ended with {code}: {last}"])[0]


def _memory(process: int) -> int:
    """Return the memory that a process holds now, in bytes; 0 where the system does not tell, or it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    resident = next((line for line in status.splitlines() if line.startswith("VmRSS")), "VmRSS: 0 kB")
    return int(resident.split()[1]) * 1024


if __name__ == "__main__":
    count() if sys.argv[1:] == ["--count"] else main()
