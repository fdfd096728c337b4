"""Holds."""

from datetime import timedelta

from litestar.handlers import HTTPRouteHandler

from api.examples.evening import (
    AREAS,
    BOUGHT,
    EVENT_ID,
    HOLD_ID,
    SEATS,
    euros,
)
from api.examples.shown import Shown
from api.holds import HoldList, HoldRequest, extend_hold, list_holds, place_hold, read_hold
from engine.base.model import Hold
from engine.best_seats.choice import BestSeatsWish

HOLD_REQUEST = HoldRequest(seats=[117, 118], areas={0: 1})
HOLD_REQUEST_WITH_ID = HoldRequest(seats=[117, 118], hold_id=HOLD_ID)
BEST_REQUEST = HoldRequest(
    best=BestSeatsWish(quantity=2, category="Stalls", max_price=euros(60)), hold_id=HOLD_ID
)
HOLD = Hold(
    hold_id=HOLD_ID,
    event_id=EVENT_ID,
    status="held",
    seats=SEATS,
    areas=AREAS,
    total=euros(118),
    expires_at=BOUGHT + timedelta(minutes=5),
)
BEST_HOLD = Hold(
    hold_id=HOLD_ID,
    event_id=EVENT_ID,
    status="held",
    seats=SEATS,
    areas=[],
    total=euros(96),
    expires_at=BOUGHT + timedelta(minutes=5),
    relaxed=["single-seat-left"],
)

SHOWN: dict[HTTPRouteHandler, Shown] = {
    place_hold: Shown(
        takes={
            "seats and places": HOLD_REQUEST,
            "with your own hold_id": HOLD_REQUEST_WITH_ID,
            "the best seats": BEST_REQUEST,
        },
        gives={201: {"hold": HOLD, "best seats": BEST_HOLD}},
    ),
    list_holds: Shown(gives={200: {"holds": HoldList([HOLD])}}),
    read_hold: Shown(gives={200: {"hold": HOLD}}),
    extend_hold: Shown(gives={200: {"hold": HOLD}}),
}
