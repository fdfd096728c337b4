"""Without MongoDB events on sale go on selling; only the catalogue is unavailable."""

import httpx
import pytest

from seatmap.protocol import Encoding
from tests.conftest import ORGANISER_KEY
from tests.support.buyers import Patron, ask_until
from tests.support.site import Site
from tests.support.truth import check
from tests.support.watchers import Watcher

pytestmark = pytest.mark.adversity

_ORGANISER = {"Authorization": f"Bearer {ORGANISER_KEY}"}


async def test_selling_continues_without_mongodb(site: Site, http: httpx.AsyncClient) -> None:
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    await patron.booked(await patron.held(0))
    page = f"/v1/events/{house.event_id}"
    etag = (await http.get(page)).headers["ETag"]
    await site.worker_rounds("know-layouts", 1)

    site.mongo.kill()
    assert (await http.get(f"{page}/layout")).status_code == 200
    assert (await http.get(f"{page}/seats")).status_code == 200
    # The gateway does not know this event yet, and maps need no catalogue.
    url = site.live_url(house.event_id)
    async with Watcher(url) as one, Watcher(url, Encoding.JSON) as other:
        booking = await patron.booked(await patron.held(1))
        pending = (await patron.book(await patron.held(2), token="tok_timeout")).json()
        assert await patron.ended(pending["booking_id"]) == "confirmed"
        assert (await patron.cancel(booking["booking_id"])).json()["status"] == "cancelled"
        await check(site, house.event_id, one, other)

    async def edit() -> httpx.Response:
        headers = _ORGANISER | {"If-Match": etag}
        return await http.patch(page, headers=headers, json={"name": "Another play"})

    refused = await edit()
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert refused.json()["type"] == "/problems/catalog-unavailable"
    await site.mongo.start()
    edited = await ask_until(edit, lambda answer: answer.status_code != 503)
    assert (edited.status_code, edited.json()["name"]) == (200, "Another play")


async def test_an_api_starts_without_mongodb(site: Site, http: httpx.AsyncClient) -> None:
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    pending = (await patron.book(await patron.held(0), token="tok_3ds")).json()
    site.kill("api")
    site.mongo.kill()
    await site.start("api")
    assert (await http.get("/health/ready")).json()["mongo"] != "ok"
    seats = await http.get(f"/v1/events/{house.event_id}/seats")
    assert seats.json()["states"][0] == "1"
    # A hold needs a layout, and this process has never seen it.
    refused = await patron.hold(1)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")

    await site.mongo.start()
    held = await ask_until(lambda: patron.hold(1), lambda answer: answer.status_code != 503)
    assert held.status_code == 201
    await patron.approve(pending)
    assert await patron.ended(pending["booking_id"]) == "confirmed"
    await check(site, house.event_id)
