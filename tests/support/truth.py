"""After disturbances: invariants that must hold again, read from the stores and compared with the answers."""

import asyncio
import time
from collections import Counter
from typing import Any

import httpx

from engine.audit.auditor import audit
from engine.live.keys import base_key
from tests.support.buyers import Crowd, Word
from tests.support.site import Site
from tests.support.watchers import Watcher

_CALM_TIMEOUT_S = 60.0


async def calm(site: Site, event_id: str) -> None:
    """Wait until nothing is under way: no pending booking, no outbox row, no hold in payment."""
    deadline = time.monotonic() + _CALM_TIMEOUT_S
    while (left := await _under_way(site, event_id)) != {}:
        assert time.monotonic() < deadline, f"still under way: {left}"
        await asyncio.sleep(0.05)


async def _under_way(site: Site, event_id: str) -> dict[str, Any]:
    async with site.runtime.stores.view.connection() as connection:
        left: dict[str, Any] = {
            "pending bookings": await connection.fetchval(
                "SELECT count(*) FROM bookings WHERE event_id = $1 AND status = 'pending'", event_id
            ),
        }
    left["owed"] = len(await site.owed(event_id))
    left["in payment"] = sum(
        hold[b"state"] == b"paying" for hold in await live_holds(site, event_id)
    )
    return {what: count for what, count in left.items() if count}


async def live_holds(site: Site, event_id: str) -> list[dict[bytes, bytes]]:
    """The holds and open offers that Redis has, as their hashes, read key by key and without any script."""
    base = base_key(event_id)
    redis: Any = site.runtime.stores.redis.client
    holds: list[dict[bytes, bytes]] = [
        await redis.hgetall(f"{base}:hold:{hold_id.decode()}")
        for hold_id in await redis.zrange(f"{base}:due", 0, -1)
    ]
    return [hold for hold in holds if hold.get(b"state") in (b"held", b"paying", b"offered")]


async def true_map(site: Site, event_id: str) -> tuple[bytes, dict[int, int]]:
    """PostgreSQL + live holds and offers: public digits by seat, places available by area. For an event
    with an empty waitlist: only Redis knows what is kept for the waitlist.
    """
    async with site.runtime.stores.view.connection() as connection:
        seats = await connection.fetch(
            "SELECT state FROM seats WHERE event_id = $1 ORDER BY seat_no", event_id
        )
        areas = await connection.fetch(
            "SELECT area_no, capacity - reserved - sold AS free FROM areas WHERE event_id = $1",
            event_id,
        )
    public = {"available": b"0", "reserved": b"1", "sold": b"2", "blocked": b"3"}
    digits = [public[row["state"]] for row in seats]
    free = {row["area_no"]: row["free"] for row in areas}
    for hold in await live_holds(site, event_id):
        for seat_no in filter(None, hold[b"seats"].split(b",")):
            assert digits[int(seat_no)] in (b"0", b"1"), f"seat {int(seat_no)} is held and sold"
            digits[int(seat_no)] = b"1"
        if hold[b"state"] != b"paying":
            for part in filter(None, hold[b"areas"].split(b",")):
                area_no, places = part.split(b":")
                free[int(area_no)] -= int(places)
    return b"".join(digits), {area_no: max(0, places) for area_no, places in free.items()}


async def check(site: Site, event_id: str, *watchers: Watcher, crowd: Crowd | None = None) -> None:
    """Check everything that must hold once nothing is under way."""
    await calm(site, event_id)
    states, areas = await true_map(site, event_id)
    snapshot = await site.runtime.live.reading.snapshot(event_id)
    assert (snapshot.states, snapshot.areas) == (states, areas)
    for watcher in watchers:
        await watcher.shows(states, areas)
    assert await audit(site.runtime.audit, event_id, quiet=True) == []
    await _check_money(site, event_id)
    if crowd is not None:
        await _check_words(site, event_id, crowd)


async def _check_money(site: Site, event_id: str) -> None:
    """Compare the sandbox bank's payments with ours, booking by booking."""
    async with site.runtime.stores.view.connection() as connection:
        rows = await connection.fetch(
            """
            SELECT b.booking_id::text, b.status::text, b.amount_minor,
                   coalesce(c.amount_minor - c.refunded_minor, 0) AS kept
            FROM bookings b LEFT JOIN sandbox_charges c
              ON c.booking_id = b.booking_id AND c.status = 'captured'
            WHERE b.event_id = $1
            """,
            event_id,
        )
    for row in rows:
        wanted = row["amount_minor"] if row["status"] == "confirmed" else 0
        assert row["kept"] == wanted, f"booking {row['booking_id']} is {row['status']}: {dict(row)}"


async def _check_words(site: Site, event_id: str, crowd: Crowd) -> None:
    sold_seats = Counter(seat for w in crowd.words if w.told == "confirmed" for seat in w.seats)
    assert not [seat for seat, buyers in sold_seats.items() if buyers > 1], "sold twice"
    async with site.runtime.stores.view.connection() as connection:
        rows = await connection.fetch(
            """
            SELECT b.booking_id::text, b.amount_minor,
                   (SELECT count(*) FROM tickets t WHERE t.event_id = b.event_id
                      AND t.booking_id = b.booking_id AND NOT t.void) AS tickets
            FROM bookings b WHERE b.event_id = $1 AND b.status = 'confirmed'
            """,
            event_id,
        )
    confirmed = {row["booking_id"]: (row["amount_minor"], row["tickets"]) for row in rows}
    promised = {
        w.booking_id: (w.amount_minor, len(w.seats) + w.places)
        for w in crowd.words
        if w.told == "confirmed"
    }
    # In both directions: nobody lost a booking, and nobody has one that was never confirmed to them.
    assert confirmed == promised
    async with httpx.AsyncClient(base_url=site.api_url, timeout=30, trust_env=False) as http:
        answered = [word for word in crowd.words if word.key]
        await asyncio.gather(*(_check_replay(http, word) for word in answered[-20:]))


async def _check_replay(http: httpx.AsyncClient, word: Word) -> None:
    """The same key and body give the same answer, whatever has happened since."""
    answer = await http.post(
        "/v1/bookings",
        json=word.body,
        headers={"Authorization": word.authorization, "Idempotency-Key": word.key},
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert answer.json()["booking_id"] == word.booking_id
