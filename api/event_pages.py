"""The page of one event, with what programs read in its head: a title, what a shared link shows (Open Graph),
the event and its offers for search engines (schema.org), and its one address; and ``robots.txt``,
``sitemap.xml`` and the icon that browsers ask for by a fixed name.

The head is filled at the server, because most programs that read it run no scripts. Everything in it was
written by people, so it is escaped, for HTML or for JSON inside HTML. Without the stores the page is sent as
it is in its file: it says by itself what it can.
"""

import html
import json
import re
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, route
from litestar.params import FromPath

from api.conventions import runtime_of
from api.events import EventPage, event_page
from api.static import METHODS, PAGE_HEADERS, made_page, page_file, respond, web_file
from engine.base.caching import SingleFlight
from engine.base.currencies import minor_digits
from engine.base.errors import NotFound, Unavailable
from engine.base.model import EventStatus, Money
from engine.base.zones import zone
from engine.catalog.model import Event, EventFilter
from engine.runtime import Runtime

#: An edit, a price or the last place shows in new heads after this long.
_FRESH_S: Final = 5.0
_SITEMAP_FRESH_S: Final = 600.0
#: The protocol's own limit is 50,000 addresses.
_SITEMAP_EVENTS_MAX: Final = 5_000
#: What programs show of a description.
_DESCRIPTION_MAX: Final = 300
_HIDDEN: Final = (EventStatus.DRAFT, EventStatus.PUBLISHING)
_PICTURE: Final = re.compile(r"(https?:/)?/[^\s\"'<>]+")
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *["Jan", "Feb", "Mar", "Apr", "May", "Jun"],
    *["Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
)

_heads: Final[SingleFlight[str, str]] = SingleFlight(500, fresh_s=_FRESH_S)
_sitemaps: Final[SingleFlight[str, bytes]] = SingleFlight(4, fresh_s=_SITEMAP_FRESH_S)


def head_of(event: Event, page: EventPage, site: str) -> str:
    """What the head of an event's page says beside its own title: ``<title>``, ``<meta>``, JSON-LD.

    ``site``: the address at which buyers reach this service, without a slash at its end.
    """
    url = f"{site}/events/{event.event_id}"
    title = title_of(event)
    words = _description(event)
    picture = _picture(event, site)
    metas = {
        "og:type": "website",
        "og:site_name": "Frontrow",
        "og:title": title,
        "og:description": words,
        "og:url": url,
        "og:image": picture,
        "twitter:card": "summary_large_image" if picture else "summary",
    }
    lines = [
        f"<title>{html.escape(title)}</title>",
        f'<link rel="canonical" href="{html.escape(url)}">',
        f'<meta name="description" content="{html.escape(words)}">',
        *(
            f'<meta property="{name}" content="{html.escape(content)}">'
            for name, content in metas.items()
            if content
        ),
        f'<script type="application/ld+json">{_in_html(_structured(event, page, url, picture))}</script>',
    ]
    return "\n".join(lines)


def title_of(event: Event) -> str:
    """Name, date and venue: ``Hamlet · Thu, 10 Dec 2026 · The Globe``."""
    at = _local(event)
    day = f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year}"
    return " · ".join(part for part in (event.name, day, event.venue.name) if part)


def _local(event: Event) -> datetime:
    """The start in the venue's own time; in UTC where it has no zone."""
    return event.starts_at.astimezone(zone(event.venue.timezone))


def _field(event: Event, name: str) -> str:
    """A text of the event, as a field or among its metadata."""
    value = getattr(event, name, None) or event.metadata.get(name)
    return value if isinstance(value, str) else ""


def _description(event: Event) -> str:
    text = " ".join((_field(event, "tagline") or event.description).split())
    if not text:
        place = ", ".join(part for part in (event.venue.name, event.venue.city) if part)
        text = f"Choose your own seats on the live map: {event.name}, {place}."
    if len(text) <= _DESCRIPTION_MAX:
        return text
    return text[: _DESCRIPTION_MAX - 1].rsplit(" ", 1)[0] + "…"


def _picture(event: Event, site: str) -> str:
    """An absolute address, or nothing."""
    address = _field(event, "image_url")
    if not _PICTURE.fullmatch(address) or address.startswith("//"):
        return ""
    return f"{site}{address}" if address.startswith("/") else address


