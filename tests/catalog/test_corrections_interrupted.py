"""kill -9 of the API between the change of a venue and its events: a worker finishes."""

import asyncio
from contextlib import suppress
from functools import partial

import httpx
import pytest

from engine.catalog.model import EventDraft
from tests.conftest import ORGANISER_KEY, make_event
from tests.support.buyers import ask_until
from tests.support.site import Site

pytestmark = pytest.mark.adversity

_ORGANISER = {"Authorization": f"Bearer {ORGANISER_KEY}"}


@pytest.mark.parametrize("step", ["venue", "second event"])
async def test_a_correction_survives_a_kill_half_way(
    site: Site, http: httpx.AsyncClient, step: str
) -> None:
    first = await site.runtime.catalog.event(await make_event(site.runtime))
    venue_id = first.venue.venue_id

    draft = EventDraft(
        name="Another play",
        venue_id=venue_id,
        starts_at=first.starts_at,
        currency="EUR",
        prices=first.prices,
    )
    second = await site.runtime.catalog.create_event(draft)
    needle = "changed_at" if step == "venue" else "Another play"
    async with site.paused("worker"):
        catch = site.link("api", "mongo").catch(needle, unsent=step != "venue")
        request = asyncio.create_task(
            http.patch(
                f"/v1/venues/{venue_id}",
                json={"city": "Jena", "timezone": "Europe/Berlin"},
                headers=_ORGANISER | {"If-Match": '"1"'},
            )
        )
        await catch.wait()
        site.kill("api")
        with suppress(httpx.TransportError):
            raise AssertionError(f"answered by a dead process: {(await request).text}")
        assert (await site.runtime.catalog.venues.venue(venue_id)).city == "Jena"
        assert (await site.runtime.catalog.event(second.event_id)).venue.city == "Erfurt"
        await site.start("api")
    for event_id in (first.event_id, second.event_id):
        page = await ask_until(
            partial(http.get, f"/v1/events/{event_id}", headers=_ORGANISER),
            lambda answer: bool(answer.json()["venue"]["city"] == "Jena"),
        )
        assert page.json()["venue"]["timezone"] == "Europe/Berlin"
