"""Holds as buyers see them, built from their state in Redis."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from engine.base.model import (
    AreaItem,
    Hold,
    Money,
    Relaxation,
    SeatItem,
    new_id,
    utc_from_ms,
)
from engine.best_seats.choice import BestSeatsWish
from engine.catalog.model import Facts
from engine.live.hold_scripts import (
    Paying,
)


class Expired(Struct, frozen=True):
    """The result of expiring one event's holds and offers."""

    freed: int
    #: Ids of holds that are due and still in payment.
    paying: list[str]
    #: Due offers of the waitlist.
    offered: list[str]
    #: Time until the next deadline; 0 when one is due, infinity when there is none.
    next_s: float


class PaymentHold:
    """The data for a checkout of a hold that has just been proved alive and its buyer's own."""

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
        #: Whether this checkout began the payment; if another one did, we must not give the hold back.
        self.began_here = paying.state_before == "held"
        #: Cards that were declined for this hold so far.
        self.declines = paying.declines


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


def wish_text(wish: BestSeatsWish) -> str:
    """The wish as text, kept with the hold to recognise a retry."""
    return msgspec.json.encode(wish).decode()


class HoldClaim:
    """Who wants a hold of which event, from which network, and under which id."""

    __slots__ = ("buyer_id", "client_made", "facts", "hold_id", "network")

    def __init__(self, facts: Facts, buyer_id: str, network: str, wanted_id: str | None) -> None:
        self.facts = facts
        self.buyer_id = buyer_id
        self.network = network
        self.hold_id = wanted_id or new_id()
        self.client_made = wanted_id is not None
