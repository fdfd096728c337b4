"""Settling in Redis what its process could not: a hold stuck in payment, a settlement never delivered."""

import msgspec

from engine.base.model import BookingStatus
from engine.holds.holds import Holds
from engine.live.live import Live
from engine.live.messages import BookingMessage
from engine.live.scripts import Settlement
from engine.sales.reading import BookingReader
from engine.stores.postgres import Postgres


class LateSettling:
    def __init__(
        self, postgres: Postgres, holds: Holds, live: Live, reading: BookingReader
    ) -> None:
        self._pg = postgres
        self._holds = holds
        self._live = live
        self._reading = reading

    async def settle_hold(self, event_id: str, hold_id: str) -> None:
        """Bring a hold in payment whose time is over to its end, as PostgreSQL knows it.

        A pending booking is chased by itself; a confirmed one has taken its places and the hold with
        them, whatever Redis remembers; a hold PostgreSQL never heard of belongs to a process that died.
        """
        live = await self._pg.fetchrow("bookings.live_booking_of_hold", event_id, hold_id)
        if live is None:
            await self._holds.abandon(event_id, hold_id)
        elif live["status"] == BookingStatus.CONFIRMED:
            payload = await self._pg.fetchval("bookings.settlement", event_id, live["booking_id"])
            await self._live.settling.settle(event_id, msgspec.convert(payload, Settlement))

    async def settle_booking(self, event_id: str, booking_id: str, settlement: Settlement) -> None:
        """Deliver a settlement that its process left behind. Harmless twice and out of order: the
        buyer may hear a second time of the booking as it is now.
        """
        if settlement.outcome == "kept":
            live = await self._pg.fetchrow(
                "bookings.live_booking_of_hold", event_id, settlement.hold_id
            )
            if live is not None:
                # The buyer has gone on to another card: the hold is that booking's now.
                settlement = msgspec.structs.replace(settlement, outcome="")
        row = await self._reading.row(booking_id)
        news = BookingMessage(event_id, booking_id, row["reference"], row["status"])
        await self._live.settling.settle(event_id, settlement, news=news)
