"""An organiser's whole life cycle over HTTP: venue, draft, sale, pause, cancellation."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from api.examples.venues import NATIVE_PLAN, PRETIX_PLAN
from engine.base.model import new_id
from engine.runtime import Runtime
from tests.conftest import House, small_house
from tests.support.http import ORGANISER, Buyer, Json, new_buyer, problem_of, seats_of

pytestmark = pytest.mark.contract


class Office:
    """The organiser's side of the API."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def import_plan(self, plan: Any, **params: Any) -> httpx.Response:
        return await self.http.post(
            "/v1/venues/import", json=plan, params=params, headers=ORGANISER
        )

    async def draft(self, at_venue: str, /, **changes: Any) -> httpx.Response:
        body = {
            "name": "A play",
            "venue_id": at_venue,
            "starts_at": "2031-05-01T20:00:00Z",
            "currency": "EUR",
            "prices": {"Front": 5000, "Back": 3000},
        }
        return await self.http.post("/v1/events", json=body | changes, headers=ORGANISER)

    async def command(self, event_id: str, command: str) -> httpx.Response:
        return await self.http.post(f"/v1/events/{event_id}/{command}", headers=ORGANISER)

    async def patch(self, event_id: str, body: Json, etag: str) -> httpx.Response:
        return await self.http.patch(
            f"/v1/events/{event_id}", json=body, headers=ORGANISER | {"If-Match": etag}
        )


@pytest.fixture
def office(http: httpx.AsyncClient) -> Office:
    return Office(http)


@pytest.fixture
async def venue_id(office: Office) -> str:
    response = await office.import_plan(small_house(), city="Erfurt")
    found: str = response.json()["venue"]["venue_id"]
    return found


# Access


NOBODYS = "01980000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/venues"),
        ("POST", "/v1/venues/import"),
        ("GET", "/v1/venues"),
        ("GET", f"/v1/venues/{NOBODYS}"),
        ("PATCH", f"/v1/venues/{NOBODYS}"),
        ("POST", "/v1/events"),
        ("PATCH", f"/v1/events/{NOBODYS}"),
        *(
            ("POST", f"/v1/events/{NOBODYS}/{command}")
            for command in ("publish", "pause", "resume", "cancel")
        ),
    ],
)
async def test_only_the_organiser_may_use_these_routes(
    http: httpx.AsyncClient, ada: Buyer, method: str, path: str
) -> None:
    problem_of(await http.request(method, path), 401, "not-authenticated")
    problem_of(await http.request(method, path, headers=ada.auth), 403, "not-allowed")


# Plans


@pytest.mark.parametrize("plan", [NATIVE_PLAN, PRETIX_PLAN], ids=["native", "pretix"])
async def test_a_plan_makes_a_venue(office: Office, plan: Json) -> None:
    response = await office.import_plan(
        plan, name="House", city="Erfurt", latitude=51, longitude=11
    )
    assert response.status_code == 201, response.text
    venue = response.json()["venue"]
    assert (venue["name"], venue["city"], venue["seat_count"]) == ("House", "Erfurt", 2)
    assert response.json()["warnings"] == []
    read = await office.http.get(response.headers["location"], headers=ORGANISER)
    assert read.json() == venue


async def test_a_broken_plan_is_refused_with_every_problem(office: Office) -> None:
    plan = json.loads(json.dumps(NATIVE_PLAN))
    seats = plan["sections"][0]["rows"][0]["seats"]
    seats[0]["category"] = "Balcony"
    seats[1] |= {"x": 9_999, "colour": "red"}
    problem = problem_of(await office.import_plan(plan), 422, "invalid-layout")
    paths = [error["path"] for error in problem["errors"]]
    assert all(error["problem"] for error in problem["errors"])
    place = "sections[0].rows[0].seats"
    for expected in (f"{place}[0].category", f"{place}[1].colour"):
        assert expected in paths
    assert any(path.startswith(f"{place}[1]") and "colour" not in path for path in paths)


