"""The verdict from the stores at the end: the auditor's findings, and independent counts."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from engine.audit.auditor import audit
from engine.best_seats.index import SeatIndex
from engine.catalog.model import Facts
from engine.runtime import Runtime
from loadtest.rehearsal.buyers import Memory

#: How long pending work may take to end before it counts as a fault, in s.
_QUIET_S = 60.0
_AUDIT_S = 20.0
_VIOLATIONS_SHOWN = 50


class Check(Struct, frozen=True, kw_only=True):
    """One count taken twice in different ways."""

    what: str
    found: str
    holds: bool


class Sold(Struct, frozen=True, kw_only=True):
    """Sales of one category. Minor units."""

    category: str
    places: int
    revenue_minor: int
    at_opening_prices_minor: int


class PriceChange(Struct, frozen=True, kw_only=True):
    """A price change and its reason. Seconds from the opening, minor units."""

    at_s: float
    category: str
    amount_minor: int
    reason: str


class Books(Struct, frozen=True, kw_only=True):
    """PostgreSQL's figures, from one snapshot."""

    sold_seats: int
    sold_places: int
    seats_sold_twice: int
    seat_items: int
    tickets: int
    area_places_sold: int
    areas_oversold: int
    booked_minor: int
    captured_minor: int
    pending: int
    #: The amount of each confirmed booking, by its id.
    bookings: dict[str, int]
    sold: list[Sold]


class Verdict(Struct, frozen=True, kw_only=True):
    checks: list[Check]
    #: The auditor's violations, as texts.
    violations: list[str]

    @property
    def holds(self) -> bool:
        return not self.violations and all(check.holds for check in self.checks)


_COUNTS = """
WITH sale AS (
  SELECT i.seat_no, i.area_no, i.quantity, i.amount_minor, b.status
  FROM booking_items i JOIN bookings b USING (event_id, booking_id)
  WHERE i.event_id = $1 AND i.live AND b.status IN ('pending', 'confirmed')
)
SELECT
  (SELECT count(*) FROM seats WHERE event_id = $1 AND state = 'sold') AS sold_seats,
  (SELECT coalesce(sum(quantity), 0) FROM sale WHERE status = 'confirmed') AS sold_places,
  (SELECT count(*) FROM (SELECT FROM sale WHERE seat_no IS NOT NULL GROUP BY seat_no HAVING count(*) > 1) twice)
    AS seats_sold_twice,
  (SELECT count(*) FROM sale WHERE seat_no IS NOT NULL AND status = 'confirmed') AS seat_items,
  (SELECT count(*) FROM tickets WHERE event_id = $1 AND NOT void) AS tickets,
  (SELECT coalesce(sum(sold), 0) FROM areas WHERE event_id = $1) AS area_places_sold,
  (SELECT count(*) FROM areas WHERE event_id = $1 AND sold + reserved > capacity) AS areas_oversold,
  (SELECT coalesce(sum(quantity * amount_minor), 0) FROM sale WHERE status = 'confirmed') AS booked_minor,
  (SELECT coalesce(sum(amount_minor), 0) FROM payments WHERE event_id = $1 AND status = 'captured')
    AS captured_minor,
  (SELECT count(*) FROM bookings WHERE event_id = $1 AND status = 'pending') AS pending
"""
_SOLD = """
SELECT c.name, coalesce(sum(i.quantity), 0) AS places, coalesce(sum(i.quantity * i.amount_minor), 0) AS revenue
FROM categories c
LEFT JOIN (booking_items i JOIN bookings b USING (event_id, booking_id))
  ON i.event_id = c.event_id AND i.category_no = c.category_no AND b.status = 'confirmed'
WHERE c.event_id = $1 GROUP BY c.category_no, c.name ORDER BY c.category_no
"""
_UNDER_WAY = """
SELECT (SELECT count(*) FROM outbox WHERE event_id = $1)
     + (SELECT count(*) FROM bookings WHERE event_id = $1 AND status = 'pending')
"""
_PRICES = """
SELECT name, new_amount_minor, reason, extract(epoch FROM changed_at)::float8 AS changed_s
FROM price_changes JOIN categories USING (event_id, category_no)
WHERE event_id = $1 AND changed_at > to_timestamp($2::float8) ORDER BY changed_at, category_no
"""
_OPENING_PRICES = """
SELECT DISTINCT ON (category_no) name, new_amount_minor
FROM price_changes p JOIN categories USING (event_id, category_no)
WHERE event_id = $1 AND changed_at <= to_timestamp($2::float8) ORDER BY category_no, p.version DESC
"""


