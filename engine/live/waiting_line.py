"""An event's waitlist in Redis: everybody's rank by their place in PostgreSQL."""

from typing import Any, Final

from engine.live.keys import base_key, part_key
from engine.live.scripts import Run, enter_line, leave_line
from engine.stores.pipeline import Argument
from engine.stores.postgres import Postgres, Transaction
from engine.stores.redis import RedisStore

#: Upper bound of ``waitlist_entries.weight``; ``line_score`` relies on it.
_WEIGHT_MAX: Final = 1023
#: Entries per script call: a script has no room for more arguments.
_PAGE: Final = 2000


def line_score(weight: int, join_no: int) -> int:
    """An entry's score in Redis's waitlist, as one number that a double holds exactly; a smaller one is ahead."""
    return (_WEIGHT_MAX - weight) * 2**42 + join_no


async def load_line(redis: RedisStore, event_id: str, truth: Postgres | Transaction) -> set[str]:
    """Load the waitlist into Redis, in pages. Seats returned meanwhile are kept for it already.

    Returns the entry_ids of all waiting entries. Raises Unavailable.
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
    """Make the waitlist in Redis equal to PostgreSQL's. Raises Unavailable.

    It is never empty in between: a round at that moment would count nobody, and ranks would vanish.
    """
    shown = await redis.call("ZRANGE", part_key(event_id, "line"), 0, -1)
    waiting = {entry_id.encode() for entry_id in await load_line(redis, event_id, truth)}
    gone = [entry_id for entry_id in shown if entry_id not in waiting]
    for at in range(0, len(gone), _PAGE):
        await leave_line(_straight(redis), event_id, gone[at : at + _PAGE])


def _straight(redis: RedisStore) -> Run:
    """Runs scripts without a rebuild: a rebuild must not ask for another one."""

    async def run(script: str, event_id: str, /, *args: Argument) -> list[Any]:
        return await redis.run(script, base_key(event_id), *args)

    return run