@pytest.mark.parametrize("plan", [NATIVE_PLAN, PRETIX_PLAN], ids=["native", "pretix"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
async def test_a_plan_is_sent_as_its_file_is(office: Office, plan: Json, encoding: str) -> None:
    response = await office.http.post(
        "/v1/venues/import",
        content=json.dumps(plan | {"name": "Köln"}, ensure_ascii=False).encode(encoding),
        headers=ORGANISER | {"Content-Type": "application/json"},
    )
    assert response.status_code == 201, response.text
    assert response.json()["venue"]["name"] == "Köln"


async def test_seats_outside_a_pretix_plan_are_sold_with_one_warning(office: Office) -> None:
    plan = json.loads(json.dumps(PRETIX_PLAN))
    for i, seat in enumerate(plan["zones"][0]["rows"][0]["seats"]):
        seat["position"] = {"x": -500 + 3000 * i, "y": -20}
    response = await office.import_plan(plan)
    assert response.status_code == 201, response.text
    assert response.json()["venue"]["seat_count"] == 2
    assert [warning["path"] for warning in response.json()["warnings"]] == ["size"]


async def test_duplicates_are_named_and_can_be_renumbered(office: Office) -> None:
    plan = json.loads(json.dumps(PRETIX_PLAN))
    seats = plan["zones"][0]["rows"][0]["seats"]
    seats[1]["seat_guid"] = seats[0]["seat_guid"]
    problem = problem_of(await office.import_plan(plan), 422, "invalid-layout")
    assert any("A-1" in error["problem"] for error in problem["errors"])
    mended = await office.import_plan(plan, renumber="true")
    assert mended.status_code == 201
    assert mended.json()["warnings"]


@pytest.mark.parametrize(
    "plan", [{}, {"format": "frontrow/9"}, {"zones": 3}, {"categories": [None]}], ids=str
)
async def test_an_invalid_plan_is_refused(office: Office, plan: Any) -> None:
    assert problem_of(await office.import_plan(plan), 422, "invalid-layout")["errors"]


@pytest.mark.parametrize("plan", [[], 3, None, "plan"], ids=str)
async def test_a_plan_that_is_no_object_is_refused(office: Office, plan: Any) -> None:
    problem_of(await office.import_plan(plan), 400, "invalid-request")


async def test_a_plan_may_be_large(office: Office) -> None:
    plan = small_house(rows=120, seats_per_row=100)
    assert len(json.dumps(plan)) > 512 * 1024
    response = await office.import_plan(plan)
    assert response.status_code == 201, response.text
    assert response.json()["venue"]["seat_count"] == 12_000


async def test_a_venue_can_get_another_layout(office: Office, venue_id: str) -> None:
    event = (await office.draft(venue_id)).json()
    again = await office.import_plan(small_house(rows=2), venue_id=venue_id)
    assert again.json()["venue"]["venue_id"] == venue_id
    assert again.json()["venue"]["city"] == "Erfurt"
    # Existing drafts keep the layout that they were made with.
    assert (await office.command(event["event_id"], "publish")).json()["seat_count"] == 50
    assert (await office.draft(venue_id)).json()["seat_count"] == 20
    unknown = await office.import_plan(small_house(), venue_id=new_id())
    problem_of(unknown, 404, "venue-not-found")


async def test_a_venue_without_a_layout_cannot_be_drafted_for(office: Office) -> None:
    made = await office.http.post(
        "/v1/venues", json={"name": "Field", "city": "Erfurt"}, headers=ORGANISER
    )
    assert made.status_code == 201
    problem_of(await office.draft(made.json()["venue_id"]), 400, "invalid-request")
    for body in ({}, {"name": ""}, {"name": "x", "latitude": 91}, {"name": "x", "seats": 3}):
        response = await office.http.post("/v1/venues", json=body, headers=ORGANISER)
        problem_of(response, 400, "invalid-request")


# Drafts


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ""}, "invalid-request"),
        ({"name": 7}, "invalid-request"),
        ({"name": "\u200b \u3164"}, "invalid-request"),
        ({"name": "Two\nlines"}, "invalid-request"),
        ({"category": "Two\rlines"}, "invalid-request"),
        ({"venue_id": "x"}, "invalid-request"),
        ({"starts_at": "tomorrow"}, "invalid-request"),
        ({"starts_at": "2031-05-01T20:00:00"}, "invalid-request"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "invalid-request"),
        ({"currency": "Euro"}, "invalid-request"),
        ({"currency": "EUX"}, "invalid-request"),
        ({"currency": "XAU"}, "invalid-request"),
        ({"prices": {}}, "prices-mismatch"),
        ({"prices": {"Front": 1}}, "prices-mismatch"),
        ({"prices": {"Front": 1, "Back": 1, "Sky": 1}}, "prices-mismatch"),
        ({"prices": {"Front": -1, "Back": 1}}, "invalid-request"),
        ({"prices": {"Front": 10**13, "Back": 1}}, "invalid-request"),
        ({"prices": {"Front": "1", "Back": 1}}, "invalid-request"),
        ({"buyer_limit": 0}, "invalid-request"),
        ({"hold_ttl_s": 1}, "invalid-request"),
        ({"metadata": {"big": 10**30}}, "invalid-request"),
        ({"metadata": [1]}, "invalid-request"),
        ({"tagline": "two\nlines"}, "invalid-request"),
        ({"tagline": "x" * 201}, "invalid-request"),
        ({"image_url": "http://img.example/x.png"}, "invalid-request"),
        ({"image_url": "javascript:alert(1)"}, "invalid-request"),
        ({"image_url": "https://img.example/" + "x" * 2000}, "invalid-request"),
        ({"language": "german"}, "invalid-request"),
        ({"language": 7}, "invalid-request"),
        ({"seats": 1}, "invalid-request"),
    ],
    ids=str,
)
async def test_an_invalid_draft_is_refused(
    office: Office, venue_id: str, changes: Json, code: str
) -> None:
    problem_of(await office.draft(venue_id, **changes), 400, code)


