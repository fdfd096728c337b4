"""The waitlist: join, read, change, leave; offers; and the organiser's routes."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream
from msgspec import UNSET, Meta, Struct, UnsetType

from api.auth import buyer_id, require_organiser
from api.conventions import (
    AnyRequest,
    IfMatch,
    large_json,
    read_body,
    required_version,
    runtime_of,
    versioned,
)
from api.description import LIMITED, STORES, Reply, described
from api.paging import Cursor, Int32, Int64, Limit, Position, cut, decode_cursor
from api.rate_limits import admit, take_for_address
from api.spreadsheets import CSV, csv_response
from engine.base.actor import ORGANISER
from engine.base.addresses import wide_network
from engine.base.model import Hold, Money, Page, Uuid
from engine.base.texts import VISIBLE_LINE
from engine.limits import rates
from engine.runtime import Runtime
from engine.waitlist.model import (
    Contact,
    Entry,
    EntryStatus,
    LineEntry,
    LineSummary,
    Offer,
    Skip,
    Wanted,
    WantedPatch,
)

_BUYER: dict[str, Any] = {"tags": ["Waitlist"], "security": [{"BearerToken": []}]}
_ORGANISER: dict[str, Any] = {
    "tags": ["Organisers"],
    "security": [{"OrganiserKey": []}],
    "guards": [require_organiser],
}
#: Problems of a wish.
_WISH = ("no-such-category", "no-such-section", "event-not-found", "event-not-on-sale")


class _Place(Position, frozen=True):
    """Where a page of entries ended."""

    weight: Annotated[int, Meta(ge=0, le=1024)]
    join_no: Int64


class _Passing(Position, frozen=True):
    """Where a page of skips ended."""

    round_no: Int32
    entry_id: Uuid


class JoinRequest(Wanted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What you wait for, and how to notify you. Names are those of the layout; an empty list means any."""

    contact: Contact = Contact()


class Because(Struct, frozen=True, forbid_unknown_fields=True):
    """The reason, for the record; the person concerned may read it."""

    reason: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=500,
            pattern=VISIBLE_LINE,
            examples=["Seats had to be taken down."],
        ),
    ]


class LineTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Changes of a waitlist's terms; absent fields stay."""

    closed: Annotated[
        bool | UnsetType, Meta(description="No new entries; existing entries are still served.")
    ] = UNSET
    offer_window_s: Annotated[
        Annotated[int, Meta(ge=1, le=30 * 86_400)] | UnsetType,
        Meta(description="Lifetime of offers made from now on, in seconds."),
    ] = UNSET


class EntryList(Page[Entry], frozen=True):
    """Your waitlist entries, the latest first."""


class LineEntryList(Page[LineEntry], frozen=True):
    """Waiting entries in the order of the waitlist; entries of any other status, and of all, the latest to
    join first.
    """


class OfferList(Page[Offer], frozen=True):
    """Offers, the latest first."""


class SkipList(Page[Skip], frozen=True):
    """Skipped entries, the latest round first."""


_JOIN = msgspec.json.Decoder(JoinRequest)
_PATCH = msgspec.json.Decoder(WantedPatch)
_TERMS = msgspec.json.Decoder(LineTerms)
_BECAUSE = msgspec.json.Decoder(Because)


# Buyers


@post(
    "/v1/events/{event_id:uuid}/waitlist",
    summary="Join the waitlist",
    description=(
        "201 with your entry; 200 if you already have one with the same wish. Refused while the "
        "places you want are on sale."
    ),
    opt=described(
        takes=JoinRequest,
        gives={
            201: Reply("Your entry.", Entry, ("ETag", "Location", *LIMITED)),
            200: Reply("You already have it.", Entry, ("ETag", "Location", *LIMITED)),
        },
        refuses=(
            *_WISH,
            "limit-reached",
            "wish-impossible",
            "still-on-sale",
            "already-waiting",
            "waitlist-closed",
            "too-many-requests",
            *STORES,
            "outcome-unknown",
        ),
        replays=True,
    ),
    **_BUYER,
)
async def join_waitlist(request: AnyRequest, event_id: FromPath[UUID]) -> Response[Entry]:
    person_id = buyer_id(request)
    per_hour = request.app.state["settings"].waitlist_joins_per_hour
    limit = rates.RateLimit("waitlist-joins", per_hour, window_s=3600)
    headers = admit(
        "Too many requests to join from your network; try again later.",
        await take_for_address(limit, request, wide_network),
    )
    data = await read_body(request, _JOIN)
    wanted = Wanted(**{field: getattr(data, field) for field in Wanted.__struct_fields__})
    entry, is_new = await runtime_of(request).waitlist.entries.join(
        str(event_id), person_id, wanted, data.contact
    )
    return _entry(entry, 201 if is_new else 200, headers)


