"""Measurements of a long waitlist: joins, ranks, and a round for fifty seats.

    python -m loadtest.waitlist [--people 100000] [--joined 5000]

Starts stores of its own in a temporary folder. ``--joined`` people join through the engine, a
few hundred at a time, before and after the waitlist is long; the rest is filled in by SQL.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop

from engine.base.actor import BENCH
from engine.base.config import Settings
from engine.base.errors import Unavailable
from engine.base.model import new_id
from engine.catalog.model import EventDraft
from engine.live.keys import part_key
from engine.local import embedded
from engine.runtime import Runtime, open_runtime
from engine.stores import migrate
from engine.waitlist.model import Contact, Wanted

SECTIONS, ROWS, PER_ROW = 10, 20, 100
SEATS = SECTIONS * ROWS * PER_ROW
FREED, ROUNDS, ASKED, AT_ONCE = 50, 20, 2000, 200
_SECRET = "benchmarks-sign-their-own-tokens-here"  # noqa: S105  # signs nothing outside the run


async def measure(people: int, joined: int) -> dict[str, Any]:
    """Every figure of one waitlist; times in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="frontrow-") as folder:
        settings = Settings(data_dir=folder, token_secret=_SECRET, log_level="error")
        async with embedded.stores(settings) as urls:
            await asyncio.to_thread(migrate.migrate, urls.postgres_owner_url)
            async with open_runtime(settings, role="bench") as runtime:
                return await _measure(runtime, people, joined)


async def _measure(runtime: Runtime, people: int, joined: int) -> dict[str, Any]:
    event_id = await _event(runtime)
    await runtime.events.blocks.block(event_id, range(SEATS), actor=BENCH)
    figures: dict[str, Any] = {"joins_per_s_short": await _joins(runtime, event_id, joined)}
    await _fill(runtime, event_id, people - 2 * joined)
    # The first comparison may find a difference, as somebody may be joining.
    await runtime.live.reconciling.reconcile(event_id)
    began = time.perf_counter()
    await runtime.live.reconciling.reconcile(event_id)
    figures["line_laid_ms"] = _ms(began)
    figures["joins_per_s_long"] = await _joins(runtime, event_id, joined)
    async with runtime.stores.view.connection() as connection:
        rows = await connection.fetch(
            "SELECT entry_id::text FROM waitlist_entries WHERE event_id = $1 ORDER BY random() LIMIT $2",
            event_id,
            ASKED,
        )
        await connection.execute("ANALYZE")
    entries = [row["entry_id"] for row in rows]
    figures["in_line"] = (await runtime.waitlist.entries.rank(event_id, entries[0]))[1]
    rank = await _timed(entries, lambda entry: runtime.waitlist.entries.rank(event_id, entry))
    read = await _timed(entries[:500], runtime.waitlist.entries.read)
    figures |= _percentiles("rank", rank) | _percentiles("entry", read)
    figures |= await _rounds(runtime, event_id)
    return figures | await _sizes(runtime, event_id)


async def _event(runtime: Runtime) -> str:
    rows = [
        {
            "label": f"R{row + 1}",
            "seats": [
                {"number": str(n + 1), "x": 20 + 25 * n, "y": 20 + 25 * row, "category": "Any"}
                for n in range(PER_ROW)
            ],
        }
        for row in range(ROWS)
    ]
    sections = [
        {"name": f"Block {no + 1}", "position": {"x": 0, "y": 25 * (ROWS + 1) * no}, "rows": rows}
        for no in range(SECTIONS)
    ]
    height = 25 * (ROWS + 1) * SECTIONS + 50
    document = {
        "format": "frontrow/1",
        "name": "A long line",
        "size": {"width": 25 * PER_ROW + 50, "height": height},
        "categories": [{"name": "Any", "color": "#0072b2"}],
        "sections": sections,
    }
    venue, _ = await runtime.catalog.venues.import_plan(document)
    event = await runtime.catalog.create_event(
        EventDraft(
            name="Bench",
            venue_id=venue.venue_id,
            starts_at=datetime.now(UTC) + timedelta(days=30),
            currency="EUR",
            prices={"Any": 5000},
        )
    )
    await runtime.events.publishing.publish(event.event_id)
    return event.event_id


