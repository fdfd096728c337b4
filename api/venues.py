"""The organiser's side: venues and their seating plans. Guarded by the organiser's key."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, patch, post
from litestar.params import FromPath, QueryParameter
from msgspec import Meta, Struct

from api.auth import require_organiser
from api.bodies import PLAN_SIZE_MAX
from api.conventions import AnyRequest, IfMatch, read_body, required_version, runtime_of, versioned
from api.description import Reply, described
from api.paging import Cursor, Limit, Position, cut, decode_cursor
from engine.base.model import Page, Uuid
from engine.base.texts import ONE_LINE, VISIBLE_LINE
from engine.catalog.model import Venue
from engine.catalog.venues import VenueDraft, VenuePatch

_OPTIONS: dict[str, Any] = {
    "tags": ["Organisers"],
    "security": [{"OrganiserKey": []}],
    "guards": [require_organiser],
}


class LayoutWarning(Struct, frozen=True):
    """Something in a plan that was corrected or left out, and where it is."""

    path: Annotated[str, Meta(examples=["zones[0].rows[3].seats[7].category"])]
    problem: str


class ImportedVenue(Struct, frozen=True):
    """A venue with its new layout, and the importer's corrections."""

    venue: Venue
    warnings: list[LayoutWarning]


class VenueList(Page[Venue], frozen=True):
    """Venues by name."""


class _VenuesEnd(Position, frozen=True):
    """Where a page of venues ended."""

    name: str
    venue_id: Uuid


_VENUE_PATCH = msgspec.json.Decoder(VenuePatch)
_VENUE_DRAFT = msgspec.json.Decoder(VenueDraft)
_PLAN = msgspec.json.Decoder(dict[str, Any])


def _path(venue: Venue) -> str:
    return f"/v1/venues/{venue.venue_id}"


def _answer(venue: Venue, status: int = 200) -> Response[Venue]:
    return versioned(venue, venue.version, status=status, location=_path(venue))


@post(
    "/v1/venues",
    summary="Make a venue",
    description="Without a layout; `POST /v1/venues/import?venue_id=…` gives it one.",
    opt=described(
        takes=VenueDraft,
        gives={201: Reply("The venue.", Venue, ("ETag", "Location"))},
        refuses=("catalog-unavailable",),
        replays=True,
    ),
    **_OPTIONS,
)
async def create_venue(request: AnyRequest) -> Response[Venue]:
    data = await read_body(request, _VENUE_DRAFT)
    return _answer(await runtime_of(request).catalog.venues.create(data), 201)


@post(
    "/v1/venues/import",
    summary="Import a seating plan",
    description="The body is a plan in the native or the pretix format; every problem is reported.",
    request_max_body_size=PLAN_SIZE_MAX,
    opt=described(
        takes=dict[str, Any],
        gives={
            201: Reply(
                "The venue, and the importer's corrections and omissions.",
                ImportedVenue,
                ("ETag", "Location"),
            )
        },
        refuses=("venue-not-found", "invalid-layout", "catalog-unavailable"),
        replays=True,
    ),
    **_OPTIONS,
)
async def import_venue(
    request: AnyRequest,
    name: Annotated[
        str | None,
        QueryParameter(
            max_length=200, pattern=VISIBLE_LINE, description="The venue's; else the plan's own."
        ),
    ] = None,
    city: Annotated[
        str | None, QueryParameter(max_length=100, pattern=ONE_LINE, description="Where it is.")
    ] = None,
    latitude: Annotated[float | None, QueryParameter(ge=-90, le=90, description="Degrees.")] = None,
    longitude: Annotated[
        float | None, QueryParameter(ge=-180, le=180, description="Degrees.")
    ] = None,
    timezone: Annotated[
        str | None,
        QueryParameter(
            max_length=60,
            description=(
                "IANA name of a place, or `UTC`; the times of its events are shown in this zone."
            ),
        ),
    ] = None,
    renumber: Annotated[
        bool, QueryParameter(description="Give fresh ids to items whose id occurs twice.")
    ] = False,
    lenient: Annotated[
        bool,
        QueryParameter(description="Leave out parts that cannot be understood, and report them."),
    ] = False,
    venue_id: Annotated[
        UUID | None,
        QueryParameter(description="Give this venue a new layout; it keeps what you do not give."),
    ] = None,
) -> Response[ImportedVenue]:
    plan = await read_body(request, _PLAN)
    venue, warnings = await runtime_of(request).catalog.venues.import_plan(
        plan,
        name=name,
        city=city,
        latitude=latitude,
        longitude=longitude,
        timezone=timezone,
        renumber=renumber,
        lenient=lenient,
        venue_id=None if venue_id is None else str(venue_id),
    )
    return versioned(
        ImportedVenue(venue, [LayoutWarning(w.path, w.problem) for w in warnings]),
        venue.version,
        status=201,
        location=_path(venue),
    )


@get(
    "/v1/venues",
    summary="Venues by name",
    opt=described(
        gives={200: Reply("A page of venues.", VenueList)}, refuses=("catalog-unavailable",)
    ),
    **_OPTIONS,
)
async def list_venues(request: AnyRequest, limit: Limit = 20, cursor: Cursor = None) -> VenueList:
    end = decode_cursor(cursor, _VenuesEnd)
    after = None if end is None else (end.name, end.venue_id)
    found = await runtime_of(request).catalog.venues.venues(limit=limit + 1, after=after)
    return VenueList(*cut(found, limit, lambda venue: _VenuesEnd(venue.name, venue.venue_id)))


@get(
    "/v1/venues/{venue_id:uuid}",
    summary="One venue",
    opt=described(
        gives={200: Reply("The venue.", Venue, ("ETag",))},
        refuses=("venue-not-found", "catalog-unavailable"),
    ),
    **_OPTIONS,
)
async def read_venue(request: AnyRequest, venue_id: FromPath[UUID]) -> Response[Venue]:
    venue = await runtime_of(request).catalog.venues.venue(str(venue_id))
    return versioned(venue, venue.version)


@patch(
    "/v1/venues/{venue_id:uuid}",
    summary="Change a venue",
    description=(
        "Needs If-Match. Events in the venue show the new name, city and zone, and are found by them; "
        "people with tickets of coming events are notified of another name, city or clock time."
    ),
    opt=described(
        takes=VenuePatch,
        gives={200: Reply("The venue as it is now.", Venue, ("ETag", "Location"))},
        refuses=(
            "venue-not-found",
            "precondition-failed",
            "precondition-required",
            "catalog-unavailable",
        ),
    ),
    **_OPTIONS,
)
async def patch_venue(
    request: AnyRequest, venue_id: FromPath[UUID], if_match: IfMatch = None
) -> Response[Venue]:
    version = required_version(if_match)
    data = await read_body(request, _VENUE_PATCH)
    venues = runtime_of(request).catalog.venues
    return _answer(await venues.patch(str(venue_id), data, version=version))


HANDLERS = [
    create_venue,
    import_venue,
    list_venues,
    read_venue,
    patch_venue,
]
