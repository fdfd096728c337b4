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

import msgspec
from msgspec import Struct

from engine.base import metrics
from engine.base.config import Settings
from engine.base.errors import (
    Conflict,
    FrontrowError,
    Gone,
    InvalidInput,
    LimitReached,
    NotFound,
    SeatUnavailable,
    TooManyRequests,
    Unavailable,
)
from engine.base.model import (
    AreaItem,
    EventStatus,
    Hold,
    Money,
    Relaxation,
    SeatItem,
    new_id,
    utc_from_ms,
)
from engine.base.tracing import traced
from engine.best_seats.choice import Choice, Wish
from engine.best_seats.refusals import check_wish, nothing_fits
from engine.best_seats.scout import Scout, Scouts
from engine.catalog.catalog import Catalog
from engine.catalog.model import Facts
from engine.live import hold_scripts
from engine.live.codec import encode_areas, encode_numbers
from engine.live.hold_scripts import (
    Chosen,
    Closed,
    Crowded,
    Ended,
    Held,
    HoldRequest,
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
    Slow,
    Taken,
    Unbegun,
)
from engine.live.keys import hold_pointer
from engine.live.live import Live
from engine.stores.redis import RedisStore

#: More than this in one request is a mistake, whatever the event's limit.
ITEMS_MAX = 100
#: A hold's event can be found by the hold's id this long after it was made.
_POINTER_MARGIN_S = 1800
_POINTER_BRIEFLY_S = 60
#: So many declined payments end a hold: DECLINES_OF_HOLD_MAX of common.lua.
DECLINES_MAX = 5
#: When to ask again where a network holds as much as it may.
_CROWDED_RETRY_S = 3
#: States of what is an offer of the waitlist, or was one, and not a hold.
_OFFERS = ("offered", "unoffered")
#: So often are best seats chosen anew when others were faster, before the buyer is asked to come back.
_CHOICES_MAX = 8

#: As what a refusal is counted; those of requests that could never be granted are counted as invalid.
_OUTCOMES: Mapping[type[NotHeld], str] = {
    Taken: "taken",
    OverLimit: "limit",
    Closed: "closed",
    Crowded: "crowded",
    Paused: "paused",
    Resting: "resting",
}


class Expired(Struct, frozen=True):
    """What the deadlines of one event's holds and offers have come to."""

    freed: int
    #: Due, and still in payment: hold ids.
    paying: list[str]
    #: Due offers of the waitlist.
    offered: list[str]
    #: Until the next deadline; 0 where one is due, infinity where there is none.
    next_s: float


class PaymentHold:
    """What a checkout needs of a hold that has just been proved alive and its buyer's own."""

    __slots__ = (
        "areas",
        "began_here",
        "declines",
        "event_id",
        "expires_ms",
        "facts",
        "hold_id",
        "prices",
        "seats",
    )

    def __init__(self, event_id: str, hold_id: str, facts: Facts, paying: Paying) -> None:
        self.event_id = event_id
        self.hold_id = hold_id
        self.facts = facts
        self.seats = paying.seats
        self.areas = paying.areas
        self.prices = paying.prices
        self.expires_ms = paying.expires_ms
        #: This checkout began the payment; else another one has, and the hold is not ours to give back.
        self.began_here = paying.state_before == "held"
        #: Cards that were declined for this hold so far.
        self.declines = paying.declines


class _Claim:
    """Who wants a hold of which event, from where, and under which id."""

    __slots__ = ("buyer_id", "client_made", "facts", "hold_id", "network")

    def __init__(self, facts: Facts, buyer_id: str, network: str, wanted_id: str | None) -> None:
        self.facts = facts
        self.buyer_id = buyer_id
        self.network = network
        self.hold_id = wanted_id or new_id()
        self.client_made = wanted_id is not None


