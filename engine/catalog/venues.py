"""Venues and their layouts: immutable versions of a seating plan. Documents in MongoDB."""

import asyncio
import zlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.base.errors import NotFound
from engine.base.model import ms_from_utc, new_id
from engine.base.zones import accepted, check_zone
from engine.catalog.model import Venue
from engine.layout import Layout, Problem, import_layout
from engine.stores.mongo import Mongo


class Venues:
    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def import_plan(
        self,
        document: object,
        *,
        name: str | None = None,
        city: str = "",
        latitude: float | None = None,
        longitude: float | None = None,
        timezone: str | None = None,
        renumber: bool = False,
        lenient: bool = False,
        venue_id: str | None = None,
    ) -> tuple[Venue, list[Problem]]:
        """Check a seating plan and store it as a new layout version of a venue.

        ``venue_id``: an existing venue gets the layout as its next version; None makes a venue.
        Returns the venue and the importer's warnings. Raises LayoutRejected with every problem.
        """
        check_zone(timezone)
        # Twenty thousand seats take some tenths of a second to check, too long for the loop.
        imported = await asyncio.to_thread(
            import_layout, document, renumber=renumber, lenient=lenient
        )
        layout = imported.layout
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
        venue = Venue(
            venue_id=venue_id or new_id(),
            name=name or layout.name,
            city=city,
            latitude=latitude,
            longitude=longitude,
            timezone=timezone,
            layout_id=layout_id,
            seat_count=layout.seat_count,
        )
        fields = msgspec.to_builtins(venue)
        del fields["venue_id"]
        await self._mongo.put("venues", venue.venue_id, fields)
        return venue, list(imported.warnings)

    async def create(
        self,
        *,
        name: str,
        city: str,
        latitude: float | None,
        longitude: float | None,
        timezone: str | None = None,
    ) -> Venue:
        check_zone(timezone)
        venue = Venue(
            venue_id=new_id(),
            name=name,
            city=city,
            latitude=latitude,
            longitude=longitude,
            timezone=timezone,
        )
        fields = msgspec.to_builtins(venue)
        await self._mongo.insert("venues", {"_id": fields.pop("venue_id"), **fields})
        return venue

    async def venue(self, venue_id: str) -> Venue:
        found = await self._mongo.get("venues", venue_id)
        if found is None:
            raise NotFound(f"There is no venue {venue_id}.", code="venue-not-found")
        return msgspec.convert(with_accepted_zone({"venue_id": found.pop("_id"), **found}), Venue)

    async def layout(self, layout_id: str) -> Layout:
        found = await self._mongo.get("layouts", layout_id)
        if found is None:
            raise NotFound(f"There is no layout {layout_id}.", code="layout-not-found")
        # Twenty thousand seats take about ten milliseconds to inflate and decode, too long for the loop.
        return await asyncio.to_thread(lambda: Layout.from_json(zlib.decompress(found["body"])))


def with_accepted_zone(venue: dict[str, Any]) -> dict[str, Any]:
    """A venue's document with a zone that everybody can write times in, or none.

    Version 0.1.0 also stored names like ``localtime`` and ``US/Eastern``.
    """
    return venue | {"timezone": accepted(venue.get("timezone"))}
