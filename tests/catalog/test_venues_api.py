"""Venues over HTTP: made, listed, changed; and what their events say of them."""

from typing import Any

import httpx
import pytest

from engine.base.model import new_id
from engine.runtime import Runtime
from tests.conftest import small_house
from tests.support.http import ORGANISER, Json, problem_of, publish_event

pytestmark = pytest.mark.contract

_TOKYO = {
    "name": "City Theatre",
    "city": "Tokyo",
    "latitude": 35.68,
    "longitude": 139.76,
    "timezone": "Asia/Tokyo",
}


class Office:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def import_plan(self, **params: Any) -> httpx.Response:
        return await self.http.post(
            "/v1/venues/import", json=small_house(), params=params, headers=ORGANISER
        )

    async def imported(self, **params: Any) -> Json:
        response = await self.import_plan(**params)
        assert response.status_code == 201, response.text
        assert response.headers["ETag"] == f'"{response.json()["venue"]["version"]}"'
        venue: Json = response.json()["venue"]
        return venue

    async def patch(self, venue: Json, body: Json, **headers: str) -> httpx.Response:
        return await self.http.patch(
            f"/v1/venues/{venue['venue_id']}",
            json=body,
            headers=ORGANISER | {"If-Match": f'"{venue["version"]}"'} | headers,
        )

    async def read(self, venue_id: str) -> Json:
        response = await self.http.get(f"/v1/venues/{venue_id}", headers=ORGANISER)
        assert response.headers["ETag"] == f'"{response.json()["version"]}"'
        venue: Json = response.json()
        return venue


@pytest.fixture
def office(http: httpx.AsyncClient) -> Office:
    return Office(http)


async def test_a_new_plan_keeps_all_that_is_not_given(office: Office) -> None:
    first = await office.imported(**_TOKYO)
    again = await office.imported(venue_id=first["venue_id"], city="")
    new = {"layout_id": again["layout_id"], "version": 2}
    assert again == first | new
    assert again["layout_id"] != first["layout_id"]
    renamed = await office.imported(venue_id=first["venue_id"], name="New Theatre", city="Osaka")
    new = {"layout_id": renamed["layout_id"], "version": 3}
    assert renamed == first | new | {"name": "New Theatre", "city": "Osaka"}
    assert await office.read(first["venue_id"]) == renamed


async def test_a_plan_for_a_venue_that_does_not_exist_makes_none(
    office: Office, runtime: Runtime
) -> None:
    nobodys = new_id()
    problem_of(await office.import_plan(venue_id=nobodys), 404, "venue-not-found")
    problem_of(
        await office.http.get(f"/v1/venues/{nobodys}", headers=ORGANISER), 404, "venue-not-found"
    )
    assert await runtime.stores.mongo.get("venues", nobodys) is None


async def test_a_change_reaches_the_events_of_the_venue(office: Office, runtime: Runtime) -> None:
    mark = new_id()
    venue = await office.imported(name=f"Alt {mark}", city=f"Gera {mark}")
    other = await office.imported(name="Another", city="Erfurt")
    events = [await publish_event(runtime, venue["venue_id"]) for _ in range(2)]
    draft = await office.http.post(
        "/v1/events",
        json={
            "name": "A draft",
            "venue_id": venue["venue_id"],
            "starts_at": "2031-05-01T20:00:00Z",
            "currency": "EUR",
            "prices": {"Front": 5000, "Back": 3000},
        },
        headers=ORGANISER,
    )
    foreign = await publish_event(runtime, other["venue_id"])

    corrections = {"name": f"Neu {mark}", "timezone": "Europe/Berlin", "city": f"Jena {mark}"}
    changed = await office.patch(venue, corrections | {"latitude": 50.9, "longitude": 11.6})
    assert changed.status_code == 200, changed.text
    assert changed.headers["ETag"] == '"2"'
    assert changed.headers["Location"] == f"/v1/venues/{venue['venue_id']}"

    for event_id in (*events, draft.json()["event_id"]):
        page = await office.http.get(f"/v1/events/{event_id}", headers=ORGANISER)
        assert page.json()["venue"] == corrections | {"venue_id": venue["venue_id"]}
        assert page.json()["version"] > 1
    found = await office.http.get("/v1/events", params={"q": f"neu {mark}"})
    assert {item["event_id"] for item in found.json()["items"]} == set(events)
    found = await office.http.get("/v1/events", params={"city": f"Jena {mark}"})
    assert len(found.json()["items"]) == 2
    found = await office.http.get("/v1/events", params={"city": f"Gera {mark}"})
    assert found.json()["items"] == []
    near = {"near": "50.9,11.6", "q": mark}
    assert len((await office.http.get("/v1/events", params=near)).json()["items"]) == 2
    page = await office.http.get(f"/v1/events/{foreign}")
    assert page.json()["venue"]["name"] == "Another"


