"""A process that waits for a lock goes on when it is released, and at the latest after the given time."""

import threading

import pytest

from birads_zoo.errors import UserError
from birads_zoo.files import locks
from birads_zoo.files.locks import lock, wait_for_release


@pytest.fixture
def pauses(monkeypatch):
    """How often it was waited for a moment."""
    counted = []
    monkeypatch.setattr(locks, "_PAUSE", 0.01)
    monkeypatch.setattr(locks.time, "sleep", counted.append)
    return counted


def test_a_lock_that_nobody_holds_is_not_waited_for(tmp_path, pauses):
    wait_for_release(tmp_path / "nowhere" / "lock", 1000.0)
    (tmp_path / "lock").touch()  # as a process that was killed leaves it
    wait_for_release(tmp_path / "lock", 1000.0)
    assert pauses == []


def test_a_lock_is_waited_for_until_it_is_released(tmp_path):
    held, release = threading.Event(), threading.Event()

    def hold():
        with lock(tmp_path / "lock", "busy"):
            held.set()
            release.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(60)
    with pytest.raises(UserError, match="busy"), lock(tmp_path / "lock", "busy"):
        pass
    threading.Timer(0.3, release.set).start()
    wait_for_release(tmp_path / "lock", 1000.0)
    assert release.is_set()
    holder.join()


def test_a_lock_that_stays_is_not_waited_for_forever(tmp_path, pauses):
    with lock(tmp_path / "lock", "busy"):
        wait_for_release(tmp_path / "lock", 0.05)
    assert pauses, "it did not wait"
