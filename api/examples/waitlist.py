"""A place in the waitlist, and offers."""

from datetime import timedelta

import msgspec
from litestar.handlers import HTTPRouteHandler

from api.examples.evening import BOUGHT, BUYER, ENTRY_ID, EVENT_ID, OFFER_ID, SEATS, euros
from api.examples.shown import Shown
from api.waitlist import (
    EntryList,
    JoinRequest,
    accept_offer,
    decline_offer,
    join_waitlist,
    list_entries,
    patch_entry,
    read_entry,
    read_offer,
)
from engine.base.model import Hold
from engine.waitlist.model import (
    Contact,
    Entry,
    EntryStatus,
    Estimate,
    Offer,
    OfferStatus,
    Wanted,
    WantedPatch,
)

WANTED = Wanted(quantity=2, categories=["Stalls"], max_price=euros(60))
JOIN_REQUEST = JoinRequest(
    quantity=2, categories=["Stalls"], max_price=euros(60), contact=Contact(buyer=BUYER)
)
ENTRY = Entry(
    entry_id=ENTRY_ID,
    event_id=EVENT_ID,
    status=EntryStatus.WAITING,
    wanted=WANTED,
    tier="regular",
    rank=17,
    waiting=412,
    estimate=Estimate(
        low_s=3600,
        high_s=14_400,
        basis="12 places came back to the waitlist in the last hour; 30 are wanted ahead of you.",
    ),
    offer_window_s=900,
    contact=Contact(buyer=BUYER),
    joined_at=BOUGHT - timedelta(days=2),
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
    made_at=BOUGHT,
    expires_at=BOUGHT + timedelta(minutes=15),
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
    OFFER, status=OfferStatus.DECLINED, ended_at=BOUGHT + timedelta(minutes=1)
)
ACCEPTED_OFFER = Hold(
    hold_id=OFFER_ID,
    event_id=EVENT_ID,
    status="held",
    seats=SEATS,
    areas=[],
    total=euros(96),
    expires_at=BOUGHT + timedelta(minutes=6),
)
ENTRY_LIST = EntryList([ENTRY])
ENTRY_PATCH = WantedPatch(quantity=3, max_price=None)

SHOWN: dict[HTTPRouteHandler, Shown] = {
    join_waitlist: Shown(
        takes={"two in the stalls": JOIN_REQUEST},
        gives={201: {"entry": ENTRY}, 200: {"entry": ENTRY}},
    ),
    list_entries: Shown(gives={200: {"entries": ENTRY_LIST}}),
    read_entry: Shown(gives={200: {"waiting": ENTRY, "offered": OFFERED_ENTRY}}),
    patch_entry: Shown(takes={"three, at any price": ENTRY_PATCH}, gives={200: {"entry": ENTRY}}),
    read_offer: Shown(gives={200: {"offer": OFFER}}),
    accept_offer: Shown(gives={200: {"hold": ACCEPTED_OFFER}}),
    decline_offer: Shown(gives={200: {"declined": DECLINED_OFFER}}),
}
