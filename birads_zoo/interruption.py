"""Ends a command cleanly when a signal asks for it: training ends after the present step, and can go on from there."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, name))
"""A user's interruption, the requests of systems and batch schedulers to end, and a terminal that was closed."""

_PAUSE = 0.05  # seconds until a signal is sent again


class Interrupted(KeyboardInterrupt):
    """The process was asked to end by `signal`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)


class _State:
    """The signal that waits to be obeyed, and whether a block wants to be asked for it instead of being interrupted."""

    waiting: int | None = None
    deferred = False


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` in the block when one of `SIGNALS` arrives; the former handlers are restored at its end.

    Where Python cannot raise it, in a `__del__` or in the callback of a weak reference, the signal is sent again.
    In a thread other than the main one, which gets no signals, and inside another such block it does nothing.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is _obey:
        yield
        return
    former = {number: signal.getsignal(number) for number in SIGNALS}
    handled = [number for number, handler in former.items() if handler is not signal.SIG_IGN]  # as nohup asks for
    for number in handled:
        signal.signal(number, _obey)
    former_hook = sys.unraisablehook

    def send_again(unraisable: UnraisableHookArgs) -> None:
        if isinstance(unraisable.exc_value, Interrupted):
            _send_soon(unraisable.exc_value.signal)
        else:
            former_hook(unraisable)

    sys.unraisablehook = send_again
    try:
        yield
    finally:
        _State.waiting = None
        sys.unraisablehook = former_hook
        for number in handled:
            signal.signal(number, former[number])


@contextmanager
def deferred() -> Iterator[None]:
    """Let the first signal wait while the block runs, which ends itself when `interrupted()` returns one.

    A second signal interrupts the block at once. If the block ends with a signal still waiting, it is raised then.
    """
    _State.deferred = True
    try:
        yield
    except BaseException:  # it says why the block ended
        _State.waiting = None
        raise
    finally:
        _State.deferred = False
    if (number := _State.waiting) is not None:
        _State.waiting = None
        raise Interrupted(number)


def interrupted() -> bool:
    """Return whether a signal waits to be obeyed."""
    return _State.waiting is not None


def _obey(number: int, _: FrameType | None) -> None:
    if _State.deferred and _State.waiting is None:
        _State.waiting = number
        return
    _State.waiting = None
    raise Interrupted(number)


def _send_soon(number: int) -> None:
    """Send a signal to the main thread from another one: sent here, it would be raised here, and lost again."""
    main = threading.main_thread().ident
    assert main is not None
    if sys.platform == "win32":  # which has no signals of single threads
        timer = threading.Timer(_PAUSE, signal.raise_signal, (number,))
    else:
        timer = threading.Timer(_PAUSE, signal.pthread_kill, (main, number))
    timer.start()
