"""Events."""

from datetime import timedelta

from litestar.handlers import HTTPRouteHandler

from api.calendar import CALENDAR, calendar_of, read_calendar
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
    list_events,
    read_availability,
    read_event,
    read_facets,
    read_layout,
    read_price_history,
    read_prices,
    read_seats,
)
from api.examples.evening import BOUGHT, CURTAIN, EVENT_ID, LAYOUT_ID, VENUE_ID, euros
from api.examples.shown import Shown
from engine.base.model import EventStatus
from engine.catalog.model import Event, Facet, Venue
from engine.layout import Layout
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
PRICES = [
    Price(
        0,
        "Stalls",
        euros(48),
        was=euros(44),
        reason="82 % sold, 48 days left: the last places cost more",
        changed_at=BOUGHT - timedelta(days=3),
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
    starts_at=CURTAIN,
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
    tagline="A comedy about everything that does not happen",
    image_url="https://img.example/seagull.jpg",
    language="en",
    categories=[],
    assignments=[],
    metadata={"age": "12+"},
    version=3,
)
EVENT_LIST = EventList(
    [
        EventItem(
            event_id=EVENT_ID,
            name=EVENT_PAGE.name,
            starts_at=CURTAIN,
            status=EventStatus.ON_SALE,
            category="theatre",
            venue=EVENT_PAGE.venue,
            prices_from=EVENT_PAGE.prices_from,
            availability=AVAILABILITY,
            tagline=EVENT_PAGE.tagline,
            image_url=EVENT_PAGE.image_url,
            language=EVENT_PAGE.language,
            metadata=EVENT_PAGE.metadata,
        )
    ],
    "WyIyMDI3LTA1LTAxVDE4OjAwOjAwWiIsIjAxOTY0YzYxIl0",
)
EVENT_FACETS = EventFacets([Facet("theatre", 14), Facet("concert", 9)], [Facet("Erfurt", 23)])
EVENT_STANDINGS = EventStandings(
    [EventStanding(EVENT_ID, EventStatus.ON_SALE, euros(22), AVAILABILITY)]
)
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
            changed_at=BOUGHT - timedelta(days=3),
        )
    ]
)

CALENDAR_FILE = calendar_of(
    Event(
        event_id=EVENT_ID,
        name=EVENT_PAGE.name,
        description="",
        category="theatre",
        starts_at=CURTAIN,
        status=EventStatus.ON_SALE,
        venue=Venue(venue_id=VENUE_ID, name="Schauspielhaus", city="Erfurt"),
        layout_id=LAYOUT_ID,
        currency="EUR",
        prices={},
        seat_count=1300,
        place_count=1380,
        buyer_limit=10,
        hold_ttl_s=300,
        metadata={},
        version=3,
    ),
    "http://localhost:8000",
    made_at=BOUGHT,
).decode()

SHOWN: dict[HTTPRouteHandler, Shown] = {
    list_events: Shown(gives={200: {"events": EVENT_LIST}}),
    read_facets: Shown(gives={200: {"facets": EVENT_FACETS}}),
    read_availability: Shown(gives={200: {"standings": EVENT_STANDINGS}}),
    read_event: Shown(gives={200: {"event": EVENT_PAGE}}),
    read_layout: Shown(gives={200: {"layout": LAYOUT}}),
    read_calendar: Shown(others={CALENDAR: {"calendar": CALENDAR_FILE}}),
    read_seats: Shown(gives={200: {"seats": SEAT_STATES}}),
    read_prices: Shown(gives={200: {"prices": PRICE_LIST}}),
    read_price_history: Shown(gives={200: {"history": PRICE_HISTORY}}),
}
