"""Keys that lead from a hold's id to its event, for holds that PostgreSQL has given back to Redis."""

import asyncio
from collections.abc import Iterable
from typing import Final

from engine.live.keys import hold_pointer
from engine.stores.redis import RedisStore

#: How long the pointer of a loaded hold lasts: a payment window, and some more.
_KEPT_S: Final = 3600


async def point_to_event(redis: RedisStore, hold_ids: Iterable[str], event_id: str) -> None:
    """Write missing pointers of holds and offers. Raises Unavailable."""
    # Their payments may still be declined; then the buyers come back with the hold's id.
    keys = [hold_pointer(hold_id) for hold_id in hold_ids]
    await asyncio.gather(*(redis.call("SET", key, event_id, "EX", _KEPT_S, "NX") for key in keys))
