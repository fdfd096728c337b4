"""The tickets of a booking."""

import asyncpg

from engine.base.model import Booking, Ticket
from engine.catalog.catalog import Catalog
from engine.catalog.model import Facts
from engine.sales.reading import BookingReader
from engine.stores.postgres import Postgres


class Tickets:
    def __init__(self, postgres: Postgres, catalog: Catalog, reading: BookingReader) -> None:
        self._pg = postgres
        self._catalog = catalog
        self._reading = reading

    async def of_booking(self, booking_id: str, *, buyer_id: str | None = None) -> list[Ticket]:
        """The tickets of a booking; none before it is confirmed. With ``buyer_id`` only its owner's.

        Raises NotFound, Unavailable.
        """
        booking = await self._reading.read(booking_id, buyer_id=buyer_id)
        facts = await self._catalog.facts(booking.event_id)
        rows = await self._pg.fetch("bookings.tickets", booking.event_id, booking_id)
        return [_ticket(facts, booking, row) for row in rows]


def _ticket(facts: Facts, booking: Booking, row: asyncpg.Record) -> Ticket:
    layout = facts.layout
    seat_no, area_no = row["seat_no"], row["area_no"]
    label = layout.seat_label(seat_no) if seat_no is not None else layout.area_label(area_no)
    return Ticket(
        ticket_id=str(row["ticket_id"]),
        booking_id=booking.booking_id,
        event_id=booking.event_id,
        label=label,
        category=layout.categories[row["category_no"]].name,
        seat_no=seat_no,
        area_no=area_no,
        code=str(row["code"]),
        status="void" if row["void"] else "valid",
    )
