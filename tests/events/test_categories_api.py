"""Price categories of one event, over HTTP: what the organiser assigns is what buyers see, hold and pay."""

from typing import Any

import httpx
import pytest

from engine.runtime import Runtime
from tests.conftest import small_house
from tests.support.http import ORGANISER, Buyer, Json, problem_of

pytestmark = pytest.mark.contract

OWN: Json = {
    "categories": [
        {"name": "Premium", "color": "#d55e00"},
        {"name": "Regular", "color": "#0072b2"},
    ],
    "assignments": [
        {"category": "Regular", "plan_category": "Front"},
        {"category": "Regular", "plan_category": "Back"},
        {"category": "Premium", "section": "Stalls", "row": "R3"},
        {"category": "Premium", "area": "Floor"},
    ],
    "prices": {"Premium": 9000, "Regular": 4000},
}


class Desk:
    def __init__(self, http: httpx.AsyncClient, venue_id: str) -> None:
        self.http, self.venue_id = http, venue_id

    async def draft(self, **changes: Any) -> httpx.Response:
        body = {
            "name": "A play",
            "venue_id": self.venue_id,
            "starts_at": "2031-05-01T20:00:00Z",
            "currency": "EUR",
            "prices": {"Front": 5000, "Back": 3000},
        }
        return await self.http.post("/v1/events", json=body | changes, headers=ORGANISER)

    async def patch(self, made: httpx.Response, body: Json) -> httpx.Response:
        headers = ORGANISER | {"If-Match": made.headers["etag"]}
        return await self.http.patch(made.headers["location"], json=body, headers=headers)

    async def publish(self, made: httpx.Response) -> httpx.Response:
        path = made.headers["location"] + "/publish"
        return await self.http.post(path, headers=ORGANISER)


@pytest.fixture
async def desk(http: httpx.AsyncClient, runtime: Runtime) -> Desk:
    venue, _ = await runtime.catalog.venues.import_plan(small_house(), city="Erfurt")
    return Desk(http, venue.venue_id)


async def test_an_event_is_sold_in_its_own_categories(
    desk: Desk, http: httpx.AsyncClient, ada: Buyer
) -> None:
    made = await desk.draft(**OWN)
    assert made.status_code == 201, made.text
    page = made.json()
    assert page["categories"] == OWN["categories"]
    assert page["assignments"] == OWN["assignments"]
    path, event_id = made.headers["location"], page["event_id"]
    drafted = await http.get(path + "/layout", headers=ORGANISER)
    await desk.publish(made)
    layout = await http.get(path + "/layout")
    assert layout.json() == drafted.json()
    assert [c["name"] for c in layout.json()["categories"]] == ["Premium", "Regular"]
    assert layout.json()["seats"]["category"] == [1] * 20 + [0] * 10 + [1] * 20
    # Another event of the same plan has another drawing, and a cache can tell them apart.
    other = await desk.draft()
    await desk.publish(other)
    plan = await http.get(other.headers["location"] + "/layout")
    assert plan.headers["etag"] != layout.headers["etag"]
    assert plan.json()["seats"]["category"] == [0] * 20 + [1] * 30

    prices = (await http.get(path + "/prices")).json()["prices"]
    assert [(p["category"], p["price"]["amount"]) for p in prices] == [
        ("Premium", 9000),
        ("Regular", 4000),
    ]
    hold = (await ada.hold(event_id, 0, 25, floor=1)).json()
    assert [(s["category"], s["price"]["amount"]) for s in hold["seats"]] == [
        ("Regular", 4000),
        ("Premium", 9000),
    ]
    assert hold["areas"][0]["price"]["amount"] == 9000
    booking = (await ada.book(hold["hold_id"])).json()
    assert booking["total"]["amount"] == 22000
    best = await http.post(
        path + "/holds", json={"best": {"quantity": 2, "category": "Premium"}}, headers=ada.auth
    )
    assert {20 <= seat["seat_no"] < 30 for seat in best.json()["seats"]} == {True}
    gone = await http.post(
        path + "/holds", json={"best": {"quantity": 2, "category": "Front"}}, headers=ada.auth
    )
    problem_of(gone, 400, "no-such-category")


async def test_the_waitlist_knows_the_events_categories(
    desk: Desk, http: httpx.AsyncClient, ada: Buyer
) -> None:
    made = await desk.draft(**OWN)
    await desk.publish(made)
    path = made.headers["location"] + "/waitlist"
    wish = {"quantity": 1, "categories": ["Front"]}
    refused = await http.post(path, json=wish, headers=ada.auth)
    problem_of(refused, 400, "no-such-category")


async def test_a_drafts_categories_can_be_changed_and_given_up(desk: Desk) -> None:
    made = await desk.draft()
    changed = await desk.patch(made, OWN)
    assert changed.status_code == 200, changed.text
    assert [p["category"] for p in changed.json()["prices"]] == ["Premium", "Regular"]
    # A price of a category that is no longer there ends with it; a new one must be named.
    fewer: Json = {"categories": OWN["categories"][1:], "assignments": OWN["assignments"][:2]}
    only = await desk.patch(changed, fewer)
    assert [p["price"]["amount"] for p in only.json()["prices"]] == [4000]
    back: Json = {"categories": [], "assignments": []}
    problem_of(await desk.patch(only, back), 400, "prices-mismatch")
    plans = await desk.patch(only, back | {"prices": {"Front": 1, "Back": 2}})
    assert [p["category"] for p in plans.json()["prices"]] == ["Front", "Back"]
    assert plans.json()["categories"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"categories": [{"name": "A", "color": "red"}]}, "invalid-request"),
        ({"categories": [{"name": "A", "color": "#ff0000", "price": 1}]}, "invalid-request"),
        ({"categories": [{"name": "A", "color": "#ff0000"}]}, "categories-mismatch"),
        ({"categories": [{"name": "A", "color": "#ff0000"}] * 101}, "invalid-request"),
        ({"assignments": [{"category": "Front", "section": "Balcony"}]}, "categories-mismatch"),
        ({"assignments": [{"section": "Stalls"}]}, "invalid-request"),
        ({"assignments": [{"category": "Front", "seats": []}]}, "invalid-request"),
        ({"categories": OWN["categories"], "assignments": OWN["assignments"]}, "prices-mismatch"),
        ({**OWN, "prices": {"Premium": 1, "Regular": 2, "Front": 3}}, "prices-mismatch"),
    ],
    ids=str,
)
async def test_what_does_not_fit_is_refused_when_it_is_written(
    desk: Desk, body: Json, code: str
) -> None:
    made = await desk.draft()
    problem_of(await desk.patch(made, body), 400, code)
    own = await desk.draft(**body)
    problem_of(own, 400, code)
    assert (await desk.publish(made)).json()["status"] == "on_sale"


async def test_categories_are_fixed_once_they_are_sold(desk: Desk) -> None:
    made = await desk.draft(**OWN)
    published = await desk.publish(made)
    bodies: list[Json] = [{"categories": []}, {"assignments": []}]
    for body in bodies:
        refused = problem_of(await desk.patch(published, body), 409, "event-published")
        assert "Prices can be changed" in refused["detail"]
    dearer = await desk.patch(published, {"prices": {"Premium": 9900}})
    assert [p["price"]["amount"] for p in dearer.json()["prices"]] == [9900, 4000]
