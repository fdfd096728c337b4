"""The facts of a mail, read when it is written, so that they are true when it is sent.

The facts are plain values by name, with times and amounts already formatted in the reader's language:
a template arranges them and computes nothing. ``docs/notifications.md`` lists them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, structs

from engine.base import zones
from engine.base.config import Settings
from engine.base.model import AreaItem, Booking, BookingStatus, EventStatus, Money, SeatItem, Ticket
from engine.catalog.catalog import Catalog
from engine.catalog.model import Event, Venue
from engine.notifications import formatting
from engine.notifications.announcing import OLD_TIMEZONE
from engine.notifications.model import NO_EVENT, TOPICS, Letter, MailKind, Picture
from engine.notifications.unsubscribe import Unsubscribe
from engine.people.links import Links
from engine.people.verification import Verification
from engine.sales.qr import qr_png
from engine.sales.reading import BookingReader
from engine.sales.tickets import Tickets
from engine.stores.postgres import Postgres
from engine.waitlist.model import Entry, EntryStatus, Offer, OfferStatus

#: The most tickets whose codes are in the mail itself; the others of a larger booking are on the page.
TICKETS_SHOWN_MAX = 40


class Overtaken(Exception):
    """The mail is no longer needed. ``reason`` is kept with it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Due(Struct, frozen=True, kw_only=True):
    """A due mail, as the queue has it."""

    event_id: str
    notification_id: str
    kind: MailKind
    cause: str
    person_id: str
    email: str
    name: str
    language: str | None
    facts: dict[str, Any]
    attempts: int
    deferrals: int
    queued_at: datetime
    #: It is counted in its address's daily limit already (``engine.notifications.allowance``).
    counted: bool


