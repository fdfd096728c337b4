"""What each operation takes, gives and refuses: the half of the reference that code does not show.

Keyed by the handler's name, which is the operation's id. What follows from an operation's shape (401
where a token is needed, 415 where there is a body, 422 for a used Idempotency-Key) is added by
``api.openapi``.
"""

from typing import Any

from msgspec import Struct

from api import openapi_examples as example
from api.access import AccessToken
from api.bookings import BookingBody, BookingList, TicketList
from api.events import (
    EventFacets,
    EventList,
    EventPage,
    EventStandings,
    PriceHistory,
    PriceList,
    SeatStates,
)
from api.holds import HoldRequest
from api.live import LiveTicket
from api.operations import Ready
from api.organiser import ImportedVenue, VenueDraft
from engine.catalog import EventDraft, EventPatch, Venue
from engine.layout import Layout
from engine.model import Booking, Hold

JSON = "application/json"
BINARY = "application/octet-stream"
TEXT = "text/plain"


class Body(Struct, frozen=True):
    """What a request or response carries: its type, and examples of it by name."""

    type: Any
    examples: dict[str, Any]
    media_type: str = JSON


class Answer(Struct, frozen=True):
    """A response that is no problem. ``headers`` are names in ``api.openapi.HEADERS``."""

    description: str
    bodies: tuple[Body, ...] = ()
    headers: tuple[str, ...] = ()


class Operation(Struct, frozen=True, kw_only=True):
    """``refuses``: problem codes. ``replays``: takes an Idempotency-Key and gives its answer again;
    ``needs_key``: does not go without one.
    """

    gives: dict[int, Answer]
    refuses: tuple[str, ...] = ()
    takes: Body | None = None
    replays: bool = False
    needs_key: bool = False


def _one(type_: Any, name: str, value: Any) -> tuple[Body, ...]:
    return (Body(type_, {name: value}),)


_STORES = ("unavailable", "redis-unavailable", "catalog-unavailable")
_HOLD_ENDED = ("hold-expired", "hold-released", "hold-booked")
_HOLD = ("hold-not-found", "hold-not-yours")
_BOOKING = ("booking-not-found", "booking-not-yours")
_EVENT_BODY = _one(EventPage, "event", example.EVENT_PAGE)


def _event_command(description: str, *refuses: str) -> Operation:
    return Operation(
        gives={200: Answer(description, _EVENT_BODY, ("ETag", "Location"))},
        refuses=("event-not-found", *refuses, *_STORES),
        replays=True,
    )


