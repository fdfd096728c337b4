"""The event to rehearse: read from its own stores, and made again, without sales, on the stage."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from engine.base.actor import REHEARSAL
from engine.base.config import Settings
from engine.base.model import EventStatus
from engine.catalog.model import Event, EventDraft
from engine.cli.shell import opened
from engine.pricing.model import CategoryState, Override, RuleDraft
from engine.runtime import Runtime

#: A past event is rehearsed as if it were upcoming.
_A_MONTH = timedelta(days=30)
_UNPUBLISHED = (EventStatus.DRAFT, EventStatus.PUBLISHING)


class Original(Struct, frozen=True, kw_only=True):
    """The data for a copy. ``venue`` and ``layout`` are the catalogue's documents, unchanged."""

    event: Event
    venue: dict[str, Any]
    layout: dict[str, Any]
    #: Opening prices by category, in minor units: with a rule, the price that the rule begins with.
    prices: dict[str, int]
    #: Categories that follow a rule or have an override.
    governed: list[CategoryState]
    #: Blocked seats, and blocked places by area.
    blocked: list[int]
    blocked_areas: dict[int, int]


async def read_original(settings: Settings, event_id: str) -> Original:
    """Read only. Raises NotFound, Unavailable, StartError."""
    async with opened(settings) as runtime:
        event = await runtime.catalog.event(event_id)
        venue = await runtime.stores.mongo.get("venues", event.venue.venue_id)
        layout = await runtime.stores.mongo.get("layouts", event.layout_id)
        assert venue is not None
        assert layout is not None
        if event.status in _UNPUBLISHED:
            states, blocked = [], event.blocked_seats
            areas = {int(no): places for no, places in event.blocked_areas.items()}
        else:
            states = (await runtime.pricing.admin.state(event_id)).categories
            async with runtime.stores.view.connection() as connection:
                seats = await connection.fetch(
                    "SELECT seat_no FROM seats WHERE event_id = $1 AND state = 'blocked'", event_id
                )
                places = await connection.fetch(
                    "SELECT area_no, blocked FROM areas WHERE event_id = $1 AND blocked > 0",
                    event_id,
                )
            blocked = [row["seat_no"] for row in seats]
            areas = {row["area_no"]: row["blocked"] for row in places}
    return Original(
        event=event,
        venue=venue,
        layout=layout,
        # A price moved by a rule results from sales that the copy has not had.
        prices=event.prices | {s.category: s.price.amount for s in states if s.mode != "rule"},
        governed=[state for state in states if state.mode != "fixed"],
        blocked=blocked,
        blocked_areas=areas,
    )


async def make_copy(runtime: Runtime, original: Original) -> Event:
    """Put the event on sale on the stage, with every seat free that is for sale; prices do not move. Returns
    the copy."""
    event, now = original.event, datetime.now(UTC)
    await runtime.stores.mongo.insert("venues", original.venue)
    await runtime.stores.mongo.insert("layouts", original.layout)
    copy = await runtime.catalog.create_event(
        EventDraft(
            name=event.name,
            venue_id=event.venue.venue_id,
            layout_id=event.layout_id,
            starts_at=event.starts_at if event.starts_at > now else now + _A_MONTH,
            currency=event.currency,
            prices=original.prices,
            description=event.description,
            category=event.category,
            buyer_limit=event.buyer_limit,
            hold_ttl_s=event.hold_ttl_s,
            tagline=event.tagline,
            image_url=event.image_url,
            language=event.language,
            categories=event.categories,
            assignments=event.assignments,
            metadata=event.metadata,
        )
    )
    if original.blocked or original.blocked_areas:
        await runtime.events.blocks.block(
            copy.event_id, original.blocked, areas=original.blocked_areas, actor=REHEARSAL
        )
    return await runtime.events.publishing.publish(copy.event_id)


async def govern(runtime: Runtime, event_id: str, original: Original) -> None:
    """Set the copy's rules and overrides. Call it as the sale opens: a rule that sees nobody buy for
    a while lowers its price, and may not raise it again for long."""
    for state in original.governed:
        await _govern(runtime, event_id, state)


async def _govern(runtime: Runtime, event_id: str, state: CategoryState) -> None:
    if state.rule is not None:
        draft = RuleDraft(category=state.category, rule=state.rule.rule, note=state.rule.note)
        made = await runtime.pricing.admin.make_rule(event_id, draft, actor=REHEARSAL)
        await runtime.pricing.admin.activate(event_id, made.rule_id, actor=REHEARSAL)
    reason = state.reason or "as in the original"
    if state.mode == "frozen":
        await runtime.pricing.admin.freeze(event_id, state.category_no, reason, actor=REHEARSAL)
    elif state.mode == "override":
        hand = Override(amount_minor=state.price.amount, reason=reason, until=state.until)
        await runtime.pricing.admin.override(event_id, state.category_no, hand, actor=REHEARSAL)


__all__ = ["Original", "govern", "make_copy", "read_original"]