def _entry(
    entry: Entry, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})
) -> Response[Entry]:
    location = f"/v1/waitlist/{entry.entry_id}"
    return versioned(entry, entry.version, status=status, location=location, headers=headers)


@get(
    "/v1/waitlist",
    summary="Your waitlist entries, the latest first",
    opt=described(gives={200: Reply("A page of entries.", EntryList)}, refuses=STORES),
    **_BUYER,
)
async def list_entries(
    request: AnyRequest,
    event_id: Annotated[
        UUID | None, QueryParameter(description="Only entries for this event.")
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> EntryList:
    after = decode_cursor(cursor, Uuid)
    found = await runtime_of(request).waitlist.entries.of_person(
        buyer_id(request), event_id=None if event_id is None else str(event_id)
    )
    found = [entry for entry in found if after is None or entry.entry_id < after]
    return EntryList(*cut(found, limit, lambda entry: entry.entry_id))


@get(
    "/v1/waitlist/{entry_id:uuid}",
    summary="One waitlist entry",
    description="Your rank, how long it may take, and the offer once there is one.",
    opt=described(
        gives={
            200: Reply(
                "The entry; `offer` is the latest offer made for it.", Entry, ("ETag", "Location")
            )
        },
        refuses=("entry-not-found", *STORES),
    ),
    **_BUYER,
)
async def read_entry(request: AnyRequest, entry_id: FromPath[UUID]) -> Response[Entry]:
    return _entry(
        await runtime_of(request).waitlist.entries.read(str(entry_id), person_id=buyer_id(request))
    )


@patch(
    "/v1/waitlist/{entry_id:uuid}",
    summary="Change what you wait for",
    description="Needs If-Match. Your place in the waitlist stays.",
    opt=described(
        takes=WantedPatch,
        gives={200: Reply("The entry as it is now.", Entry, ("ETag", "Location"))},
        refuses=(
            "entry-not-found",
            *_WISH,
            "limit-reached",
            "wish-impossible",
            "still-on-sale",
            "entry-ended",
            "precondition-failed",
            "precondition-required",
            *STORES,
            "outcome-unknown",
        ),
    ),
    **_BUYER,
)
async def patch_entry(
    request: AnyRequest, entry_id: FromPath[UUID], if_match: IfMatch = None
) -> Response[Entry]:
    person_id = buyer_id(request)
    version = required_version(if_match)
    data = await read_body(request, _PATCH)
    return _entry(
        await runtime_of(request).waitlist.entries.change(
            str(entry_id), person_id, data, version=version
        )
    )


@delete(
    "/v1/waitlist/{entry_id:uuid}",
    summary="Leave the waitlist",
    description="An open offer is declined, too. Leaving twice is safe.",
    opt=described(
        gives={204: Reply("You have left the waitlist.")},
        refuses=("entry-not-found", *STORES, "outcome-unknown"),
    ),
    **_BUYER,
)
async def leave_waitlist(request: AnyRequest, entry_id: FromPath[UUID]) -> None:
    await runtime_of(request).waitlist.entries.leave(str(entry_id), buyer_id(request))


@get(
    "/v1/offers/{offer_id:uuid}",
    summary="One offer",
    opt=described(gives={200: Reply("The offer.", Offer)}, refuses=("offer-not-found", *STORES)),
    **_BUYER,
)
async def read_offer(request: AnyRequest, offer_id: FromPath[UUID]) -> Offer:
    return await runtime_of(request).waitlist.offers.read(
        str(offer_id), person_id=buyer_id(request)
    )


@post(
    "/v1/offers/{offer_id:uuid}/accept",
    status_code=200,
    summary="Accept an offer",
    description="It becomes an ordinary hold with the same id, at the price that was offered. "
    "Accepting again gives the same hold.",
    opt=described(
        gives={200: Reply("The hold.", Hold)},
        refuses=("offer-not-found", "offer-ended", *STORES, "outcome-unknown"),
        replays=True,
    ),
    **_BUYER,
)
async def accept_offer(request: AnyRequest, offer_id: FromPath[UUID]) -> Hold:
    return await runtime_of(request).waitlist.offers.accept(str(offer_id), buyer_id(request))


@post(
    "/v1/offers/{offer_id:uuid}/decline",
    status_code=200,
    summary="Decline an offer",
    description="The seats go to the next person in the waitlist at once, and your entry ends.",
    opt=described(
        gives={200: Reply("The offer.", Offer)},
        refuses=("offer-not-found", "offer-ended", *STORES, "outcome-unknown"),
        replays=True,
    ),
    **_BUYER,
)
async def decline_offer(request: AnyRequest, offer_id: FromPath[UUID]) -> Offer:
    return await runtime_of(request).waitlist.offers.decline(str(offer_id), buyer_id(request))


# The organiser's routes


@get(
    "/v1/events/{event_id:uuid}/waitlist",
    summary="A waitlist and its terms",
    opt=described(
        gives={200: Reply("The line.", LineSummary, ("ETag",))},
        refuses=("event-not-found", "unavailable"),
    ),
    **_ORGANISER,
)
async def read_waitlist(request: AnyRequest, event_id: FromPath[UUID]) -> Response[LineSummary]:
    return _summary(await runtime_of(request).waitlist.admin.summary(str(event_id)))


def _summary(summary: LineSummary) -> Response[LineSummary]:
    return versioned(summary, summary.version)


@patch(
    "/v1/events/{event_id:uuid}/waitlist",
    summary="Change a waitlist's terms",
    description="Needs If-Match. Close the waitlist, open it again, or set how long offers last.",
    opt=described(
        takes=LineTerms,
        gives={200: Reply("The waitlist as it is now.", LineSummary, ("ETag",))},
        refuses=(
            "event-not-found",
            "precondition-failed",
            "precondition-required",
            "unavailable",
            "outcome-unknown",
        ),
    ),
    **_ORGANISER,
)
async def patch_waitlist(
    request: AnyRequest, event_id: FromPath[UUID], if_match: IfMatch = None
) -> Response[LineSummary]:
    version = required_version(if_match)
    data = await read_body(request, _TERMS)
    return _summary(
        await runtime_of(request).waitlist.admin.set_terms(
            str(event_id),
            closed=None if data.closed is UNSET else data.closed,
            offer_window_s=None if data.offer_window_s is UNSET else data.offer_window_s,
            version=version,
        )
    )


@get(
    "/v1/events/{event_id:uuid}/waitlist/entries",
    summary="The entries of a waitlist",
    description="With `status=waiting` in the order of the waitlist; otherwise the latest to join first.",
    opt=described(
        gives={200: Reply("A page of entries.", LineEntryList)},
        refuses=("event-not-found", "unavailable", "catalog-unavailable"),
    ),
    **_ORGANISER,
)
async def list_waitlist_entries(
    request: AnyRequest,
    event_id: FromPath[UUID],
    status: Annotated[
        EntryStatus | None, QueryParameter(description="Only entries with this status.")
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response[bytes]:
    after = decode_cursor(cursor, _Place)
    found = await runtime_of(request).waitlist.admin.entries(
        str(event_id),
        status=status,
        after=None if after is None else (after.weight, after.join_no),
        limit=limit + 1,
    )
    page = cut(found, limit, lambda entry: _Place(entry.weight, entry.join_no))
    return large_json(request, LineEntryList(*page))


@get(
    "/v1/events/{event_id:uuid}/waitlist/offers",
    summary="The offers of a waitlist",
    opt=described(
        gives={200: Reply("A page of offers.", OfferList)},
        refuses=("event-not-found", "unavailable", "catalog-unavailable"),
    ),
    **_ORGANISER,
)
async def list_offers(
    request: AnyRequest,
    event_id: FromPath[UUID],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response[bytes]:
    after = decode_cursor(cursor, Uuid)
    found = await runtime_of(request).waitlist.admin.offers(
        str(event_id), after=after, limit=limit + 1
    )
    return large_json(request, OfferList(*cut(found, limit, lambda offer: offer.offer_id)))


@get(
    "/v1/events/{event_id:uuid}/waitlist/skips",
    summary="Skipped entries, and why",
    description=(
        "One item for each wish and round: it counts everybody with that wish ahead of the last "
        "entry that was served."
    ),
    opt=described(
        gives={200: Reply("A page of rounds.", SkipList)},
        refuses=("event-not-found", "unavailable", "catalog-unavailable"),
    ),
    **_ORGANISER,
)
async def list_skips(
    request: AnyRequest,
    event_id: FromPath[UUID],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response[bytes]:
    after = decode_cursor(cursor, _Passing)
    found = await runtime_of(request).waitlist.admin.skips(
        str(event_id),
        after=None if after is None else (after.round_no, after.entry_id),
        limit=limit + 1,
    )
    page = cut(found, limit, lambda skip: _Passing(skip.round_no, skip.entry_id))
    return large_json(request, SkipList(*page))


_COLUMNS = (
    "rank",
    "status",
    "name",
    "email",
    "tier",
    "weight",
    "join_no",
    "promoted",
    "quantity",
    "together",
    "categories",
    "sections",
    "max_amount_minor",
    "currency",
    "skipped",
    "joined_at",
    "entry_id",
    "person_id",
)


@get(
    "/v1/events/{event_id:uuid}/waitlist/export",
    summary="The whole list as a spreadsheet",
    description=(
        "CSV after RFC 4180, in UTF-8, with a header: waiting entries in the order of the "
        "waitlist, then ended ones. Text that a spreadsheet would take for a formula begins with "
        "an apostrophe."
    ),
    opt=described(
        gives={
            200: Reply(
                "The complete table.",
                headers=("Content-Disposition", "Cache-Control"),
                others={CSV: str},
            )
        },
        refuses=("event-not-found", "unavailable", "catalog-unavailable"),
    ),
    **_ORGANISER,
)
async def export_waitlist(request: AnyRequest, event_id: FromPath[UUID]) -> Stream:
    async with aclosing(_rows(runtime_of(request), str(event_id))) as rows:
        return await csv_response(_COLUMNS, rows, filename=f"waitlist-{event_id}.csv")


async def _rows(runtime: Runtime, event_id: str) -> AsyncGenerator[tuple[Any, ...]]:
    async with aclosing(runtime.waitlist.admin.export(event_id)) as entries:
        async for entry in entries:
            yield _row(entry)


def _row(entry: LineEntry) -> tuple[Any, ...]:
    wanted = entry.wanted
    price = wanted.max_price
    return (
        entry.rank,
        entry.status.value,
        entry.name,
        entry.email,
        entry.tier,
        entry.weight,
        entry.join_no,
        entry.promoted,
        wanted.quantity,
        "yes" if wanted.together else "no",
        ", ".join(wanted.categories),
        ", ".join(wanted.sections),
        price.amount if isinstance(price, Money) else None,
        price.currency if isinstance(price, Money) else None,
        entry.skipped,
        entry.joined_at.isoformat(timespec="seconds"),
        entry.entry_id,
        entry.person_id,
    )


@post(
    "/v1/events/{event_id:uuid}/waitlist/entries/{entry_id:uuid}/promote",
    status_code=200,
    summary="Move an entry to the front of the waitlist",
    description="With a reason, which is kept. An entry that is already at the front stays as it is.",
    opt=described(
        takes=Because,
        gives={200: Reply("The entry at the front.", LineEntry)},
        refuses=(
            "event-not-found",
            "entry-not-found",
            "entry-not-waiting",
            *STORES,
            "outcome-unknown",
        ),
        replays=True,
    ),
    **_ORGANISER,
)
async def promote_entry(
    request: AnyRequest, event_id: FromPath[UUID], entry_id: FromPath[UUID]
) -> LineEntry:
    data = await read_body(request, _BECAUSE)
    return await runtime_of(request).waitlist.admin.promote(
        str(event_id), str(entry_id), reason=data.reason, actor=ORGANISER
    )


@post(
    "/v1/events/{event_id:uuid}/waitlist/dismiss",
    status_code=200,
    summary="End the waitlist",
    description="Closes the waitlist, withdraws open offers, and ends the entries of everyone waiting.",
    opt=described(
        takes=Because,
        gives={200: Reply("The waitlist as it is now.", LineSummary, ("ETag",))},
        refuses=("event-not-found", *STORES, "outcome-unknown"),
        replays=True,
    ),
    **_ORGANISER,
)
async def dismiss_waitlist(request: AnyRequest, event_id: FromPath[UUID]) -> Response[LineSummary]:
    data = await read_body(request, _BECAUSE)
    desk = runtime_of(request).waitlist.admin
    await desk.dismiss(str(event_id), reason=data.reason, actor=ORGANISER)
    return _summary(await desk.summary(str(event_id)))


@post(
    "/v1/offers/{offer_id:uuid}/withdraw",
    status_code=200,
    summary="Withdraw an offer",
    description="The person who had it waits again, at the old place.",
    opt=described(
        takes=Because,
        gives={200: Reply("The offer.", Offer)},
        refuses=("offer-not-found", "offer-ended", *STORES, "outcome-unknown"),
        replays=True,
    ),
    **_ORGANISER,
)
async def withdraw_offer(request: AnyRequest, offer_id: FromPath[UUID]) -> Offer:
    data = await read_body(request, _BECAUSE)
    return await runtime_of(request).waitlist.offers.withdraw(
        str(offer_id), reason=data.reason, actor=ORGANISER
    )


HANDLERS = [
    join_waitlist,
    list_entries,
    read_entry,
    patch_entry,
    leave_waitlist,
    read_offer,
    accept_offer,
    decline_offer,
    read_waitlist,
    patch_waitlist,
    list_waitlist_entries,
    list_offers,
    list_skips,
    export_waitlist,
    promote_entry,
    dismiss_waitlist,
    withdraw_offer,
]