def _structured(event: Event, page: EventPage, url: str, picture: str) -> dict[str, Any]:
    """The event in the words of https://schema.org/Event."""
    cancelled = event.status == EventStatus.CANCELLED
    venue = event.venue
    location: dict[str, Any] = {"@type": "Place", "name": venue.name}
    if venue.city:
        location["address"] = {"@type": "PostalAddress", "addressLocality": venue.city}
    if venue.latitude is not None and venue.longitude is not None:
        coordinates = {"latitude": venue.latitude, "longitude": venue.longitude}
        location["geo"] = {"@type": "GeoCoordinates", **coordinates}
    shown: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Event",
        "name": event.name,
        "url": url,
        "description": _description(event),
        "startDate": _local(event).isoformat(timespec="seconds"),
        "eventStatus": f"https://schema.org/Event{'Cancelled' if cancelled else 'Scheduled'}",
        "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
        "location": location,
    }
    ends_at = getattr(event, "ends_at", None)
    if isinstance(ends_at, datetime):
        shown["endDate"] = ends_at.astimezone(_local(event).tzinfo).isoformat(timespec="seconds")
    if picture:
        shown["image"] = [picture]
    if language := _field(event, "language"):
        shown["inLanguage"] = language
    availability = _availability(event, page)
    shown["offers"] = [
        {
            "@type": "Offer",
            "name": price.category,
            "url": url,
            "price": decimal(price.price),
            "priceCurrency": price.price.currency,
            **({"availability": f"https://schema.org/{availability}"} if availability else {}),
        }
        for price in page.prices
    ]
    return shown


def _availability(event: Event, page: EventPage) -> str:
    if event.status == EventStatus.ON_SALE:
        left = page.availability.available
        return "" if left is None else "InStock" if left else "SoldOut"
    return "OutOfStock" if event.status == EventStatus.PAUSED else "Discontinued"


def decimal(money: Money) -> str:
    """An amount as schema.org wants it: ``48.00``, ``500`` yen, ``1.250`` dinars."""
    digits = minor_digits(money.currency)
    if digits == 0:
        return str(money.amount)
    whole, rest = divmod(money.amount, 10**digits)
    return f"{whole}.{rest:0{digits}}"


def _in_html(value: dict[str, Any]) -> str:
    """JSON that cannot end the script element it stands in, and that every reader of scripts accepts."""
    text = json.dumps(value)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


async def _load_head(runtime: Runtime, event_id: str) -> str:
    event = await runtime.catalog.event(event_id)
    if event.status in _HIDDEN:
        raise NotFound(f"There is no event {event_id}.", code="event-not-found")
    page = await event_page(runtime, event)
    return head_of(event, page, runtime.settings.public_url.rstrip("/"))


@route("/events/{event_id:uuid}", http_method=METHODS, include_in_schema=False)
async def event_site(request: Request[Any, Any, Any], event_id: FromPath[UUID]) -> Response[bytes]:
    runtime, name = runtime_of(request), str(event_id)
    plain = await page_file("event.html")
    try:
        head = await _heads.get(name, lambda: _load_head(runtime, name))
    except NotFound:
        # The page itself says so: with the organiser's key it may show a draft.
        return await respond(request, plain, PAGE_HEADERS, status=404)
    except Unavailable:
        return await respond(request, plain, PAGE_HEADERS)
    text = plain.plain.decode().replace("<title>Frontrow</title>", head, 1)
    return await respond(request, made_page(text), PAGE_HEADERS)


# For programs


@route("/robots.txt", http_method=METHODS, include_in_schema=False)
async def robots(request: Request[Any, Any, Any]) -> Response[str]:
    site = runtime_of(request).settings.public_url.rstrip("/")
    private = ("/b/", "/w/", "/dev/", "/mail/", "/sandbox/", "/tickets", "/verify/")
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in private),
        f"Sitemap: {site}/sitemap.xml",
    ]
    return Response("\n".join(lines) + "\n", media_type="text/plain", headers=_KEPT)


@route("/sitemap.xml", http_method=METHODS, include_in_schema=False)
async def sitemap(request: Request[Any, Any, Any]) -> Response[bytes]:
    runtime = runtime_of(request)
    site = runtime.settings.public_url.rstrip("/")
    body = await _sitemaps.get(site, lambda: _write_sitemap(runtime, site))
    return Response(body, media_type="application/xml", headers=_KEPT)


async def _write_sitemap(runtime: Runtime, site: str) -> bytes:
    """The addresses of the list and of the coming events that are on sale."""
    addresses = [f"{site}/"]
    async for event in runtime.catalog.events(EventFilter(starts_from=datetime.now(UTC))):
        addresses.append(f"{site}/events/{event.event_id}")
        if len(addresses) > _SITEMAP_EVENTS_MAX:
            break
    urls = "".join(f"<url><loc>{html.escape(address)}</loc></url>\n" for address in addresses)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return f'{head}<urlset xmlns="{space}">\n{urls}</urlset>\n'.encode()


@route("/favicon.ico", http_method=METHODS, include_in_schema=False)
async def icon(request: Request[Any, Any, Any]) -> Response[bytes]:
    return await respond(request, web_file("icon.svg"), _KEPT)


_KEPT: Final = {"Cache-Control": "public, max-age=600"}

HANDLERS = [event_site, robots, sitemap, icon]
