"""Whether an event's state in Redis is whole by itself, and how far each was when this process looked last."""

import time
from typing import Final

import structlog

from engine.live.keys import base_key
from engine.live.scripts import Checked, read_checked
from engine.stores.pipeline import CommandFailed
from engine.stores.redis import RedisStore

log = structlog.get_logger(__name__)

#: What made a script fail is looked for once within this, for this many events.
_SUSPICION_S: Final = 0.5
_SUSPECTED_MAX: Final = 1000
_POSITIONS_MAX: Final = 20_000
#: Redis refuses us: no fault of the state's.
_REFUSED: Final = ("NOPERM", "NOAUTH", "ACL failure")


class Checking:
    """Looks, and changes nothing."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis
        #: (epoch, seq) of states that were whole when they were last checked.
        self._positions: dict[str, tuple[int, int]] = {}
        #: On which a script failed: when that was looked into, and whether they were damaged.
        self._suspected: dict[str, tuple[float, bool]] = {}

    async def check(self, event_id: str) -> str | None:
        """What is wrong with the event's state in Redis by itself; None: it is whole.

        A state that went back since this process looked last is not whole either: it is one that Redis
        had in the past. Raises Unavailable.
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
        a smaller one, and maps pass over what is of an older epoch than theirs. Raises Unavailable.
        """
        await self.check(event_id)
        return self._positions.get(event_id, (0, 0))[0]

    async def explains(self, event_id: str, error: CommandFailed) -> bool:
        """Whether the state explains a script's error. Whoever makes scripts fail may do so often: the
        state is looked at for all that fail within a moment. Raises Unavailable.
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
