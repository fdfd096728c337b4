"""Keys that lead from a hold's id to its event, for holds that PostgreSQL has given back to Redis."""

import asyncio
from collections.abc import Iterable
from typing import Final

from engine.live.keys import hold_pointer
from engine.stores.redis import RedisStore

#: A hold that was loaded can be found by its id this long: a payment window, and some more.
_KEPT_S: Final = 3600


async def point_to_event(redis: RedisStore, hold_ids: Iterable[str], event_id: str) -> None:
    """Let holds and offers be found by their ids, where they are not. Raises Unavailable."""
    # They may yet be declined, and then their buyers come back by the hold's id.
    keys = [hold_pointer(hold_id) for hold_id in hold_ids]
    await asyncio.gather(*(redis.call("SET", key, event_id, "EX", _KEPT_S, "NX") for key in keys))