async def test_a_new_layout_alone_changes_no_event(office: Office, runtime: Runtime) -> None:
    venue = await office.imported(**_TOKYO)
    event_id = await publish_event(runtime, venue["venue_id"])
    before = (await office.http.get(f"/v1/events/{event_id}")).headers["ETag"]
    await office.imported(venue_id=venue["venue_id"])
    assert (await office.http.get(f"/v1/events/{event_id}")).headers["ETag"] == before


async def test_null_removes_what_a_venue_can_be_without(office: Office, runtime: Runtime) -> None:
    venue = await office.imported(**_TOKYO)
    event_id = await publish_event(runtime, venue["venue_id"])
    removed = {"city": None, "timezone": None, "latitude": None, "longitude": None}
    changed = await office.patch(venue, removed)
    assert changed.json() == venue | removed | {"city": "", "version": 2}
    page = (await office.http.get(f"/v1/events/{event_id}")).json()
    assert (page["venue"]["city"], page["venue"]["timezone"]) == ("", None)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"city": "x" * 101}, "city"),
        ({"latitude": 91, "longitude": 0}, "latitude"),
        ({"latitude": None}, "latitude and longitude"),
        ({"timezone": "localtime"}, "timezone: 'localtime'"),
        ({"timezone": "Asia/Tokio"}, "did you mean Asia/Tokyo?"),
        ({"timezone": ""}, "timezone"),
        ({"layout_id": "01920000-0000-7000-8000-00000000dead"}, "layout_id"),
        ([], "object"),
    ],
    ids=str,
)
async def test_a_bad_change_is_refused_whole(office: Office, body: Any, said: str) -> None:
    venue = await office.imported(**_TOKYO)
    sent = {"city": "Osaka"} | body if isinstance(body, dict) else body
    if "layout_id" in sent:
        sent = {"layout_id": new_id()}
    problem = problem_of(await office.patch(venue, sent), 400, "invalid-request")
    assert said in problem["detail"] + str(problem.get("errors", ""))
    assert await office.read(venue["venue_id"]) == venue


@pytest.mark.parametrize(
    "place", [{"latitude": 50.9}, {"longitude": 11.0}, {"timezone": "EST5EDT"}, {"city": "x" * 101}]
)
async def test_the_same_rules_hold_for_a_new_venue(office: Office, place: Json) -> None:
    made = await office.http.post("/v1/venues", json={"name": "Hall"} | place, headers=ORGANISER)
    problem_of(made, 400, "invalid-request")
    problem_of(await office.import_plan(**place), 400, "invalid-request")


async def test_changes_need_the_version_that_was_read(office: Office) -> None:
    venue = await office.imported(**_TOKYO)
    path = f"/v1/venues/{venue['venue_id']}"
    without = await office.http.patch(path, json={"city": "Osaka"}, headers=ORGANISER)
    problem_of(without, 428, "precondition-required")
    assert (await office.patch(venue, {"city": "Osaka"})).status_code == 200
    stale = problem_of(await office.patch(venue, {"city": "Kobe"}), 412, "precondition-failed")
    assert stale["current_version"] == 2
    assert (await office.read(venue["venue_id"]))["city"] == "Osaka"
    problem_of(
        await office.patch({"venue_id": new_id(), "version": 1}, {"city": "Kobe"}),
        404,
        "venue-not-found",
    )


async def test_venues_are_listed_by_name_in_pages(office: Office) -> None:
    mark = f"~{new_id()}"
    names = [f"{mark} {n}" for n in (3, 1, 2, 2, 1)]
    made = [(await office.imported(name=name))["venue_id"] for name in names]
    seen: list[Json] = []
    cursor: str | None = None
    while True:
        params: dict[str, Any] = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        answer = await office.http.get("/v1/venues", params=params, headers=ORGANISER)
        page = answer.json()
        assert len(page["items"]) <= 2
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    keys = [(venue["name"], venue["venue_id"]) for venue in seen]
    assert keys == sorted(set(keys))
    assert {venue["venue_id"] for venue in seen if venue["name"].startswith(mark)} == set(made)