async def until_quiet(runtime: Runtime, event_id: str) -> float:
    """Wait until every booking has ended and everything is delivered. Returns how long that took, in s.

    The auditor reports work that never ends.
    """
    started = time.monotonic()
    while time.monotonic() - started < _QUIET_S:
        async with runtime.stores.view.connection() as connection:
            if not await connection.fetchval(_UNDER_WAY, event_id):
                break
        await asyncio.sleep(0.1)
    return time.monotonic() - started


async def read_books(runtime: Runtime, event_id: str, opening_prices: dict[str, int]) -> Books:
    """``opening_prices``: minor units by category."""
    async with runtime.stores.view.transaction("repeatable_read") as snapshot:
        counts = await snapshot.connection.fetchrow(_COUNTS, event_id)
        sold = await snapshot.connection.fetch(_SOLD, event_id)
        bookings = await snapshot.connection.fetch(
            "SELECT booking_id::text, amount_minor FROM bookings "
            "WHERE event_id = $1 AND status = 'confirmed'",
            event_id,
        )
    assert counts is not None
    return Books(
        **{name: int(value) for name, value in counts.items()},
        bookings={row["booking_id"]: row["amount_minor"] for row in bookings},
        sold=[
            Sold(
                category=row["name"],
                places=int(row["places"]),
                revenue_minor=int(row["revenue"]),
                at_opening_prices_minor=int(row["places"]) * opening_prices[row["name"]],
            )
            for row in sold
        ],
    )


async def opening_prices(runtime: Runtime, event_id: str, opened_at: float) -> dict[str, int]:
    """Minor units by category at the opening (Unix seconds): a rule may move a price before it."""
    async with runtime.stores.view.connection() as connection:
        rows = await connection.fetch(_OPENING_PRICES, event_id, opened_at)
    return {row["name"]: row["new_amount_minor"] for row in rows}


async def price_changes(runtime: Runtime, event_id: str, opened_at: float) -> list[PriceChange]:
    """Price changes since the opening (Unix seconds)."""
    async with runtime.stores.view.connection() as connection:
        rows = await connection.fetch(_PRICES, event_id, opened_at)
    return [
        PriceChange(
            at_s=row["changed_s"] - opened_at,
            category=row["name"],
            amount_minor=row["new_amount_minor"],
            reason=row["reason"],
        )
        for row in rows
    ]


async def judge(
    runtime: Runtime,
    event_id: str,
    books: Books,
    memories: Sequence[Memory],
    wrong_maps: int | None,
) -> Verdict:
    """The auditor's verdict on the whole copy, and counts that are independent of the auditor.

    ``wrong_maps``: open maps with a fault or a difference at the end; None without watchers.
    """
    started = time.monotonic()
    while True:
        found = await audit(runtime.audit, event_id, quiet=True)
        # A worker that is late with its rounds is not a broken promise; one that never runs them is, and
        # so is every violation of what must hold at any moment.
        if not found or time.monotonic() - started > _AUDIT_S:
            break
        if await audit(runtime.audit, event_id, lateness_max_s=None):
            break
        await asyncio.sleep(0.5)
    violations = [
        f"invariant {v.invariant}: {v.what} ({msgspec.json.encode(v.facts).decode()})"
        for v in found[:_VIOLATIONS_SHOWN]
    ]
    if len(found) > _VIOLATIONS_SHOWN:
        violations.append(f"and {len(found) - _VIOLATIONS_SHOWN} more")
    checks = counted_twice(books, memories)
    if wrong_maps is not None:
        what = "Open maps that went wrong, or differed from the truth at the end"
        checks.append(_none(what, wrong_maps))
    return Verdict(checks=checks, violations=violations)