async def test_a_draft_for_an_unknown_venue_or_layout_is_refused(
    office: Office, venue_id: str
) -> None:
    problem_of(await office.draft(new_id()), 404, "venue-not-found")
    problem_of(await office.draft(venue_id, layout_id=new_id()), 404, "layout-not-found")


@pytest.mark.parametrize(
    "metadata",
    [
        {"$where": "1"},
        {"a.b": {"$gt": 1}},
        {"": ""},
        {"nul\0": "nul\0"},
        {"deep": [[[[[[[[[[1]]]]]]]]]]},
        {"float": 1e308, "none": None, "long": 2**63 - 1},
        {"emoji": "🎭", "_id": "mine"},
    ],
    ids=str,
)
async def test_metadata_is_kept_unchanged_or_refused(
    office: Office, venue_id: str, metadata: Json
) -> None:
    """Any metadata is returned unchanged or refused; it never breaks the event."""
    name = new_id()
    response = await office.draft(venue_id, metadata=metadata, name=name)
    if response.status_code == 400:
        problem_of(response, 400, "invalid-request")
    else:
        assert response.status_code == 201, response.text
        published = await office.command(response.json()["event_id"], "publish")
        assert published.json()["metadata"] == metadata
        listed = await office.http.get("/v1/events", params={"q": name})
        assert [item["metadata"] for item in listed.json()["items"]] == [metadata]


async def test_unusual_names_are_kept_unchanged(office: Office) -> None:
    plan = json.loads(json.dumps(small_house()))
    for category in plan["categories"]:
        category["name"] += " $.é'\"%"
    for row in plan["sections"][0]["rows"]:
        for seat in row["seats"]:
            seat["category"] += " $.é'\"%"
    plan["areas"][0]["category"] += " $.é'\"%"
    venue = (await office.import_plan(plan)).json()["venue"]
    prices = {"Front $.é'\"%": 2, "Back $.é'\"%": 1}
    draft = await office.draft(venue["venue_id"], prices=prices, name="A\u200dB'; --")
    page = (await office.command(draft.json()["event_id"], "publish")).json()
    assert {p["category"]: p["price"]["amount"] for p in page["prices"]} == prices
    assert page["name"] == "A\u200dB'; --"


async def test_an_event_has_a_tagline_a_picture_and_a_language(
    office: Office, venue_id: str, http: httpx.AsyncClient
) -> None:
    shown = {
        "tagline": "Zwei Sätze, ohne Mikrofon",
        "image_url": "https://img.example/x.png",
        "language": "de",
    }
    name = new_id()
    draft = await office.draft(venue_id, name=name, **shown | {"language": "DE"})
    assert draft.json().items() >= shown.items()
    event_id = draft.json()["event_id"]
    for body in ({"image_url": "//x"}, {"language": "x"}, {"tagline": "a\u2028b"}):
        refused = await office.patch(event_id, body, draft.headers["etag"])
        assert next(iter(body)) in problem_of(refused, 400, "invalid-request")["detail"]

    await office.command(event_id, "publish")
    (item,) = (await http.get("/v1/events", params={"q": name})).json()["items"]
    assert item.items() >= shown.items()
    page = await http.get(f"/v1/events/{event_id}")
    assert page.json().items() >= shown.items()

    # An empty text clears a field; absent ones stay.
    cleared = await office.patch(event_id, {"tagline": "", "image_url": ""}, page.headers["etag"])
    assert cleared.json().items() >= {"tagline": "", "image_url": None, "language": "de"}.items()


