"""Offers: seats kept for one person for a while.

::

    open ──accept──▶ used        (an ordinary hold from here on, under the offer's id; accepted by a
      │                           mailed link, the hold belongs to the person who opened the link)
      ├──decline──▶ declined
      ├──its time─▶ expired
      └──withdraw─▶ withdrawn    (by the organiser; the entry is back at its place)

PostgreSQL decides once how an offer ends, by its own clock; Redis follows. A process that dies in between
leaves a claim in Redis that becomes due; the process that finds it asks PostgreSQL and goes on (``settle``).
"""

import asyncio
from typing import Final

import asyncpg

from engine.base import metrics
from engine.base.actor import WORKER, Actor, ActorKind
from engine.base.errors import Contended, FrontrowError, Gone, NotFound
from engine.base.model import Hold, ms_from_utc
from engine.catalog.catalog import Catalog
from engine.catalog.model import Facts
from engine.holds.building import build_items
from engine.holds.holds import Holds
from engine.live.codec import decode_areas, decode_prices
from engine.live.hold_scripts import Acceptance, KeptHold, Refused, Unknown, accept
from engine.live.live import Live
from engine.live.messages import OfferMessage
from engine.live.rebuilding import being_rebuilt
from engine.live.running import NeedsRebuild
from engine.live.scripts import end_offer
from engine.stores.postgres import Postgres, Transaction
from engine.waitlist.model import Offer, OfferStatus
from engine.waitlist.scripts import take_places

#: Offers ended together: all offers of one round end at the same moment, and their seats should not queue.
_ENDED_AT_ONCE: Final = 8
#: Attempts, because Redis may have lost the event, and after its rebuild the offer.
_HAND_OVER_ATTEMPTS: Final = 3


