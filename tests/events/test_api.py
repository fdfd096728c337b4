"""Events as buyers find and see them."""

from datetime import UTC, datetime

import httpx
import pytest

from engine.base.model import new_id
from engine.runtime import Runtime
from seatmap.protocol import SnapshotFrame, decode
from tests.conftest import House, small_house
from tests.support.http import Buyer, Json, problem_of, publish_event, seats_of

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
async def programme(town_runtime: Runtime) -> dict[str, str]:
    """Four events of one category nobody else uses, by a name; ``sold out`` has no place left."""
    kind = f"kind {new_id()}"
    places = {"Erfurt": (50.98, 11.03), "Weimar": (50.98, 11.33), "Suva": (-18.14, 178.44)}
    venues = {}
    for city, (latitude, longitude) in places.items():
        venue, _ = await town_runtime.catalog.venues.import_plan(
            small_house(rows=1, floor=2), city=city, latitude=latitude, longitude=longitude
        )
        venues[city] = venue.venue_id
    wanted = {
        "early": ("Erfurt", "The Seagull", 1),
        "late": ("Erfurt", "Uncle Vanya (matinée)", 20),
        "near": ("Weimar", "The Cherry Orchard", 5),
        "far": ("Suva", "Three Sisters", 9),
        "sold out": ("Weimar", "The Seagull", 7),
    }
    made = {
        name: await publish_event(
            town_runtime,
            venues[city],
            name=title,
            category=kind,
            starts_at=datetime(2033, 5, day, 20, tzinfo=UTC),
            buyer_limit=100,
        )
        for name, (city, title, day) in wanted.items()
    }
    await town_runtime.holds.place(made["sold out"], new_id(), seats=range(10), areas={0: 2})
    return {"kind": kind, **made}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ["early", "near", "sold out", "far", "late"]),
        ({"q": "seagull"}, ["early", "sold out"]),
        ({"q": "SEAGULL the"}, ["early", "sold out"]),
        ({"q": "seagull erfurt"}, ["early"]),
        ({"q": "(matinée)"}, ["late"]),
        ({"q": "macbeth"}, []),
        ({"city": "weimar"}, ["near", "sold out"]),
        ({"city": "Weim"}, []),
        ({"near": "50.98,11.03", "radius_km": 10}, ["early", "late"]),
        ({"near": "50.98,11.03", "radius_km": 25}, ["early", "near", "sold out", "late"]),
        ({"near": "50.98,11.03"}, ["early", "near", "sold out", "late"]),
        # Three degrees of longitude away, across the antimeridian.
        ({"near": "-18.14,-178.5", "radius_km": 400}, ["far"]),
        ({"near": "0,0", "radius_km": 20_000}, ["early", "near", "sold out", "far", "late"]),
        ({"from": "2033-05-07T20:00:00Z"}, ["sold out", "far", "late"]),
        ({"from": "2033-05-07T22:00:00.001+02:00"}, ["far", "late"]),
        ({"to": "2033-05-05T20:00:00Z"}, ["early", "near"]),
        ({"from": "2033-05-02T00:00:00Z", "to": "2033-05-08T00:00:00Z"}, ["near", "sold out"]),
        ({"available": "true"}, ["early", "near", "far", "late"]),
        ({"available": "true", "limit": 1}, ["early"]),
        ({"available": "true", "city": "weimar", "q": "seagull"}, []),
    ],
    ids=str,
)
async def test_each_filter_finds_the_matching_events(
    http: httpx.AsyncClient, programme: dict[str, str], params: dict[str, str], expected: list[str]
) -> None:
    response = await http.get("/v1/events", params={"category": programme["kind"], **params})
    assert response.status_code == 200, response.text
    names = {event_id: name for name, event_id in programme.items()}
    assert [names[event["event_id"]] for event in response.json()["items"]] == expected


async def test_the_event_list_has_name_time_price_and_availability(
    http: httpx.AsyncClient, programme: dict[str, str]
) -> None:
    response = await http.get("/v1/events", params={"category": programme["kind"], "q": "seagull"})
    early, sold_out = response.json()["items"]
    assert early["name"] == "The Seagull"
    assert early["starts_at"] == "2033-05-01T20:00:00Z"
    assert early["venue"]["city"] == "Erfurt"
    assert early["prices_from"] == {"amount": 3000, "currency": "EUR"}
    assert early["availability"] == {"seats": 12, "available": 12}
    assert sold_out["availability"] == {"seats": 12, "available": 0}


async def test_the_event_page_has_prices_availability_and_links(
    http: httpx.AsyncClient, house: House
) -> None:
    page: Json = (await http.get(f"/v1/events/{house.event_id}")).json()
    assert page["event_id"] == house.event_id
    assert page["seat_count"] == 50
    assert page["availability"] == {"seats": 56, "available": 56}
    assert [(p["category"], p["price"]["amount"]) for p in page["prices"]] == [
        ("Front", 5000),
        ("Back", 3000),
    ]
    assert page["live_url"].endswith(f"/v1/live/{house.event_id}")
    assert (await http.get(page["layout_url"])).status_code == 200
    prices = (await http.get(f"/v1/events/{house.event_id}/prices")).json()
    assert prices["prices"] == page["prices"]


async def test_a_layout_and_its_seat_states_have_the_same_seats(
    http: httpx.AsyncClient, house: House
) -> None:
    layout = (await http.get(f"/v1/events/{house.event_id}/layout")).json()
    seats = await seats_of(http, house.event_id)
    assert seats["seat_count"] == len(seats["states"]) == 50
    for column in ("x", "y", "row", "number", "category", "flags"):
        assert len(layout["seats"][column]) == 50
    assert [area["capacity"] for area in layout["areas"]] == [6]
    assert seats["areas"] == {"0": {"available": 6}}


async def test_seats_are_the_same_as_json_and_as_a_frame(house: House, ada: Buyer) -> None:
    await ada.book((await ada.hold(house.event_id, 3, 4, floor=2)).json()["hold_id"])
    await ada.hold(house.event_id, 49)
    json = await seats_of(ada.http, house.event_id)
    assert json["states"][3:5] + json["states"][49] == "221"
    response = await ada.http.get(
        f"/v1/events/{house.event_id}/seats", headers={"Accept": "application/octet-stream"}
    )
    assert response.headers["content-type"] == "application/octet-stream"
    frame = decode(response.content)
    assert isinstance(frame, SnapshotFrame)
    assert (frame.epoch, frame.seq) == (json["epoch"], json["seq"])
    assert frame.states.decode() == json["states"]


async def test_a_draft_is_invisible_to_buyers(runtime: Runtime, ada: Buyer, house: House) -> None:
    venue_id = (await runtime.catalog.event(house.event_id)).venue.venue_id
    event_id = (
        await ada.http.post(
            "/v1/events",
            json={
                "name": "Secret",
                "venue_id": venue_id,
                "starts_at": "2031-05-01T20:00:00Z",
                "currency": "EUR",
                "prices": {"Front": 1, "Back": 1},
            },
            headers={"Authorization": "Bearer the-organisers-own-key-for-tests"},
        )
    ).json()["event_id"]
    for part in ("", "/layout", "/seats", "/prices", "/prices/history"):
        problem_of(await ada.get(f"/v1/events/{event_id}{part}"), 404, "event-not-found")
    problem_of(await ada.hold(event_id, 1), 404, "event-not-found")
    assert event_id not in (await ada.get("/v1/events", q="Secret")).text
