"""Pages that the server renders: the ones that mailed links open. They need no script.

Values are escaped automatically, because buyers and organisers choose the names.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import jinja2
from litestar import MediaType, Response

from engine.base.model import Booking, BookingStatus, EventStatus, Money, Ticket
from engine.catalog.model import Event
from engine.notifications import formatting
from engine.notifications.facts import booking_facts, entry_facts, event_facts, offer_facts
from engine.waitlist.model import Entry, EntryStatus, OfferStatus

#: The pages speak English, as all of ours do.
_LANGUAGE: Final = "en"
PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    # The same address answers JSON to programs.
    "Vary": "Accept",
}
_PAGES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("page_texts")),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STANDINGS: Final = {
    BookingStatus.CONFIRMED: ("Confirmed", "good", ""),
    BookingStatus.CANCELLED: (
        "Cancelled",
        "bad",
        "It was cancelled; its tickets are no longer valid.",
    ),
    BookingStatus.PENDING: ("Waiting for your bank", "ground", "It is not paid yet."),
    BookingStatus.DECLINED: ("Not paid", "bad", "The payment was declined."),
    BookingStatus.EXPIRED: ("Not paid", "bad", "The payment was not completed in time."),
}
_PLACES: Final = {
    EntryStatus.WAITING: "When places that fit come back, we keep them for you and write at once.",
    EntryStatus.OFFERED: "The time to accept is over; the places go to the next person in line.",
    EntryStatus.ACCEPTED: (
        "The offer was accepted. If it is not paid for yet, you can go on with it on this device; your "
        "tickets come by mail."
    ),
    EntryStatus.DECLINED: "You declined the offer, and your place in line has ended with it.",
    EntryStatus.LAPSED: (
        "The offer was not accepted in time, so it went to the next person in line, and your place has "
        "ended. You can join again, at the end."
    ),
    EntryStatus.LEFT: "You have left the waitlist. You can join again, at the end.",
    EntryStatus.DISMISSED: "The organiser has ended the waitlist.",
}


def _page(name: str, status: int = 200, **facts: Any) -> Response[str]:
    return Response(
        _PAGES.get_template(name).render(facts),
        status_code=status,
        headers=PAGE_HEADERS,
        media_type=MediaType.HTML,
    )


def booking_page(event: Event, booking: Booking, tickets: list[Ticket], path: str) -> Response[str]:
    """A booking with its tickets (their QR codes drawn), to show, print and cancel."""
    badge, mood, said = _STANDINGS[booking.status]
    if booking.refunded is not None:
        said = f"{said} {formatting.money(booking.refunded, _LANGUAGE)} were refunded.".strip()
    action = booking.next_action
    confirmed = booking.status == BookingStatus.CONFIRMED
    return _page(
        "booking.html",
        event=event_facts(event, _LANGUAGE, ""),
        booking=booking_facts(booking, _LANGUAGE),
        buyer=booking.buyer.name,
        badge="Event cancelled" if event.status == EventStatus.CANCELLED else badge,
        mood="bad" if event.status == EventStatus.CANCELLED else mood,
        words=said,
        tickets=[_ticket(ticket) for ticket in tickets],
        is_valid=confirmed,
        can_cancel=confirmed and event.starts_at > datetime.now(UTC),
        continue_url=action.url if action and action.type == "redirect" else None,
        path=path,
    )


def _ticket(ticket: Ticket) -> dict[str, str]:
    return {
        "label": ticket.label,
        "category": ticket.category,
        "code": ticket.code,
        "status": ticket.status,
        "picture": _picture(ticket.qr_svg or ""),
    }


def _picture(svg: str) -> str:
    """A data URL of a drawing. An SVG outside of HTML must name its namespace."""
    standalone = svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return "data:image/svg+xml," + quote(standalone)


def place_page(event: Event, entry: Entry, path: str) -> Response[str]:
    """A place in line with its offer, to accept, decline and leave."""
    offer = entry.offer
    is_open = (
        offer is not None
        and entry.status == EntryStatus.OFFERED
        and offer.status == OfferStatus.OPEN
        and offer.expires_at > datetime.now(UTC)
    )
    waits = entry.status in (EntryStatus.WAITING, EntryStatus.OFFERED)
    in_line = f"Number {entry.rank} of {entry.waiting} in line" if entry.rank else "In line"
    badge, mood = (in_line, "ground") if waits else ("Not in line", "ground")
    if is_open:
        badge, mood = "Seats for you", "good"
    elif entry.status == EntryStatus.ACCEPTED:
        badge, mood = "Accepted", "good"
    return _page(
        "place.html",
        event=event_facts(event, _LANGUAGE, ""),
        offer=offer_facts(offer, event, _LANGUAGE) if offer and is_open else None,
        is_accepted=entry.status == EntryStatus.ACCEPTED,
        waits=waits,
        wish=_wish(entry),
        words=_PLACES[entry.status],
        badge=badge,
        mood=mood,
        path=path,
    )


def _wish(entry: Entry) -> str:
    wanted = entry_facts(entry, _LANGUAGE)
    said = f"{wanted['quantity']} {'place' if wanted['quantity'] == 1 else 'places'}"
    if wanted["together"]:
        said += " side by side"
    for names, joint in ((wanted["categories"], ", "), (wanted["sections"], ", in ")):
        if names:
            said += joint + " or ".join(names)
    if isinstance(entry.wanted.max_price, Money):
        said += f", up to {wanted['max_price']} each"
    return said + "."


def words_page(
    title: str,
    said: str,
    back: str = "",
    *,
    status: int,
    headers: dict[str, str] | None = None,
) -> Response[str]:
    """A page that says one thing. Without a way back it asks for an address to mail links to."""
    page = _page("words.html", status, title=title, words=said, back=back, asks_address=not back)
    page.headers.update(headers or {})
    return page