class FactReader:
    """Reads the facts for each kind of mail."""

    def __init__(
        self,
        *,
        postgres: Postgres,
        catalog: Catalog,
        reading: BookingReader,
        tickets: Tickets,
        read_entry: Callable[[str], Awaitable[Entry]],
        read_offer: Callable[[str], Awaitable[Offer]],
        links: Links,
        unsubscribe: Unsubscribe,
        verification: Verification,
        settings: Settings,
    ) -> None:
        self._pg = postgres
        self._catalog = catalog
        self._reading = reading
        self._tickets = tickets
        self._read_entry = read_entry
        self._read_offer = read_offer
        self._links = links
        self._unsubscribe = unsubscribe
        self._verification = verification
        self._site = settings.public_url.rstrip("/")
        self._language = settings.mail_language

    async def event(self, due: Due) -> Event | None:
        """The event that a mail is about; None for other mails. Raises Unavailable."""
        return None if due.event_id == NO_EVENT else await self._catalog.event(due.event_id)

    def languages(self, due: Due, event: Event | None) -> list[str]:
        """The languages in which to look for a template, the best first."""
        wanted = due.language or (event.language if event else None)
        chain = [wanted, wanted and formatting.base_language(wanted), self._language, "en"]
        return list(dict.fromkeys(language for language in chain if language))

    async def check_wanted(self, due: Due) -> None:
        """Raises Overtaken when the person has switched such mails off."""
        topics = TOPICS.get(due.kind, ())
        row = await self._pg.fetchrow("notifications.person", due.person_id) if topics else None
        chosen = row["preferences"].get("email", {}) if row else {}
        if any(chosen.get(topic) is False for topic in topics):
            raise Overtaken("switched-off")

    async def check_needed(self, due: Due) -> None:
        """Raises Overtaken when ``letter`` would, or the person has switched such mails off. Not for
        announcements to everybody.

        Raises NotFound when the mail's subject does not exist, Unavailable.
        """
        await self.check_wanted(due)
        match due.kind:
            case MailKind.BOOKING_CONFIRMED:
                await self._booking_of(due)
            case MailKind.BOOKING_LINKS:
                await self._found_for(due)
            case MailKind.WAITLIST_JOINED:
                await self._entry_of(due)
            case MailKind.OFFER_MADE | MailKind.OFFER_EXPIRING:
                await self._offer_of(due)

    async def letter(self, due: Due, event: Event | None, language: str) -> Letter:
        """The facts of a mail in ``language``.

        Raises Overtaken when the mail is no longer needed, NotFound when its subject does not exist,
        Unavailable.
        """
        topics = TOPICS.get(due.kind, ())
        facts: dict[str, Any] = {
            "kind": due.kind.value,
            "language": language,
            "site": {"name": "Frontrow", "url": self._site},
            "person": {"name": due.name, "email": due.email},
            "event": event and event_facts(event, language, self._site),
            "unsubscribe_url": self._unsubscribe.url(due.person_id, topics[0]) if topics else None,
            "link_url": None,
        }
        pictures: tuple[Picture, ...] = ()
        match due.kind:
            case MailKind.WELCOME:
                facts["verify_url"] = self._verification.url(due.person_id, due.email)
            case (
                MailKind.BOOKING_CONFIRMED | MailKind.BOOKING_CANCELLED | MailKind.BOOKING_REFUNDED
            ):
                more, pictures = await self._booking(due, language)
                facts |= more
            case MailKind.BOOKING_LINKS:
                facts |= await self._found(due, language)
            case MailKind.WAITLIST_JOINED:
                facts |= await self._entry(due, language)
            case MailKind.OFFER_MADE | MailKind.OFFER_EXPIRING:
                assert event is not None
                facts |= await self._offer(due, event, language)
            case MailKind.EVENT_CHANGED:
                assert event is not None
                if event.status == EventStatus.CANCELLED:
                    raise Overtaken("event-cancelled")
                facts["changes"] = change_facts(
                    due.facts["changes"], event, language, due.facts.get(OLD_TIMEZONE)
                )
                facts["link_url"] = await self._link_to_event(due)
            case MailKind.EVENT_CANCELLED:
                facts["link_url"] = await self._link_to_event(due)
        return Letter(facts=facts, pictures=pictures)

    async def _booking(self, due: Due, language: str) -> tuple[dict[str, Any], tuple[Picture, ...]]:
        booking = await self._booking_of(due)
        facts: dict[str, Any] = {
            "booking": booking_facts(booking, language),
            "link_url": await self._links.url("booking", booking.booking_id, due.email),
        }
        if due.kind != MailKind.BOOKING_CONFIRMED:
            return facts, ()
        tickets = await self._tickets.of_booking(booking.booking_id)
        shown = tickets[:TICKETS_SHOWN_MAX]
        facts["tickets"] = [ticket_facts(ticket, no) for no, ticket in enumerate(shown, 1)]
        facts["tickets_left"] = len(tickets) - len(shown)
        drawings = await asyncio.to_thread(lambda: [qr_png(ticket.code) for ticket in shown])
        return facts, tuple(Picture(f"ticket-{no}", png) for no, png in enumerate(drawings, 1))

    async def _booking_of(self, due: Due) -> Booking:
        booking = await self._reading.read(due.facts["booking_id"])
        if due.kind == MailKind.BOOKING_CONFIRMED and booking.status != BookingStatus.CONFIRMED:
            # Its tickets are void; a cancellation mail follows.
            raise Overtaken("booking-cancelled")
        return booking

    async def _found(self, due: Due, language: str) -> dict[str, Any]:
        found = await self._found_for(due)
        return {
            "bookings": [
                {
                    **booking_facts(await self._reading.read(booking_id), language),
                    "event": event_facts(event, language, self._site),
                    "url": await self._links.url("booking", booking_id, due.email),
                }
                for booking_id, event in found
            ],
            "link_url": f"{self._site}/tickets",
        }

    async def _found_for(self, due: Due) -> Sequence[tuple[str, Event]]:
        found = await self._links.of_address(due.email)
        if not found:
            raise Overtaken("nothing-found")
        return found

    async def _link_to_event(self, due: Due) -> str | None:
        return await self._links.url_of_event(due.event_id, due.person_id, due.email)

    async def _entry(self, due: Due, language: str) -> dict[str, Any]:
        entry = await self._entry_of(due)
        link_url = await self._links.url("entry", entry.entry_id, due.email)
        return {"entry": entry_facts(entry, language), "link_url": link_url}

    async def _entry_of(self, due: Due) -> Entry:
        entry = await self._read_entry(due.facts["entry_id"])
        if entry.status not in (EntryStatus.WAITING, EntryStatus.OFFERED):
            raise Overtaken(f"entry-{entry.status}")
        return entry

    async def _offer(self, due: Due, event: Event, language: str) -> dict[str, Any]:
        offer = await self._offer_of(due)
        link_url = await self._links.url("entry", offer.entry_id, due.email)
        return {"offer": offer_facts(offer, event, language), "link_url": link_url}

    async def _offer_of(self, due: Due) -> Offer:
        offer = await self._read_offer(due.facts["offer_id"])
        if offer.status != OfferStatus.OPEN:
            raise Overtaken(f"offer-{offer.status}")
        return offer