class Holds:
    def __init__(self, live: Live, redis: RedisStore, catalog: Catalog, settings: Settings) -> None:
        self._live = live
        self._redis = redis
        self._catalog = catalog
        self._scouts = Scouts(live)
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

        ``hold_id`` made by the client makes a retry return the same hold. ``network``: where the buyer asks
        from; empty for one without limits. Prices are those in force now and stay. Raises SeatUnavailable
        (names what is taken), LimitReached, InvalidInput, NotFound, Conflict (not on sale, seat-resting),
        TooManyRequests (network-limit, network-paused), Unavailable.
        """
        try:
            claim = _Claim(await self._catalog.facts(event_id), buyer_id, network, hold_id)
            return await self._place(claim, seats, areas or {})
        except (InvalidInput, Unavailable) as refusal:
            self._count_refusal(refusal)
            raise

    @traced("hold best seats")
    async def place_best(
        self,
        event_id: str,
        buyer_id: str,
        wish: Wish,
        *,
        hold_id: str | None = None,
        network: str = "",
    ) -> Hold:
        """Find the best free seats for a wish and hold them, as ``place`` does.

        With the same ``hold_id`` and wish the same hold is returned, whatever is free by now. Raises as
        ``place``; SeatUnavailable names no seats, but says what might help.
        """
        try:
            claim = _Claim(await self._catalog.facts(event_id), buyer_id, network, hold_id)
            return await self._place_best(claim, wish)
        except (InvalidInput, Unavailable) as refusal:
            self._count_refusal(refusal)
            raise

    def _count_refusal(self, refusal: InvalidInput | Unavailable) -> None:
        invalid = isinstance(refusal, InvalidInput)
        (self._count_invalid if invalid else self._count_unavailable).inc()

    async def _place(self, claim: _Claim, seats: Sequence[int], areas: Mapping[int, int]) -> Hold:
        quantity = _check_request(seats, areas)
        seat_text = encode_numbers(sorted(seats))
        area_text = encode_areas(areas)
        await self._point(claim)
        reply = await self._ask(claim, seat_text, area_text, quantity)
        if not isinstance(reply, Held):
            self._unpoint(claim)
            raise self._refusal(reply, claim.facts)
        scout = self._scouts.known(claim.facts.event_id)
        if scout is not None:
            scout.mark(seats)
        return self._granted(claim, reply, sorted(seats), dict(sorted(areas.items())))

    async def _place_best(self, claim: _Claim, wish: Wish) -> Hold:
        scout = await self._scouts.of(claim.facts)
        check_wish(wish, claim.facts, scout.index)
        seen = await self._point(claim)
        if seen and (hold := await self._held_before(claim, wish)):
            return hold
        try:
            return await self._hold_best(claim, wish, scout)
        except FrontrowError:
            self._unpoint(claim)
            raise

    async def _hold_best(self, claim: _Claim, wish: Wish, scout: Scout) -> Hold:
        await scout.look()
        if wish.quantity > scout.buyer_limit:
            self._count["limit"].inc()
            raise LimitReached(
                f"One buyer may have {scout.buyer_limit} places of this event; "
                f"you ask for {wish.quantity}.",
                limit=scout.buyer_limit,
            )
        choices, resting, rested = 0, set[int](), None
        try:
            while choices < _CHOICES_MAX:
                choices += 1
                choice = await scout.pick(wish, choices, resting)
                if choice is None:
                    raise rested or self._nothing_fits(claim, wish, scout)
                reply = await self._ask_for(claim, wish, scout, choice)
                if isinstance(reply, Held):
                    return self._granted(claim, reply, choice.seats, {}, choice.relaxed)
                if isinstance(reply, Resting):
                    # For this network only; there may be others.
                    resting.update(reply.seats)
                    rested = self._refusal(reply, claim.facts)
                elif not isinstance(reply, Taken | Repriced):
                    raise self._refusal(reply, claim.facts)
        finally:
            metrics.BEST_SEATS_ATTEMPTS.observe(choices)
        raise Unavailable(
            "So many are choosing just now that others were faster each time; try again.",
            code="too-contended",
            retry_after_s=1,
        )

    async def _ask_for(
        self, claim: _Claim, wish: Wish, scout: Scout, choice: Choice
    ) -> Held | NotHeld:
        reply = None
        # A price that has risen since must not slip past the buyer's limit.
        chosen_by = scout.prices if wish.max_price is not None else b""
        chosen = Chosen(_wish_text(wish), choice.relaxed, chosen_by)
        try:
            reply = await self._ask(claim, encode_numbers(choice.seats), "", wish.quantity, chosen)
        finally:
            scout.settle(choice, reply)
        return reply

    def _nothing_fits(self, claim: _Claim, wish: Wish, scout: Scout) -> FrontrowError:
        if scout.status != EventStatus.ON_SALE:
            return self._refusal(Closed(scout.status), claim.facts)
        self._count["taken"].inc()
        return nothing_fits(scout.board, wish)

    async def _held_before(self, claim: _Claim, wish: Wish) -> Hold | None:
        """The hold that an earlier try of the same request has made, if it has."""
        event_id = claim.facts.event_id
        kept = await hold_scripts.read(self._live.running.run, event_id, claim.hold_id)
        if not isinstance(kept, KeptHold):
            return None
        if (kept.owner, kept.wish) != (claim.buyer_id, _wish_text(wish)):
            raise _taken_id()
        self._keep_pointer(claim)
        return await self.from_reply(event_id, claim.hold_id, kept)

    async def _ask(
        self, claim: _Claim, seats: str, areas: str, quantity: int, chosen: Chosen | None = None
    ) -> Held | NotHeld:
        """Run the hold's script. ``chosen``: what it keeps of seats that were chosen for the buyer."""
        limits = None
        if claim.network:
            limits = NetworkLimits(claim.network, self._network_places, self._network_share)
        request = HoldRequest(
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
        claim: _Claim,
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

    async def _point(self, claim: _Claim) -> bool:
        """Note which event a hold is of, one place ahead of its script in the same pipeline.

        An id that another hold has is not this request's to move; only a client-made one can be that.
        Those are noted for a moment only, until the hold is there: most of an on-sale is refused.
        Returns whether the id has been seen before.
        """
        event_id = claim.facts.event_id
        ttl_s = _POINTER_BRIEFLY_S if claim.client_made else self._pointer_ttl_s
        pointer = self._redis.call("SET", hold_pointer(claim.hold_id), event_id, "EX", ttl_s, "NX")
        if not claim.client_made:
            pointer.add_done_callback(_forget_failure)
        elif not await pointer:
            if await self.event_of(claim.hold_id) != event_id:
                raise _taken_id()
            return True
        return False

    def _keep_pointer(self, claim: _Claim) -> None:
        if claim.client_made:
            # Not EXPIRE: what an attempt a minute ago noted for a moment may have just gone.
            self._redis.call(
                "SET",
                hold_pointer(claim.hold_id),
                claim.facts.event_id,
                "EX",
                self._pointer_ttl_s,
            ).add_done_callback(_forget_failure)

    def _unpoint(self, claim: _Claim) -> None:
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
                return _network_refusal(reply, facts)
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
                return _taken_id()

    async def event_of(self, hold_id: str) -> str:
        """The event a hold belongs to. Raises NotFound for an id we never gave a hold."""
        event_id = await self._redis.call("GET", hold_pointer(hold_id))
        if event_id is None:
            raise _unknown_hold(hold_id)
        return str(event_id.decode())

    async def read(self, hold_id: str, buyer_id: str) -> Hold:
        """A hold of this buyer, alive or ended. Raises NotFound, also for another buyer's."""
        event_id = await self.event_of(hold_id)
        reply = await hold_scripts.read(self._live.running.run, event_id, hold_id)
        if isinstance(reply, KeptHold) and reply.owner != buyer_id:
            raise _unknown_hold(hold_id)
        return await self.from_reply(event_id, hold_id, reply)

    async def extend(self, hold_id: str, buyer_id: str, *, begun: bool = False) -> Hold:
        """A fresh time to live, within the event's longest hold: in limited networks once, and for a
        checkout that has begun (``begun``: the buyer has said who they are; or a payment was begun before).

        Raises Gone when it has ended, Conflict (checkout-not-begun).
        """
        event_id = await self.event_of(hold_id)
        reply = await hold_scripts.extend(
            self._live.running.run, event_id, hold_id, buyer_id, begun=begun
        )
        return await self.from_reply(event_id, hold_id, reply)

    async def release(self, hold_id: str, buyer_id: str) -> None:
        """Give the seats back at once; releasing twice is fine. Raises Conflict while it is being paid."""
        event_id = await self.event_of(hold_id)
        refused = await hold_scripts.release(self._live.running.run, event_id, hold_id, buyer_id)
        if refused is not None:
            raise hold_refusal(hold_id, refused)
        scout = self._scouts.known(event_id)
        if scout is not None:
            scout.doubt()

    async def begin_payment(self, hold_id: str, buyer_id: str, network: str = "") -> PaymentHold:
        """Prove a hold alive and the buyer's, and keep it for payment.

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
        """A checkout that came to nothing before PostgreSQL knew of it: the hold is the buyer's again."""
        await hold_scripts.abandon(self._live.running.run, event_id, hold_id, give_back=True)

    async def point(self, event_id: str, hold_id: str) -> None:
        """Let a hold that was not placed here be found by its id."""
        await self._redis.call("SET", hold_pointer(hold_id), event_id, "EX", self._pointer_ttl_s)

    async def expire(self, event_id: str, *, count: int = 500) -> Expired:
        """Free what is due."""
        lapsed = await hold_scripts.expire(self._live.running.run, event_id, count)
        for ms in lapsed.late_ms:
            metrics.EXPIRY_LATENESS.observe(ms / 1000)
        next_s = math.inf if lapsed.next_ms is None else lapsed.next_ms / 1000
        return Expired(len(lapsed.late_ms), lapsed.paying, lapsed.offered, next_s)

    async def warn(self, event_id: str, *, count: int = 500) -> bool:
        """Tell buyers whose holds are about to end, once per deadline. True: there may be more."""
        return await hold_scripts.warn(self._live.running.run, event_id, self._warning_ms, count)

    async def abandon(self, event_id: str, hold_id: str) -> None:
        """Free a due hold in payment that PostgreSQL has no booking for."""
        await hold_scripts.abandon(self._live.running.run, event_id, hold_id, give_back=False)

    async def from_reply(self, event_id: str, hold_id: str, reply: KeptHold | Refused) -> Hold:
        """The hold that a script has answered with. Raises the refusal that it gave."""
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


def _whole_s(ms: int) -> int:
    return max(1, math.ceil(ms / 1000))


def _network_refusal(refused: Crowded | Paused | Resting, facts: Facts) -> FrontrowError:
    match refused:
        case Crowded(cap, held):
            return _crowded(cap, held)
        case Paused(wait_ms):
            return _paused(wait_ms)
        case Resting(seats, wait_ms):
            return _resting(facts, seats, wait_ms)


def _crowded(cap: int, held: int) -> TooManyRequests:
    return TooManyRequests(
        f"Your network holds {held} unpaid places of this event, and one network may hold {cap} just now. "
        "Places come free as others beside you pay or give back; ask again in a moment.",
        code="network-limit",
        retry_after_s=_CROWDED_RETRY_S,
    )


def _paused(ms: int) -> TooManyRequests:
    return TooManyRequests(
        "Many places that your network held were let go unpaid, so it waits a while before it holds more. "
        "Payments from your network make this shorter.",
        code="network-paused",
        retry_after_s=_whole_s(ms),
    )


def _resting(facts: Facts, seats: Sequence[int], ms: int) -> Conflict:
    names = "; ".join(facts.layout.seat_label(n) for n in seats)
    return Conflict(
        f"You or somebody in your network has just let go of {names}, and others are looking at it: it is "
        f"theirs to take for {_whole_s(ms)} s. Choose other seats, or ask again then.",
        code="seat-resting",
        seats=list(seats),
        retry_after=_whole_s(ms),
    )


def _too_many_payments(whose: str, ms: int) -> TooManyRequests:
    metrics.PAYMENTS_REFUSED.labels(whose).inc()
    who = "of yours" if whose == "person" else "from your network"
    return TooManyRequests(
        f"Too many payments {who} were declined or are under way. Your seats stay held until their "
        "deadline; try again in a moment.",
        code="too-many-payments",
        retry_after_s=_whole_s(ms),
    )


def build_items(
    facts: Facts, seats: Sequence[int], areas: Mapping[int, int], prices: Sequence[int]
) -> tuple[list[SeatItem], list[AreaItem], Money]:
    """Seats and area places with their labels and frozen prices (by category number), and the total."""
    layout, currency = facts.layout, facts.currency
    categories, by_seat = layout.categories, facts.seat_categories
    total = 0
    seat_items = []
    for seat_no in seats:
        category_no = by_seat[seat_no]
        amount = prices[category_no]
        total += amount
        seat_items.append(
            SeatItem(
                seat_no,
                layout.seat_label(seat_no),
                categories[category_no].name,
                Money(amount, currency),
            )
        )
    area_items = []
    for area_no, quantity in areas.items():
        category_no = layout.areas[area_no].category
        amount = prices[category_no]
        total += amount * quantity
        area_items.append(
            AreaItem(
                area_no,
                layout.area_label(area_no),
                categories[category_no].name,
                quantity,
                Money(amount, currency),
            )
        )
    return seat_items, area_items, Money(total, currency)


def build_hold(
    facts: Facts,
    hold_id: str,
    status: Any,
    seats: Sequence[int],
    areas: Mapping[int, int],
    prices: Sequence[int],
    expires_ms: int,
    relaxed: Sequence[Relaxation] = (),
) -> Hold:
    seat_items, area_items, total = build_items(facts, seats, areas, prices)
    return Hold(
        hold_id=hold_id,
        event_id=facts.event_id,
        status=status,
        seats=seat_items,
        areas=area_items,
        total=total,
        expires_at=utc_from_ms(expires_ms),
        relaxed=list(relaxed),
    )


def _wish_text(wish: Wish) -> str:
    """How a hold remembers what was wished for, to know a retry."""
    return msgspec.json.encode(wish).decode()


def seats_taken(facts: Facts, seats: Sequence[int], areas: Sequence[int]) -> SeatUnavailable:
    names = [facts.layout.seat_label(n) for n in seats] + [
        facts.layout.area_label(n) for n in areas
    ]
    verb = "is" if len(names) == 1 else "are"
    return SeatUnavailable(
        f"{'; '.join(names)} {verb} no longer available.", seats=seats, areas=areas
    )


def _check_request(seats: Sequence[int], areas: Mapping[int, int]) -> int:
    if not seats and not areas:
        raise InvalidInput(
            "Nothing was asked for: name at least one seat or area.", code="empty-hold"
        )
    if len(seats) + len(areas) > ITEMS_MAX:
        raise InvalidInput(
            f"At most {ITEMS_MAX} seats and areas in one hold.", code="too-many-seats"
        )
    if seats and (min(seats) < 0 or max(seats) >= 2**31):
        raise InvalidInput("Seat numbers start at 0.", code="no-such-seat")
    if len(set(seats)) != len(seats):
        raise InvalidInput("A seat is named twice.", code="duplicate-seat")
    quantity = len(seats)
    for area_no, places in areas.items():
        if area_no < 0 or not 1 <= places <= ITEMS_MAX:
            raise InvalidInput(
                f"An area's number starts at 0 and its quantity is 1 to {ITEMS_MAX}.",
                code="no-such-area" if area_no < 0 else "invalid-quantity",
            )
        quantity += places
    return quantity


def _taken_id() -> Conflict:
    return Conflict(
        "This hold_id belongs to another hold; make a new one for each attempt.",
        code="hold-id-taken",
    )


def _unknown_hold(hold_id: str) -> NotFound:
    return NotFound(
        f"There is no hold {hold_id}; it may have ended some time ago. Choose the seats again.",
        code="hold-not-found",
    )


def _not_held(hold_id: str, state: str) -> FrontrowError:
    if state == "paying":
        return Conflict(
            "The hold is being paid for; wait for the booking to end.", code="hold-in-payment"
        )
    if state == "offered":
        return Conflict(
            "These seats are offered to you; accept the offer first "
            f"(POST /v1/offers/{hold_id}/accept).",
            code="offer-not-accepted",
        )
    return _ended(state)


def _ended(state: str) -> Gone:
    if state == "booked":
        return Gone("The hold has been booked already.", code="hold-booked")
    if state == "unoffered":
        return Gone("The offer has ended.", code="offer-ended")
    if state == "released":
        return Gone("The hold has been released; choose the seats again.", code="hold-released")
    return Gone("The hold has expired; choose the seats again.", code="hold-expired")


def hold_refusal(hold_id: str, refused: Refused) -> FrontrowError:
    """The error for a script's refusal to work on a hold."""
    match refused:
        case Unbegun():
            return Conflict(
                "More time is for a checkout that has begun: fill in the buyer's name and e-mail "
                "(`buyer`), or pay.",
                code="checkout-not-begun",
            )
        case Slow(whose, retry_ms):
            return _too_many_payments(whose, retry_ms)
        case Ended(state):
            return _not_held(hold_id, state)
        case _:
            # Also what is another buyer's: a stranger does not learn that it exists.
            return _unknown_hold(hold_id)


def _forget_failure(future: "asyncio.Future[Any]") -> None:
    # The script right behind it in the same pipeline fails the same way, and that one is awaited.
    if not future.cancelled():
        future.exception()
