"""Invented facts, for previews of a template and for testing it before it is saved."""

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.base.model import (
    AreaItem,
    Booking,
    BookingStatus,
    Buyer,
    EventStatus,
    Money,
    SeatItem,
    Ticket,
)
from engine.catalog.model import Event, Venue
from engine.notifications import facts as made
from engine.notifications.model import TOPICS, Letter, MailKind, Picture
from engine.sales.qr import qr_png
from engine.waitlist.model import Contact, Entry, EntryStatus, Offer, OfferStatus, Wanted

_ID = "01920000-0000-7000-8000-00000000000{}"
_CODE = "5f2b9c1e-7a44-4d0b-9e35-1c8f60d2a7b{}"
_STARTS = datetime(2027, 5, 1, 18, 0, tzinfo=UTC)
_BUYER = Buyer("ada@example.com", "Ada Lovelace")
_EVENT = Event(
    event_id=_ID.format(1),
    name="The Tempest",
    description="",
    category="theatre",
    starts_at=_STARTS,
    status=EventStatus.ON_SALE,
    venue=Venue(
        venue_id=_ID.format(2), name="City Theatre", city="Berlin", timezone="Europe/Berlin"
    ),
    layout_id=_ID.format(3),
    currency="EUR",
    prices={"Stalls": 4800, "Standing": 2200},
    seat_count=400,
    place_count=450,
    buyer_limit=10,
    hold_ttl_s=300,
    metadata={},
    version=4,
)
_SEATS = [
    SeatItem(17, "Stalls, row F, seat 12", "Stalls", Money(4800, "EUR")),
    SeatItem(18, "Stalls, row F, seat 13", "Stalls", Money(4800, "EUR")),
]
_OF_NO_EVENT = (MailKind.WELCOME, MailKind.BOOKING_LINKS)
_FLOOR = [AreaItem(0, "Floor", "Standing", 2, Money(2200, "EUR"))]


def sample_letters(kind: MailKind, language: str, site: str) -> list[Letter]:
    """Letters of a kind in ``language``: one with all facts, and one with few."""
    return [_letter(kind, language, site, full=full) for full in (True, False)]


def _letter(kind: MailKind, language: str, site: str, *, full: bool) -> Letter:
    facts: dict[str, Any] = {
        "kind": kind.value,
        "language": language,
        "site": {"name": "Frontrow", "url": site},
        "person": {"name": _BUYER.name if full else "", "email": _BUYER.email},
        "event": made.event_facts(_EVENT, language, site) if kind not in _OF_NO_EVENT else None,
        "unsubscribe_url": f"{site}/mail/unsubscribe/sample" if kind in TOPICS else None,
        "link_url": _link_url(kind, site, full=full),
    }
    pictures: tuple[Picture, ...] = ()
    match kind:
        case MailKind.WELCOME:
            facts["verify_url"] = f"{site}/verify/sample"
        case MailKind.BOOKING_CONFIRMED:
            tickets = [_ticket(no) for no in range(4 if full else 1)]
            facts["booking"] = made.booking_facts(_booking(full=full), language)
            facts["tickets"] = [made.ticket_facts(t, no) for no, t in enumerate(tickets, 1)]
            facts["tickets_left"] = 3 if full else 0
            pictures = tuple(
                Picture(f"ticket-{no}", qr_png(t.code)) for no, t in enumerate(tickets, 1)
            )
        case MailKind.BOOKING_CANCELLED | MailKind.BOOKING_REFUNDED:
            facts["booking"] = made.booking_facts(_booking(full=full), language)
        case MailKind.BOOKING_LINKS:
            event = made.event_facts(_EVENT, language, site)
            booking = made.booking_facts(_booking(full=full), language)
            found = {**booking, "event": event, "url": f"{site}/b/sample"}
            facts["bookings"] = [found] * (3 if full else 1)
        case MailKind.WAITLIST_JOINED:
            facts["entry"] = made.entry_facts(_entry(full=full), language)
        case MailKind.OFFER_MADE | MailKind.OFFER_EXPIRING:
            facts["offer"] = made.offer_facts(_offer(full=full), _EVENT, language)
        case MailKind.EVENT_CHANGED:
            earlier = (_STARTS - timedelta(hours=1)).isoformat()
            changes = [
                {"what": "starts_at", "old": earlier, "new": _STARTS.isoformat()},
                {"what": "name", "old": "The Tempset", "new": _EVENT.name},
                {"what": "venue", "old": "Old Theatre, Berlin", "new": "City Theatre, Berlin"},
            ]
            facts["changes"] = made.change_facts(changes if full else changes[:1], _EVENT, language)
    return Letter(facts=facts, pictures=pictures)


def _link_url(kind: MailKind, site: str, *, full: bool) -> str | None:
    if kind == MailKind.BOOKING_LINKS:
        return f"{site}/tickets"
    # A mail about an event may reach a person who has neither tickets nor an entry any more.
    if kind == MailKind.WELCOME or (
        kind in (MailKind.EVENT_CHANGED, MailKind.EVENT_CANCELLED) and not full
    ):
        return None
    waits = kind in (MailKind.WAITLIST_JOINED, MailKind.OFFER_MADE, MailKind.OFFER_EXPIRING)
    return f"{site}/{'w' if waits else 'b'}/sample"


def _booking(*, full: bool) -> Booking:
    return Booking(
        booking_id=_ID.format(4),
        reference="7K2M9Q4TXV",
        event_id=_EVENT.event_id,
        hold_id=_ID.format(5),
        status=BookingStatus.CONFIRMED,
        seats=_SEATS if full else _SEATS[:1],
        areas=_FLOOR if full else [],
        total=Money(14_000 if full else 4800, "EUR"),
        buyer=_BUYER,
        version=2,
        created_at=_STARTS - timedelta(days=40),
    )


def _ticket(no: int) -> Ticket:
    seat = _SEATS[no] if no < len(_SEATS) else None
    return Ticket(
        ticket_id=_ID.format(6),
        booking_id=_ID.format(4),
        event_id=_EVENT.event_id,
        label=seat.label if seat else "Floor",
        category=seat.category if seat else "Standing",
        seat_no=seat.seat_no if seat else None,
        area_no=None if seat else 0,
        code=_CODE.format(no),
        status="valid",
    )


def _entry(*, full: bool) -> Entry:
    return Entry(
        entry_id=_ID.format(7),
        event_id=_EVENT.event_id,
        status=EntryStatus.WAITING,
        wanted=Wanted(
            quantity=2 if full else 1,
            categories=["Stalls"] if full else [],
            sections=["Stalls", "Circle"] if full else [],
            max_price=Money(5000, "EUR") if full else None,
        ),
        tier="regular",
        rank=12 if full else None,
        waiting=240 if full else 0,
        estimate=None,
        offer_window_s=900,
        contact=Contact(buyer=_BUYER),
        joined_at=_STARTS - timedelta(days=40),
        version=1,
    )


def _offer(*, full: bool) -> Offer:
    return Offer(
        offer_id=_ID.format(8),
        entry_id=_ID.format(7),
        event_id=_EVENT.event_id,
        status=OfferStatus.OPEN,
        seats=_SEATS if full else [],
        areas=[] if full else [AreaItem(0, "Floor", "Standing", 1, Money(2200, "EUR"))],
        total=Money(9600 if full else 2200, "EUR"),
        made_at=_STARTS - timedelta(days=30),
        expires_at=_STARTS - timedelta(days=30) + timedelta(minutes=15),
    )
