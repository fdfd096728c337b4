"""Refusals of a hold, with what helps."""

import math
from collections.abc import Mapping, Sequence

from engine.base import metrics
from engine.base.errors import (
    Conflict,
    FrontrowError,
    Gone,
    InvalidInput,
    NotFound,
    Remedy,
    SeatUnavailable,
    TooManyRequests,
)
from engine.catalog.model import Facts
from engine.live.hold_scripts import (
    Crowded,
    Ended,
    Paused,
    Refused,
    Resting,
    Slow,
    Unbegun,
)

#: The most items of one request; more is a mistake, whatever the event's limit.
ITEMS_MAX = 100

#: Retry-after for a network at its limit, in seconds.
_CROWDED_RETRY_S = 3


def _whole_s(ms: int) -> int:
    return max(1, math.ceil(ms / 1000))


def network_refusal(refused: Crowded | Paused | Resting, facts: Facts) -> FrontrowError:
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
        "Places become free when others in your network pay or give theirs back; try again in a moment.",
        code="network-limit",
        retry_after_s=_CROWDED_RETRY_S,
    )


def _paused(ms: int) -> TooManyRequests:
    return TooManyRequests(
        "Many places held by your network were given up unpaid, so it must wait before it holds more. "
        "Payments from your network shorten the wait.",
        code="network-paused",
        retry_after_s=_whole_s(ms),
    )


def _resting(facts: Facts, seats: Sequence[int], ms: int) -> Conflict:
    names = "; ".join(facts.layout.seat_label(n) for n in seats)
    return Conflict(
        f"You or somebody in your network has just given up {names}. For {_whole_s(ms)} s only other "
        "people may take these seats. Choose other seats, or try again then.",
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


def seats_taken(facts: Facts, seats: Sequence[int], areas: Sequence[int]) -> SeatUnavailable:
    names = [facts.layout.seat_label(n) for n in seats] + [
        facts.layout.area_label(n) for n in areas
    ]
    verb = "is" if len(names) == 1 else "are"
    return SeatUnavailable(
        f"{'; '.join(names)} {verb} no longer available.", seats=seats, areas=areas
    )


def taken_id() -> Conflict:
    return Conflict(
        "This hold_id belongs to another hold; make a new one for each attempt.",
        code="hold-id-taken",
    )


def unknown_hold(hold_id: str) -> NotFound:
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
            "These seats are offered to you; accept the offer first.",
            code="offer-not-accepted",
            remedy=Remedy.ACCEPT_OFFER,
            remedy_id=hold_id,
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
                "Only a checkout that has begun gets more time: send the buyer's name and e-mail "
                "(`buyer`), or pay.",
                code="checkout-not-begun",
            )
        case Slow(whose, retry_ms):
            return _too_many_payments(whose, retry_ms)
        case Ended(state):
            return _not_held(hold_id, state)
        case _:
            # Another buyer's hold, too: a stranger does not learn that it exists.
            return unknown_hold(hold_id)


def check_request(seats: Sequence[int], areas: Mapping[int, int]) -> int:
    if not seats and not areas:
        raise InvalidInput(
            "The request is empty: name at least one seat or area.", code="empty-hold"
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
