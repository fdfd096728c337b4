"""The output of the command line: one prefixed log, progress bars, error lines."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from engine.base.redaction import redacted

#: How often a plain line reports progress when a bar cannot be drawn, in seconds.
_LINE_EVERY_S = 10.0


class OnProgress(Protocol):
    """Called with ``what`` is being done and, if known, the number of steps done and of all steps."""

    def __call__(self, what: str, done: int | None = None, total: int | None = None) -> None: ...


_COLORS = {
    "frontrow": "1",
    "api": "36",
    "live": "35",
    "worker": "33",
    "postgres": "34",
    "redis": "31",
    "mongo": "32",
}


class Log:
    """One stream of lines, each with the name of its source, in that source's colour."""

    def __init__(self) -> None:
        self._colored = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def line(self, source: str, text: str) -> None:
        prefix = f"{source:<8} │ "
        if self._colored:
            prefix = f"\x1b[{_COLORS[source]}m{prefix}\x1b[0m"
        # The reader may have gone away (`make up | head`); that must not stop the shutdown.
        with suppress(OSError, ValueError):
            sys.stdout.write(f"{prefix}{text}\n")
            sys.stdout.flush()

    def say(self, text: str) -> None:
        self.line("frontrow", text)


@contextmanager
def progress_bar(title: str, *, line_every_s: float = _LINE_EVERY_S) -> Iterator[OnProgress]:
    """A bar on stderr if that is a terminal; otherwise a plain line now and then."""
    if not sys.stderr.isatty():
        with _plain_lines(title, line_every_s) as on_progress:
            yield on_progress
        return
    from rich.console import Console  # noqa: PLC0415 - rich is slow to import
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def draw(what: str, done: int | None = None, total: int | None = None) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield draw


@contextmanager
def _plain_lines(title: str, every_s: float) -> Iterator[OnProgress]:
    started, over = time.monotonic(), threading.Event()
    latest: tuple[str, int | None, int | None] = ("", None, None)

    def on_progress(what: str, done: int | None = None, total: int | None = None) -> None:
        nonlocal latest
        latest = (what, done, total)

    def write() -> None:
        # In a thread, because long work may not report for a long time.
        while not over.wait(every_s):
            what, done, total = latest
            with suppress(OSError, ValueError):
                line = progress_line(title, time.monotonic() - started, what, done, total)
                print(line, file=sys.stderr, flush=True)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield on_progress
    finally:
        over.set()
        thread.join()


def progress_line(
    title: str, elapsed_s: float, what: str, done: int | None = None, total: int | None = None
) -> str:
    """The progress as a line: ``bench 3/60 (5 %), 1 min 12 s: hold_http_vs_noop``."""
    share = f" {done:,}/{total:,} ({100 * done // total} %)" if done is not None and total else ""
    minutes, seconds = divmod(int(elapsed_s), 60)
    elapsed = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    return f"{title}{share}, {elapsed}" + (f": {what}" if what else "")


def complain(message: str) -> None:
    """Write one line to stderr, without the line breaks of a driver's message."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"frontrow: {redacted(' '.join(message.split()))}\n")
        sys.stderr.flush()


__all__ = ["Log", "OnProgress", "complain", "progress_bar", "progress_line"]