def _on_venues_clock(moment: datetime, venue: Venue) -> tuple[datetime, bool]:
    """A start as the venue's clock shows it, and whether the zone must be written beside it."""
    local = moment.astimezone(zones.zone(venue.timezone))
    return local, zones.must_be_named(local, venue.timezone, venue.city)


def event_facts(event: Event, language: str, site: str) -> dict[str, Any]:
    starts_at, with_zone = _on_venues_clock(event.starts_at, event.venue)
    return {
        "event_id": event.event_id,
        "name": event.name,
        "date": formatting.day(starts_at, language),
        "time": formatting.clock(starts_at, language, with_zone=with_zone),
        "starts_at": event.starts_at.isoformat(),
        "venue": event.venue.name,
        "city": event.venue.city,
        "url": f"{site}/events/{event.event_id}",
        "is_cancelled": event.status == EventStatus.CANCELLED,
    }


def line_facts(
    seats: Sequence[SeatItem], areas: Sequence[AreaItem], language: str
) -> list[dict[str, Any]]:
    """The bought or offered seats and areas, one line each."""
    lines = [(seat.label, seat.category, 1, seat.price) for seat in seats]
    lines += [(area.label, area.category, area.quantity, area.price) for area in areas]
    return [
        {
            "label": label,
            "category": category,
            "quantity": quantity,
            "price": formatting.money(price, language),
            "total": formatting.money(Money(price.amount * quantity, price.currency), language),
        }
        for label, category, quantity, price in lines
    ]


def booking_facts(booking: Booking, language: str) -> dict[str, Any]:
    return {
        "booking_id": booking.booking_id,
        "reference": booking.reference,
        "lines": line_facts(booking.seats, booking.areas, language),
        "places": len(booking.seats) + sum(area.quantity for area in booking.areas),
        "total": formatting.money(booking.total, language),
        "is_free": booking.total.amount == 0,
        "was_late": booking.status == BookingStatus.EXPIRED,
    }


def ticket_facts(ticket: Ticket, no: int) -> dict[str, Any]:
    return {
        "label": ticket.label,
        "category": ticket.category,
        "code": ticket.code,
        "picture": f"cid:ticket-{no}",
    }


def entry_facts(entry: Entry, language: str) -> dict[str, Any]:
    wanted = entry.wanted
    top = wanted.max_price
    return {
        "quantity": wanted.quantity,
        "together": wanted.together and wanted.quantity > 1,
        "categories": list(wanted.categories),
        "sections": list(wanted.sections),
        "max_price": formatting.money(top, language) if isinstance(top, Money) else None,
        "rank": entry.rank,
        "waiting": entry.waiting,
    }


def offer_facts(offer: Offer, event: Event, language: str) -> dict[str, Any]:
    until = offer.expires_at.astimezone(zones.zone(event.venue.timezone))
    return {
        "offer_id": offer.offer_id,
        "lines": line_facts(offer.seats, offer.areas, language),
        "places": len(offer.seats) + sum(area.quantity for area in offer.areas),
        "total": formatting.money(offer.total, language),
        "until_date": formatting.day(until, language),
        "until_time": formatting.clock(until, language, with_zone=True),
    }


def change_facts(
    changes: Sequence[dict[str, str]],
    event: Event,
    language: str,
    old_timezone: str | None = None,
) -> list[dict[str, str]]:
    """The edited fields, before and after; ``what`` is ``name``, ``venue`` or ``starts_at``.

    ``old_timezone``: in which the old start was told; by default the venue's present one.
    """
    old_venue = structs.replace(event.venue, timezone=old_timezone or event.venue.timezone)

    def written(change: dict[str, str], which: str, venue: Venue) -> str:
        if change["what"] != "starts_at":
            return change[which]
        moment, with_zone = _on_venues_clock(datetime.fromisoformat(change[which]), venue)
        return formatting.day_and_clock(moment, language, with_zone=with_zone)

    return [
        {
            "what": change["what"],
            "old": written(change, "old", old_venue),
            "new": written(change, "new", event.venue),
        }
        for change in changes
    ]
