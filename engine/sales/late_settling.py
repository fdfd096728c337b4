"""Late settling in Redis, after a process died: of a hold stuck in payment, or an undelivered settlement."""

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
        """End a hold in payment whose time is over, by the state in PostgreSQL.

        A pending booking is chased separately; a confirmed one has taken its places and ended the hold,
        whatever Redis has; a hold without a booking in PostgreSQL belongs to a process that died.
        """
        live = await self._pg.fetchrow("bookings.live_booking_of_hold", event_id, hold_id)
        if live is None:
            await self._holds.abandon(event_id, hold_id)
        elif live["status"] == BookingStatus.CONFIRMED:
            payload = await self._pg.fetchval("bookings.settlement", event_id, live["booking_id"])
            await self._live.settling.settle(event_id, msgspec.convert(payload, Settlement))

    async def settle_booking(self, event_id: str, booking_id: str, settlement: Settlement) -> None:
        """Deliver a settlement that its process left behind. Idempotent, and harmless out of order: the
        buyer may be notified again of the booking's present state.
        """
        if settlement.outcome == "kept":
            live = await self._pg.fetchrow(
                "bookings.live_booking_of_hold", event_id, settlement.hold_id
            )
            if live is not None:
                # The buyer has tried another card: the hold belongs to that booking now.
                settlement = msgspec.structs.replace(settlement, outcome="")
        row = await self._reading.row(booking_id)
        news = BookingMessage(event_id, booking_id, row["reference"], row["status"])
        await self._live.settling.settle(event_id, settlement, news=news)
