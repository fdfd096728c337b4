"""Checks whether an event's state in Redis is whole, and keeps the last seen epoch and seq of each."""

import time
from typing import Final

import structlog

from engine.live.keys import base_key
from engine.live.scripts import Checked, read_checked
from engine.stores.pipeline import CommandFailed
from engine.stores.redis import RedisStore

log = structlog.get_logger(__name__)

#: The cause of a failed script is looked for once in this time, and remembered for this many events.
_SUSPICION_S: Final = 0.5
_SUSPECTED_MAX: Final = 1000
_POSITIONS_MAX: Final = 20_000
#: Errors by which Redis refuses us; the state is not at fault.
_REFUSED: Final = ("NOPERM", "NOAUTH", "ACL failure")


class Checking:
    """Reads only; changes nothing."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis
        #: (epoch, seq) of states that were whole when they were last checked.
        self._positions: dict[str, tuple[int, int]] = {}
        #: Events on which a script failed: when they were checked, and whether they were damaged.
        self._suspected: dict[str, tuple[float, bool]] = {}

    async def check(self, event_id: str) -> str | None:
        """What is wrong with the event's state in Redis, without PostgreSQL; None: it is whole.

        A state that is older than the one this process saw last is not whole either: Redis has gone back
        to the past. Raises Unavailable.
        """
        try:
            reply = await self._redis.run("check", base_key(event_id))
        except CommandFailed as error:
            if any(word in str(error) for word in _REFUSED):
                raise
            return str(error)
        match read_checked(reply):
            case Checked(epoch, seq):
                return self._went_back(event_id, (epoch, seq))
            case what:
                return what

    def _went_back(self, event_id: str, position: tuple[int, int]) -> str | None:
        known = self._positions.get(event_id, (0, 0))
        self._positions[event_id] = max(position, known)
        if len(self._positions) > _POSITIONS_MAX:
            del self._positions[next(iter(self._positions))]
        return "went back" if position < known else None

    async def known_epoch(self, event_id: str) -> int:
        """The largest epoch that maps may have seen. A database restored to an earlier moment counts from
        a smaller one, and maps ignore messages of an older epoch than theirs. Raises Unavailable.
        """
        await self.check(event_id)
        return self._positions.get(event_id, (0, 0))[0]

    async def explains(self, event_id: str, error: CommandFailed) -> bool:
        """Whether a damaged state explains a script's error. Scripts may fail often: one check serves all
        failures within a moment. Raises Unavailable.
        """
        known, now = self._suspected.get(event_id), time.monotonic()
        if known is not None and now - known[0] < _SUSPICION_S:
            return known[1]
        damaged = await self.check(event_id) is not None
        while len(self._suspected) >= _SUSPECTED_MAX:
            del self._suspected[next(iter(self._suspected))]
        self._suspected[event_id] = now, damaged
        if damaged:
            log.warning("a script failed on a damaged state", event_id=event_id, error=str(error))
        return damaged
