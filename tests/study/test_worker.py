"""A worker whose task has ended is not interrupted when the study's process closes its stdin."""

import signal
import threading

import pytest

from birads_zoo.study.executors import worker
from birads_zoo.study.executors.messages import Ended

ENDED = Ended(failure=None, seconds=1.0)


@pytest.fixture
def busy_when_sent(monkeypatch):
    """Let a worker execute one task that does nothing; list its messages, and whether it was busy when it sent them."""
    sent, started, shared = [], threading.Event(), {}

    def read(lines, orders, busy, over):
        lines.close()
        shared["busy"] = busy
        started.set()
        orders.put("a task")
        orders.put(None)

    def send(message):
        assert started.wait(10)
        sent.append((message, shared["busy"].is_set()))

    monkeypatch.setattr(worker, "_read", read)
    monkeypatch.setattr(worker, "_sender", lambda: send)
    monkeypatch.setattr(worker, "_answer", lambda *task: ENDED)
    monkeypatch.setattr("sys.argv", ["worker"])
    return sent


def test_a_worker_is_no_longer_busy_when_it_sends_its_answer(busy_when_sent):
    former = signal.getsignal(signal.SIGUSR2)
    try:
        assert worker.main() == 0
    finally:
        signal.signal(signal.SIGUSR2, former)
    assert busy_when_sent == [(ENDED, False)]
