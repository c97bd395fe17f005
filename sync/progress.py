"""Progress of long jobs: a live bar in a terminal, else a line at least every 5 s; never silent longer than that."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS_BETWEEN_LINES = 3.5
SHORTEST_WAIT = 0.25

logger = logging.getLogger(__name__)


@dataclass
class _Said:
    """When this process last said a line about its progress, or began, and how many tasks say some by themselves."""

    at: float = field(default_factory=time.monotonic)
    tasks: int = 0


_said = _Said()


def _say(line: str) -> None:
    _said.at = time.monotonic()
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class Task:
    """One long job's counter. Thread-safe: any thread may advance it."""

    def __init__(self, name: str, *, total: int | None, unit: str) -> None:
        self.name = name
        self.total = total
        self.unit = unit
        self.done = 0
        self.note = ""
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def advance(self, count: int = 1, *, note: str | None = None) -> None:
        """Count `count` more units done; `note` replaces the words behind the numbers."""
        with self._lock:
            self.done += count
            if note is not None:
                self.note = note

    def expect(self, total: int | None) -> None:
        """Say how many units there are, once that is known."""
        with self._lock:
            self.total = total

    def describe(self) -> str:
        """Return for instance `7,300 of 9,000 records, 410/s, 4 s left`."""
        with self._lock:
            elapsed = max(time.monotonic() - self._started, 1e-6)
            rate = self.done / elapsed
            of_total = f" of {self.total:,}" if self.total is not None else ""
            parts = [f"{self.done:,}{of_total} {self.unit}"]
            if self.done:
                parts.append(f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
            if self.total is not None and 0 < self.done < self.total:
                parts.append(f"{span((self.total - self.done) / rate)} left")
            else:
                parts.append(span(elapsed))
            if self.note:
                parts.append(self.note)
            return ", ".join(parts)


@contextlib.contextmanager
def task(name: str, *, total: int | None = None, unit: str = "rows") -> Iterator[Task]:
    """Show the progress of what runs inside the `with`, on stderr; its last line says how much was done."""
    current = Task(name, total=total, unit=unit)
    stop = threading.Event()
    _said.tasks += 1
    terminal = sys.stderr.isatty()
    reporter = threading.Thread(target=_live_bar if terminal else _lines, args=(current, stop), daemon=True)
    reporter.start()
    ended = "stopped"
    try:
        yield current
        ended = "done"
    finally:
        stop.set()
        reporter.join()
        _said.tasks -= 1
        _say(f"{name}: {ended}, {current.describe()}")
        logger.info("%s %s", name, ended, extra={"fields": {"job": name, "done": current.done, "total": current.total}})


@contextlib.contextmanager
def while_waiting(name: str, is_waiting: Callable[[], bool]) -> Iterator[None]:
    """Outside of tasks, say a line every few seconds while `is_waiting`: `waiting for Attio (8 s since we began)`."""
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(name, is_waiting, stop), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def _watch(name: str, is_waiting: Callable[[], bool], stop: threading.Event) -> None:
    began = time.monotonic()
    while not stop.wait(0.25):
        if not _said.tasks and time.monotonic() - _said.at >= SECONDS_BETWEEN_LINES and is_waiting():
            _say(f"{name} ({span(time.monotonic() - began)} since we began)")


def _lines(current: Task, stop: threading.Event) -> None:
    # what came before may have been silent for a while
    due = max(_said.at + SECONDS_BETWEEN_LINES - time.monotonic(), SHORTEST_WAIT)
    while not stop.wait(due):
        due = SECONDS_BETWEEN_LINES
        _say(f"{current.name}: {current.describe()}")


def _live_bar(current: Task, stop: threading.Event) -> None:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        shown = bar.add_task(current.name, total=current.total, words="")
        while not stop.wait(0.1):
            bar.update(shown, completed=current.done, total=current.total, words=current.describe())


def span(seconds: float) -> str:
    """Return a time as people say it, for instance `40 s` or `5.0 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
