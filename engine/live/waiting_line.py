"""The line of an event in Redis: everybody's rank by their place in PostgreSQL."""

from typing import Any, Final

from engine.live.keys import base_key, part_key
from engine.live.scripts import Run, enter_line, leave_line
from engine.stores.pipeline import Argument
from engine.stores.postgres import Postgres, Transaction
from engine.stores.redis import RedisStore

#: Upper bound of ``waitlist_entries.weight``; ``line_score`` relies on it.
_WEIGHT_MAX: Final = 1023
#: This many enter at once: a script has no room for more arguments.
_PAGE: Final = 2000


def line_score(weight: int, join_no: int) -> int:
    """Where somebody stands in Redis's line, as one number that a double holds exactly: less is ahead."""
    return (_WEIGHT_MAX - weight) * 2**42 + join_no


async def load_line(redis: RedisStore, event_id: str, truth: Postgres | Transaction) -> set[str]:
    """Give everybody their place in the line, in pages. What comes free meanwhile is kept already.

    Returns the entry_ids of all who wait. Raises Unavailable.
    """
    run = _straight(redis)
    loaded: set[str] = set()
    weight, join_no = None, None
    while rows := await truth.fetch("waitlist.places", event_id, weight, join_no, _PAGE):
        places = [(line_score(row["weight"], row["join_no"]), row["entry_id"]) for row in rows]
        await enter_line(run, event_id, places)
        loaded.update(entry_id for _, entry_id in places)
        weight, join_no = rows[-1]["weight"], rows[-1]["join_no"]
    return loaded


async def renew_line(redis: RedisStore, event_id: str, truth: Postgres | Transaction) -> None:
    """Make the line what PostgreSQL has, with nobody else in it. Raises Unavailable.

    Never empty for a moment: a round that looked then would count nobody, and ranks would vanish.
    """
    shown = await redis.call("ZRANGE", part_key(event_id, "line"), 0, -1)
    waiting = {entry_id.encode() for entry_id in await load_line(redis, event_id, truth)}
    gone = [entry_id for entry_id in shown if entry_id not in waiting]
    for at in range(0, len(gone), _PAGE):
        await leave_line(_straight(redis), event_id, gone[at : at + _PAGE])


def _straight(redis: RedisStore) -> Run:
    """Runs scripts as they are: whoever rebuilds a state must not ask for a rebuild."""

    async def run(script: str, event_id: str, /, *args: Argument) -> list[Any]:
        return await redis.run(script, base_key(event_id), *args)

    return run
