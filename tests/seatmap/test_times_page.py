"""The page and the mails write the same instants alike, whatever the visitor's own clock is."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Route, expect

from engine.base.zones import must_be_named, zone
from engine.catalog.model import EventDraft
from engine.notifications import formatting
from engine.notifications.facts import event_facts
from engine.runtime import Runtime
from tests.conftest import Stack, small_house
from tests.support.pages import OpenPage

pytestmark = pytest.mark.browser

WEB = Path(__file__).resolve().parents[2] / "seatmap" / "web"
_PLACES: list[dict[str, Any]] = [
    {"city": "London", "timezone": "Europe/London"},
    {"city": "", "timezone": "Europe/London"},
    {"city": "New York", "timezone": "America/New_York"},
    {"city": "Lord Howe", "timezone": "Australia/Lord_Howe"},
    {"city": "St. John's", "timezone": "America/St_Johns"},
    {"city": "Kathmandu", "timezone": "Asia/Kathmandu"},
    {"city": "Apia", "timezone": "Pacific/Apia"},
    {"city": "Casablanca", "timezone": "Africa/Casablanca"},
    {"city": "Reykjavik", "timezone": "UTC"},
    {"city": "Tokyo", "timezone": None},
]
_WRITE = """async ([places, instants]) => {
  const { clock, longDate } = await import("/format.js");
  return places.map((place) => instants.map((iso) => [longDate(iso, place), clock(iso, place), clock(iso, place, true)]));
}"""


def _instants() -> list[datetime]:
    """Two years, each half hour of the days on which clocks change, else each nine hours."""
    begin = datetime(2027, 1, 1, 0, 30, tzinfo=UTC)
    spread = {begin + timedelta(hours=9 * n) for n in range(1946)}
    changes = [datetime(2027, *day, tzinfo=UTC) for day in ((3, 13), (4, 3), (10, 30), (11, 6))]
    dense = {day + timedelta(minutes=30 * n) for day in changes for n in range(96)}
    return sorted(spread | dense)


def _mail(moment: datetime, place: dict[str, Any]) -> list[str]:
    local = moment.astimezone(zone(place["timezone"]))
    named = must_be_named(local, place["timezone"], place["city"])
    return [
        formatting.day(local, "en").replace(",", ""),
        formatting.clock(local, "en", with_zone=named),
        formatting.clock(local, "en", with_zone=True),
    ]


async def test_page_and_mail_write_the_same_instants_alike(open_page: OpenPage) -> None:
    async def serve(route: Route) -> None:
        name = route.request.url.rsplit("/", 1)[1]
        if name:
            await route.fulfill(path=WEB / name)
        else:
            await route.fulfill(body="<!doctype html>", content_type="text/html")

    page = await open_page(timezone_id="America/Los_Angeles", locale="en-GB")
    await page.route("http://times.test/**", serve)
    await page.goto("http://times.test/")
    instants = _instants()
    seen = await page.evaluate(_WRITE, [_PLACES, [at.isoformat() for at in instants]])

    for place, written in zip(_PLACES, seen, strict=True):
        for at, (day, *clocks) in zip(instants, written, strict=True):
            assert [day.replace(",", ""), *clocks] == _mail(at, place), (place, at)


@pytest.mark.parametrize("visitor", ["America/Los_Angeles", "Asia/Tokyo"])
async def test_an_event_without_a_zone_has_one_time_for_everybody(
    open_page: OpenPage, stack: Stack, runtime: Runtime, visitor: str
) -> None:
    venue, _ = await runtime.catalog.venues.import_plan(small_house(rows=1), city="Tokyo")
    event = await runtime.catalog.create_event(
        EventDraft(
            name=f"Half past midnight, seen from {visitor}",
            venue_id=venue.venue_id,
            starts_at=datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
            currency="JPY",
            prices={"Front": 5000, "Back": 3000},
        )
    )
    await runtime.events.publishing.publish(event.event_id)
    facts = event_facts(event, "en", "https://tickets.example")
    assert (facts["date"], facts["time"]) == ("Sunday, 31 October 2027", "00:30 UTC")

    page = await open_page(timezone_id=visitor, locale="en-GB")
    await page.goto(f"{stack.api_url}/events/{event.event_id}")
    await expect(page.locator("#event-facts")).to_have_text(
        re.compile(r"Sun,? 31 Oct 2027, 00:30 UTC · .*Tokyo")
    )
    await page.goto(f"{stack.api_url}/?q={visitor}")
    card = page.locator(".event")
    await expect(card).to_have_count(1)
    await expect(card.locator(".where")).to_have_text(re.compile(r"^00:30 UTC · "))
    await expect(card.locator(".day")).to_have_text(re.compile(r"Oct 2027\s*31\s*Sun"))
