"""The catalogue: event pages, and the venues they are in. Rules here, documents in MongoDB."""

import asyncio
from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import structlog

from engine.base.caching import Bounded, SingleFlight
from engine.base.config import Settings
from engine.base.currencies import check_currency
from engine.base.errors import Conflict, InvalidInput, NotFound, Remedy, Unavailable, stale_version
from engine.base.folding import FOLD_VERSION
from engine.base.model import EventStatus, ms_from_utc, new_id, utc_from_ms
from engine.base.step import Step
from engine.catalog.assigning import Assignment, EventCategory, assigned, assigned_id
from engine.catalog.finding import compared, query_of, within
from engine.catalog.model import Event, EventDraft, EventFilter, EventPatch, Facet, Facts, Venue
from engine.catalog.showing import (
    CHECKED,
    checked_image_url,
    checked_language,
    checked_tagline,
    lifted,
)
from engine.catalog.venues import Venues, shown, with_accepted_zone
from engine.layout import Layout
from engine.stores.mongo import Mongo

#: The most values of a facet: more than a person would look through.
_FACETS_MAX = 100
#: How old facets may be, in seconds: counting reads every event, and the programme changes slowly.
_FACETS_FRESH_S = 5.0
#: How often events are compared with venues that changed, in seconds.
_CORRECT_S = 5.0
log = structlog.get_logger(__name__)


