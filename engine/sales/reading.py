"""Reads bookings from PostgreSQL, with the names of their seats and areas."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from engine.base.errors import NotFound
from engine.base.model import AreaItem, Booking, BookingStatus, Buyer, Money, SeatItem
from engine.catalog.catalog import Catalog
from engine.catalog.model import Facts
from engine.sales.next_action import NextActions
from engine.stores.postgres import Postgres


class BookingReader:
    def __init__(self, postgres: Postgres, catalog: Catalog, next_actions: NextActions) -> None:
        self._pg = postgres
        self._catalog = catalog
        self._next_actions = next_actions

    async def read(self, booking_id: str, *, buyer_id: str | None = None) -> Booking:
        """One booking. With ``buyer_id`` only its owner's. Raises NotFound, Unavailable."""
        row = await self.row(booking_id)
        if buyer_id is not None and str(row["buyer_id"]) != buyer_id:
            raise unknown_booking(booking_id)
        return await self.booking_of(row)

    async def of_buyer(self, buyer_id: str, *, after: str | None, limit: int) -> list[Booking]:
        """A buyer's bookings, newest first, following the booking ``after``. Raises Unavailable."""
        return await self._from_rows(
            await self._pg.fetch("bookings.bookings_of_buyer", buyer_id, after, limit)
        )

    async def row(self, booking_id: str) -> asyncpg.Record:
        """The booking with its payment, as a row of ``bookings.booking``. Raises NotFound, Unavailable."""
        row = await self._pg.fetchrow("bookings.booking", booking_id)
        if row is None:
            raise unknown_booking(booking_id)
        return row

    async def booking_of(self, row: asyncpg.Record) -> Booking:
        """The booking of a row of ``row``."""
        return (await self._from_rows([row]))[0]

    async def _from_rows(self, rows: Sequence[asyncpg.Record]) -> list[Booking]:
        found = await bookings_of_rows(self._pg, self._catalog, rows)
        return [
            msgspec.structs.replace(booking, next_action=self._next_actions.of_row(row))
            for booking, row in zip(found, rows, strict=True)
        ]


async def bookings_of_rows(
    postgres: Postgres, catalog: Catalog, rows: Sequence[asyncpg.Record]
) -> list[Booking]:
    """The bookings of rows of ``bookings`` with their payment's status and amount, without next actions."""
    items = await postgres.fetch(
        "bookings.booking_items",
        [row["event_id"] for row in rows],
        [row["booking_id"] for row in rows],
    )
    by_booking: dict[Any, list[asyncpg.Record]] = {}
    for item in items:
        by_booking.setdefault(item["booking_id"], []).append(item)
    return [
        _booking(await catalog.facts(str(row["event_id"])), row, by_booking[row["booking_id"]])
        for row in rows
    ]


def _booking(facts: Facts, row: asyncpg.Record, items: list[asyncpg.Record]) -> Booking:
    currency = row["currency"]
    refunded = row["payment_status"] == "refunded" and row["paid_minor"] > 0
    return Booking(
        booking_id=str(row["booking_id"]),
        reference=row["reference"],
        event_id=str(row["event_id"]),
        hold_id=str(row["hold_id"]),
        status=BookingStatus(row["status"]),
        seats=[_seat(facts, i, currency) for i in items if i["seat_no"] is not None],
        areas=[_area(facts, i, currency) for i in items if i["area_no"] is not None],
        total=Money(row["amount_minor"], currency),
        buyer=Buyer(row["email"], row["name"]),
        version=row["version"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        note=row["note"],
        refunded=Money(row["paid_minor"], currency) if refunded else None,
    )


def _seat(facts: Facts, item: asyncpg.Record, currency: str) -> SeatItem:
    layout = facts.layout
    return SeatItem(
        item["seat_no"],
        layout.seat_label(item["seat_no"]),
        layout.categories[item["category_no"]].name,
        Money(item["amount_minor"], currency),
    )


def _area(facts: Facts, item: asyncpg.Record, currency: str) -> AreaItem:
    layout = facts.layout
    return AreaItem(
        item["area_no"],
        layout.area_label(item["area_no"]),
        layout.categories[item["category_no"]].name,
        item["quantity"],
        Money(item["amount_minor"], currency),
    )


def unknown_booking(booking_id: str) -> NotFound:
    # Another buyer's booking, too: a stranger does not learn that it exists.
    return NotFound(f"There is no booking {booking_id}.", code="booking-not-found")
