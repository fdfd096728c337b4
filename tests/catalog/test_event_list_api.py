"""What a page of events needs besides the list: filters, availability of cards, time zones, sizes."""

import asyncio
import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from engine.base.errors import Unavailable
from engine.base.model import new_id
from engine.catalog.catalog import Catalog
from engine.catalog.model import EventDraft
from engine.runtime import Runtime
from tests.conftest import House, MakeHouse, small_house
from tests.support.http import ORGANISER, Json, problem_of, publish_event

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
async def programme(town_runtime: Runtime) -> dict[str, str]:
    """Three events on a day of their own; their kinds and cities are also used by no other event."""
    mark = new_id()
    ids = {"opera": f"opera {mark}", "jazz": f"jazz {mark}", "city": f"Weimar {mark}"}
    venue, _ = await town_runtime.catalog.venues.import_plan(
        small_house(rows=1), city=ids["city"], timezone="Europe/Berlin"
    )
    for name, kind in {"first": "opera", "second": "opera", "third": "jazz"}.items():
        ids[name] = await publish_event(
            town_runtime,
            venue.venue_id,
            category=ids[kind],
            starts_at=datetime(2044, 6, 2, 20, tzinfo=UTC),
        )
    return ids


async def test_facets_count_upcoming_events(
    http: httpx.AsyncClient, programme: dict[str, str]
) -> None:
    async with asyncio.timeout(60):
        while True:
            facets: Json = (await http.get("/v1/events/facets")).json()
            found = {facet["name"]: facet["events"] for kind in facets.values() for facet in kind}
            if programme["city"] in found:
                break
            # Facets are counted every few seconds, and this programme is new.
            await asyncio.sleep(0.2)
    assert found[programme["opera"]] == 2
    assert found[programme["jazz"]] == 1
    assert found[programme["city"]] == 3
    # Each value can be used in the list's filters.
    listed = await http.get(
        "/v1/events", params={"category": programme["opera"], "city": programme["city"]}
    )
    assert len(listed.json()["items"]) == 2


