"""Holds: temporary claims with a deadline. One script, all or nothing, PostgreSQL untouched.

::

    held ──(begin payment)──▶ paying ──▶ booked
     │  ◀──(card declined)──────┘ └────▶ expired
     ├──▶ released (by its buyer)
     └──▶ expired  (by its deadline)
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any

from engine.base import metrics
from engine.base.config import Settings
from engine.base.errors import Conflict, FrontrowError, InvalidInput, LimitReached, Unavailable
from engine.base.model import EventStatus, Hold, Relaxation
from engine.base.tracing import traced
from engine.best_seats.choice import BestSeatsWish, Choice
from engine.best_seats.live_copy import LiveCopies, LiveCopy
from engine.best_seats.refusals import check_wish, nothing_fits
from engine.catalog.catalog import Catalog
from engine.catalog.model import Facts
from engine.holds.building import Expired, HoldClaim, PaymentHold, build_hold, wish_text
from engine.holds.refusals import (
    check_request,
    hold_refusal,
    network_refusal,
    seats_taken,
    taken_id,
    unknown_hold,
)
from engine.live import hold_scripts
from engine.live.codec import encode_areas, encode_numbers
from engine.live.hold_scripts import (
    Chosen,
    Closed,
    Crowded,
    Ended,
    Held,
    HoldArguments,
    KeptHold,
    NetworkLimits,
    NoSuch,
    NotHeld,
    OverLimit,
    Paused,
    Paying,
    Refused,
    Repriced,
    Resting,
    Taken,
)
from engine.live.keys import hold_pointer
from engine.live.live import Live
from engine.stores.redis import RedisStore

#: How long the hold's id leads to its event, from the making of the hold.
_POINTER_MARGIN_S = 1800
_POINTER_BRIEFLY_S = 60
#: Declined payments after which a hold ends: DECLINES_OF_HOLD_MAX of common.lua.
DECLINES_MAX = 5
#: States of an offer of the waitlist, open or ended, in contrast to a hold.
_OFFERS = ("offered", "unoffered")
#: How often best seats are chosen, including retries after losing a race, before the buyer is refused.
_CHOICES_MAX = 8

#: The metric's outcome for a refusal; refusals of requests that could never succeed count as invalid.
_OUTCOMES: Mapping[type[NotHeld], str] = {
    Taken: "taken",
    OverLimit: "limit",
    Closed: "closed",
    Crowded: "crowded",
    Paused: "paused",
    Resting: "resting",
}


class Holds:
    def __init__(self, live: Live, redis: RedisStore, catalog: Catalog, settings: Settings) -> None:
        self._live = live
        self._redis = redis
        self._catalog = catalog
        self._copies = LiveCopies(live)
        self._pointer_ttl_s = settings.hold_max_s + _POINTER_MARGIN_S
        self._warning_ms = settings.hold_warning_s * 1000
        self._network_places = settings.network_places
        self._network_share = settings.network_share_percent / 100
        counted = ("held", *_OUTCOMES.values())
        self._count = {outcome: metrics.HOLDS.labels(outcome) for outcome in counted}
        self._count_invalid = metrics.HOLDS.labels("invalid")
        self._count_unavailable = metrics.HOLDS.labels("unavailable")

    @traced("hold")
    async def place(
        self,
        event_id: str,
        buyer_id: str,
        *,
        seats: Sequence[int] = (),
        areas: Mapping[int, int] | None = None,
        hold_id: str | None = None,
        network: str = "",
    ) -> Hold:
        """Hold seats (by seat_no) and places in areas (area_no → quantity) for one buyer.

        With a ``hold_id`` made by the client a retry returns the same hold. ``network``: the buyer's; empty
        for one without limits. The prices in force now are kept for the hold. Raises SeatUnavailable (names
        the taken places), LimitReached, InvalidInput, NotFound, Conflict (not on sale, seat-resting),
        TooManyRequests (network-limit, network-paused), Unavailable.
        """
        try:
            claim = HoldClaim(await self._catalog.facts(event_id), buyer_id, network, hold_id)
            return await self._place(claim, seats, areas or {})
        except (InvalidInput, Unavailable) as refusal:
            self._count_refusal(refusal)
            raise

    @traced("hold best seats")
    async def place_best(
        self,
        event_id: str,
        buyer_id: str,
        wish: BestSeatsWish,
        *,
        hold_id: str | None = None,
        network: str = "",
    ) -> Hold:
        """Find the best free seats for a wish and hold them, as ``place`` does.

        With the same ``hold_id`` and wish the same hold is returned, whichever seats are free by now. Raises
        as ``place``; SeatUnavailable names no seats, but says what might help.
        """
        try:
            claim = HoldClaim(await self._catalog.facts(event_id), buyer_id, network, hold_id)
            return await self._place_best(claim, wish)
        except (InvalidInput, Unavailable) as refusal:
            self._count_refusal(refusal)
            raise

    def _count_refusal(self, refusal: InvalidInput | Unavailable) -> None:
        invalid = isinstance(refusal, InvalidInput)
        (self._count_invalid if invalid else self._count_unavailable).inc()

    async def _place(
        self, claim: HoldClaim, seats: Sequence[int], areas: Mapping[int, int]
    ) -> Hold:
        quantity = check_request(seats, areas)
        seat_text = encode_numbers(sorted(seats))
        area_text = encode_areas(areas)
        await self._point(claim)
        reply = await self._ask(claim, seat_text, area_text, quantity)
        if not isinstance(reply, Held):
            self._unpoint(claim)
            raise self._refusal(reply, claim.facts)
        copy = self._copies.known(claim.facts.event_id)
        if copy is not None:
            copy.mark(seats)
        return self._granted(claim, reply, sorted(seats), dict(sorted(areas.items())))

    async def _place_best(self, claim: HoldClaim, wish: BestSeatsWish) -> Hold:
        copy = await self._copies.of(claim.facts)
        check_wish(wish, claim.facts, copy.index)
        seen = await self._point(claim)
        if seen and (hold := await self._held_before(claim, wish)):
            return hold
        try:
            return await self._hold_best(claim, wish, copy)
        except FrontrowError:
            self._unpoint(claim)
            raise

    async def _hold_best(self, claim: HoldClaim, wish: BestSeatsWish, copy: LiveCopy) -> Hold:
        await copy.look()
        if wish.quantity > copy.buyer_limit:
            self._count["limit"].inc()
            raise LimitReached(
                f"One buyer may have {copy.buyer_limit} places of this event; "
                f"you asked for {wish.quantity}.",
                limit=copy.buyer_limit,
            )
        choices, resting, rested = 0, set[int](), None
        try:
            while choices < _CHOICES_MAX:
                choices += 1
                choice = await copy.pick(wish, choices, resting)
                if choice is None:
                    raise rested or self._nothing_fits(claim, wish, copy)
                reply = await self._ask_for(claim, wish, copy, choice)
                if isinstance(reply, Held):
                    return self._granted(claim, reply, choice.seats, {}, choice.relaxed)
                if isinstance(reply, Resting):
                    # These seats are refused to this network only; there may be others.
                    resting.update(reply.seats)
                    rested = self._refusal(reply, claim.facts)
                elif not isinstance(reply, Taken | Repriced):
                    raise self._refusal(reply, claim.facts)
        finally:
            metrics.BEST_SEATS_ATTEMPTS.observe(choices)
        raise Unavailable(
            "Many people are choosing seats right now, and others were faster each time; try again.",
            code="too-contended",
            retry_after_s=1,
        )

    async def _ask_for(
        self, claim: HoldClaim, wish: BestSeatsWish, copy: LiveCopy, choice: Choice
    ) -> Held | NotHeld:
        reply = None
        # A price that has risen since must not exceed the buyer's ``max_price``.
        chosen_by = copy.prices if wish.max_price is not None else b""
        chosen = Chosen(wish_text(wish), choice.relaxed, chosen_by)
        try:
            reply = await self._ask(claim, encode_numbers(choice.seats), "", wish.quantity, chosen)
        finally:
            copy.settle(choice, reply)
        return reply

    def _nothing_fits(self, claim: HoldClaim, wish: BestSeatsWish, copy: LiveCopy) -> FrontrowError:
        if copy.status != EventStatus.ON_SALE:
            return self._refusal(Closed(copy.status), claim.facts)
        self._count["taken"].inc()
        return nothing_fits(copy.board, wish)

    async def _held_before(self, claim: HoldClaim, wish: BestSeatsWish) -> Hold | None:
        """The hold that an earlier attempt of the same request has made; None if there is none."""
        event_id = claim.facts.event_id
        kept = await hold_scripts.read(self._live.running.run, event_id, claim.hold_id)
        if not isinstance(kept, KeptHold):
            return None
        if (kept.owner, kept.wish) != (claim.buyer_id, wish_text(wish)):
            raise taken_id()
        self._keep_pointer(claim)
        return await self.from_reply(event_id, claim.hold_id, kept)

    async def _ask(
        self, claim: HoldClaim, seats: str, areas: str, quantity: int, chosen: Chosen | None = None
    ) -> Held | NotHeld:
        """Run the hold's script. ``chosen``: how the seats were chosen for the buyer; kept with the hold."""
        limits = None
        if claim.network:
            limits = NetworkLimits(claim.network, self._network_places, self._network_share)
        request = HoldArguments(
            hold_id=claim.hold_id,
            buyer_id=claim.buyer_id,
            seats=seats,
            areas=areas,
            quantity=quantity,
            fresh=not claim.client_made,
            chosen=chosen,
            limits=limits,
        )
        return await hold_scripts.hold(self._live.running.run, claim.facts.event_id, request)

    def _granted(
        self,
        claim: HoldClaim,
        held: Held,
        seats: Sequence[int],
        areas: Mapping[int, int],
        relaxed: Sequence[Relaxation] = (),
    ) -> Hold:
        if held.state in _OFFERS:
            raise hold_refusal(claim.hold_id, Ended(held.state))
        self._keep_pointer(claim)
        self._count["held"].inc()
        if held.seats is not None:
            seats, relaxed = held.seats, held.relaxed
        return build_hold(
            claim.facts,
            claim.hold_id,
            held.state,
            seats,
            areas,
            held.prices,
            held.expires_ms,
            relaxed,
        )

    async def _point(self, claim: HoldClaim) -> bool:
        """Write the hold's pointer to its event, directly before its script in the same pipeline.

        A pointer of another hold must not be moved; only a client-made id can collide. The pointer of
        such an id is short-lived until the hold exists, because most requests of an on-sale are refused.
        Returns whether the id has been seen before.
        """
        event_id = claim.facts.event_id
        ttl_s = _POINTER_BRIEFLY_S if claim.client_made else self._pointer_ttl_s
        pointer = self._redis.call("SET", hold_pointer(claim.hold_id), event_id, "EX", ttl_s, "NX")
        if not claim.client_made:
            pointer.add_done_callback(_forget_failure)
        elif not await pointer:
            if await self.event_of(claim.hold_id) != event_id:
                raise taken_id()
            return True
        return False

    def _keep_pointer(self, claim: HoldClaim) -> None:
        if claim.client_made:
            # Not EXPIRE: the short-lived pointer of an attempt a minute ago may have just gone.
            self._redis.call(
                "SET",
                hold_pointer(claim.hold_id),
                claim.facts.event_id,
                "EX",
                self._pointer_ttl_s,
            ).add_done_callback(_forget_failure)

    def _unpoint(self, claim: HoldClaim) -> None:
        if not claim.client_made:
            self._redis.call("DEL", hold_pointer(claim.hold_id)).add_done_callback(_forget_failure)

    def _refusal(self, reply: NotHeld, facts: Facts) -> FrontrowError:
        outcome = _OUTCOMES.get(type(reply))
        if outcome is not None:
            self._count[outcome].inc()
        match reply:
            case Taken(seats, areas):
                return seats_taken(facts, seats, areas)
            case OverLimit(limit, owned):
                return LimitReached(
                    f"One buyer may have {limit} places of this event; you have {owned}.",
                    limit=limit,
                    owned=owned,
                )
            case Crowded() | Paused() | Resting():
                return network_refusal(reply, facts)
            case Closed(status):
                return Conflict(
                    f"The event is not on sale: it is {status}.", code="event-not-on-sale"
                )
            case NoSuch(numbers):
                return InvalidInput(
                    f"The event has no seat {numbers}; seats are numbered from 0 to "
                    f"{facts.layout.seat_count - 1}, areas from 0 to {len(facts.layout.areas) - 1}.",
                    code="no-such-seat",
                )
            case _:
                self._count_invalid.inc()
                return taken_id()

    async def event_of(self, hold_id: str) -> str:
        """The event a hold belongs to. Raises NotFound for an id of no hold."""
        event_id = await self._redis.call("GET", hold_pointer(hold_id))
        if event_id is None:
            raise unknown_hold(hold_id)
        return str(event_id.decode())

    async def read(self, hold_id: str, buyer_id: str) -> Hold:
        """A hold of this buyer, alive or ended. Raises NotFound, also for another buyer's."""
        event_id = await self.event_of(hold_id)
        reply = await hold_scripts.read(self._live.running.run, event_id, hold_id)
        if isinstance(reply, KeptHold) and reply.owner != buyer_id:
            raise unknown_hold(hold_id)
        return await self.from_reply(event_id, hold_id, reply)

    async def of_buyer(self, event_id: str, buyer_id: str) -> list[Hold]:
        """The live holds of one buyer for one event, the one with the nearest deadline first; at most as many
        as the buyer's limit of places. Raises NotFound for an event that was never published.
        """
        kept = await hold_scripts.read_all(self._live.running.run, event_id, buyer_id)
        return [await self.from_reply(event_id, hold_id, reply) for hold_id, reply in kept]

    async def extend(self, hold_id: str, buyer_id: str, *, begun: bool = False) -> Hold:
        """Give a hold a fresh time to live, within the event's longest hold. In limited networks only once, and
        only for a checkout that has begun (``begun``: the buyer gave their name; or a payment was begun before).

        Raises Gone when the hold has ended, Conflict (checkout-not-begun).
        """
        event_id = await self.event_of(hold_id)
        reply = await hold_scripts.extend(
            self._live.running.run, event_id, hold_id, buyer_id, begun=begun
        )
        return await self.from_reply(event_id, hold_id, reply)

    async def release(self, hold_id: str, buyer_id: str) -> None:
        """Give the seats back at once; a second release has no effect. Raises Conflict while it is being paid."""
        event_id = await self.event_of(hold_id)
        refused = await hold_scripts.release(self._live.running.run, event_id, hold_id, buyer_id)
        if refused is not None:
            raise hold_refusal(hold_id, refused)
        copy = self._copies.known(event_id)
        if copy is not None:
            copy.doubt()

    async def begin_payment(self, hold_id: str, buyer_id: str, network: str = "") -> PaymentHold:
        """Check that a hold is alive and the buyer's, and keep it for payment.

        Raises Gone, NotFound, TooManyRequests (too-many-payments).
        """
        event_id = await self.event_of(hold_id)
        facts = await self._catalog.facts(event_id)
        reply = await hold_scripts.begin_payment(
            self._live.running.run, event_id, hold_id, buyer_id, network
        )
        if not isinstance(reply, Paying):
            raise hold_refusal(hold_id, reply)
        return PaymentHold(event_id, hold_id, facts, reply)

    async def give_back(self, event_id: str, hold_id: str) -> None:
        """Give the hold back to its buyer after a checkout that failed before PostgreSQL knew of it."""
        await hold_scripts.abandon(self._live.running.run, event_id, hold_id, give_back=True)

    async def point(self, event_id: str, hold_id: str) -> None:
        """Write the pointer of a hold that was not placed by this process."""
        await self._redis.call("SET", hold_pointer(hold_id), event_id, "EX", self._pointer_ttl_s)

    async def expire(self, event_id: str, *, count: int = 500) -> Expired:
        """Free holds that are due."""
        lapsed = await hold_scripts.expire(self._live.running.run, event_id, count)
        for ms in lapsed.late_ms:
            metrics.EXPIRY_LATENESS.observe(ms / 1000)
        next_s = math.inf if lapsed.next_ms is None else lapsed.next_ms / 1000
        return Expired(len(lapsed.late_ms), lapsed.paying, lapsed.offered, next_s)

    async def warn(self, event_id: str, *, count: int = 500) -> bool:
        """Warn buyers whose holds are about to end, once per deadline. True: there may be more."""
        return await hold_scripts.warn(self._live.running.run, event_id, self._warning_ms, count)

    async def abandon(self, event_id: str, hold_id: str) -> None:
        """Free a due hold in payment that PostgreSQL has no booking for."""
        await hold_scripts.abandon(self._live.running.run, event_id, hold_id, give_back=False)

    async def from_reply(self, event_id: str, hold_id: str, reply: KeptHold | Refused) -> Hold:
        """The hold in a script's reply. Raises the script's refusal."""
        if not isinstance(reply, KeptHold):
            raise hold_refusal(hold_id, reply)
        if reply.state in _OFFERS:
            raise hold_refusal(hold_id, Ended(reply.state))
        return build_hold(
            await self._catalog.facts(event_id),
            hold_id,
            reply.state,
            reply.seats,
            reply.areas,
            reply.prices,
            reply.expires_ms,
            reply.relaxed,
        )


def _forget_failure(future: "asyncio.Future[Any]") -> None:
    # The script directly after it in the same pipeline fails the same way, and is awaited.
    if not future.cancelled():
        future.exception()
