"""Pictures per second and latency of `birads-zoo serve`, asked over HTTP by several clients at once.

Starts the server as a user does, and lets numbers of clients take turns. Each client sends a picture, waits for the
answer, and sends the next on the same connection. Clients and server share the machine's processors. The latency is the
time from sending a request to its whole answer, of any status: `p50` is the median, and `p99` the quantile 0.99. On a
machine that others use too, rely on `pictures_per_cpu_second`: the answers by the server's processor seconds, those of
all its threads (Linux only). Writes `bench/results/serve-<device>-<run>-<format>.json`.

    python bench/serve.py model pictures
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import math
import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from birads_zoo.artifact.manifest import Manifest, read_manifest
from birads_zoo.artifact.rows import named_pictures
from birads_zoo.devices import choose_compute
from birads_zoo.files import make_folder, write_text
from birads_zoo.runs.environment import describe_machine

_HANGING = 600  # seconds after which a request without an answer is an error


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server on this machine: its port, and the number of its process."""

    port: int
    process: int


@dataclass(frozen=True, kw_only=True)
class Round:
    """What the clients saw: seconds in all, the server's processor seconds, and each answer's status and seconds."""

    seconds: float
    cpu_seconds: float
    statuses: list[int]
    latencies: list[float]


def main() -> None:
    """Start the server, ask it, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+", help="files, or folders of files; they are repeated")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 200], help="numbers of clients, in turn")
    parser.add_argument("--requests", type=int, default=400, help="requests of all clients in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    make_folder(arguments.out)  # before anything is measured

    manifest = read_manifest(arguments.model)
    contents = [Path(path).read_bytes() for path in named_pictures(arguments.pictures)]
    with _server(arguments.model, arguments.device) as server:
        _ask(server, contents, 1, 8)  # warms up: kernels are chosen
        rounds = [
            {clients: _ask(server, contents, clients, arguments.requests) for clients in arguments.clients}
            for _ in range(arguments.rounds)
        ]
    results = [_summary(clients, [each[clients] for each in rounds]) for clients in arguments.clients]
    line = "{clients:4} clients{pictures_per_second:8.1f} pictures/s  p50 {p50} s  p99 {p99} s  {statuses}"
    for row in results:
        print(line.format(**row))
    compute = choose_compute(arguments.device, manifest.precision)
    report = {
        **_model(manifest),
        "pictures": len(contents),
        "requests": arguments.requests,
        "rounds": arguments.rounds,
        "environment": msgspec.to_builtins(describe_machine(compute)),
        "results": results,
    }
    device = "gpu" if compute.device.type == "cuda" else "cpu"
    name = f"serve-{device}-{manifest.run_id}-{manifest.kind}.json"
    write_text(arguments.out / name, json.dumps(report, indent=2) + "\n")
    print(arguments.out / name)


@contextmanager
def _server(model: Path, device: str) -> Iterator[Server]:
    """Serve the model on a free port until the block ends."""
    command = [sys.executable, "-m", "birads_zoo", "serve", model, "--port", "0", "--device", device]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
            if ready is None:
                raise SystemExit("the server did not start")
            yield Server(port=int(ready[1]), process=process.pid)
        finally:
            process.terminate()


def _cpu_seconds(process: int) -> float:
    """Return the processor seconds of a process so far; NaN on other systems than Linux."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return math.nan
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")  # proc(5): utime and stime


def _ask(server: Server, contents: Sequence[bytes], clients: int, requests: int) -> Round:
    """Let clients send requests, as many together as `requests`, and collect what they saw."""
    numbers = itertools.count()  # shared: `next` of a counter is one step, so no number is drawn twice

    def client(_: int) -> list[tuple[int, float]]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_HANGING)
        seen = []
        while (number := next(numbers)) < requests:
            started = time.perf_counter()
            status = _status(connection, contents[number % len(contents)])
            seen.append((status, time.perf_counter() - started))
        connection.close()
        return seen

    with ThreadPoolExecutor(clients) as pool:
        started, spent = time.perf_counter(), _cpu_seconds(server.process)
        seen = [answer for answers in pool.map(client, range(clients)) for answer in answers]
        seconds, cpu_seconds = time.perf_counter() - started, _cpu_seconds(server.process) - spent
    return Round(
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        statuses=[each[0] for each in seen],
        latencies=[each[1] for each in seen],
    )


def _status(connection: http.client.HTTPConnection, content: bytes) -> int:
    """Send a picture, and return the status of the whole answer; 0 if the server closes the connection instead."""
    try:
        connection.request("POST", "/predict", content)
        response = connection.getresponse()
        response.read()
    except (ConnectionError, http.client.HTTPException):
        connection.close()  # the next request opens it again
        return 0
    return response.status


def _summary(clients: int, rounds: Sequence[Round]) -> dict[str, object]:
    """Return the median speed of the rounds, the latencies of all, and the count of each status (0: no answer)."""
    latencies = [latency for each in rounds for latency in each.latencies]
    statuses = Counter(status for each in rounds for status in each.statuses)
    cpu_speed = statistics.median(each.statuses.count(200) / each.cpu_seconds for each in rounds)
    return {
        "clients": clients,
        "pictures_per_second": round(statistics.median(each.statuses.count(200) / each.seconds for each in rounds), 2),
        "pictures_per_cpu_second": None if math.isnan(cpu_speed) else round(cpu_speed, 2),
        "p50": round(float(np.quantile(latencies, 0.5)), 4),
        "p99": round(float(np.quantile(latencies, 0.99)), 4),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
    }


def _model(manifest: Manifest) -> dict[str, object]:
    image = manifest.recipe.image
    return {
        "format": manifest.kind,
        "backbone": manifest.recipe.model.backbone,
        "networks": len(manifest.folds),
        "image": [image.height, image.width],
    }


if __name__ == "__main__":
    main()