def counted_twice(books: Books, memories: Sequence[Memory]) -> list[Check]:
    """Compares PostgreSQL's tables with each other, and with the receipts that buyers got."""
    receipts = [memory.receipt for memory in memories if memory.receipt is not None]
    on_receipts = Counter(seat_no for receipt in receipts for seat_no in receipt.seats)
    twice = sum(count > 1 for count in on_receipts.values())
    lost = sum(receipt.booking_id not in books.bookings for receipt in receipts)
    unknown = len(books.bookings.keys() - {receipt.booking_id for receipt in receipts})
    unanswered = sum(memory.unanswered for memory in memories)
    in_areas = books.area_places_sold == books.sold_places - books.seat_items
    return [
        _none("Seats with more than one live sale", books.seats_sold_twice),
        _none("Seats that are on the receipts of two buyers", twice, of=len(on_receipts)),
        _same("Sold seats and lines of confirmed bookings", books.sold_seats, books.seat_items),
        _same("Places sold and valid tickets", books.sold_places, books.tickets),
        Check(
            what="Standing areas with more sold than they hold",
            found=f"{books.areas_oversold:,}",
            holds=books.areas_oversold == 0 and in_areas,
        ),
        _same(
            "Prices of what was booked, and money captured, in minor units",
            books.booked_minor,
            books.captured_minor,
        ),
        _same(
            "Revenue by category, and by booking, in minor units",
            sum(sold.revenue_minor for sold in books.sold),
            sum(books.bookings.values()),
        ),
        _none(
            "Receipts at another price than was quoted with the hold, or than was booked",
            sum(_is_mispriced(memory, books) for memory in memories),
            of=len(receipts),
        ),
        _none("Receipts without a booking", lost, of=len(receipts)),
        Check(
            what="Bookings without a receipt, and buyers who never got an outcome",
            found=f"{unknown:,} and {unanswered:,}",
            holds=unknown <= unanswered,
        ),
        _none("Bookings whose payment never ended", books.pending),
    ]


def _is_mispriced(memory: Memory, books: Books) -> bool:
    receipt = memory.receipt
    if receipt is None:
        return False
    booked_minor = books.bookings.get(receipt.booking_id, receipt.amount_minor)
    return not memory.quoted_minor == receipt.amount_minor == booked_minor


def _none(what: str, count: int, of: int | None = None) -> Check:
    found = f"{count:,}" if of is None else f"{count:,} of {of:,}"
    return Check(what=what, found=found, holds=count == 0)


def _same(what: str, one: int, other: int) -> Check:
    return Check(what=what, found=f"{one:,} and {other:,}", holds=one == other)


def orphans(facts: Facts, opening: bytes, states: bytes) -> int:
    """Free seats left single: with no seat or a taken one on both sides, which they
    did not have at the opening (``docs/best-seats.md``). States are one digit per seat, ``0`` free.
    """
    index = SeatIndex(facts.layout)
    before, after = index.lay(opening), index.lay(states)
    return sum(
        _is_alone(after, at) and not _is_alone(before, at) for at in range(1, index.size - 1)
    )


def _is_alone(taken: bytes | bytearray, at: int) -> bool:
    return not taken[at] and bool(taken[at - 1] and taken[at + 1])


__all__ = [
    "Books",
    "Check",
    "PriceChange",
    "Sold",
    "Verdict",
    "counted_twice",
    "judge",
    "opening_prices",
    "orphans",
    "price_changes",
    "read_books",
    "until_quiet",
]