class Catalog:
    """Reads and writes the catalogue; keeps immutable facts in memory, so that selling goes on without MongoDB."""

    def __init__(self, mongo: Mongo, settings: Settings, *, facts_max: int = 512) -> None:
        self._mongo = mongo
        self._settings = settings
        self.venues = Venues(mongo, self._correct_now)
        #: Loaded facts, in front of the loader: a hold looks here, because awaiting a task costs more.
        self._facts: Bounded[str, Facts] = Bounded(facts_max)
        self._loads: SingleFlight[str, Facts] = SingleFlight(facts_max)
        self._facets: SingleFlight[None, tuple[list[Facet], list[Facet]]] = SingleFlight(
            1, fresh_s=_FACETS_FRESH_S
        )

    # Events

    async def create_event(self, draft: EventDraft, *, event_id: str | None = None) -> Event:
        """Store a draft. Raises InvalidInput when it does not fit its venue's layout."""
        _check_time(draft.starts_at)
        check_currency(draft.currency)
        self._check_hold_ttl(draft.hold_ttl_s)
        venue = await self.venues.venue(draft.venue_id.lower())
        layout_id = draft.layout_id.lower() if draft.layout_id else venue.layout_id
        if layout_id is None:
            raise InvalidInput(
                f"Venue {venue.name!r} has no layout yet; import one.", remedy=Remedy.IMPORT_LAYOUT
            )
        layout = await self.venues.layout(layout_id)
        bands = await _assigned(layout, draft.categories, draft.assignments)
        prices = _checked_prices(draft.prices, bands)
        event = Event(
            event_id=event_id or new_id(),
            name=draft.name,
            description=draft.description,
            category=draft.category,
            starts_at=draft.starts_at.astimezone(UTC),
            status=EventStatus.DRAFT,
            venue=venue,
            layout_id=layout_id,
            currency=draft.currency,
            prices=prices,
            seat_count=layout.seat_count,
            place_count=layout.seat_count + sum(area.capacity for area in layout.areas),
            buyer_limit=draft.buyer_limit or self._settings.buyer_limit,
            hold_ttl_s=draft.hold_ttl_s
            or min(self._settings.hold_ttl_s, self._settings.hold_max_s),
            tagline=checked_tagline(draft.tagline),
            image_url=checked_image_url(draft.image_url),
            language=checked_language(draft.language),
            categories=draft.categories,
            assignments=draft.assignments,
            metadata=draft.metadata,
            version=1,
        )
        await self._mongo.insert("events", _event_document(event))
        return event

    def _check_hold_ttl(self, hold_ttl_s: int | None) -> None:
        longest = self._settings.hold_max_s
        if hold_ttl_s is not None and hold_ttl_s > longest:
            raise InvalidInput(
                f"hold_ttl_s: at most {longest} here; FRONTROW_HOLD_MAX_S allows longer holds."
            )

    async def event(self, event_id: str) -> Event:
        found = await self._mongo.get("events", event_id)
        if found is None:
            raise event_not_found(event_id)
        return _event_from(found)

    async def events_by_id(self, event_ids: Collection[str]) -> list[Event]:
        """Those of ``event_ids`` that exist, by date."""
        documents = await self._mongo.find(
            "events",
            {"_id": {"$in": list(event_ids)}},
            sort=[("starts_at", 1), ("_id", 1)],
            limit=len(event_ids),
        )
        return [_event_from(document) for document in documents]

    async def facets(self) -> tuple[list[Facet], list[Facet]]:
        """Kinds and cities of future events on sale, the commonest first.

        Counted at most once in ``_FACETS_FRESH_S``, however many clients ask. Raises Unavailable.
        """
        return await self._facets.get(None, self._count_facets)

    async def _count_facets(self) -> tuple[list[Facet], list[Facet]]:
        query = query_of(EventFilter(starts_from=datetime.now(UTC)), None)
        categories, cities = await asyncio.gather(
            *(
                self._mongo.tally("events", query, field=field, limit=_FACETS_MAX)
                for field in ("category", "venue.city")
            )
        )
        return _facets(categories), _facets(cities)

    async def patch_event(self, event_id: str, patch: EventPatch, *, version: int) -> Event:
        """Change a page. Raises PreconditionFailed when it is no longer at ``version``."""
        event = await self.event(event_id)
        if event.version != version:
            raise stale_version(event.version)
        self._check_hold_ttl(patch.hold_ttl_s)
        changes = {f: v for f in patch.__struct_fields__ if (v := getattr(patch, f)) is not None}
        if patch.starts_at is not None:
            _check_time(patch.starts_at)
            changes["starts_at"] = patch.starts_at.astimezone(UTC)
        for field, check in CHECKED.items():
            if field in changes:
                changes[field] = check(changes[field])
        changed = msgspec.structs.replace(event, **changes, version=version + 1)
        reassigns = patch.categories is not None or patch.assignments is not None
        if reassigns and event.status != EventStatus.DRAFT:
            raise Conflict(
                "The event is published, and its places are sold by category: categories and assignments "
                "stay as they are. Prices can be changed.",
                code="event-published",
            )
        if reassigns or patch.prices is not None:
            prices = event.prices | (patch.prices or {})
            layout = await self.layout_of(changed)
            if reassigns:
                # Prices of categories that the event no longer has end with them.
                names = {category.name for category in layout.categories} | set(patch.prices or ())
                prices = {name: amount for name, amount in prices.items() if name in names}
            changed = msgspec.structs.replace(changed, prices=_checked_prices(prices, layout))
        document = _event_document(changed)
        del document["_id"]
        if not await self._mongo.put("events", event_id, document, expected={"version": version}):
            raise stale_version((await self.event(event_id)).version)
        return changed

    async def keep_from_sale(
        self, draft: Event, blocked_seats: list[int], blocked_areas: dict[str, int]
    ) -> bool:
        """Set the places that a draft keeps from sale. False: it was changed or published meanwhile."""
        return await self._mongo.put(
            "events",
            draft.event_id,
            {
                "blocked_seats": blocked_seats,
                "blocked_areas": blocked_areas,
                "version": draft.version + 1,
            },
            expected={"version": draft.version, "status": EventStatus.DRAFT.value},
        )

    async def prepare_rules(self, draft: Event, rules: list[dict[str, Any]]) -> bool:
        """Set the pricing rules of a draft. False: it was changed or published meanwhile."""
        return await self._mongo.put(
            "events",
            draft.event_id,
            {"pricing_rules": rules, "version": draft.version + 1},
            expected={"version": draft.version, "status": EventStatus.DRAFT.value},
        )

    async def set_status(
        self, event_id: str, status: EventStatus, *, only_from: Collection[EventStatus]
    ) -> Event:
        """Set the status on the page. Raises Conflict when the page has another status by now."""
        event = await self.event(event_id)
        if event.status == status:
            return event
        if event.status not in only_from:
            raise Conflict(f"The event is {event.status} by now.", code=f"event-{event.status}")
        fields: dict[str, Any] = {"status": status, "version": event.version + 1}
        if status not in (EventStatus.DRAFT, EventStatus.PUBLISHING):
            # PostgreSQL has them now.
            fields |= {"blocked_seats": [], "blocked_areas": {}, "pricing_rules": []}
        if event.status == EventStatus.DRAFT and status == EventStatus.CANCELLED:
            fields["unlisted"] = True
        changed = msgspec.structs.replace(event, **fields)
        if not await self._mongo.put(
            "events",
            event_id,
            {**fields, "status": status.value},
            expected={"version": event.version},
        ):
            return await self.set_status(event_id, status, only_from=only_from)
        return changed

    async def events(
        self, wanted: EventFilter, *, after: tuple[datetime, str] | None = None
    ) -> AsyncIterator[Event]:
        """Events in order of (starts_at, event_id), beginning after ``after``."""
        while True:
            documents = await self._mongo.find(
                "events", query_of(wanted, after), sort=[("starts_at", 1), ("_id", 1)], limit=100
            )
            for document in documents:
                event = _event_from(document)
                if wanted.cancelled_from is not None and event.unlisted:
                    continue
                if wanted.near is None or within(event.venue, wanted.near, wanted.radius_km):
                    yield event
            if len(documents) < 100:
                return
            last = _event_from(documents[-1])
            after = (last.starts_at, last.event_id)

    # Corrections of venues

    def steps(self) -> list[Step]:
        return [Step("correct-events", _CORRECT_S, self.correct_changed)]

    async def correct_changed(self) -> int:
        """Correct the events of venues that were changed of late, whoever changed them and died. Raises Unavailable."""
        corrected = 0
        for venue, changed_at in await self.venues.changed():
            corrected += await self.correct_events(venue)
            await self.venues.settle(venue, changed_at)
        return corrected

    async def _correct_now(self, venue: Venue) -> None:
        try:
            await self.correct_events(venue)
        except Unavailable as error:
            log.warning("events deferred", venue_id=venue.venue_id, reason=error.detail)

    async def correct_events(self, venue: Venue) -> int:
        """Write what people read about a venue into its events. Returns how many were changed. Raises Unavailable."""
        corrected, after = 0, ""
        while True:
            of_venue = {"$and": [{"venue.venue_id": venue.venue_id}, {"_id": {"$gt": after}}]}
            found = await self._mongo.find("events", of_venue, sort=[("_id", 1)], limit=100)
            for document in found:
                after = document["_id"]
                corrected += await self._correct_event(_event_from(document), venue)
            if len(found) < 100:
                return corrected

    async def _correct_event(self, event: Event, venue: Venue) -> bool:
        while event.venue.version < venue.version and shown(event.venue) != shown(venue):
            changed = msgspec.structs.replace(event, venue=venue, version=event.version + 1)
            document = _event_document(changed)
            expected = {"version": event.version}
            if await self._mongo.put("events", document.pop("_id"), document, expected=expected):
                return True
            event = await self.event(event.event_id)
        return False

    async def refold(self) -> int:
        """Fold the texts of events that another version has stored, once in each database. Returns how many
        were changed. Raises Unavailable.
        """
        mark = await self._mongo.get("marks", "folding")
        if mark is not None and mark["version"] >= FOLD_VERSION:
            return 0
        changed, after = 0, ""
        while True:
            found = await self._mongo.find(
                "events", {"_id": {"$gt": after}}, sort=[("_id", 1)], limit=100
            )
            events = [_event_from(document) for document in found]
            # An event that is changed meanwhile is folded by whoever changes it.
            done = await asyncio.gather(
                *(
                    self._mongo.put(
                        "events", e.event_id, compared(e), expected={"version": e.version}
                    )
                    for e in events
                )
            )
            changed += sum(done)
            if len(found) < 100:
                await self._mongo.put("marks", "folding", {"version": FOLD_VERSION})
                return changed
            after = events[-1].event_id

    # Facts for selling, from memory

    async def facts(self, event_id: str) -> Facts:
        """The event's immutable facts; from memory when loaded, so that MongoDB may be away."""
        known = self._facts.get(event_id)
        if known is not None:
            return known
        facts = await self._loads.get(event_id, partial(self._load_facts, event_id))
        self._facts[event_id] = facts
        return facts

    async def _load_facts(self, event_id: str) -> Facts:
        event = await self.event(event_id)
        if event.status == EventStatus.DRAFT or event.unlisted:
            raise event_not_found(event_id)
        return await self.facts_of(event)

    async def facts_of(self, event: Event) -> Facts:
        """The facts of an event as it is now. A draft's may change; ``facts`` keeps a published event's."""
        layout = await self.layout_of(event)
        layout_id = assigned_id(event.layout_id, event.categories, event.assignments)
        return Facts(event.event_id, event.currency, layout, layout_id, layout.category_numbers())

    async def layout_of(self, event: Event) -> Layout:
        """The drawing with the event's categories: the venue's plan, or the plan with the event's own ones."""
        plan = await self.venues.layout(event.layout_id)
        return await _assigned(plan, event.categories, event.assignments)


