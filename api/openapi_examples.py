"""One evening at the theatre, as the reference shows it: the values of every example.

They are the engine's own Structs and errors, so an example cannot drift from what the API sends.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from api.access import AccessToken
from api.bookings import BookingBody, BookingList, TicketList
from api.events import (
    AreaState,
    Availability,
    EventFacets,
    EventItem,
    EventList,
    EventPage,
    EventStanding,
    EventStandings,
    PriceChange,
    PriceHistory,
    PriceList,
    SeatStates,
    VenueRef,
)
from api.holds import HoldRequest
from api.live import LiveTicket
from api.organiser import ImportedVenue, LayoutWarning, VenueDraft
from engine.best_seats.choice import Wish
from engine.catalog import EventDraft, EventPatch, Facet, Venue
from engine.errors import (
    Conflict,
    FrontrowError,
    Gone,
    InvalidInput,
    LimitReached,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PaymentDeclined,
    PreconditionFailed,
    PreconditionRequired,
    SeatUnavailable,
    TooManyRequests,
    Unavailable,
)
from engine.inventory import Price
from engine.layout import Layout, LayoutRejected
from engine.layout.model import (
    Area,
    Category,
    Decoration,
    Point,
    Rectangle,
    Row,
    Seats,
    Section,
    Size,
)
from engine.ledger import PaymentChoice
from engine.model import (
    AreaItem,
    Booking,
    BookingStatus,
    Buyer,
    EventStatus,
    Hold,
    Money,
    NextAction,
    SeatItem,
    Ticket,
)

VENUE_ID = "01964c5e-8a00-7b21-9d3f-2f6a1c0e4b11"
LAYOUT_ID = "01964c5e-8a02-7c60-8e11-90a7c4d5e6f2"
EVENT_ID = "01964c61-3d40-7a4e-b7c8-5d1e2f3a4b5c"
HOLD_ID = "01964c70-11a2-7f03-a1b2-c3d4e5f60718"
BOOKING_ID = "01964c70-5bc4-7d15-8c9d-0e1f2a3b4c5d"
TICKET_ID = "01964c70-5bd0-7e26-9f8e-7d6c5b4a3928"

_CURTAIN = datetime(2027, 5, 1, 18, 0, tzinfo=UTC)
_BOUGHT = datetime(2027, 3, 14, 9, 26, 53, tzinfo=UTC)


def euros(amount: int) -> Money:
    return Money(amount * 100, "EUR")


ACCESS_TOKEN = AccessToken(
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwMTk2NGM3MCJ9.fx2kZr9Q8w", 604800
)
LIVE_TICKET = LiveTicket("pX3v0c1J6Hq7uWm2Zt8sKd9yRb4nLf5A", 30)

# Venues and layouts

VENUE_DRAFT = VenueDraft(
    name="Schauspielhaus",
    city="Erfurt",
    latitude=50.9787,
    longitude=11.0328,
    timezone="Europe/Berlin",
)
VENUE = Venue(
    venue_id=VENUE_ID,
    name="Schauspielhaus",
    city="Erfurt",
    latitude=50.9787,
    longitude=11.0328,
    timezone="Europe/Berlin",
    layout_id=LAYOUT_ID,
    seat_count=2,
)
EMPTY_VENUE = Venue(
    venue_id=VENUE_ID, name="Schauspielhaus", city="Erfurt", latitude=50.9787, longitude=11.0328
)
NATIVE_PLAN: dict[str, Any] = {
    "format": "frontrow/1",
    "name": "Schauspielhaus",
    "size": {"width": 400, "height": 300},
    "focal_point": {"x": 200, "y": 0},
    "categories": [
        {"name": "Stalls", "color": "#0072b2"},
        {"name": "Standing", "color": "#e69f00"},
    ],
    "sections": [
        {
            "name": "Stalls",
            "rows": [
                {
                    "label": "A",
                    "seats": [
                        {"number": "1", "x": 188, "y": 120, "category": "Stalls"},
                        {
                            "number": "2",
                            "x": 212,
                            "y": 120,
                            "category": "Stalls",
                            "properties": ["wheelchair"],
                        },
                    ],
                }
            ],
        }
    ],
    "areas": [
        {
            "name": "Floor",
            "category": "Standing",
            "capacity": 80,
            "shape": {"type": "rectangle", "x": 100, "y": 180, "width": 200, "height": 80},
        }
    ],
}
PRETIX_PLAN: dict[str, Any] = {
    "name": "Schauspielhaus",
    "size": {"width": 400, "height": 300},
    "categories": [{"name": "Stalls", "color": "#0072b2"}],
    "zones": [
        {
            "name": "Stalls",
            "position": {"x": 0, "y": 0},
            "rows": [
                {
                    "row_number": "A",
                    "position": {"x": 188, "y": 120},
                    "seats": [
                        {
                            "seat_number": "1",
                            "seat_guid": "A-1",
                            "position": {"x": 0, "y": 0},
                            "category": "Stalls",
                        },
                        {
                            "seat_number": "2",
                            "seat_guid": "A-2",
                            "position": {"x": 24, "y": 0},
                            "category": "Stalls",
                        },
                    ],
                }
            ],
        }
    ],
}
IMPORTED_VENUE = ImportedVenue(VENUE, [LayoutWarning("zones[0].color", "unknown key; ignored")])
LAYOUT = Layout(
    name="Schauspielhaus",
    size=Size(400, 300),
    focal_point=Point(200, 0),
    categories=(Category("Stalls", "#0072b2"), Category("Standing", "#e69f00")),
    sections=(Section("Stalls", 0, 1),),
    rows=(Row("A", 0, 0, 2, 0),),
    seats=Seats((188, 212), (120, 120), (0, 0), ("1", "2"), (0, 0), (0, 1)),
    areas=(Area("Floor", 1, 80, Rectangle(100, 180, 200, 80)),),
    decorations=(Decoration(kind="stage", shape=Rectangle(120, 20, 160, 50)),),
)

# Events

PRICES = [Price(0, "Stalls", euros(48)), Price(1, "Standing", euros(22))]
AVAILABILITY = Availability(1300, 417)
EVENT_PAGE = EventPage(
    event_id=EVENT_ID,
    name="The Seagull",
    description="Chekhov's comedy in four acts, in a new translation.",
    category="theatre",
    starts_at=_CURTAIN,
    status=EventStatus.ON_SALE,
    venue=VenueRef(VENUE_ID, "Schauspielhaus", "Erfurt", "Europe/Berlin"),
    currency="EUR",
    seat_count=1220,
    prices=PRICES,
    prices_from=euros(22),
    availability=AVAILABILITY,
    buyer_limit=10,
    hold_ttl_s=300,
    layout_url=f"/v1/events/{EVENT_ID}/layout",
    live_url=f"ws://localhost:8001/v1/live/{EVENT_ID}",
    metadata={"age": "12+"},
    version=3,
)
EVENT_LIST = EventList(
    [
        EventItem(
            event_id=EVENT_ID,
            name=EVENT_PAGE.name,
            starts_at=_CURTAIN,
            status=EventStatus.ON_SALE,
            category="theatre",
            venue=EVENT_PAGE.venue,
            prices_from=EVENT_PAGE.prices_from,
            availability=AVAILABILITY,
            metadata=EVENT_PAGE.metadata,
        )
    ],
    "WyIyMDI3LTA1LTAxVDE4OjAwOjAwWiIsIjAxOTY0YzYxIl0",
)
EVENT_FACETS = EventFacets([Facet("theatre", 14), Facet("concert", 9)], [Facet("Erfurt", 23)])
EVENT_STANDINGS = EventStandings(
    [EventStanding(EVENT_ID, EventStatus.ON_SALE, euros(22), AVAILABILITY)]
)
EVENT_DRAFT = EventDraft(
    name="The Seagull",
    venue_id=VENUE_ID,
    starts_at=_CURTAIN,
    currency="EUR",
    prices={"Stalls": 4800, "Standing": 2200},
    description=EVENT_PAGE.description,
    category="theatre",
    metadata={"age": "12+"},
)
EVENT_PATCH = EventPatch(prices={"Stalls": 5200})
SEAT_STATES = SeatStates(2, 1841, 12, "000012200103", {"0": AreaState(64)})
PRICE_LIST = PriceList(PRICES)
PRICE_HISTORY = PriceHistory(
    [
        PriceChange(
            category_no=0,
            category="Stalls",
            old=euros(44),
            new=euros(48),
            reason="set by hand",
            actor="organiser",
            changed_at=_BOUGHT - timedelta(days=3),
        )
    ]
)

# Holds and bookings

SEATS = [
    SeatItem(117, "Stalls, row F, seat 12", "Stalls", euros(48)),
    SeatItem(118, "Stalls, row F, seat 13", "Stalls", euros(48)),
]
AREAS = [AreaItem(0, "Floor", "Standing", 1, euros(22))]
HOLD_REQUEST = HoldRequest(seats=[117, 118], areas={0: 1})
HOLD_REQUEST_WITH_ID = HoldRequest(seats=[117, 118], hold_id=HOLD_ID)
BEST_REQUEST = HoldRequest(
    best=Wish(quantity=2, category="Stalls", max_price=euros(60)), hold_id=HOLD_ID
)
HOLD = Hold(
    hold_id=HOLD_ID,
    event_id=EVENT_ID,
    status="held",
    seats=SEATS,
    areas=AREAS,
    total=euros(118),
    expires_at=_BOUGHT + timedelta(minutes=5),
)
BEST_HOLD = Hold(
    hold_id=HOLD_ID,
    event_id=EVENT_ID,
    status="held",
    seats=SEATS,
    areas=[],
    total=euros(96),
    expires_at=_BOUGHT + timedelta(minutes=5),
    relaxed=["single-seat-left"],
)
BUYER = Buyer("ada@example.com", "Ada Lovelace")
BOOKING_BODY = BookingBody(HOLD_ID, BUYER, PaymentChoice("sandbox", "tok_visa"))
BOOKING = Booking(
    booking_id=BOOKING_ID,
    reference="7K2M9Q4TXV",
    event_id=EVENT_ID,
    hold_id=HOLD_ID,
    status=BookingStatus.CONFIRMED,
    seats=SEATS,
    areas=AREAS,
    total=euros(118),
    buyer=BUYER,
    version=2,
    created_at=_BOUGHT,
)
PENDING_BOOKING = Booking(
    booking_id=BOOKING_ID,
    reference="7K2M9Q4TXV",
    event_id=EVENT_ID,
    hold_id=HOLD_ID,
    status=BookingStatus.PENDING,
    seats=SEATS,
    areas=AREAS,
    total=euros(118),
    buyer=BUYER,
    version=1,
    created_at=_BOUGHT,
    expires_at=_BOUGHT + timedelta(minutes=5),
    next_action=NextAction("redirect", f"http://localhost:8000/sandbox/3ds/{BOOKING_ID}"),
)
CANCELLED_BOOKING = Booking(
    booking_id=BOOKING_ID,
    reference="7K2M9Q4TXV",
    event_id=EVENT_ID,
    hold_id=HOLD_ID,
    status=BookingStatus.CANCELLED,
    seats=SEATS,
    areas=AREAS,
    total=euros(118),
    buyer=BUYER,
    version=3,
    created_at=_BOUGHT,
    refunded=euros(118),
)
BOOKING_LIST = BookingList([BOOKING])
TICKET_LIST = TicketList(
    [
        Ticket(
            ticket_id=TICKET_ID,
            booking_id=BOOKING_ID,
            event_id=EVENT_ID,
            label="Stalls, row F, seat 12",
            category="Stalls",
            seat_no=117,
            area_no=None,
            code="0d6f8f0e-7c57-4b7f-9d6e-0a1b2c3d4e5f",
            status="valid",
            qr_svg='<svg xmlns="http://www.w3.org/2000/svg" width="116" height="116">…</svg>',
        )
    ]
)

# Problems, by code


def _by_code(*problems: FrontrowError) -> dict[str, FrontrowError]:
    return {problem.code: problem for problem in problems}


INVALID_PARAMETER = InvalidInput(
    "limit: Expected `int` <= 100",
    errors=[{"message": "Expected `int` <= 100", "key": "limit", "source": "query"}],
)
PROBLEMS = _by_code(
    InvalidInput(
        "Expected `int`, got `str` - at `$.seats[0]`",
        errors=[{"message": "Expected `int`, got `str`", "key": "seats[0]", "source": "body"}],
    ),
    InvalidInput(
        "Nothing was asked for: name at least one seat or area.",
        code="empty-hold",
    ),
    InvalidInput("A seat is named twice.", code="duplicate-seat"),
    InvalidInput(
        "The event has no seat 4000; seats are numbered from 0 to 1219, areas from 0 to 0.",
        code="no-such-seat",
    ),
    InvalidInput("At most 100 seats and areas in one hold.", code="too-many-seats"),
    InvalidInput(
        "The event has no seats to choose among; ask for places with `areas`.", code="no-seats"
    ),
    InvalidInput(
        "There is no category 'Stals'; there are Stalls, Standing.", code="no-such-category"
    ),
    InvalidInput("There is no section 'Balcony'; there are Stalls, Boxes.", code="no-such-section"),
    InvalidInput(
        "An area's number starts at 0 and its quantity is 1 to 100.", code="invalid-quantity"
    ),
    InvalidInput("An area's number starts at 0 and its quantity is 1 to 100.", code="no-such-area"),
    InvalidInput(
        "Send an Idempotency-Key header, new for each attempt, so that a retry cannot pay twice.",
        code="idempotency-key-required",
    ),
    InvalidInput(
        "Idempotency-Key must be 1 to 255 printable characters.", code="invalid-idempotency-key"
    ),
    InvalidInput(
        "prices must name each category of the layout once (Stalls, Standing). Missing: Standing.",
        code="prices-mismatch",
    ),
    InvalidInput(
        "Unknown payment provider 'paypal'; use sandbox.", code="unknown-payment-provider"
    ),
    InvalidInput(
        "Unknown sandbox token; use one of tok_visa, tok_declined, tok_insufficient_funds, "
        "tok_3ds, tok_timeout.",
        code="unknown-payment-token",
    ),
    NotAuthenticated(
        "The token is not valid or has expired; get a new one with POST /v1/auth/guest."
    ),
    PaymentDeclined(
        "The card was declined. Your seats are still held; try another card.",
        decline_code="card_declined",
        booking_id=BOOKING_ID,
        hold_id=HOLD_ID,
    ),
    NotAllowed("That is not the organiser's key."),
    NotAllowed("This hold belongs to another buyer.", code="hold-not-yours"),
    NotAllowed("This booking belongs to another buyer.", code="booking-not-yours"),
    NotFound("There is nothing at /v1/event; the API is described at /schema."),
    NotFound(f"There is no event {EVENT_ID}.", code="event-not-found"),
    NotFound(
        f"There is no hold {HOLD_ID}; it may have ended some time ago. Choose the seats again.",
        code="hold-not-found",
    ),
    NotFound(f"There is no booking {BOOKING_ID}.", code="booking-not-found"),
    NotFound(f"There is no venue {VENUE_ID}.", code="venue-not-found"),
    NotFound(f"There is no layout {LAYOUT_ID}.", code="layout-not-found"),
    FrontrowError("Method Not Allowed", code="method-not-allowed"),
    SeatUnavailable("Stalls, row F, seat 12 is no longer available.", seats=[117]),
    LimitReached("One buyer may have 10 places of this event; you have 9.", limit=10, owned=9),
    Conflict("The event is not on sale: it is paused.", code="event-not-on-sale"),
    Conflict(
        "This hold_id belongs to another hold; make a new one for each attempt.",
        code="hold-id-taken",
    ),
    Conflict("The hold is being paid for; wait for the booking to end.", code="hold-in-payment"),
    Conflict(
        "This hold is being booked already; wait for that booking or cancel it.",
        code="hold-already-booked",
        booking_id=BOOKING_ID,
    ),
    Conflict(
        "Only a confirmed booking can be cancelled; this one is expired.",
        code="booking-not-confirmed",
    ),
    Conflict("A cancelled event stays cancelled.", code="event-cancelled"),
    Conflict("The event is draft; publish it first.", code="event-not-published"),
    Conflict("Somebody else changed the same price; read and repeat."),
    Conflict("There is one with this id already.", code="already-exists"),
    Conflict(
        "The first request with this Idempotency-Key is still under way; retry shortly.",
        code="request-in-flight",
        retry_after=1,
    ),
    Gone("The hold has expired; choose the seats again.", code="hold-expired"),
    Gone("The hold has been released; choose the seats again.", code="hold-released"),
    Gone("The hold has been booked already.", code="hold-booked"),
    Gone(
        "The payment arrived after the seats had gone; it is refunded in full.",
        code="payment-too-late",
        booking_id=BOOKING_ID,
    ),
    PreconditionFailed(
        "Somebody changed it meanwhile: it is at version 4 now. "
        "Read it again and repeat the change.",
        current_version=4,
    ),
    InvalidInput("The body is larger than 256 KiB.", code="body-too-large"),
    InvalidInput(
        "Send the body as application/json, not text/plain.", code="unsupported-media-type"
    ),
    InvalidInput(
        "This Idempotency-Key was used for another request; make a new key for a new one.",
        code="idempotency-key-reused",
    ),
    LayoutRejected(
        'the layout has a problem: zones[0].rows[3].seats[7].category: no category "Stals"',
        errors=[{"path": "zones[0].rows[3].seats[7].category", "problem": 'no category "Stals"'}],
    ),
    PreconditionRequired(
        "Send If-Match with the ETag that you read, so that nobody's change is lost."
    ),
    TooManyRequests(
        "Too many tokens for one address; a token is good for many requests, keep it.",
        retry_after_s=17,
    ),
    FrontrowError("This is our mistake; it has been logged. Trying again may work."),
    Unavailable(
        "So many are choosing just now that others were faster each time; try again.",
        code="too-contended",
        retry_after_s=1,
    ),
    Unavailable("PostgreSQL is not reachable; try again shortly."),
    Unavailable("Redis is not reachable; try again shortly.", code="redis-unavailable"),
    Unavailable(
        "The catalogue (MongoDB) is not reachable; try again shortly.", code="catalog-unavailable"
    ),
    Unavailable("PostgreSQL went away under way; try again shortly.", code="outcome-unknown"),
)
