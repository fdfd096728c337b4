"""Rebuilding the states of many events: what an operator asks for, and what another store makes necessary."""

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
#: So often an event comes round whose rows somebody keeps, with a rest between.
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
    """Rebuild every event that sells, and let what else Redis knows be rebuilt at its next touch.

    What PostgreSQL does not know is removed. An event that somebody keeps comes again after all others.
    One event that fails is logged and left to the next check. Returns how many there were. Raises
    Contended where one was kept in every round, Unavailable.
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
        log.warning("states not rebuilt: somebody keeps their events", event_ids=names)
        raise Contended(f"{len(kept)} events could not be rebuilt: their rows are locked.")
    return len(turns)


async def _round(rebuilding: "Rebuilding", turns: Sequence[_Turn]) -> list[_Turn]:
    """Each event once. Returns those that somebody keeps."""
    kept: list[_Turn] = []
    for at in range(0, len(turns), _AT_ONCE):
        batch = turns[at : at + _AT_ONCE]
        # All come to their end: none goes on alone behind a caller that was told of another's failure.
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
    """False: somebody keeps it just now."""
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