class Offers:
    def __init__(
        self,
        *,
        postgres: Postgres,
        worker_postgres: Postgres,
        live: Live,
        catalog: Catalog,
        holds: Holds,
    ) -> None:
        self._pg = postgres
        self._worker_pg = worker_postgres
        self._live = live
        self._catalog = catalog
        self._holds = holds

    async def read(self, offer_id: str, *, person_id: str | None = None) -> Offer:
        """One offer. With ``person_id`` only its owner's. Raises NotFound."""
        row = await self._pg.fetchrow("waitlist.offer", offer_id)
        if row is None:
            raise _unknown_offer(offer_id)
        if person_id is not None and str(row["person_id"]) != person_id:
            raise _unknown_offer(offer_id)
        return offer_from_row(await self._catalog.facts(str(row["event_id"])), row)

    async def accept(self, offer_id: str, person_id: str) -> Hold:
        """Accept the offer: its seats become a hold, at the offer's prices, with a new deadline.

        Accepting again returns the same hold in its present state. Raises Gone, NotFound (also when
        somebody has accepted it by a mailed link since), Unavailable.
        """
        known = await self._known(offer_id)
        row = await self._end(
            known,
            offer_id,
            OfferStatus.USED,
            actor=Actor(ActorKind.PERSON, person_id),
            person_id=person_id,
        )
        return await self._hold(offer_id, row)

    async def accept_for(self, offer_id: str, person_id: str, holder_id: str) -> Hold:
        """Accept ``person_id``'s offer for another person: the hold belongs to ``holder_id``, who pays for it.

        If it was accepted before, the hold moves to ``holder_id``, unless it is being paid for. Raises Gone,
        NotFound (also for another person's offer), Conflict (it is being paid for), Unavailable.
        """
        known = await self._known(offer_id)
        async with self._pg.transaction(event_id=known) as transaction:
            row = await _accepted_by_link(transaction, offer_id, person_id)
            if row["outcome"] == "ended":
                # No other person has it yet.
                await transaction.fetch("waitlist.hand_offer_to", offer_id, holder_id)
        if row["outcome"] == "ended":
            metrics.OFFERS.labels(OfferStatus.USED.value).inc()
        if row["outcome"] not in ("ended", "already"):
            raise _refusal(offer_id, row)
        await self._holds.point(known, offer_id)
        reply = await self._hand_over(known, offer_id, person_id, holder_id)
        return await self._holds.from_reply(known, offer_id, reply)

    async def _hand_over(
        self, event_id: str, offer_id: str, person_id: str, holder_id: str
    ) -> KeptHold | Refused:
        """Give an accepted offer's hold to ``holder_id``, in Redis and, unless Redis refuses, in PostgreSQL.
        Returns Redis's reply.
        """
        reply: KeptHold | Refused | None = None
        for _ in range(_HAND_OVER_ATTEMPTS):
            # The offer's row is locked meanwhile, so that both stores have the same last holder of many.
            async with self._pg.transaction(event_id=event_id) as transaction:
                row = await _accepted_by_link(transaction, offer_id, person_id)
                reply = await self._accept_here(event_id, _accepting(offer_id, row, holder_id))
                if isinstance(reply, KeptHold):
                    await transaction.fetch("waitlist.hand_offer_to", offer_id, holder_id)
            if reply is None:
                await self._live.rebuilding.rebuild(event_id)
            elif isinstance(reply, Unknown):
                await self._live.offers.adopt(event_id)
            else:
                return reply
        if reply is None:
            raise being_rebuilt()
        return reply

    async def _accept_here(
        self, event_id: str, acceptance: Acceptance
    ) -> KeptHold | Refused | None:
        """Accept while the offer's row is locked. None: Redis has lost the event."""
        try:
            return await accept(self._live.running.run_without_rebuild, event_id, acceptance)
        except NeedsRebuild:
            return None

    async def _hold(self, offer_id: str, row: asyncpg.Record) -> Hold:
        """The hold of an accepted offer. ``row``: the result of end_offer."""
        if row["outcome"] not in ("ended", "already"):
            raise _refusal(offer_id, row)
        event_id = str(row["event_id"])
        await self._holds.point(event_id, offer_id)
        acceptance = _accepting(offer_id, row)
        reply = await accept(self._live.running.run, event_id, acceptance)
        if isinstance(reply, Unknown):
            # Redis has lost this event's offers between the offer and the answer.
            await self._live.offers.adopt(event_id)
            reply = await accept(self._live.running.run, event_id, acceptance)
        return await self._holds.from_reply(event_id, offer_id, reply)

    async def decline(self, offer_id: str, person_id: str) -> Offer:
        """Decline the offer and give up the entry: the seats go to the next person.

        Idempotent. Raises Gone, NotFound, Unavailable.
        """
        known = await self._known(offer_id)
        row = await self._end(
            known,
            offer_id,
            OfferStatus.DECLINED,
            actor=Actor(ActorKind.PERSON, person_id),
            person_id=person_id,
        )
        if row["outcome"] not in ("ended", "already"):
            raise _refusal(offer_id, row)
        return await self.read(offer_id)

    async def withdraw(self, offer_id: str, *, reason: str, actor: Actor) -> Offer:
        """Withdraw an open offer for the organiser; the person keeps the place. Idempotent.

        Raises Gone, NotFound, Unavailable.
        """
        known = await self._known(offer_id)
        row = await self._end(known, offer_id, OfferStatus.WITHDRAWN, actor=actor, reason=reason)
        if row["outcome"] not in ("ended", "already"):
            raise _refusal(offer_id, row)
        return await self.read(offer_id)

    async def lapse(self, *, count: int = 200) -> int:
        """End expired offers. Returns how many were ended; those of stuck events are deferred."""
        stuck = list(self._pg.bulkhead.stuck)
        rows = await self._worker_pg.fetch("waitlist.due_offers", count, stuck)
        ended = 0
        for at in range(0, len(rows), _ENDED_AT_ONCE):
            some = rows[at : at + _ENDED_AT_ONCE]
            ended += sum(await asyncio.gather(*(self._lapse_one(row) for row in some)))
        return ended

    async def _lapse_one(self, row: asyncpg.Record) -> bool:
        try:
            await self._end(row["event_id"], row["offer_id"], OfferStatus.EXPIRED, actor=WORKER)
        except Contended:
            return False  # A stuck event must not stop the other events' offers.
        return True

    async def warn(self) -> int:
        """Warn people whose offer is about to end, once each. Returns how many were warned."""
        rows = await self._worker_pg.fetch("waitlist.warn_offers")
        for row in rows:
            ending = OfferMessage(
                event_id=row["event_id"],
                offer_id=row["offer_id"],
                entry_id=row["entry_id"],
                change="ending",
                status="open",
                expires_at_ms=ms_from_utc(row["expires_at"]),
            )
            await self._live.telling.tell(row["person_id"], ending)
        return len(rows)

    async def settle(self, event_id: str, offer_id: str) -> None:
        """Settle a claim whose time in Redis is over, by the offer's state in PostgreSQL.

        Also for a claim of a round that was never committed: it was not an offer.
        """
        row = await self._end(event_id, offer_id, OfferStatus.EXPIRED, actor=WORKER)
        if row["outcome"] == "unknown":
            if not await self._pg.fetchval("waitlist.no_round", event_id):
                return  # Its round may still commit it.
            row = await self._end(event_id, offer_id, OfferStatus.EXPIRED, actor=WORKER)
        if row["outcome"] == "unknown":
            await end_offer(self._live.running.run, event_id, offer_id, "")
        elif row["outcome"] == "not-due":
            await self._live.offers.load(event_id, [offer_id])
        elif row["outcome"] == "over" and row["status"] == OfferStatus.USED:
            holder_id = await self._pg.fetchval("waitlist.holder_of_offer", offer_id)
            # It may have been accepted since, and is then not taken back.
            acceptance = _accepting(offer_id, row, holder_id, only_first=True)
            await accept(self._live.running.run, event_id, acceptance)
        elif row["outcome"] == "over":
            await end_offer(self._live.running.run, event_id, offer_id, row["status"])

    async def _known(self, offer_id: str) -> str:
        """The event of an offer. Raises NotFound for an unknown one."""
        row = await self._pg.fetchrow("waitlist.offer", offer_id)
        if row is None:
            raise _unknown_offer(offer_id)
        return str(row["event_id"])

    async def _end(
        self,
        event_id: str,
        offer_id: str,
        to: OfferStatus,
        *,
        actor: Actor,
        person_id: str | None = None,
        reason: str | None = None,
    ) -> asyncpg.Record:
        """End it in PostgreSQL, and in Redis unless it became a hold."""
        row = await self._pg.fetchrow(
            "waitlist.end_offer",
            offer_id,
            person_id,
            to.value,
            actor.label,
            reason,
            event_id=event_id,
        )
        assert row is not None
        if row["outcome"] == "ended":
            metrics.OFFERS.labels(to.value).inc()
        if row["outcome"] in ("ended", "already") and to != OfferStatus.USED:
            if to == OfferStatus.WITHDRAWN and row["outcome"] == "ended":
                place = (str(row["entry_id"]), row["weight"], row["join_no"])
                await take_places(self._live.running.run, event_id, [place])
            await end_offer(self._live.running.run, event_id, offer_id, to.value)
        return row


