"""The pages that mailed links open: a booking at ``/b/{token}``, a waitlist entry at ``/w/{token}``.

Opening a link changes nothing, because programs that scan mails open links too; acting is a POST from the
page. A program gets the same facts as JSON. The look-up that mails new links is here, too.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import msgspec
from litestar import Response, post, route
from litestar.enums import HttpMethod
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta, Struct

from api.auth import buyer_id
from api.conventions import AnyRequest, read_body, runtime_of
from api.description import LIMITED, Reply, described
from api.pages import PAGE_HEADERS, booking_page, place_page, words_page
from api.problems import on_frontrow_error, status_of
from api.rate_limits import admit, take_for_address
from engine.base.actor import LINK
from engine.base.addresses import wide_network
from engine.base.errors import FrontrowError, Gone, InvalidInput, NotAllowed
from engine.base.mail_addresses import checked
from engine.base.model import Booking, EmailAddress, Moment, Ticket
from engine.limits.rates import RateLimit, Standing
from engine.people.links import LinkKind, Opened
from engine.sales.qr import qr_svg
from engine.waitlist.model import Entry, Offer, OfferStatus

#: Pages that one network may open in a minute.
_OPENED_PER_MINUTE: Final = 600
_LOOKUPS_WINDOW_S: Final = 3600
#: The limit of the /24 or /48 around a network, as a multiple of the network's own: a person who can choose
#: among its addresses is one client, and a whole school may use a few addresses.
_LOOKUPS_WIDE_TIMES: Final = 5
_FORM_SIZE_MAX: Final = 4096
_SECURITY: Final[list[dict[str, list[str]]]] = [{"BearerToken": []}]


class LinkedEvent(Struct, frozen=True, kw_only=True):
    """The event of what a link opens."""

    name: str
    starts_at: Moment
    venue: str
    city: str


class LinkedBooking(Booking, frozen=True, kw_only=True):
    """A booking with its tickets and its event."""

    tickets: list[Ticket]
    event: LinkedEvent


class LinkedEntry(Entry, frozen=True, kw_only=True):
    """A waitlist entry with its event."""

    event: LinkedEvent


class Lookup(Struct, frozen=True, forbid_unknown_fields=True):
    """The address that was given when booking."""

    email: EmailAddress


class LookupAnswer(Struct, frozen=True):
    """The same for every address."""

    detail: Annotated[
        str,
        Meta(
            examples=["If there are bookings under that address, links to them are on their way."]
        ),
    ]


_LOOKUP = msgspec.json.Decoder(Lookup)
LOOKED_UP: Final = LookupAnswer(
    "If there are bookings under that address, links to them are on their way."
)


class _OfferChoice(Struct, frozen=True, forbid_unknown_fields=True):
    offer_id: str | None = None


_OFFER_CHOICE = msgspec.json.Decoder(_OfferChoice)


def _wants_json(request: AnyRequest) -> bool:
    accept = request.headers.get("accept", "")
    return "json" in accept and "text/html" not in accept


def _refused(request: AnyRequest, error: FrontrowError) -> Response[Any]:
    if _wants_json(request):
        response: Response[Any] = on_frontrow_error(request, error)
        response.headers.update(PAGE_HEADERS)
        return response
    headers: dict[str, str] = {}
    if "retry_after" in error.extra or status_of(error) in (429, 503):
        headers["Retry-After"] = str(error.extra.get("retry_after", 2))
    return words_page(*_words_of(request, error), status=status_of(error), headers=headers)


def _words_of(request: AnyRequest, error: FrontrowError) -> tuple[str, str, str]:
    """Title, sentence and way back of a refusal; without a way back the page asks for an e-mail address."""
    if error.code == "link-not-found":
        return "This link is not one of ours", "Perhaps it was cut in two in the mail.", ""
    if error.code == "link-ended":
        words = "Its event is over, or newer links were made since."
        return "This link has ended", words, ""
    # A link's page is /b/{token} or /w/{token}; actions are one level below.
    page = "/".join(request.url.path.split("/")[:3])
    return "That did not work", error.detail, page


_REFUSALS: Final[dict[Any, Callable[[AnyRequest, Any], Response[Any]]]] = {FrontrowError: _refused}


# Who may open a link


async def _open(request: AnyRequest, kind: LinkKind, token: str) -> Opened:
    """The content of the link, unless the client has opened too many links."""
    standing = await take_for_address(RateLimit("links", _OPENED_PER_MINUTE), request)
    admit("Too many links opened from your network; wait a moment.", standing)
    return await runtime_of(request).people.links.open(kind, token)


def _check_same_site(request: AnyRequest) -> None:
    """Refuse a form on another site's page, even with the right address. Raises NotAllowed."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_ours = site in ("same-origin", "none")
    else:
        # Pages that send no Referer send `null` here; so did browsers that do not know Sec-Fetch-Site.
        own = {
            request.headers.get("host", ""),
            urlsplit(runtime_of(request).settings.public_url).netloc,
        }
        is_ours = origin in (None, "null") or urlsplit(origin or "").netloc in own
    if not is_ours:
        raise NotAllowed("This works only on our own page; open the link itself.")


