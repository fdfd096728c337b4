"""One evening at the theatre, as the reference shows it: the values of every example.

They are the engine's own Structs and errors, so an example cannot drift from what the API sends.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from api.access import AccessToken, GuestRequest, ProofOfWork
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
    PricingTerms,
    SeatStates,
    VenueRef,
)
from api.holds import HoldBody
from api.links import LOOKED_UP, Lookup
from api.live import LiveTicket
from api.notifications import (
    MailList,
    TemplateChoice,
    TemplateDraft,
    TemplateList,
    TemplateVersionList,
)
from api.organiser import ImportedVenue, LayoutWarning, SeatSelection, VenueDraft
from api.people import AccountToken, Credentials, PersonList, RefreshToken, TierBody
from api.pricing import RuleList
from api.verification import LinkToken, ProvenAddress
from api.waitlist import (
    Because,
    EntryList,
    JoinRequest,
    LineEntryList,
    LineTerms,
    OfferList,
    SkipList,
)
from engine.base.errors import (
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
    ProofNeeded,
    SeatUnavailable,
    TooManyRequests,
    Unavailable,
)
from engine.base.model import (
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
from engine.best_seats.choice import BestSeatsWish
from engine.catalog.model import EventDraft, EventPatch, Facet, Venue
from engine.events.publishing import Blocking, RefusedSeat
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
from engine.live.prices import Price
from engine.notifications.model import (
    Attempt,
    Mail,
    MailKind,
    Status,
    TemplateInForce,
    TemplateVersion,
    Texts,
    Written,
)
from engine.people.model import (
    EmailPreferencesPatch,
    Person,
    PersonPatch,
    PreferencesPatch,
    Registration,
)
from engine.pricing.decision import Current, Signals, decide
from engine.pricing.market import Recorded, Synthetic
from engine.pricing.model import (
    Activation,
    CategoryState,
    Freeze,
    Override,
    Preview,
    PreviewRequest,
    PricingState,
    RuleDraft,
    RuleStatus,
    RuleVersion,
    SetSimulationRequest,
    SimulationRequest,
    TermsPatch,
)
from engine.pricing.rule import Expected, Rule
from engine.pricing.simulation import (
    CategorySimulation,
    Outcome,
    PriceMove,
    SetPoint,
    SetSimulation,
    Simulation,
    SimulationPoint,
    Total,
)
from engine.sales.ledger import PaymentChoice
from engine.waitlist.model import (
    PROMOTED,
    Contact,
    Entry,
    EntryStatus,
    Estimate,
    LineEntry,
    LineSummary,
    Offer,
    OfferStatus,
    Skip,
    Wanted,
    WantedPatch,
)

VENUE_ID = "01964c5e-8a00-7b21-9d3f-2f6a1c0e4b11"
LAYOUT_ID = "01964c5e-8a02-7c60-8e11-90a7c4d5e6f2"
EVENT_ID = "01964c61-3d40-7a4e-b7c8-5d1e2f3a4b5c"
HOLD_ID = "01964c70-11a2-7f03-a1b2-c3d4e5f60718"
BOOKING_ID = "01964c70-5bc4-7d15-8c9d-0e1f2a3b4c5d"
TICKET_ID = "01964c70-5bd0-7e26-9f8e-7d6c5b4a3928"
ENTRY_ID = "01964c6f-20e5-7c0d-b1a9-3e4f5a6b7c8d"
OFFER_ID = "01964c70-0a11-7d24-8b3c-6f5e4d3c2b1a"
PERSON_ID = "01964c5f-77aa-7b09-a0b1-c2d3e4f5a6b7"
RULE_ID = "01964c62-4e51-7b5f-8a9b-0c1d2e3f4a5b"

_CURTAIN = datetime(2027, 5, 1, 18, 0, tzinfo=UTC)
_BOUGHT = datetime(2027, 3, 14, 9, 26, 53, tzinfo=UTC)


def euros(amount: int) -> Money:
    return Money(amount * 100, "EUR")


ACCESS_TOKEN = AccessToken(
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwMTk2NGM3MCJ9.fx2kZr9Q8w", 604800
)
PROOF = ProofOfWork("yx0bQJ8i0mmt5YwOdvUk1m6SGo3rWf0cE9aTzLp2KqHnBV5x", "2f1a")
GUEST_REQUEST = GuestRequest(PROOF)
EMPTY_GUEST_REQUEST = GuestRequest()
LIVE_TICKET = LiveTicket("pX3v0c1J6Hq7uWm2Zt8sKd9yRb4nLf5A", 30)

# People

_SWANS, _GEESE = "seven swans in a bathtub", "eight geese on a bicycle"
REGISTRATION = Registration(email="ada@example.com", password=_SWANS, name="Ada Lovelace")
CREDENTIALS = Credentials("ada@example.com", _SWANS)
REFRESH_TOKEN = RefreshToken("gCw3cX0TQ5m4s0cN2yqv0pJ1kVb8Zr3dYl6hUeAfTgxOiWnSz9oMtB5jKqEuRcLa")
ACCOUNT_TOKEN = AccountToken(
    ACCESS_TOKEN.access_token, 900, refresh_token=REFRESH_TOKEN.refresh_token
)
PERSON = Person(
    person_id=PERSON_ID,
    email="ada@example.com",
    name="Ada Lovelace",
    language="en",
    tier="regular",
    registered=True,
    email_proven=True,
    version=2,
    created_at=_BOUGHT - timedelta(days=40),
)
PERSON_PATCH = PersonPatch(
    language="de", preferences=PreferencesPatch(email=EmailPreferencesPatch(reminders=False))
)
NEW_PASSWORD = PersonPatch(password=_SWANS, new_password=_GEESE)
LINK_TOKEN = LinkToken("AZYZxHA0fAqVvqbLxQwhmwAAAABqLkVQrX0b9cG5mN2kJ7yTzQ4vXg8sRw3tLpUe")
PROVEN_ADDRESS = ProvenAddress("ada@example.com")
PERSON_LIST = PersonList([PERSON])
TIER = TierBody("vip")
VIP = msgspec.structs.replace(PERSON, tier="vip", version=3)

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

PRICES = [
    Price(
        0,
        "Stalls",
        euros(48),
        was=euros(44),
        reason="82 % sold, 48 days left: the last places cost more",
        changed_at=_BOUGHT - timedelta(days=3),
        floor=euros(40),
        ceiling=euros(72),
    ),
    Price(1, "Standing", euros(22)),
]
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
    pricing=PricingTerms(dynamic=True, history_public=True, range_public=True),
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
            reason="82 % sold, 48 days left: the last places cost more",
            actor="pricing:2",
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
HOLD_REQUEST = HoldBody(seats=[117, 118], areas={0: 1})
HOLD_REQUEST_WITH_ID = HoldBody(seats=[117, 118], hold_id=HOLD_ID)
BEST_REQUEST = HoldBody(
    best=BestSeatsWish(quantity=2, category="Stalls", max_price=euros(60)), hold_id=HOLD_ID
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
    next_action=NextAction(
        "redirect", "http://localhost:8000/sandbox/3ds/AZgAAAAAcACAAAAAAAAA5ABp8ZDVq0yP8m3xTg"
    ),
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
LOOKUP = Lookup("ada@example.com")
LOOKUP_ANSWER = LOOKED_UP
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

# The waitlist

_WANTED = Wanted(quantity=2, categories=["Stalls"], max_price=euros(60))
JOIN_REQUEST = JoinRequest(
    quantity=2, categories=["Stalls"], max_price=euros(60), contact=Contact(buyer=BUYER)
)
ENTRY = Entry(
    entry_id=ENTRY_ID,
    event_id=EVENT_ID,
    status=EntryStatus.WAITING,
    wanted=_WANTED,
    tier="regular",
    rank=17,
    waiting=412,
    estimate=Estimate(
        low_s=3600,
        high_s=14_400,
        basis="12 places came back to the line in the last hour; 30 are wanted ahead of you.",
    ),
    offer_window_s=900,
    contact=Contact(buyer=BUYER),
    joined_at=_BOUGHT - timedelta(days=2),
    version=1,
)
OFFER = Offer(
    offer_id=OFFER_ID,
    entry_id=ENTRY_ID,
    event_id=EVENT_ID,
    status=OfferStatus.OPEN,
    seats=SEATS,
    areas=[],
    total=euros(96),
    made_at=_BOUGHT,
    expires_at=_BOUGHT + timedelta(minutes=15),
)
OFFERED_ENTRY = msgspec.structs.replace(
    ENTRY,
    status=EntryStatus.OFFERED,
    rank=None,
    waiting=411,
    estimate=None,
    offer=OFFER,
    version=2,
)
DECLINED_OFFER = msgspec.structs.replace(
    OFFER, status=OfferStatus.DECLINED, ended_at=_BOUGHT + timedelta(minutes=1)
)
WITHDRAWN_OFFER = msgspec.structs.replace(
    OFFER,
    status=OfferStatus.WITHDRAWN,
    ended_at=_BOUGHT + timedelta(minutes=1),
    reason="The row has to make room for a camera.",
)
ACCEPTED_OFFER = Hold(
    hold_id=OFFER_ID,
    event_id=EVENT_ID,
    status="held",
    seats=SEATS,
    areas=[],
    total=euros(96),
    expires_at=_BOUGHT + timedelta(minutes=6),
)
ENTRY_LIST = EntryList([ENTRY])
ENTRY_PATCH = WantedPatch(quantity=3, max_price=None)
_NO_ENTRIES = {status.value: 0 for status in EntryStatus}
_NO_OFFERS = {status.value: 0 for status in OfferStatus}
LINE = LineSummary(
    event_id=EVENT_ID,
    closed=False,
    offer_window_s=900,
    waiting=412,
    by_status=_NO_ENTRIES | {"waiting": 412, "offered": 3, "accepted": 21},
    offers=_NO_OFFERS | {"open": 3, "used": 21},
    places_wanted=903,
    version=1,
)
LINE_TERMS = LineTerms(closed=True, offer_window_s=600)
LINE_ENTRY = LineEntry(
    entry_id=ENTRY_ID,
    person_id=PERSON_ID,
    status=EntryStatus.WAITING,
    wanted=_WANTED,
    tier="regular",
    weight=0,
    join_no=108,
    rank=17,
    email=BUYER.email,
    name=BUYER.name,
    joined_at=ENTRY.joined_at,
    skipped=2,
    version=1,
)
PROMOTED_ENTRY = msgspec.structs.replace(
    LINE_ENTRY,
    weight=PROMOTED,
    rank=1,
    promoted="Their seats broke on the night before.",
    version=2,
)
BECAUSE_PROMOTED = Because("Their seats broke on the night before.")
BECAUSE_WITHDRAWN = Because("The row has to make room for a camera.")
BECAUSE_DISMISSED = Because("The returned seats go to the school's choir.")
DISMISSED_LINE = msgspec.structs.replace(
    LINE,
    closed=True,
    waiting=0,
    by_status=_NO_ENTRIES | {"accepted": 21, "dismissed": 415},
    offers=_NO_OFFERS | {"used": 21, "withdrawn": 3},
    places_wanted=0,
    version=2,
)
LINE_ENTRY_LIST = LineEntryList([LINE_ENTRY], "WzAsMTA4XQ")
OFFER_LIST = OfferList([OFFER])
SKIP_LIST = SkipList(
    [
        Skip(
            round_no=31,
            at=_BOUGHT,
            wanted=Wanted(quantity=4, categories=["Stalls"]),
            reason="too-few",
            detail="2 places came back; this party wants 4.",
            passed=5,
            entry_id=ENTRY_ID,
        )
    ]
)
LINE_CSV = (
    "rank,status,name,email,tier,weight,join_no,promoted,quantity,together,categories,sections,"
    "max_amount_minor,currency,skipped,joined_at,entry_id,person_id\r\n"
    "17,waiting,Ada Lovelace,ada@example.com,regular,0,108,,2,yes,Stalls,,6000,EUR,2,"
    f"2027-03-12T09:26:53+00:00,{ENTRY_ID},{PERSON_ID}\r\n"
)

# Blocked seats

SEAT_SELECTION = SeatSelection(seats=[117, 118, 119], reason="A camera stands there.")
BLOCKING = Blocking(EVENT_ID, [117, 118], [RefusedSeat(119, "sold")])
UNBLOCKING = Blocking(EVENT_ID, [117, 118], [RefusedSeat(119, "not-blocked")])

# Mails

MAIL_ID = "01964c70-5b1e-7f21-8c4d-9e0f1a2b3c4d"
MAIL = Mail(
    mail_id=MAIL_ID,
    kind=MailKind.BOOKING_CONFIRMED,
    status=Status.DEAD,
    event_id=EVENT_ID,
    person_id=PERSON_ID,
    cause=BOOKING_ID,
    email="ada@example.com",
    name="Ada Lovelace",
    language=None,
    reason="550 5.1.1 No such mailbox",
    attempts=2,
    queued_at=datetime(2027, 3, 12, 9, 30, tzinfo=UTC),
    due_at=None,
    ended_at=datetime(2027, 3, 12, 9, 30, 14, tzinfo=UTC),
)
MAIL_WITH_LOG = msgspec.structs.replace(
    MAIL,
    log=[
        Attempt(
            attempt_no=1,
            outcome="deferred",
            reply="451 4.7.1 Greylisted, try again",
            started_at=datetime(2027, 3, 12, 9, 30, 1, tzinfo=UTC),
            ended_at=datetime(2027, 3, 12, 9, 30, 2, tzinfo=UTC),
        ),
        Attempt(
            attempt_no=2,
            outcome="refused",
            reply="550 5.1.1 No such mailbox",
            started_at=datetime(2027, 3, 12, 9, 30, 13, tzinfo=UTC),
            ended_at=datetime(2027, 3, 12, 9, 30, 14, tzinfo=UTC),
        ),
    ],
)
MAIL_AGAIN = msgspec.structs.replace(
    MAIL_WITH_LOG,
    status=Status.QUEUED,
    reason=None,
    due_at=datetime(2027, 3, 12, 10, 0, tzinfo=UTC),
    ended_at=None,
)
MAIL_LIST = MailList([MAIL])
TEMPLATE_IN_FORCE = TemplateInForce(
    kind="booking-confirmed",
    language="en",
    version=2,
    source="organiser",
    actor="organiser",
    chosen_at=datetime(2027, 3, 1, 12, 0, tzinfo=UTC),
    note="Where the door is",
)
TEMPLATE_LIST = TemplateList([TEMPLATE_IN_FORCE])
TEXTS = Texts(
    subject="Your tickets for {{ event.name }}",
    html='{% extends "layout" %}{% import "parts" as p %}{% block content %}'
    "{% for ticket in tickets %}{{ p.ticket(ticket, 'Code') }}{% endfor %}"
    '{{ p.text("The door is in the yard.") }}{% endblock %}',
    text='{% extends "layout" %}{% block content %}Booking {{ booking.reference }}. '
    "The door is in the yard.{% endblock %}",
)
TEMPLATE_DRAFT = TemplateDraft(
    subject=TEXTS.subject,
    html=TEXTS.html,
    text=TEXTS.text,
    note="Where the door is",
    activate=True,
)
TEMPLATE_VERSION = TemplateVersion(
    kind="booking-confirmed",
    language="en",
    version=2,
    source="organiser",
    subject=TEXTS.subject,
    html=TEXTS.html,
    text=TEXTS.text,
    note="Where the door is",
    created_at=datetime(2027, 3, 1, 12, 0, tzinfo=UTC),
)
TEMPLATE_VERSION_LIST = TemplateVersionList([TEMPLATE_VERSION])
TEMPLATE_CHOICE = TemplateChoice(1)
TEMPLATE_PREVIEW = Written(
    subject="Your tickets for The Tempest",
    html="<!doctype html>…",
    text="Booking 7K2M9Q4TXV. The door is in the yard.\n",
)


# Pricing

RULE = Rule(
    base_minor=4800,
    floor_minor=4000,
    ceiling_minor=7200,
    sold_weight=0.5,
    expected=[Expected(60, 0.1), Expected(14, 0.6), Expected(0, 1.0)],
    round_to_minor=50,
)
RULE_DRAFT = RuleDraft(category="Stalls", rule=RULE, note="As last season, half a step bolder.")
DRAFT_RULE = RuleVersion(
    rule_id=RULE_ID,
    event_id=EVENT_ID,
    category_no=0,
    category="Stalls",
    rule_no=2,
    status=RuleStatus.DRAFT,
    rule=RULE,
    note=RULE_DRAFT.note,
    made_by="organiser",
    made_at=_BOUGHT - timedelta(days=4),
    valid_from=None,
    activated_at=None,
    retired_at=None,
    version=1,
)
ACTIVE_RULE = msgspec.structs.replace(
    DRAFT_RULE,
    status=RuleStatus.ACTIVE,
    valid_from=_BOUGHT - timedelta(days=3),
    activated_at=_BOUGHT - timedelta(days=3),
    version=2,
)
RETIRED_RULE = msgspec.structs.replace(
    ACTIVE_RULE, status=RuleStatus.RETIRED, retired_at=_BOUGHT, version=3
)
RULE_LIST = RuleList([ACTIVE_RULE])
ACTIVATION = Activation(valid_from=_BOUGHT - timedelta(days=3))
OVERRIDE = Override(amount_minor=4200, reason="Early birds", until=_BOUGHT + timedelta(days=2))
FREEZE = Freeze(reason="Until the press night is over")
TERMS_PATCH = TermsPatch(range_public=True)
RULED_CATEGORY = CategoryState(
    category_no=0,
    category="Stalls",
    price=euros(48),
    mode="rule",
    rule=ACTIVE_RULE,
    scheduled_for=None,
    until=None,
    reason=None,
    actor=None,
    version=0,
)
OVERRIDDEN_CATEGORY = msgspec.structs.replace(
    RULED_CATEGORY,
    price=euros(42),
    mode="override",
    until=OVERRIDE.until,
    reason=OVERRIDE.reason,
    actor="organiser",
    version=1,
)
FROZEN_CATEGORY = msgspec.structs.replace(
    RULED_CATEGORY, mode="frozen", reason=FREEZE.reason, actor="organiser", version=2
)
RELEASED_CATEGORY = msgspec.structs.replace(RULED_CATEGORY, version=3)
PRICING_STATE = PricingState(
    event_id=EVENT_ID,
    history_public=True,
    range_public=True,
    categories=[
        RULED_CATEGORY,
        CategoryState(
            category_no=1,
            category="Standing",
            price=euros(22),
            mode="fixed",
            rule=None,
            scheduled_for=None,
            until=None,
            reason=None,
            actor=None,
            version=0,
        ),
    ],
    version=2,
)
PREVIEW_REQUEST = PreviewRequest(category="Stalls", rule=RULE)
_SIGNALS = Signals(
    capacity=1220,
    taken=1003,
    left_s=4_177_987.0,
    held=14,
    waiting=0.0,
    velocity=21.5,
    confidence=1.0,
)
PREVIEW = Preview(
    category_no=0,
    category="Stalls",
    price=euros(48),
    signals=_SIGNALS,
    decision=decide(RULE, _SIGNALS, Current(price_minor=4800)),
)
SIMULATION_REQUEST = SimulationRequest(
    category="Stalls", rule=RULE, curve=Synthetic(seats=1220, days=60, demand=1.3)
)
RECORDED_REQUEST = SimulationRequest(
    category="Stalls", rule=RULE, curve=Recorded(event_id=EVENT_ID, elasticity=0.8)
)
SIMULATION = Simulation(
    seats=1220,
    days=60.0,
    currency="EUR",
    fixed_minor=4800,
    rule=Outcome(
        revenue_minor=6_613_450,
        sold=1198,
        sell_through=0.981967,
        average_minor=5520,
        final_minor=6350,
        changes=14,
    ),
    fixed=Outcome(
        revenue_minor=5_856_000,
        sold=1220,
        sell_through=1.0,
        average_minor=4800,
        final_minor=4800,
        changes=0,
        sold_out_days_left=4.2,
    ),
    points=[
        SimulationPoint(
            days_left=59.75,
            price_minor=5250,
            sold=61,
            revenue_minor=306_300,
            fixed_sold=64,
            fixed_revenue_minor=307_200,
        )
    ],
    moves=[
        PriceMove(
            days_left=59.9583,
            price_minor=5250,
            reason="3 % sold, 59 days left: places are selling fast",
        )
    ],
)
SET_SIMULATION_REQUEST = SetSimulationRequest(
    rules={"Stalls": RULE}, curve=Synthetic(seats=1220, days=60, demand=1.3)
)
SET_SIMULATION = SetSimulation(
    seats=1220,
    days=60.0,
    currency="EUR",
    rule=Total(revenue_minor=6_613_450, sold=1198, sell_through=0.981967),
    fixed=Total(revenue_minor=5_856_000, sold=1220, sell_through=1.0),
    points=[
        SetPoint(
            days_left=59.75,
            sold=61,
            revenue_minor=306_300,
            fixed_sold=64,
            fixed_revenue_minor=307_200,
        )
    ],
    categories=[CategorySimulation(category="Stalls", follows_rule=True, simulation=SIMULATION)],
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
        "The token is not valid or has expired; get a new one with POST /v1/auth/refresh if you "
        "have an account; renew a guest's with it at POST /v1/auth/guest."
    ),
    NotAuthenticated("The address or the password is wrong.", code="wrong-credentials"),
    NotAuthenticated(
        "This login has ended; log in again with POST /v1/auth/login.", code="session-ended"
    ),
    InvalidInput("Take at least 8 characters; a few words do well.", code="weak-password"),
    InvalidInput("We do not write in 'tlh'; choose one of en, de.", code="unknown-language"),
    InvalidInput(
        "Mails about what you bought cannot be switched off: they carry your tickets.",
        code="booking-mails-needed",
    ),
    Conflict(
        "This address belongs to another account already; log in to that one.",
        code="address-of-another",
    ),
    Conflict(
        "Your account has another address; change it with PATCH /v1/me first.",
        code="address-not-claimed",
    ),
    NotFound(
        "That link is not one of ours, or its time is over; register again, or name the address "
        "again with PATCH /v1/me, for a new one.",
        code="link-not-ours",
    ),
    Conflict(
        "This token has an account already; log in, or register without a token.",
        code="already-registered",
    ),
    NotAllowed(
        "Send your present password as `password`; the one sent is not it.", code="wrong-password"
    ),
    NotFound(
        "A guest has no password; make an account with POST /v1/auth/register.", code="no-account"
    ),
    PaymentDeclined(
        "The card was declined. Your seats are still held; try another card.",
        decline_code="card_declined",
        booking_id=BOOKING_ID,
        hold_id=HOLD_ID,
    ),
    NotAllowed("This is the organiser's; a buyer's token does not open it."),
    NotAllowed(
        "The organiser does not show how this event's prices came about. The prices in force are at "
        f"/v1/events/{EVENT_ID}/prices.",
        code="history-not-public",
    ),
    NotFound("There is nothing at /v1/event; the API is described at /schema."),
    NotFound(f"There is no event {EVENT_ID}.", code="event-not-found"),
    NotFound(
        f"There is no hold {HOLD_ID}; it may have ended some time ago. Choose the seats again.",
        code="hold-not-found",
    ),
    NotFound(f"There is no booking {BOOKING_ID}.", code="booking-not-found"),
    NotFound("That link is not one of ours.", code="link-not-found"),
    Gone(
        "That link has ended. Have new ones mailed to you with POST /v1/bookings/lookup.",
        code="link-ended",
    ),
    NotFound(f"There is no venue {VENUE_ID}.", code="venue-not-found"),
    NotFound(f"There is no place in line {ENTRY_ID}.", code="entry-not-found"),
    NotFound(f"There is no offer {OFFER_ID}.", code="offer-not-found"),
    Conflict(
        "What you want is on sale: Stalls, row F, seat 12; Stalls, row F, seat 13. "
        "Nobody has to wait for it.",
        code="still-on-sale",
        url=f"http://localhost:8000/events/{EVENT_ID}",
        seats=[117, 118],
    ),
    Conflict(
        "You are in this line already; change what you want, or leave and join again.",
        code="already-waiting",
        entry_id=ENTRY_ID,
    ),
    Conflict("Nobody can join this waitlist any more.", code="waitlist-closed"),
    Conflict(
        "There are never more than 6 such places. Change what you want.", code="wish-impossible"
    ),
    Conflict(
        "Only who waits can change what they want; this entry has an offer or has ended.",
        code="entry-ended",
    ),
    Conflict(
        "Only who waits can be moved to the head of the line; this entry is accepted.",
        code="entry-not-waiting",
    ),
    Conflict(
        "These seats are offered to you; accept the offer first "
        f"(POST /v1/offers/{OFFER_ID}/accept).",
        code="offer-not-accepted",
    ),
    Gone("The offer was not accepted in time.", code="offer-ended", offer_status="expired"),
    NotFound(f"There is no layout {LAYOUT_ID}.", code="layout-not-found"),
    NotFound(f"There is no mail {MAIL_ID}.", code="mail-not-found"),
    Conflict(
        "The mail is sent; only what is dead, unknown or skipped, and has an address, is sent again.",
        code="mail-not-resendable",
    ),
    NotFound(
        "There is no template birthday/en; GET /v1/mail-templates lists them.",
        code="template-not-found",
    ),
    InvalidInput(
        "The template cannot be used for welcome/en: html, line 2: Encountered unknown tag 'fi'.",
        code="template-broken",
        errors=[
            {
                "key": "html",
                "message": "Encountered unknown tag 'fi'.",
                "source": "body",
                "line": 2,
            }
        ],
    ),
    InvalidInput(
        "The template was stopped: it takes more than 2 s. Make it do less; see docs/notifications.md.",
        code="template-too-costly",
    ),
    Conflict(
        "There is no version before this one; activate one by its number.",
        code="nothing-to-roll-back",
    ),
    NotFound(f"There is no rule {RULE_ID} of this event.", code="pricing-rule-not-found"),
    NotFound(
        "The event has no category 7; they are numbered from 0 to 1.", code="category-not-found"
    ),
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
    Conflict(
        "The event has begun, so its bookings can no longer be cancelled here; ask the organiser.",
        code="event-begun",
    ),
    Conflict("A cancelled event stays cancelled.", code="event-cancelled"),
    Conflict("The event is draft; publish it first.", code="event-not-published"),
    Conflict("Somebody else changed the same price; read and repeat."),
    Conflict("There is one with this id already.", code="already-exists"),
    Conflict(
        "A retired rule stays retired; make a new version of it.", code="pricing-rule-retired"
    ),
    Conflict("Stalls follows no rule; send the one to try.", code="no-pricing-rule"),
    Conflict(
        "Nothing has been sold there that could be played again; try a synthetic curve.",
        code="nothing-recorded",
    ),
    Conflict(
        "The first request with this Idempotency-Key is still under way; retry shortly.",
        code="request-in-flight",
        retry_after=1,
    ),
    Conflict(
        "This was answered with status 201 under the same Idempotency-Key; the answer was too large "
        "to be kept. Read what came of it.",
        code="answer-not-kept",
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
        "The rest of the body did not come. Send the request again.", code="request-timeout"
    ),
    InvalidInput(
        "Send at most 100 headers, and 32768 bytes with the address.", code="headers-too-large"
    ),
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
    TooManyRequests(
        "You have used 200 Idempotency-Keys whose answers are still kept; nothing was done. Send this "
        "without a key, or later.",
        retry_after_s=1800,
        code="too-many-keys",
    ),
    TooManyRequests(
        "Too many connections from your network; keep them open, one carries many requests.",
        retry_after_s=5,
        code="too-many-connections",
    ),
    ProofNeeded(PROOF.challenge, bits=14, expires_at=datetime(2026, 4, 3, 18, 15, tzinfo=UTC)),
    FrontrowError("This is our mistake; it has been logged. Trying again may work."),
    Conflict(
        "You or somebody in your network has just let go of Stalls, Row 3, seat 7, and others are looking at "
        "it: it is theirs to take for 8 s. Choose other seats, or ask again then.",
        code="seat-resting",
        seats=[17],
        retry_after=8,
    ),
    Conflict(
        "More time is for a checkout that has begun: fill in the buyer's name and e-mail "
        "(`buyer`), or pay.",
        code="checkout-not-begun",
    ),
    TooManyRequests(
        "Your network holds 50 unpaid places of this event, and one network may hold 50 just now. Places "
        "come free as others beside you pay or give back; ask again in a moment.",
        code="network-limit",
        retry_after_s=3,
    ),
    TooManyRequests(
        "Many places that your network held were let go unpaid, so it waits a while before it holds more. "
        "Payments from your network make this shorter.",
        code="network-paused",
        retry_after_s=40,
    ),
    TooManyRequests(
        "Too many payments of yours were declined or are under way. Your seats stay held until their "
        "deadline; try again in a moment.",
        code="too-many-payments",
        retry_after_s=10,
    ),
    Unavailable(
        "So many are choosing just now that others were faster each time; try again.",
        code="too-contended",
        retry_after_s=1,
    ),
    Unavailable("Too many requests at the moment; try again shortly.", code="overloaded"),
    Unavailable("PostgreSQL is not reachable; try again shortly."),
    Unavailable("Redis is not reachable; try again shortly.", code="redis-unavailable"),
    Unavailable(
        "The catalogue (MongoDB) is not reachable; try again shortly.", code="catalog-unavailable"
    ),
    Unavailable("PostgreSQL went away under way; try again shortly.", code="outcome-unknown"),
    Unavailable(
        "The payment gateway does not answer at present; nothing was charged. Try again shortly.",
        code="payments-unavailable",
    ),
)
