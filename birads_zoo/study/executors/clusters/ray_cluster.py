"""Executes the runs of a study on the nodes of a Ray cluster, as tasks of Ray Core."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from birads_zoo.errors import UserError, warn
from birads_zoo.interruption import deferred
from birads_zoo.progress import Board, Screen
from birads_zoo.study.executors.clusters import ray_task
from birads_zoo.study.executors.clusters.remote import Requests, attempt_of, lost
from birads_zoo.study.executors.clusters.shares import Shares, divide
from birads_zoo.study.executors.messages import Shown, Warned, decode
from birads_zoo.study.executors.tasks import Attempt, Task, Tasks

_PAUSE = 0.25  # seconds between two looks at the messages
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # a cluster that is started here would tell Ray's makers about its use
    "RAY_worker_niceness": "0",  # and give way to all other processes of this machine
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # Ray 2.55 warns that later versions do what this asks for
}
_RETRIES = 10  # of a task whose node or process of Ray has died; each goes on from the run's checkpoint


@contextmanager
def connected(jobs: int | str, device: str, plugins: Sequence[Path], address: str | None) -> Iterator[RayCluster]:
    """Join a Ray cluster for the block, and yield what executes `jobs` runs there at once.

    Without an `address` it is the cluster of the variable RAY_ADDRESS, else the one of this machine; if there is none,
    the block has a cluster of this machine alone. A program that uses Ray already stays connected as it is.

    Raises:
        UserError: if Ray is not installed, if the cluster cannot be joined, and as `divide` does.

    """
    ray = _imported()
    if ray.is_initialized():
        if address is not None:
            raise UserError(f"this program is connected to a Ray cluster already: leave out the address {address!r}")
        yield _cluster(ray, jobs, device, plugins)
        return
    with redirect_stdout(sys.stderr):  # Ray prints there that a node has died; stdout is kept for results
        _join(ray, address)
        try:
            yield _cluster(ray, jobs, device, plugins)
        finally:
            ray.shutdown()


@dataclass(frozen=True, kw_only=True)
class RayCluster:
    """Executes tasks on the nodes of the cluster that this process is connected to.

    A task whose node dies is executed again by another, where it goes on from the run's checkpoint.
    """

    shares: Shares
    plugins: Sequence[Path] = ()

    @property
    def at_once(self) -> int:
        """The number of tasks that are executed at the same time."""
        return self.shares.at_once

    def execute(self, tasks: Tasks, screen: Screen) -> Generator[Attempt, None, None]:
        """Yield each task when it was executed."""
        import ray

        requests, mailbox = Requests(self.plugins, self.shares.cpus), _mailbox()
        start = ray.remote(ray_task.execute).options(
            num_cpus=self.shares.cpus, num_gpus=self.shares.gpus, max_retries=_RETRIES, scheduling_strategy="SPREAD"
        )
        running: dict[Any, Task] = {}
        with screen.board() as board, _ended(running):
            while True:
                while len(running) < self.at_once and (task := tasks.take()) is not None:
                    placed = replace(task, device="cuda" if self.shares.gpus else "cpu")
                    running[start.remote(requests.of(placed).encode(), mailbox)] = task
                if not running:
                    break
                with deferred():  # Ray would forget which signal it was
                    done, _ = ray.wait([*running], timeout=_PAUSE)
                    _show(mailbox, board)
                for reference in done:
                    task = running.pop(reference)
                    board.end(task.place)
                    yield _attempt(reference, task)
        mailbox.shutdown()


def _imported() -> Any:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise UserError("--executor ray needs the package ray: pip install 'birads-zoo[ray]'") from None
    return ray


def _join(ray: Any, address: str | None) -> None:
    if address is not None and "://" in address:
        raise UserError(f"--address {address}: give HOST:PORT, and start the command on a node of the cluster")
    in_main = threading.current_thread() is threading.main_thread()
    former = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # ConnectionError, RuntimeError, ValueError and Ray's own
        reason = " ".join(str(error).split())
        named = "of this machine" if address is None else f"{address} (are its address and its token right?)"
        raise UserError(f"cannot join the Ray cluster {named}: {reason}") from error
    finally:
        if in_main:  # Ray replaces the handler by one that ends the program at once
            signal.signal(signal.SIGTERM, former)


def _cluster(ray: Any, jobs: int | str, device: str, plugins: Sequence[Path]) -> RayCluster:
    nodes: list[Mapping[str, float]] = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return RayCluster(shares=divide(nodes, jobs, device), plugins=plugins)


def _mailbox() -> Any:
    """Return a queue of Ray on this node: on another one it would end with that node."""
    import ray
    from ray.util.queue import Queue
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})


def _show(mailbox: Any, board: Board) -> None:
    """Show the messages that have arrived."""
    for place, line in mailbox.get_nowait_batch(mailbox.qsize()):
        message = decode(line)
        if isinstance(message, Shown):
            board.show(place, message.title, message.done, message.total, message.note)
        elif isinstance(message, Warned):
            warn(message.text)


def _attempt(reference: Any, task: Task) -> Attempt:
    import ray

    try:
        answer: bytes = ray.get(reference)
    except ray.exceptions.RayError as error:
        return lost(task, f"Ray gave it up: {' '.join(str(error).split())}")
    return attempt_of(task, decode(answer))


@contextmanager
def _ended(running: Mapping[Any, Task]) -> Iterator[None]:
    """If the block ends by an error, end all tasks after the present step of training; by a second one, at once."""
    import ray

    try:
        yield
    except BaseException:
        try:
            for reference in running:
                ray.cancel(reference)
            if running:
                ray.wait([*running], num_returns=len(running))
        except BaseException:  # the user does not want to wait
            for reference in running:
                ray.cancel(reference, force=True)
            raise
        raise