async def _act(request: AnyRequest, kind: LinkKind, token: str) -> Opened:
    _check_same_site(request)
    return await _open(request, kind, token)


# A booking


@route(
    "/b/{token:str}",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    include_in_schema=False,
    exception_handlers=_REFUSALS,
)
async def show_booking(request: AnyRequest, token: FromPath[str]) -> Response[Any]:
    opened = await _open(request, "booking", token)
    sales = runtime_of(request).sales
    booking = await sales.reading.read(opened.object_id)
    tickets = await sales.tickets.of_booking(opened.object_id)
    tickets = await asyncio.to_thread(_with_qr, tickets)
    if not _wants_json(request):
        return booking_page(opened.event, booking, tickets, request.url.path)
    linked = LinkedBooking(**_fields(booking), tickets=tickets, event=_event(opened))
    return Response(linked, headers=PAGE_HEADERS)


def _with_qr(tickets: list[Ticket]) -> list[Ticket]:
    return [msgspec.structs.replace(ticket, qr_svg=qr_svg(ticket.code)) for ticket in tickets]


def _fields(struct: Struct) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def _event(opened: Opened) -> LinkedEvent:
    event = opened.event
    return LinkedEvent(
        name=event.name, starts_at=event.starts_at, venue=event.venue.name, city=event.venue.city
    )


@post(
    "/b/{token:str}/cancel",
    status_code=200,
    include_in_schema=False,
    exception_handlers=_REFUSALS,
)
async def cancel_linked_booking(request: AnyRequest, token: FromPath[str]) -> Response[Any]:
    opened = await _act(request, "booking", token)
    runtime = runtime_of(request)
    booking = await runtime.sales.cancelling.cancel(opened.object_id, actor=LINK)
    await runtime.people.links.prove(opened)
    return _done(request, booking, f"/b/{token}")


def _done(request: AnyRequest, what: Struct, page: str) -> Response[Any]:
    """The present state for programs; the page again for people."""
    if _wants_json(request):
        return Response(what, headers=PAGE_HEADERS)
    return Redirect(page, status_code=303, headers=PAGE_HEADERS)


# A waitlist entry


@route(
    "/w/{token:str}",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    include_in_schema=False,
    exception_handlers=_REFUSALS,
)
async def show_place(request: AnyRequest, token: FromPath[str]) -> Response[Any]:
    opened = await _open(request, "entry", token)
    entry = await runtime_of(request).waitlist.entries.read(opened.object_id)
    if not _wants_json(request):
        return place_page(opened.event, entry, request.url.path)
    linked = LinkedEntry(**_fields(entry), event=_event(opened))
    return Response(linked, headers=PAGE_HEADERS)


@post(
    "/w/{token:str}/accept",
    status_code=200,
    include_in_schema=False,
    exception_handlers=_REFUSALS,
)
async def accept_linked_offer(request: AnyRequest, token: FromPath[str]) -> Response[Any]:
    opened = await _act(request, "entry", token)
    runtime = runtime_of(request)
    offer = await _offer(request, opened)
    if "authorization" in request.headers:
        # The hold belongs to the client that accepts, which pays for it. A link opens one entry of one
        # waitlist, and does not give away its person's token.
        hold = await runtime.waitlist.offers.accept_for(
            offer.offer_id, opened.person_id, buyer_id(request)
        )
    elif offer.status == OfferStatus.USED and not _wants_json(request):
        hold = None
    else:
        hold = await runtime.waitlist.offers.accept(offer.offer_id, opened.person_id)
    await runtime.people.links.prove(opened)
    if hold is not None and _wants_json(request):
        return Response(hold, headers=PAGE_HEADERS)
    # A form has no token. The event's page has one and repeats the request with it, using the part after the
    # #, which no server, no log and no Referer ever sees.
    page = f"/events/{opened.event.event_id}#w={token}"
    return Redirect(page, status_code=303, headers=PAGE_HEADERS)


@post(
    "/w/{token:str}/decline",
    status_code=200,
    include_in_schema=False,
    exception_handlers=_REFUSALS,
)
async def decline_linked_offer(request: AnyRequest, token: FromPath[str]) -> Response[Any]:
    opened = await _act(request, "entry", token)
    runtime = runtime_of(request)
    offer = await _offer(request, opened)
    declined = await runtime.waitlist.offers.decline(offer.offer_id, opened.person_id)
    await runtime.people.links.prove(opened)
    return _done(request, declined, f"/w/{token}")


@post(
    "/w/{token:str}/leave",
    status_code=200,
    include_in_schema=False,
    exception_handlers=_REFUSALS,
)
async def leave_by_link(request: AnyRequest, token: FromPath[str]) -> Response[Any]:
    opened = await _act(request, "entry", token)
    runtime = runtime_of(request)
    await runtime.waitlist.entries.leave(opened.object_id, opened.person_id)
    await runtime.people.links.prove(opened)
    return _done(request, await runtime.waitlist.entries.read(opened.object_id), f"/w/{token}")