OPERATIONS = {
    # Access
    "guest": Operation(
        gives={
            201: Answer(
                "A token for somebody new.",
                _one(AccessToken, "token", example.ACCESS_TOKEN),
                ("RateLimit", "RateLimit-Policy"),
            )
        },
        refuses=("too-many-requests",),
    ),
    "live_ticket": Operation(
        gives={
            201: Answer(
                "Good once, for half a minute.",
                _one(LiveTicket, "ticket", example.LIVE_TICKET),
                ("RateLimit", "RateLimit-Policy"),
            )
        },
        refuses=("too-many-requests", "redis-unavailable"),
    ),
    # Events
    "list_events": Operation(
        gives={
            200: Answer("A page of events.", _one(EventList, "events", example.EVENT_LIST)),
        },
        refuses=_STORES,
    ),
    "read_facets": Operation(
        gives={200: Answer("Kinds and cities.", _one(EventFacets, "facets", example.EVENT_FACETS))},
        refuses=("catalog-unavailable",),
    ),
    "read_availability": Operation(
        gives={
            200: Answer(
                "Those of the events that there are.",
                _one(EventStandings, "standings", example.EVENT_STANDINGS),
            )
        },
        refuses=_STORES,
    ),
    "read_event": Operation(
        gives={200: Answer("The event.", _EVENT_BODY, ("ETag",))},
        refuses=("event-not-found", *_STORES),
    ),
    "read_layout": Operation(
        gives={
            200: Answer(
                "The drawing; gzip where you accept it.",
                _one(Layout, "layout", example.LAYOUT),
                ("ETag", "Cache-Control"),
            ),
            304: Answer("You have it already.", headers=("ETag", "Cache-Control")),
        },
        refuses=("event-not-found", "layout-not-found", "catalog-unavailable"),
    ),
    "read_seats": Operation(
        gives={
            200: Answer(
                "The state of every seat and area at one instant.",
                (
                    Body(SeatStates, {"seats": example.SEAT_STATES}),
                    Body(bytes, {}, BINARY),
                ),
            )
        },
        refuses=("event-not-found", *_STORES),
    ),
    "read_prices": Operation(
        gives={200: Answer("The prices.", _one(PriceList, "prices", example.PRICE_LIST))},
        refuses=("event-not-found", *_STORES),
    ),
    "read_price_history": Operation(
        gives={
            200: Answer("A page of changes.", _one(PriceHistory, "history", example.PRICE_HISTORY))
        },
        refuses=("event-not-found", "unavailable", "catalog-unavailable"),
    ),
    # Holds
    "place_hold": Operation(
        takes=Body(
            HoldRequest,
            {
                "seats and places": example.HOLD_REQUEST,
                "with your own hold_id": example.HOLD_REQUEST_WITH_ID,
                "the best seats": example.BEST_REQUEST,
            },
        ),
        gives={
            201: Answer(
                "The hold.",
                (Body(Hold, {"hold": example.HOLD, "best seats": example.BEST_HOLD}),),
            )
        },
        refuses=(
            "empty-hold",
            "duplicate-seat",
            "no-such-seat",
            "no-such-area",
            "invalid-quantity",
            "too-many-seats",
            "no-seats",
            "no-such-category",
            "no-such-section",
            "event-not-found",
            "seat-unavailable",
            "limit-reached",
            "event-not-on-sale",
            "hold-id-taken",
            "too-contended",
            *_STORES,
        ),
        replays=True,
    ),
    "read_hold": Operation(
        gives={200: Answer("The hold.", _one(Hold, "hold", example.HOLD))},
        refuses=(*_HOLD, *_STORES),
    ),
    "release_hold": Operation(
        gives={204: Answer("The seats are free again.")},
        refuses=(*_HOLD, "hold-in-payment", *_HOLD_ENDED, *_STORES),
    ),
    "extend_hold": Operation(
        gives={200: Answer("The hold with its new deadline.", _one(Hold, "hold", example.HOLD))},
        refuses=(*_HOLD, "hold-in-payment", *_HOLD_ENDED, *_STORES),
        replays=True,
    ),
    # Bookings
    "book": Operation(
        takes=Body(BookingBody, {"sandbox card": example.BOOKING_BODY}),
        gives={
            201: Answer(
                "Confirmed: the seats are sold and the tickets exist.",
                _one(Booking, "confirmed", example.BOOKING),
                ("ETag", "Location"),
            ),
            202: Answer(
                "Pending: `next_action` says what the buyer must do, or to wait and read again.",
                _one(Booking, "pending", example.PENDING_BOOKING),
                ("ETag", "Location"),
            ),
        },
        refuses=(
            "idempotency-key-required",
            "unknown-payment-provider",
            "unknown-payment-token",
            "payment-declined",
            *_HOLD,
            "seat-unavailable",
            "limit-reached",
            "event-not-on-sale",
            "hold-in-payment",
            "hold-already-booked",
            *_HOLD_ENDED,
            "payment-too-late",
            *_STORES,
            "outcome-unknown",
        ),
        replays=True,
        needs_key=True,
    ),
    "list_bookings": Operation(
        gives={
            200: Answer("A page of bookings.", _one(BookingList, "bookings", example.BOOKING_LIST))
        },
        refuses=("unavailable", "catalog-unavailable"),
    ),
    "read_booking": Operation(
        gives={200: Answer("The booking.", _one(Booking, "booking", example.BOOKING), ("ETag",))},
        refuses=(*_BOOKING, "unavailable", "catalog-unavailable"),
    ),
    "read_tickets": Operation(
        gives={
            200: Answer(
                "One ticket per place; none before the booking is confirmed.",
                _one(TicketList, "tickets", example.TICKET_LIST),
            )
        },
        refuses=(*_BOOKING, "unavailable", "catalog-unavailable"),
    ),
    "cancel_booking": Operation(
        gives={
            200: Answer(
                "The cancelled booking.",
                _one(Booking, "cancelled", example.CANCELLED_BOOKING),
                ("ETag",),
            )
        },
        refuses=(
            *_BOOKING,
            "booking-not-confirmed",
            "precondition-failed",
            "unavailable",
            "catalog-unavailable",
            "outcome-unknown",
        ),
        replays=True,
    ),
    # Organisers
    "create_venue": Operation(
        takes=Body(VenueDraft, {"venue": example.VENUE_DRAFT}),
        gives={201: Answer("The venue.", _one(Venue, "venue", example.EMPTY_VENUE), ("Location",))},
        refuses=("catalog-unavailable",),
        replays=True,
    ),
    "import_venue": Operation(
        takes=Body(
            dict[str, Any],
            {
                "native, frontrow/1": example.NATIVE_PLAN,
                "pretix": example.PRETIX_PLAN,
            },
        ),
        gives={
            201: Answer(
                "The venue, and what was mended or left out on the way.",
                _one(ImportedVenue, "imported", example.IMPORTED_VENUE),
                ("Location",),
            )
        },
        refuses=("venue-not-found", "invalid-layout", "catalog-unavailable"),
        replays=True,
    ),
    "read_venue": Operation(
        gives={200: Answer("The venue.", _one(Venue, "venue", example.VENUE))},
        refuses=("venue-not-found", "catalog-unavailable"),
    ),
    "create_event": Operation(
        takes=Body(EventDraft, {"event": example.EVENT_DRAFT}),
        gives={201: Answer("The draft.", _EVENT_BODY, ("ETag", "Location"))},
        refuses=(
            "prices-mismatch",
            "venue-not-found",
            "layout-not-found",
            "catalog-unavailable",
        ),
        replays=True,
    ),
    "patch_event": Operation(
        takes=Body(EventPatch, {"new price": example.EVENT_PATCH}),
        gives={200: Answer("The event as it is now.", _EVENT_BODY, ("ETag", "Location"))},
        refuses=(
            "prices-mismatch",
            "event-not-found",
            "conflict",
            "precondition-failed",
            "precondition-required",
            *_STORES,
        ),
    ),
    "publish_event": _event_command("The event, on sale.", "event-cancelled"),
    "pause_event": _event_command("The event, paused.", "event-not-published", "event-cancelled"),
    "resume_event": _event_command("The event, on sale.", "event-not-published", "event-cancelled"),
    "cancel_event": _event_command("The event, cancelled.", "event-not-published"),
    # Operations
    "live": Operation(gives={200: Answer("It runs.", (Body(str, {"ok": "ok\n"}, TEXT),))}),
    "ready": Operation(
        gives={
            200: Answer("Ready to sell.", _one(Ready, "ready", Ready("ok", "ok", "ok"))),
            503: Answer(
                "PostgreSQL or Redis does not answer.",
                _one(
                    Ready,
                    "not ready",
                    Ready("ok", "Redis is not reachable; try again shortly.", "ok"),
                ),
                ("Retry-After",),
            ),
        }
    ),
    "show_metrics": Operation(
        gives={
            200: Answer(
                "The exposition format, version 1.0.0.",
                (Body(str, {"metrics": 'frontrow_holds_total{outcome="held"} 1841.0\n'}, TEXT),),
            )
        }
    ),
}
