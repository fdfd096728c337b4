"""When each event is due to be checked again, so that a thousand quiet ones cost a worker little."""

import time
from collections.abc import Iterable
from typing import Final

#: How often a quiet event is checked, in seconds. No hold is shorter than a second (``hold_ttl_s`` is a
#: whole number), so a hold that begins between two checks is not over before the next.
QUIET_S: Final = 1.0


class Visits:
    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def due(self, event_ids: Iterable[str]) -> list[str]:
        """The events that are due. The others of ``event_ids`` stay scheduled; events outside of it are dropped."""
        self._due = {event_id: self._due.get(event_id, 0.0) for event_id in event_ids}
        now = time.monotonic()
        return [event_id for event_id, moment in self._due.items() if moment <= now]

    def again(self, event_id: str, in_s: float = QUIET_S) -> None:
        """Check again in ``in_s`` seconds, or in ``QUIET_S`` where that is sooner."""
        self._due[event_id] = time.monotonic() + min(in_s, QUIET_S)