async def _offer(request: AnyRequest, opened: Opened) -> Offer:
    """The offer that is answered: the named one, if it is still the latest. Raises Gone, InvalidInput."""
    wanted = await _named_offer(request)
    entry = await runtime_of(request).waitlist.entries.read(opened.object_id)
    if entry.offer is None or wanted not in (None, entry.offer.offer_id):
        raise Gone("That offer has ended; open the link again.", code="offer-ended")
    return entry.offer


async def _named_offer(request: AnyRequest) -> str | None:
    if "json" in request.headers.get("content-type", ""):
        return (await read_body(request, _OFFER_CHOICE)).offer_id
    return (await _form(request)).get("offer_id")


async def _form(request: AnyRequest) -> dict[str, str]:
    body = await request.body()
    if len(body) > _FORM_SIZE_MAX:
        raise InvalidInput("The form is too large.", code="body-too-large")
    return {name: values[-1] for name, values in parse_qs(body.decode("latin-1")).items()}


# New links


@post(
    "/v1/bookings/lookup",
    tags=["Bookings"],
    status_code=202,
    summary="Have links to your bookings mailed to you",
    description=(
        "For people who have lost their token: links that open the bookings under an address are "
        "mailed to it, at most once in six hours. The answer is the same for every address."
    ),
    opt=described(
        takes=Lookup,
        gives={
            202: Reply(
                "The same for every address, with or without bookings.",
                LookupAnswer,
                LIMITED,
            )
        },
        refuses=("too-many-requests", "unavailable", "outcome-unknown"),
    ),
)
async def look_up_bookings(request: AnyRequest) -> Response[LookupAnswer]:
    sent = await read_body(request, _LOOKUP)
    return Response(LOOKED_UP, headers=await _look_up(request, sent.email))


async def _look_up(request: AnyRequest, email: str) -> dict[str, str]:
    """Have the links mailed, unless a limit is exceeded. Returns the rate-limit headers."""
    headers = admit(
        "Too many look-ups from your network; check your mailbox, or wait a while.",
        await _take_lookup(request),
    )
    await runtime_of(request).people.links.look_up(email)
    return headers


async def _take_lookup(request: AnyRequest) -> Standing:
    per_hour = request.app.state["settings"].lookups_per_hour
    near = await take_for_address(RateLimit("lookups", per_hour, _LOOKUPS_WINDOW_S), request)
    if near.exceeded:
        # Refused requests of one network do not count against its neighbours.
        return near
    limit = RateLimit("lookups-wide", _LOOKUPS_WIDE_TIMES * per_hour, _LOOKUPS_WINDOW_S)
    wide = await take_for_address(limit, request, wide_network)
    return min(near, wide, key=lambda standing: (not standing.exceeded, standing.remaining))


@post(
    "/tickets/lookup",
    status_code=202,
    include_in_schema=False,
    exception_handlers=_REFUSALS,
)
async def look_up_by_form(request: AnyRequest) -> Response[str]:
    _check_same_site(request)
    try:
        email = checked((await _form(request)).get("email", "").strip())
    except InvalidInput:
        words = "That is not an e-mail address; write it like ada@example.com."
        return words_page("Please try again", words, status=400)
    await _look_up(request, email)
    return words_page("Check your mailbox", LOOKED_UP.detail, "/tickets", status=202)


@post(
    "/v1/bookings/{booking_id:uuid}/links/revoke",
    tags=["Bookings"],
    security=_SECURITY,
    status_code=204,
    summary="End the mailed links of a booking",
    description="Links that were mailed so far no longer open it; mails from now on carry new links.",
    opt=described(
        gives={204: Reply("Links that were mailed so far open nothing any more.")},
        refuses=("booking-not-found", "unavailable", "outcome-unknown"),
        replays=True,
    ),
)
async def revoke_links(request: AnyRequest, booking_id: FromPath[UUID]) -> None:
    await runtime_of(request).people.links.end("booking", str(booking_id), buyer_id(request))


@post(
    "/v1/waitlist/{entry_id:uuid}/links/revoke",
    tags=["Waitlist"],
    security=_SECURITY,
    status_code=204,
    summary="End the mailed links of a waitlist entry",
    description="Links that were mailed so far no longer open it; mails from now on carry new links.",
    opt=described(
        gives={204: Reply("Links that were mailed so far open nothing any more.")},
        refuses=("entry-not-found", "unavailable", "outcome-unknown"),
        replays=True,
    ),
)
async def revoke_links_of_place(request: AnyRequest, entry_id: FromPath[UUID]) -> None:
    await runtime_of(request).people.links.end("entry", str(entry_id), buyer_id(request))


HANDLERS = [
    show_booking,
    cancel_linked_booking,
    show_place,
    accept_linked_offer,
    decline_linked_offer,
    leave_by_link,
    look_up_bookings,
    look_up_by_form,
    revoke_links,
    revoke_links_of_place,
]
