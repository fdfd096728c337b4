"""Progress of a test run as a plain line every ten seconds: dots show no number in a log."""

import time

import pytest

from engine.local.terminal import progress_line

_LINE_EVERY_S = 10.0


class Progress:
    """Counts the tests that have ended, in all processes."""

    def __init__(self, session: pytest.Session, reporter: pytest.TerminalReporter) -> None:
        self._session = session
        self._reporter = reporter
        self._started = self._written = time.monotonic()
        self._done = 0

    def pytest_runtest_logfinish(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._written < _LINE_EVERY_S:
            return
        self._written = now
        total = self._session.testscollected
        line = progress_line("tests", now - self._started, "", self._done, total)
        # The open line has at least one dot.
        self._reporter.write(f"\n{line}\n")