async def test_simultaneous_requests_share_one_count_of_facets(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = Catalog(runtime.stores.mongo, runtime.settings)
    asked: list[str] = []
    tally = runtime.stores.mongo.tally

    async def counting(collection: str, query: Json, *, field: str, limit: int) -> Any:
        asked.append(field)
        if len(asked) <= 2:
            raise Unavailable("away")
        return await tally(collection, query, field=field, limit=limit)

    monkeypatch.setattr(runtime.stores.mongo, "tally", counting)
    with pytest.raises(Unavailable):
        await catalog.facets()
    # A failure is not kept; an answer is.
    answers = await asyncio.gather(*(catalog.facets() for _ in range(20)))
    assert sorted(asked[2:]) == ["category", "venue.city"]
    assert all(answer is answers[0] for answer in answers)


async def test_cards_can_be_refreshed_by_id(
    http: httpx.AsyncClient, runtime: Runtime, make_house: MakeHouse, buyer: str
) -> None:
    full, cancelled, draft = [await make_house(publish=i < 2) for i in range(3)]
    await full.hold(buyer, *range(10))
    await runtime.events.publishing.cancel(cancelled.event_id)
    ids = [full.event_id, cancelled.event_id, draft.event_id, new_id(), full.event_id]
    items = (await http.get("/v1/events/availability", params={"id": ids})).json()["items"]
    assert {item["event_id"]: (item["status"], item["availability"]) for item in items} == {
        full.event_id: ("on_sale", {"seats": 56, "available": 46}),
        cancelled.event_id: ("cancelled", {"seats": 56, "available": 0}),
    }
    assert len(items) == 2


_TOO_MANY = [f"01980000-0000-7000-8000-{n:012}" for n in range(51)]


@pytest.mark.parametrize("ids", [[], ["x"], _TOO_MANY], ids=len)
async def test_an_invalid_list_of_card_ids_is_refused(
    http: httpx.AsyncClient, ids: list[str]
) -> None:
    response = await http.get("/v1/events/availability", params={"id": ids})
    problem = problem_of(response, 400, "invalid-request")
    # Named as in the request.
    assert "event_ids" not in problem["detail"]
    assert "id" in problem["detail"]


async def test_an_event_names_its_time_zone(
    http: httpx.AsyncClient, programme: dict[str, str], house: House
) -> None:
    page = (await http.get(f"/v1/events/{programme['first']}")).json()
    assert page["venue"]["timezone"] == "Europe/Berlin"
    assert (await http.get(f"/v1/events/{house.event_id}")).json()["venue"]["timezone"] is None


async def test_an_unknown_time_zone_is_refused(http: httpx.AsyncClient) -> None:
    made = await http.post(
        "/v1/venues", json={"name": "Hall", "timezone": "Europe/Vienna"}, headers=ORGANISER
    )
    assert made.json()["timezone"] == "Europe/Vienna"
    for wrong in ("Mars/Olympus", "../../etc/passwd", ""):
        refused = await http.post(
            "/v1/venues", json={"name": "Hall", "timezone": wrong}, headers=ORGANISER
        )
        assert "Europe/Berlin" in problem_of(refused, 400, "invalid-request")["detail"]
    venue_id = made.json()["venue_id"]
    imported = await http.post(
        "/v1/venues/import", params={"venue_id": venue_id}, json=small_house(), headers=ORGANISER
    )
    assert imported.json()["venue"]["timezone"] == "Europe/Vienna"


async def raw(http: httpx.AsyncClient, path: str, coding: str) -> tuple[httpx.Headers, bytes]:
    """Headers and body as they came, still encoded."""
    async with http.stream("GET", path, headers={"Accept-Encoding": coding}) as response:
        chunks = [chunk async for chunk in response.aiter_raw()]
    return response.headers, b"".join(chunks)


async def test_large_answers_are_compressed_and_small_ones_are_not(
    http: httpx.AsyncClient, make_house: MakeHouse, programme: dict[str, str]
) -> None:
    house = await make_house(layout=small_house(rows=60, seats_per_row=100))
    path = f"/v1/events/{house.event_id}/seats"
    _, plain = await raw(http, path, "identity")
    for coding, is_packed in {"gzip": True, "br;q=1, gzip;q=0.5": True, "gzip;q=0": False}.items():
        headers, body = await raw(http, path, coding)
        assert (headers.get("content-encoding") == "gzip") == is_packed
        assert "Accept-Encoding" in headers["vary"]
        assert (gzip.decompress(body) if is_packed else body) == plain
        assert (len(body) < len(plain) / 10) == is_packed
    headers, _ = await raw(http, f"/v1/events?city={programme['city']}", "gzip")
    assert "content-encoding" not in headers


async def test_a_cancelled_event_is_found_until_a_day_after_its_start(
    http: httpx.AsyncClient, runtime: Runtime
) -> None:
    city = f"Gera {new_id()}"
    venue, _ = await runtime.catalog.venues.import_plan(small_house(rows=1), city=city)
    now = datetime.now(UTC)
    starts = {"coming": 48, "begun": -23, "past": -25, "unlisted": 48, "open": 72}
    ids: dict[str, str] = {}
    for name, hours in starts.items():
        at = now + timedelta(hours=hours)
        if name != "unlisted":
            ids[name] = await publish_event(runtime, venue.venue_id, name=name, starts_at=at)
            continue
        draft = EventDraft(
            name=name,
            venue_id=venue.venue_id,
            starts_at=at,
            currency="EUR",
            prices={"Front": 1, "Back": 1},
        )
        ids[name] = (await runtime.catalog.create_event(draft)).event_id
    for name in ("coming", "begun", "past", "unlisted"):
        await runtime.events.publishing.cancel(ids[name])

    async def listed(**params: str) -> list[tuple[str, str]]:
        page = (await http.get("/v1/events", params={"city": city, **params})).json()
        return [(item["name"], item["status"]) for item in page["items"]]

    cancelled = [("begun", "cancelled"), ("coming", "cancelled")]
    assert await listed() == [*cancelled, ("open", "on_sale")]
    assert await listed(q="coming") == [("coming", "cancelled")]
    assert await listed(available="true") == [("open", "on_sale")]
    assert (await http.get(f"/v1/events/{ids['coming']}")).json()["status"] == "cancelled"
    # The public has never seen this one.
    problem_of(await http.get(f"/v1/events/{ids['unlisted']}"), 404, "event-not-found")
    answer = await http.get("/v1/events/availability", params={"id": [ids["unlisted"]]})
    assert answer.json()["items"] == []
    shown = await http.get(f"/v1/events/{ids['unlisted']}", headers=ORGANISER)
    assert shown.json()["status"] == "cancelled"
