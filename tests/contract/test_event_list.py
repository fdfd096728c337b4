"""What a page of events needs beside the list: what to filter by, how cards stand, zones, sizes."""

import gzip
from datetime import UTC, datetime

import httpx
import pytest

from engine.model import new_id
from engine.runtime import Runtime
from tests.conftest import House, MakeHouse, small_house
from tests.contract.conftest import ORGANISER, Json, problem_of, publish_event


@pytest.fixture(scope="module")
async def programme(runtime: Runtime) -> dict[str, str]:
    """Three events of one day that is theirs alone; the names of their kinds and cities, too."""
    mark = new_id()
    ids = {"opera": f"opera {mark}", "jazz": f"jazz {mark}", "city": f"Weimar {mark}"}
    venue, _ = await runtime.catalog.import_venue(
        small_house(rows=1), city=ids["city"], timezone="Europe/Berlin"
    )
    for name, kind in {"first": "opera", "second": "opera", "third": "jazz"}.items():
        ids[name] = await publish_event(
            runtime,
            venue.venue_id,
            category=ids[kind],
            starts_at=datetime(2044, 6, 2, 20, tzinfo=UTC),
        )
    return ids


DAY = {"from": "2044-06-02T00:00:00Z", "to": "2044-06-03T00:00:00Z"}


async def test_facets_count_what_a_period_offers(
    http: httpx.AsyncClient, programme: dict[str, str]
) -> None:
    facets: Json = (await http.get("/v1/events/facets", params=DAY)).json()
    assert facets == {
        "categories": [
            {"name": programme["opera"], "events": 2},
            {"name": programme["jazz"], "events": 1},
        ],
        "cities": [{"name": programme["city"], "events": 3}],
    }
    # Each value is what the list's filters take.
    found = await http.get(
        "/v1/events", params={"category": programme["opera"], "city": programme["city"]}
    )
    assert len(found.json()["items"]) == 2
    nothing = await http.get("/v1/events/facets", params={"from": "2200-01-01T00:00:00Z"})
    assert nothing.json() == {"categories": [], "cities": []}
    problem_of(
        await http.get("/v1/events/facets", params={"from": "2044-06-02T00:00:00"}),
        400,
        "invalid-request",
    )


async def test_cards_can_be_brought_up_to_date(
    http: httpx.AsyncClient, runtime: Runtime, make_house: MakeHouse, buyer: str
) -> None:
    full, cancelled, draft = [await make_house(publish=i < 2) for i in range(3)]
    await full.hold(buyer, *range(10))
    await runtime.publishing.cancel(cancelled.event_id)
    ids = [full.event_id, cancelled.event_id, draft.event_id, new_id(), full.event_id]
    items = (await http.get("/v1/events/availability", params={"id": ids})).json()["items"]
    assert {item["event_id"]: (item["status"], item["availability"]) for item in items} == {
        full.event_id: ("on_sale", {"seats": 56, "available": 46}),
        cancelled.event_id: ("cancelled", {"seats": 56, "available": 0}),
    }
    assert len(items) == 2


@pytest.mark.parametrize("ids", [[], ["x"], [new_id() for _ in range(51)]], ids=len)
async def test_cards_are_asked_for_by_a_few_ids(http: httpx.AsyncClient, ids: list[str]) -> None:
    response = await http.get("/v1/events/availability", params={"id": ids})
    problem_of(response, 400, "invalid-request")


async def test_an_event_says_whose_clock_its_time_is_on(
    http: httpx.AsyncClient, programme: dict[str, str], house: House
) -> None:
    page = (await http.get(f"/v1/events/{programme['first']}")).json()
    assert page["venue"]["timezone"] == "Europe/Berlin"
    assert (await http.get(f"/v1/events/{house.event_id}")).json()["venue"]["timezone"] is None


async def test_a_zone_must_be_one(http: httpx.AsyncClient) -> None:
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
