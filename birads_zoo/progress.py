"""Shows progress on stderr; bars are shown only where stderr is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from birads_zoo.printable import printable


class _Rate(ProgressColumn):
    """Images per second over about the last minute."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} images/s" if task.speed else "", style="cyan")


class Screen:
    """Prints lines and shows progress bars; a quiet screen does neither."""

    def __init__(self, console: Console | None = None, part: str = "", *, quiet: bool = False) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True, quiet=quiet)
        self._part = part

    def within(self, part: str) -> Screen:
        """Return a screen for a named part of the work: its bars show that name, and its lines are not printed."""
        return Screen(self._console, part)

    def say(self, text: str) -> None:
        """Print a line; square brackets are printed as they are, and control characters as escapes."""
        if not self._part:
            self._console.print(printable(text), markup=False)

    @contextmanager
    def board(self) -> Iterator[Board]:
        """Show a bar for each of several parts of the work that go on at the same time."""
        if self._console.quiet or not self._console.is_terminal:
            yield Board(None)
            return
        with Progress(*_columns(), console=self._console, transient=True, speed_estimate_period=60) as progress:
            yield Board(progress)

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Callable[[int, str], None]]:
        """Show a bar over `total` images while the block runs; yield `show(images done, note)`."""
        if self._console.quiet or not self._console.is_terminal:
            yield lambda images, note: None
            return
        with Progress(*_columns(), console=self._console, transient=True, speed_estimate_period=60) as progress:
            description = printable(f"{self._part}: {title}" if self._part else title)
            task = progress.add_task(description, total=total, note="")

            yield lambda done, note: progress.update(task, completed=done, note=note)


class Board:
    """Bars of parts of the work, by their names; without a `progress` it shows nothing."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def show(self, part: str, title: str, done: int, total: int, note: str) -> None:
        """Show that `done` of `total` images of a part are done."""
        if self._progress is None:
            return
        description = printable(f"{part}: {title}")
        if part not in self._tasks:
            self._tasks[part] = self._progress.add_task(description, total=total, note="")
        self._progress.update(self._tasks[part], description=description, completed=done, total=total, note=note)

    def end(self, part: str) -> None:
        """Remove the bar of a part."""
        if self._progress is not None and part in self._tasks:
            self._progress.remove_task(self._tasks.pop(part))


def _columns() -> tuple[ProgressColumn, ...]:
    return (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        _Rate(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}", style="dim"),
    )
