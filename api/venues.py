"""The organiser's side: venues and their seating plans. Guarded by the organiser's key."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter
from msgspec import Meta, Struct

from api.auth import require_organiser
from api.bodies import PLAN_SIZE_MAX
from api.conventions import AnyRequest, read_body, runtime_of
from api.description import Reply, described
from engine.base.texts import ONE_LINE, VISIBLE_LINE, VisibleName
from engine.catalog.model import TimeZone, Venue

_OPTIONS: dict[str, Any] = {
    "tags": ["Organisers"],
    "security": [{"OrganiserKey": []}],
    "guards": [require_organiser],
}


class VenueDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A venue without a layout; import one into it."""

    name: VisibleName
    city: Annotated[str, Meta(max_length=100, pattern=ONE_LINE)] = ""
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    timezone: TimeZone | None = None


class LayoutWarning(Struct, frozen=True):
    """Something in a plan that was corrected or left out, and where it is."""

    path: Annotated[str, Meta(examples=["zones[0].rows[3].seats[7].category"])]
    problem: str


class ImportedVenue(Struct, frozen=True):
    """A venue with its new layout, and the importer's corrections."""

    venue: Venue
    warnings: list[LayoutWarning]


_VENUE_DRAFT = msgspec.json.Decoder(VenueDraft)
_PLAN = msgspec.json.Decoder(dict[str, Any])


@post(
    "/v1/venues",
    summary="Make a venue",
    description="Without a layout; `POST /v1/venues/import?venue_id=…` gives it one.",
    opt=described(
        takes=VenueDraft,
        gives={201: Reply("The venue.", Venue, ("Location",))},
        refuses=("catalog-unavailable",),
        replays=True,
    ),
    **_OPTIONS,
)
async def create_venue(request: AnyRequest) -> Response[Venue]:
    data = await read_body(request, _VENUE_DRAFT)
    venue = await runtime_of(request).catalog.venues.create(
        name=data.name,
        city=data.city,
        latitude=data.latitude,
        longitude=data.longitude,
        timezone=data.timezone,
    )
    return Response(venue, status_code=201, headers={"Location": f"/v1/venues/{venue.venue_id}"})


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
                ("Location",),
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
        str, QueryParameter(max_length=100, pattern=ONE_LINE, description="Where it is.")
    ] = "",
    latitude: Annotated[float | None, QueryParameter(ge=-90, le=90, description="Degrees.")] = None,
    longitude: Annotated[
        float | None, QueryParameter(ge=-180, le=180, description="Degrees.")
    ] = None,
    timezone: Annotated[
        str | None,
        QueryParameter(
            max_length=60, description="IANA name; the times of its events are shown in this zone."
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
        UUID | None, QueryParameter(description="Give this venue a new layout.")
    ] = None,
) -> Response[ImportedVenue]:
    runtime = runtime_of(request)
    plan = await read_body(request, _PLAN)
    if venue_id is not None:
        known = await runtime.catalog.venues.venue(str(venue_id))
        name, city = name or known.name, city or known.city
        latitude = known.latitude if latitude is None else latitude
        longitude = known.longitude if longitude is None else longitude
        timezone = timezone or known.timezone
    venue, warnings = await runtime.catalog.venues.import_plan(
        plan,
        name=name,
        city=city,
        latitude=latitude,
        longitude=longitude,
        timezone=timezone or None,
        renumber=renumber,
        lenient=lenient,
        venue_id=None if venue_id is None else str(venue_id),
    )
    return Response(
        ImportedVenue(venue, [LayoutWarning(w.path, w.problem) for w in warnings]),
        status_code=201,
        headers={"Location": f"/v1/venues/{venue.venue_id}"},
    )


@get(
    "/v1/venues/{venue_id:uuid}",
    summary="One venue",
    opt=described(
        gives={200: Reply("The venue.", Venue)}, refuses=("venue-not-found", "catalog-unavailable")
    ),
    **_OPTIONS,
)
async def read_venue(request: AnyRequest, venue_id: FromPath[UUID]) -> Venue:
    return await runtime_of(request).catalog.venues.venue(str(venue_id))


HANDLERS = [
    create_venue,
    import_venue,
    read_venue,
]