async def test_metadata_of_before_the_fields_is_read_as_fields(
    office: Office, venue_id: str, runtime: Runtime
) -> None:
    event_id = (await office.draft(venue_id)).json()["event_id"]
    url = "https://img.example/x.png"
    async with as_written_before(runtime, event_id) as document:
        document["metadata"] = {"tagline": "Bring a scarf", "image_url": url, "age": "12+"}
    page = (await office.command(event_id, "publish")).json()
    assert (page["tagline"], page["image_url"]) == ("Bring a scarf", url)
    assert page["metadata"] == {"age": "12+"}


@asynccontextmanager
async def as_written_before(runtime: Runtime, event_id: str) -> AsyncIterator[Json]:
    """The event's document as an older version wrote it, to be changed."""
    mongo = runtime.stores.mongo
    document = await mongo.get("events", event_id)
    assert document is not None
    for name in ("tagline", "image_url", "language"):
        del document[name]
    yield document
    collection = mongo._database["events"]
    await collection.replace_one({"_id": event_id}, document)


# On sale


async def test_an_event_goes_from_draft_to_cancelled(
    office: Office, venue_id: str, http: httpx.AsyncClient, ada: Buyer
) -> None:
    draft = await office.draft(venue_id, buyer_limit=4, hold_ttl_s=120)
    event_id = draft.json()["event_id"]
    assert draft.json()["status"] == "draft"
    assert draft.headers["location"] == f"/v1/events/{event_id}"
    for command in ("pause", "resume"):
        problem_of(await office.command(event_id, command), 409, "event-not-published")

    changed = await office.patch(event_id, {"name": "Renamed"}, draft.headers["etag"])
    assert changed.json()["name"] == "Renamed"
    # Buyers do not see the draft; the organiser reads it, with its ETag.
    problem_of(await http.get(f"/v1/events/{event_id}"), 404, "event-not-found")
    own = await http.get(f"/v1/events/{event_id}", headers=ORGANISER)
    assert own.headers["etag"] == changed.headers["etag"]

    published = await office.command(event_id, "publish")
    assert published.status_code == 200
    assert published.json()["status"] == "on_sale"
    hold = (await ada.hold(event_id, 1)).json()
    before = await seats_of(http, event_id)
    again = await office.command(event_id, "publish")
    assert (again.status_code, again.json()["status"]) == (200, "on_sale")
    assert await seats_of(http, event_id) == before

    assert (await office.command(event_id, "pause")).json()["status"] == "paused"
    problem_of(await ada.hold(event_id, 2), 409, "event-not-on-sale")
    assert (await ada.book(hold["hold_id"])).status_code == 201
    assert (await office.command(event_id, "resume")).json()["status"] == "on_sale"
    assert (await ada.hold(event_id, 2)).status_code == 201

    repriced = await office.patch(
        event_id,
        {"prices": {"Front": 7000}},
        (await http.get(f"/v1/events/{event_id}")).headers["etag"],
    )
    assert [p["price"]["amount"] for p in repriced.json()["prices"]] == [7000, 3000]
    assert (await ada.hold(event_id, 3)).json()["total"]["amount"] == 7000
    problem_of(await ada.hold(event_id, 4, 5), 409, "limit-reached")


async def test_cancelling_refunds_everybody(
    office: Office, house: House, http: httpx.AsyncClient
) -> None:
    buyers = [await new_buyer(http) for _ in range(3)]
    bookings = []
    for seat, buyer in enumerate(buyers):
        held = await buyer.hold(house.event_id, seat, floor=1)
        bookings.append((await buyer.book(held.json()["hold_id"])).headers["location"])
    left = (await buyers[0].hold(house.event_id, 9)).json()["hold_id"]

    cancelled = await office.command(house.event_id, "cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert (await office.command(house.event_id, "cancel")).status_code == 200
    for command in ("publish", "resume", "pause"):
        problem_of(await office.command(house.event_id, command), 409, "event-cancelled")
    problem_of(await buyers[0].hold(house.event_id, 20), 409, "event-not-on-sale")
    problem_of(await buyers[0].book(left), 409, "event-not-on-sale")

    async with asyncio.timeout(60):
        for buyer, path in zip(buyers, bookings, strict=True):
            while (booking := (await buyer.get(path)).json()).get("refunded") is None:
                await asyncio.sleep(0.05)
            assert booking["status"] == "cancelled"
            assert booking["refunded"] == booking["total"]
            tickets = (await buyer.get(path + "/tickets")).json()["items"]
            assert {ticket["status"] for ticket in tickets} == {"void"}
