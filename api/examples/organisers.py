"""Events, people, and the waitlist from the organiser's side."""

from datetime import timedelta

import msgspec
from litestar.handlers import HTTPRouteHandler

from api.drafts import EventPreview, PreviewWish, preview_event
from api.examples.access import PERSON
from api.examples.evening import (
    BOUGHT,
    BUYER,
    CURTAIN,
    ENTRY_ID,
    EVENT_ID,
    PERSON_ID,
    VENUE_ID,
)
from api.examples.events import EVENT_PAGE
from api.examples.shown import Shown
from api.examples.waitlist import ENTRY, OFFER, WANTED
from api.organiser import (
    SeatSelection,
    block_seats,
    cancel_event,
    create_event,
    patch_event,
    pause_event,
    publish_event,
    resume_event,
    unblock_seats,
)
from api.people import PersonList, TierBody, find_people, set_tier
from api.spreadsheets import CSV
from api.waitlist import (
    Because,
    LineEntryList,
    LineTerms,
    OfferList,
    SkipList,
    dismiss_waitlist,
    export_waitlist,
    list_offers,
    list_skips,
    list_waitlist_entries,
    patch_waitlist,
    promote_entry,
    read_waitlist,
    withdraw_offer,
)
from engine.catalog.assigning import Assignment, EventCategory
from engine.catalog.model import EventDraft, EventPatch
from engine.events.blocking import Blocking, RefusedSeat
from engine.waitlist.model import (
    PROMOTED,
    EntryStatus,
    LineEntry,
    LineSummary,
    OfferStatus,
    Skip,
    Wanted,
)

PERSON_LIST = PersonList([PERSON])
TIER = TierBody("vip")
VIP = msgspec.structs.replace(PERSON, tier="vip", version=3)
EVENT_DRAFT = EventDraft(
    name="The Seagull",
    venue_id=VENUE_ID,
    starts_at=CURTAIN,
    currency="EUR",
    prices={"Stalls": 4800, "Standing": 2200},
    description=EVENT_PAGE.description,
    category="theatre",
    tagline=EVENT_PAGE.tagline,
    image_url=EVENT_PAGE.image_url,
    language=EVENT_PAGE.language,
    metadata={"age": "12+"},
)
EVENT_PATCH = EventPatch(prices={"Stalls": 5200})
OWN_CATEGORIES = EventPatch(
    categories=[
        EventCategory(name="Premium", color="#d55e00"),
        EventCategory(name="Regular", color="#0072b2"),
    ],
    assignments=[
        Assignment(category="Regular", section="Stalls"),
        Assignment(category="Premium", section="Stalls", row="A"),
        Assignment(category="Regular", area="Floor"),
    ],
    prices={"Premium": 7500, "Regular": 4200},
)
WITHDRAWN_OFFER = msgspec.structs.replace(
    OFFER,
    status=OfferStatus.WITHDRAWN,
    ended_at=BOUGHT + timedelta(minutes=1),
    reason="The row has to make room for a camera.",
)
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
    wanted=WANTED,
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
            at=BOUGHT,
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
SEAT_SELECTION = SeatSelection(
    seats=[117, 118, 119], areas={"0": 20}, reason="A camera stands there."
)
BLOCKING = Blocking(EVENT_ID, [117, 118], [RefusedSeat(119, "sold")], {"0": 20})
UNBLOCKING = Blocking(EVENT_ID, [117, 118], [RefusedSeat(119, "not-blocked")], {"0": 20})

_SIGNED = "AZZMYT1AekgAt8hdHi86S1wAabLw0BBiUH3eHdPbVnG1yQk3Jw"
PREVIEW = EventPreview(
    url=f"http://localhost:8000/events/{EVENT_ID}/preview#{_SIGNED}",
    token=_SIGNED,
    expires_at=BOUGHT + timedelta(hours=1),
)

SHOWN: dict[HTTPRouteHandler, Shown] = {
    preview_event: Shown(
        takes={"half an hour": PreviewWish(ttl_s=1800)}, gives={201: {"preview": PREVIEW}}
    ),
    read_waitlist: Shown(gives={200: {"line": LINE}}),
    patch_waitlist: Shown(takes={"closed": LINE_TERMS}, gives={200: {"line": LINE}}),
    list_waitlist_entries: Shown(gives={200: {"line": LINE_ENTRY_LIST}}),
    list_offers: Shown(gives={200: {"offers": OFFER_LIST}}),
    list_skips: Shown(gives={200: {"skips": SKIP_LIST}}),
    export_waitlist: Shown(others={CSV: {"table": LINE_CSV}}),
    promote_entry: Shown(
        takes={"reason": BECAUSE_PROMOTED}, gives={200: {"promoted": PROMOTED_ENTRY}}
    ),
    dismiss_waitlist: Shown(
        takes={"reason": BECAUSE_DISMISSED}, gives={200: {"line": DISMISSED_LINE}}
    ),
    withdraw_offer: Shown(
        takes={"reason": BECAUSE_WITHDRAWN}, gives={200: {"withdrawn": WITHDRAWN_OFFER}}
    ),
    create_event: Shown(takes={"event": EVENT_DRAFT}, gives={201: {"event": EVENT_PAGE}}),
    patch_event: Shown(
        takes={"new price": EVENT_PATCH, "own categories of a draft": OWN_CATEGORIES},
        gives={200: {"event": EVENT_PAGE}},
    ),
    publish_event: Shown(gives={200: {"event": EVENT_PAGE}}),
    pause_event: Shown(gives={200: {"event": EVENT_PAGE}}),
    resume_event: Shown(gives={200: {"event": EVENT_PAGE}}),
    cancel_event: Shown(gives={200: {"event": EVENT_PAGE}}),
    block_seats: Shown(takes={"block": SEAT_SELECTION}, gives={200: {"block": BLOCKING}}),
    unblock_seats: Shown(takes={"unblock": SEAT_SELECTION}, gives={200: {"unblock": UNBLOCKING}}),
    find_people: Shown(gives={200: {"people": PERSON_LIST}}),
    set_tier: Shown(takes={"tier": TIER}, gives={200: {"person": VIP}}),
}