def _wish(number: int) -> Wanted:
    """One of a few dozen wishes: for one to four, together or not, in any block or in one."""
    block = number // 8 % 6
    return Wanted(
        quantity=number % 4 + 1,
        together=number // 4 % 2 == 0,
        sections=[f"Block {block}"] if block else [],
    )


async def _joins(runtime: Runtime, event_id: str, count: int) -> float:
    """Joins per second, ``AT_ONCE`` under way at a time."""
    numbers = iter(range(count))

    async def one_by_one() -> None:
        for number in numbers:
            person, wish = new_id(), _wish(number)
            while True:
                # People retry when the database asks them to come back later.
                with contextlib.suppress(Unavailable):
                    await runtime.waitlist.entries.join(event_id, person, wish, Contact())
                    break

    began = time.perf_counter()
    await asyncio.gather(*(one_by_one() for _ in range(AT_ONCE)))
    return count / (time.perf_counter() - began)


async def _fill(runtime: Runtime, event_id: str, count: int) -> None:
    """Add this many entries in PostgreSQL, with existing wishes; some are ahead of others by their tier."""
    async with runtime.stores.view.connection() as connection:
        await connection.execute(
            """
            WITH wishes AS (
              SELECT wish_no, row_number() OVER () - 1 AS n, count(*) OVER () AS of FROM waitlist_wishes WHERE event_id = $1
            ), made AS (
              INSERT INTO waitlist_entries (event_id, entry_id, person_id, wish_no, weight, tier)
              SELECT $1, uuidv7(), gen_random_uuid(), w.wish_no, CASE WHEN i % 20 = 0 THEN 100 ELSE 0 END, 'regular'
              FROM generate_series(1, $2) i JOIN wishes w ON w.n = i % w.of
              RETURNING entry_id, wish_no, weight, join_no
            )
            INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor, round_no)
            SELECT $1, entry_id, 'joined', wish_no, weight, join_no, 'bench', 0 FROM made
            """,
            event_id,
            count,
            timeout=300,
        )


async def _timed(things: Sequence[str], ask: Callable[[str], Awaitable[Any]]) -> list[float]:
    """Milliseconds of each call, one after the other."""
    times = []
    for thing in things:
        began = time.perf_counter()
        await ask(thing)
        times.append(_ms(began))
    return times


async def _rounds(runtime: Runtime, event_id: str) -> dict[str, float]:
    """Fifty seats are returned, some three side by side, some single; the first entries get them."""
    chance = random.Random(1)
    blocked = set(range(SEATS))
    times, offers = [], 0
    for _ in range(ROUNDS):
        freed: set[int] = set()
        while len(freed) < FREED:
            first = chance.randrange(SEATS)
            beside = {n for n in range(first, first + chance.randint(1, 3)) if n in blocked}
            freed |= set(sorted(beside)[: FREED - len(freed)])
        blocked -= freed
        await runtime.events.blocks.unblock(event_id, sorted(freed), actor=BENCH)
        began = time.perf_counter()
        offers += await runtime.waitlist.rounds.run_round(event_id)
        times.append(_ms(began))
    return _percentiles("round", times) | {"offers_per_round": offers / ROUNDS}


async def _sizes(runtime: Runtime, event_id: str) -> dict[str, float]:
    async with runtime.stores.view.connection() as connection:
        table = await connection.fetchval(
            "SELECT sum(pg_total_relation_size(t::regclass)) FROM unnest($1::text[]) t",
            ["waitlist_entries", "waitlist_changes"],
        )
    line = await runtime.stores.redis.call(
        "MEMORY", "USAGE", part_key(event_id, "line"), "SAMPLES", "0"
    )
    return {"postgres_mib": float(table) / 2**20, "redis_line_mib": line / 2**20}


def _ms(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def _percentiles(name: str, times: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return {f"{name}_p50_ms": cuts[49], f"{name}_p99_ms": cuts[98]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--people", type=int, default=100_000, help="waiting at the end")
    parser.add_argument(
        "--joined",
        type=int,
        default=5_000,
        help="of them join through the engine, before and after",
    )
    options = parser.parse_args()
    for name, value in uvloop.run(measure(options.people, options.joined)).items():
        print(f"{name:20} {value:12,.2f}")


if __name__ == "__main__":
    main()
