"""Rebuilding the states of many events: what an operator asks for, and what another store makes necessary."""

import asyncio
from typing import TYPE_CHECKING

import structlog

from engine.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from engine.inventory import Cause, Inventory

log = structlog.get_logger(__name__)

_AT_ONCE = 8


async def rebuild_all(inventory: "Inventory", cause: "Cause") -> int:
    """Rebuild every event that sells, and let what else Redis knows be rebuilt at its next touch.

    What PostgreSQL does not know is removed. One event that fails is logged and left to the next check.
    Returns how many there were. Raises Unavailable.
    """
    open_events = await inventory.open_events()
    known = await inventory.known_events()
    others = sorted(known.difference(open_events))
    for at in range(0, len(open_events), _AT_ONCE):
        batch = open_events[at : at + _AT_ONCE]
        await asyncio.gather(*(_put_right(inventory, event_id, cause) for event_id in batch))
    for event_id in others:
        await _put_right(inventory, event_id, None)
    return len(open_events) + len(others)


async def _put_right(inventory: "Inventory", event_id: str, cause: "Cause | None") -> None:
    try:
        if cause is None:
            await inventory.close(event_id)
        else:
            await inventory.rebuild(event_id, cause=cause)
    except NotFound:
        await inventory.forget(event_id)
    except Unavailable:
        raise
    except Exception:
        log.exception("state not rebuilt", event_id=event_id)