async def _assigned(
    plan: Layout, categories: list[EventCategory], assignments: list[Assignment]
) -> Layout:
    if not (categories or assignments):
        return plan
    # Twenty thousand seats and many assignments take too long for the loop.
    return await asyncio.to_thread(assigned, plan, categories, assignments)


def event_not_found(event_id: str) -> NotFound:
    return NotFound(f"There is no event {event_id}.", code="event-not-found")


def _check_time(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise InvalidInput("starts_at needs a time zone, for example 2027-05-01T20:00:00Z.")
    if not 1970 < moment.year < 9999:
        raise InvalidInput("starts_at: the year is out of range.")


def _facets(tally: list[tuple[str, int]]) -> list[Facet]:
    return [Facet(name, count) for name, count in tally if name]


def _checked_prices(prices: dict[str, int], layout: Layout) -> dict[str, int]:
    """The prices in the layout's order of categories, by which they are numbered. Raises InvalidInput."""
    known = [category.name for category in layout.categories]
    unknown = sorted(set(prices) - set(known))
    missing = [name for name in known if name not in prices]
    if unknown or missing:
        raise InvalidInput(
            f"prices must name each category of the event once ({', '.join(known)})."
            + (f" Unknown: {', '.join(unknown)}." if unknown else "")
            + (f" Missing: {', '.join(missing)}." if missing else ""),
            code="prices-mismatch",
        )
    return {name: prices[name] for name in known}


def _event_document(event: Event) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(event)
    document["_id"] = document.pop("event_id")
    # A number, because it sorts and compares alike on every server; the embedded one turns dates into text.
    document["starts_at"] = ms_from_utc(event.starts_at)
    document |= compared(event)
    # Pairs, because a category's name may hold what MongoDB forbids in field names.
    document["prices"] = [[name, amount] for name, amount in event.prices.items()]
    return document


def _event_from(document: dict[str, Any]) -> Event:
    fields = dict(lifted(document))
    fields["event_id"] = fields.pop("_id")
    fields["prices"] = dict(fields["prices"])
    fields["starts_at"] = utc_from_ms(fields["starts_at"])
    fields["venue"] = with_accepted_zone(fields["venue"])
    # The embedded server turns truth into a number.
    fields["unlisted"] = bool(fields.get("unlisted"))
    return msgspec.convert(fields, Event)
