"""Rebuilding the states of many events: when an operator asks for it, or after a store was replaced."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from engine.base.errors import Contended, NotFound, Unavailable

if TYPE_CHECKING:
    from engine.live.reading import Reading
    from engine.live.rebuilding import Cause, Rebuilding

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 8
#: How often an event with locked rows is tried, with a rest in between.
_ROUNDS: Final = 15
_REST_S: Final = 1.0
#: An event, and why it is rebuilt; None: it does not sell, its next touch rebuilds it.
_Turn: TypeAlias = "tuple[str, Cause | None]"


async def rebuild_all(
    reading: "Reading",
    rebuilding: "Rebuilding",
    cause: "Cause",
    *,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> int:
    """Rebuild every event on sale, and let the other events in Redis be rebuilt at their next touch.

    Events that PostgreSQL does not know are removed. An event with locked rows is tried again after all
    others. An event that fails is logged and left to the next check. Returns the number of events. Raises
    Contended when one was locked in every round, Unavailable.
    """
    open_events = await reading.open_events()
    known = await rebuilding.known_events()
    turns: list[_Turn] = [(event_id, cause) for event_id in open_events]
    turns += [(event_id, None) for event_id in sorted(known.difference(open_events))]
    kept = await _round(rebuilding, turns)
    for _ in range(_ROUNDS - 1):
        if not kept:
            break
        await sleep(_REST_S)
        kept = await _round(rebuilding, kept)
    if kept:
        names = [event_id for event_id, _ in kept]
        log.warning("states not rebuilt: rows of their events are locked", event_ids=names)
        raise Contended(f"{len(kept)} events could not be rebuilt: their rows are locked.")
    return len(turns)


async def _round(rebuilding: "Rebuilding", turns: Sequence[_Turn]) -> list[_Turn]:
    """Try each event once. Returns those with locked rows."""
    kept: list[_Turn] = []
    for at in range(0, len(turns), _AT_ONCE):
        batch = turns[at : at + _AT_ONCE]
        # Wait for all: none may go on alone after the caller got another one's failure.
        done = await asyncio.gather(
            *(_put_right(rebuilding, *turn) for turn in batch), return_exceptions=True
        )
        for turn, outcome in zip(batch, done, strict=True):
            if isinstance(outcome, BaseException):
                raise outcome
            if not outcome:
                kept.append(turn)
    return kept


async def _put_right(rebuilding: "Rebuilding", event_id: str, cause: "Cause | None") -> bool:
    """False: its rows are locked right now."""
    try:
        if cause is None:
            await rebuilding.close(event_id)
        else:
            await rebuilding.rebuild(event_id, cause=cause)
    except NotFound:
        await rebuilding.forget(event_id)
    except Contended:
        return False
    except Unavailable:
        raise
    except Exception:
        log.exception("state not rebuilt", event_id=event_id)
    return True
