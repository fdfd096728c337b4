"""The sessions with the mail server, and one turn of sending over them."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from engine.notifications.facts import Due
from engine.notifications.model import URGENT, Status
from engine.notifications.smtp import MailServer

#: The longest round, in seconds, so that a worker that is asked to stop does.
ROUND_S: Final = 5.0

#: Wait before another attempt to open a session that the server refused beside the others, in seconds.
REST_S: Final = 60.0


class Failure(Struct, frozen=True):
    """The result of an attempt that did not deliver: the mail's next status."""

    status: Status
    reason: str
    delay_s: float = 0.0


class Lane:
    """Sends one mail at a time, over its own session; without a server mails are kept."""

    def __init__(self, server: MailServer | None) -> None:
        self.server = server
        self.rests_until = 0.0
        #: The sending under way; from an earlier round when the server takes long over one mail.
        self.work: asyncio.Task[None] | None = None

    @property
    def rests(self) -> bool:
        return time.monotonic() < self.rests_until


def _turn(due: Due) -> tuple[bool, datetime, str]:
    return due.kind not in URGENT, due.queued_at, due.notification_id


class Turn:
    """The mails of one round, and whether the round goes on."""

    def __init__(self, mails: Sequence[Due], in_force: dict[tuple[str, str], int]) -> None:
        self.in_force = in_force
        self.done = 0
        #: Set when the round is over: how long nothing is tried, in seconds.
        self.wait_s: float | None = None
        self._ends_at = time.monotonic() + ROUND_S
        by_address: dict[str, deque[Due]] = {}
        for due in sorted(mails, key=_turn):
            by_address.setdefault(due.email.lower(), deque()).append(due)
        self._waiting = deque(by_address.values())
        self.work: set[asyncio.Task[None]] = set()

    @property
    def addresses(self) -> int:
        """The addresses with mails that no lane has taken."""
        return len(self._waiting)

    @property
    def left_s(self) -> float:
        return max(0.0, self._ends_at - time.monotonic())

    @property
    def is_over(self) -> bool:
        return self.wait_s is not None or time.monotonic() > self._ends_at

    def take(self) -> deque[Due] | None:
        """Take all mails to one address, in their order."""
        return self._waiting.popleft() if self._waiting and not self.is_over else None

    def stop(self, wait_s: float) -> None:
        self.wait_s = max(wait_s, self.wait_s or 0.0)

    def left(self) -> list[Due]:
        """The mails that no lane has taken; no lane can take them any more."""
        left = [due for mails in self._waiting for due in mails]
        self._waiting.clear()
        return left
