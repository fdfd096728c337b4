"""Venues and their layouts: immutable versions of a seating plan. Documents in MongoDB.

Events carry a copy of what people read about their venue. A change of that marks the venue's document in
the same write; the mark stays until the copies are corrected, by ``Catalog.correct_events``.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from engine.base.errors import InvalidInput, NotFound, stale_version
from engine.base.model import ms_from_utc, new_id
from engine.base.texts import ONE_LINE, VisibleName
from engine.base.wording import mistake
from engine.base.zones import accepted, check_zone
from engine.catalog.model import TimeZone, Venue
from engine.layout import Layout, Problem, import_layout
from engine.stores.mongo import Mongo

City = Annotated[str, Meta(max_length=100, pattern=ONE_LINE)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
#: How long a changed venue stays marked, in s: an event that is being drafted meanwhile may be stored with
#: the old copy, and drafting takes much less.
_MARKED_S: Final = 60.0


class VenueDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A venue without a layout; import one into it."""

    name: VisibleName
    city: City = ""
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    timezone: TimeZone | None = None


class VenuePatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The fields to change; absent ones stay, and null removes. Events in the venue change with it."""

    name: VisibleName | UnsetType = UNSET
    city: City | UnsetType | None = UNSET
    latitude: Latitude | UnsetType | None = UNSET
    longitude: Longitude | UnsetType | None = UNSET
    timezone: TimeZone | UnsetType | None = UNSET


class Venues:
    """``on_change`` is called after a change of what people read about a venue."""

    def __init__(self, mongo: Mongo, on_change: Callable[[Venue], Awaitable[object]]) -> None:
        self._mongo = mongo
        self._on_change = on_change

    async def create(self, draft: VenueDraft, *, venue_id: str | None = None) -> Venue:
        """Store a venue without a layout. Raises InvalidInput."""
        venue = Venue(
            venue_id=venue_id or new_id(), **{f: getattr(draft, f) for f in draft.__struct_fields__}
        )
        _check(msgspec.structs.asdict(draft), venue)
        await self._mongo.insert("venues", {"_id": venue.venue_id, **_fields(venue)})
        return venue

    async def import_plan(
        self,
        document: object,
        *,
        name: str | None = None,
        city: str | None = None,
        latitude: float | None = None,
        longitude: float | None = None,
        timezone: str | None = None,
        renumber: bool = False,
        lenient: bool = False,
        venue_id: str | None = None,
    ) -> tuple[Venue, list[Problem]]:
        """Check a seating plan and store it as a new layout version of a venue.

        ``venue_id``: an existing venue gets the layout as its next version, and keeps what is not given
        (None, or no text); without it a venue is made, by default with the plan's name. Returns the venue
        and the importer's warnings. Raises LayoutRejected with every problem, InvalidInput, NotFound.
        """
        given = {"name": name, "city": city, "timezone": timezone}
        place = {"latitude": latitude, "longitude": longitude}
        patch: dict[str, Any] = {key: text for key, text in given.items() if text}
        patch |= {key: degrees for key, degrees in place.items() if degrees is not None}
        # Before the plan is read: a wrong id or name is known at once, and leaves no layout behind.
        known = None if venue_id is None else await self.venue(venue_id)
        start = Venue(venue_id=new_id(), name="") if known is None else known
        _check(patch, msgspec.structs.replace(start, **patch))
        # Twenty thousand seats take some tenths of a second to check, too long for the loop.
        imported = await asyncio.to_thread(
            import_layout, document, renumber=renumber, lenient=lenient
        )
        layout = imported.layout
        patch |= {"layout_id": await self._store(layout), "seat_count": layout.seat_count}
        if known is not None:
            return await self._change(known.venue_id, patch), list(imported.warnings)
        venue = msgspec.structs.replace(start, **({"name": layout.name} | patch))
        await self._mongo.insert("venues", {"_id": venue.venue_id, **_fields(venue)})
        return venue, list(imported.warnings)

    async def _store(self, layout: Layout) -> str:
        layout_id = new_id()
        await self._mongo.insert(
            "layouts",
            {
                "_id": layout_id,
                "name": layout.name,
                "seat_count": layout.seat_count,
                "created_at": ms_from_utc(datetime.now(UTC)),
                # One compressed value: a document of 20,000-element arrays costs ten times more.
                "body": zlib.compress(layout.to_json(), 6),
            },
        )
        return layout_id

    async def patch(self, venue_id: str, patch: VenuePatch, *, version: int) -> Venue:
        """Change a venue, and what its events say of it.

        Raises PreconditionFailed when it is no longer at ``version``; InvalidInput, NotFound.
        """
        names = patch.__struct_fields__
        changes = {f: v for f in names if (v := getattr(patch, f)) is not UNSET}
        if "city" in changes:
            changes["city"] = changes["city"] or ""
        return await self._change(venue_id, changes, version=version)

    async def _change(
        self, venue_id: str, changes: dict[str, Any], *, version: int | None = None
    ) -> Venue:
        """Without ``version`` whatever the venue is by now: the changes are to other fields."""
        while True:
            found = await self._document(venue_id)
            venue = _venue_from(found)
            if version is not None and venue.version != version:
                raise stale_version(venue.version)
            changed = msgspec.structs.replace(venue, **changes, version=venue.version + 1)
            _check(changes, changed)
            fields = _fields(changed)
            told = shown(changed) != shown(venue)
            if told:
                fields["changed_at"] = ms_from_utc(datetime.now(UTC))
            # Version 0.1.0 stored none.
            expected = {"version": found.get("version")}
            if await self._mongo.put("venues", venue.venue_id, fields, expected=expected):
                break
        if told:
            await self._on_change(changed)
        return changed

    async def venue(self, venue_id: str) -> Venue:
        return _venue_from(await self._document(venue_id))

    async def _document(self, venue_id: str) -> dict[str, Any]:
        found = await self._mongo.get("venues", venue_id.lower())
        if found is None:
            raise NotFound(f"There is no venue {venue_id}.", code="venue-not-found")
        return found

    async def venues(self, *, limit: int, after: tuple[str, str] | None = None) -> list[Venue]:
        """At most ``limit`` venues in order of (name, venue_id), beginning after ``after``."""
        query: dict[str, Any] = {}
        if after is not None:
            name, venue_id = after
            same = {"$and": [{"name": name}, {"_id": {"$gt": venue_id}}]}
            query = {"$or": [{"name": {"$gt": name}}, same]}
        found = await self._mongo.find("venues", query, sort=[("name", 1), ("_id", 1)], limit=limit)
        return [_venue_from(document) for document in found]

    async def changed(self) -> list[tuple[Venue, int]]:
        """Venues whose events may not be corrected yet, and when each was changed, in ms since 1970."""
        found = await self._mongo.find(
            "venues", {"changed_at": {"$gt": 0}}, sort=[("_id", 1)], limit=100
        )
        return [(_venue_from(document), int(document["changed_at"])) for document in found]

    async def settle(self, venue: Venue, changed_at: int) -> None:
        """Remove the mark, if it is old enough and the venue has not changed since."""
        if ms_from_utc(datetime.now(UTC)) - changed_at > _MARKED_S * 1000:
            expected = {"version": venue.version, "changed_at": changed_at}
            await self._mongo.put("venues", venue.venue_id, {"changed_at": 0}, expected=expected)

    async def layout(self, layout_id: str) -> Layout:
        found = await self._mongo.get("layouts", layout_id)
        if found is None:
            raise NotFound(f"There is no layout {layout_id}.", code="layout-not-found")
        # Twenty thousand seats take about ten milliseconds to inflate and decode, too long for the loop.
        return await asyncio.to_thread(lambda: Layout.from_json(zlib.decompress(found["body"])))


def shown(venue: Venue) -> tuple[object, ...]:
    """What people read about a venue, or find its events by."""
    return venue.name, venue.city, venue.latitude, venue.longitude, venue.timezone


def with_accepted_zone(venue: dict[str, Any]) -> dict[str, Any]:
    """A venue's document with a zone that everybody can write times in, or none.

    Version 0.1.0 also stored names like ``localtime`` and ``US/Eastern``.
    """
    return venue | {"timezone": accepted(venue.get("timezone"))}


def _venue_from(document: dict[str, Any]) -> Venue:
    fields = with_accepted_zone(document)
    return msgspec.convert({**fields, "venue_id": fields["_id"]}, Venue)


def _fields(venue: Venue) -> dict[str, Any]:
    """The document without its id."""
    fields: dict[str, Any] = msgspec.to_builtins(venue)
    del fields["venue_id"]
    return fields


def _check(changes: dict[str, Any], changed: Venue) -> None:
    """Raise InvalidInput unless a venue may be changed so. ``changed`` is the venue after it."""
    given = {name: changes[name] for name in VenuePatch.__struct_fields__ if name in changes}
    try:
        msgspec.convert(given, VenuePatch)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{mistake(error, VenuePatch)}") from None
    check_zone(changes.get("timezone"))
    # Version 0.1.0 also stored one alone; that refuses no other change.
    placed = "latitude" in changes or "longitude" in changes
    if placed and (changed.latitude is None) != (changed.longitude is None):
        raise InvalidInput("latitude and longitude: give both, or none.")