async def _accepted_by_link(
    transaction: Transaction, offer_id: str, person_id: str
) -> asyncpg.Record:
    """End it as accepted, unless it is already. Its row is locked from here on."""
    row = await transaction.fetchrow(
        "waitlist.end_offer", offer_id, person_id, OfferStatus.USED.value, "link", None
    )
    assert row is not None
    return row


def _accepting(
    offer_id: str, row: asyncpg.Record, holder_id: str | None = None, *, only_first: bool = False
) -> Acceptance:
    """The arguments of ``accept.lua`` for an accepted offer. ``row``: the result of end_offer."""
    return Acceptance(
        offer_id=offer_id,
        person_id=str(row["person_id"]),
        expires_ms=ms_from_utc(row["hold_expires_at"]),
        holder_id=holder_id,
        only_first=only_first,
    )


def offer_from_row(facts: Facts, row: asyncpg.Record) -> Offer:
    seats, areas, total = build_items(
        facts,
        row["seats"],
        decode_areas(row["areas"].encode()),
        decode_prices(row["prices"].encode()),
    )
    return Offer(
        offer_id=str(row["offer_id"]),
        entry_id=str(row["entry_id"]),
        event_id=str(row["event_id"]),
        status=OfferStatus(row["status"]),
        seats=seats,
        areas=areas,
        total=total,
        made_at=row["made_at"],
        expires_at=row["expires_at"],
        ended_at=row["ended_at"],
        reason=row["reason"],
    )


def _refusal(offer_id: str, row: asyncpg.Record) -> FrontrowError:
    if row["outcome"] == "unknown":
        return _unknown_offer(offer_id)
    if row["outcome"] == "foreign":
        return _unknown_offer(offer_id)
    words = {
        "used": "has been accepted already",
        "declined": "was declined",
        "expired": "was not accepted in time",
        "withdrawn": "was withdrawn by the organiser; you keep your place in the waitlist",
    }
    return Gone(
        f"The offer {words[row['status']]}.", code="offer-ended", offer_status=row["status"]
    )


def _unknown_offer(offer_id: str) -> NotFound:
    return NotFound(f"There is no offer {offer_id}.", code="offer-not-found")
