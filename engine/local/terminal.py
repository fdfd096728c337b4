"""What the command line shows: one prefixed log, progress bars, lines of error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from engine.base.redaction import redacted


class OnProgress(Protocol):
    """Told ``what`` is being done and, where that is known, how many steps of how many are done."""

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
    """One stream of lines, each with the name of who wrote it, in that one's colour."""

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
def progress_bar(title: str) -> Iterator[OnProgress]:
    """A bar on stderr where that is a terminal; silent where it is not."""
    from rich.console import Console  # noqa: PLC0415 - rich is slow to import
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(title, total=None)

        def on_progress(what: str, done: int | None = None, total: int | None = None) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield on_progress


def complain(message: str) -> None:
    """One line on stderr, whatever line breaks a driver put into its message."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"frontrow: {redacted(' '.join(message.split()))}\n")
        sys.stderr.flush()


__all__ = ["Log", "OnProgress", "complain", "progress_bar"]
