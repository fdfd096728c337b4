"""An event for people's own calendars: iCalendar after RFC 5545."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlsplit
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, HeaderParameter

from api.conventions import AnyRequest, has_tag, runtime_of
from api.description import Reply, described
from engine.base.model import EventStatus
from engine.catalog.catalog import event_not_found
from engine.catalog.model import Event

CALENDAR: Final = "text/calendar"
#: Of a line, without its end (RFC 5545, 3.1).
_LINE_BYTES_MAX: Final = 75
_LINE_END: Final = re.compile(r"\r\n?|\n")
#: No text of a calendar has one, but for tabs.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_KEPT: Final = {"Cache-Control": "public, max-age=300"}


def escaped(text: str) -> str:
    """A value of the type TEXT: line breaks become ``\\n``, other control characters are left out."""
    clean = _CONTROLS.sub("", _LINE_END.sub("\n", text))
    for sign in "\\;,":
        clean = clean.replace(sign, "\\" + sign)
    return clean.replace("\n", "\\n")


def folded(line: str) -> str:
    """The line in pieces of at most 75 bytes that cut no character; each but the first begins with a space."""
    pieces, piece, size = [], "", 0
    for sign in line:
        width = len(sign.encode())
        if size + width > _LINE_BYTES_MAX:
            pieces.append(piece)
            piece, size = " ", 1
        piece += sign
        size += width
    return "\r\n".join([*pieces, piece])


def calendar_of(event: Event, site: str, *, made_at: datetime) -> bytes:
    """The calendar with this one event. ``site``: the buyers' address of this service, without a slash
    at its end. It has no end, because events have none.
    """
    return _file(["DTSTAMP:" + _moment(made_at), *_lines_of(event, site)])


def _lines_of(event: Event, site: str) -> list[str]:
    venue, url = event.venue, f"{site}/events/{event.event_id}"
    cancelled = event.status == EventStatus.CANCELLED
    # With its address, because many calendars show no URL of an entry.
    description = "\n".join(filter(None, [event.tagline, url]))
    lines = [
        f"UID:{event.event_id}@{urlsplit(site).hostname or 'localhost'}",
        f"SEQUENCE:{event.version}",
        f"DTSTART:{_moment(event.starts_at)}",
        f"SUMMARY:{escaped(event.name)}",
        f"DESCRIPTION:{escaped(description)}",
        f"URL:{url}",
        f"STATUS:{'CANCELLED' if cancelled else 'CONFIRMED'}",
    ]
    if place := ", ".join(filter(None, [venue.name, venue.city])):
        lines.append(f"LOCATION:{escaped(place)}")
    if venue.latitude is not None and venue.longitude is not None:
        lines.append(f"GEO:{venue.latitude:.6f};{venue.longitude:.6f}")
    if event.category:
        lines.append(f"CATEGORIES:{escaped(event.category)}")
    return lines


def _file(lines: Iterable[str]) -> bytes:
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Frontrow//Frontrow//EN", "BEGIN:VEVENT"]
    whole = [*head, *lines, "END:VEVENT", "END:VCALENDAR"]
    return "".join(f"{folded(line)}\r\n" for line in whole).encode()


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


@get(
    "/v1/events/{event_id:uuid}/calendar.ics",
    tags=["Events"],
    summary="The event for your calendar",
    description="iCalendar after RFC 5545: one entry, which a later version replaces. Events have no end, so "
    "the entry has none.",
    opt=described(
        gives={
            200: Reply(
                "The calendar.",
                headers=("ETag", "Cache-Control", "Content-Disposition"),
                others={CALENDAR: str},
            ),
            304: Reply("You already have it.", headers=("ETag", "Cache-Control")),
        },
        refuses=("event-not-found", "catalog-unavailable"),
    ),
)
async def read_calendar(
    request: AnyRequest,
    event_id: FromPath[UUID],
    if_none_match: Annotated[
        str | None,
        HeaderParameter(name="If-None-Match", description="The ETag of the calendar you have."),
    ] = None,
) -> Response[bytes]:
    runtime = runtime_of(request)
    event = await runtime.catalog.event(str(event_id))
    if not event.is_public:
        raise event_not_found(str(event_id))
    site = runtime.settings.public_url.rstrip("/")
    # Of everything but the moment at which it was made.
    digest = hashlib.sha256(_file(_lines_of(event, site))).hexdigest()
    headers = {**_KEPT, "ETag": f'"{digest[:32]}"'}
    if has_tag(if_none_match, headers["ETag"]):
        return Response(b"", status_code=304, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="event-{event_id}.ics"'
    body = calendar_of(event, site, made_at=datetime.now(UTC))
    # Litestar adds the charset itself.
    return Response(body, headers=headers, media_type=CALENDAR)


HANDLERS = [read_calendar]
