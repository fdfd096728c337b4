"""Bad input over HTTP: each gets its 4xx problem, none a 500, and none leaves anything held."""

from typing import Any

import httpx
import pytest

from engine.base.model import new_id
from tests.conftest import ORGANISER_KEY, House, MakeHouse
from tests.support.http import Buyer, booking_body, new_buyer, problem_of, seats_of

pytestmark = pytest.mark.contract

JSON_TYPE = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"seats": [50]}, "no-such-seat"),
        ({"seats": [1, 4000]}, "no-such-seat"),
        ({"seats": [-1]}, "invalid-request"),
        ({"seats": [10**12]}, "invalid-request"),
        ({"seats": [10**40]}, "invalid-request"),
        ({"seats": [3, 3]}, "duplicate-seat"),
        ({"seats": ["3"]}, "invalid-request"),
        ({"seats": [3.5]}, "invalid-request"),
        ({"seats": [True]}, "invalid-request"),
        ({"seats": [None]}, "invalid-request"),
        ({"seats": "3"}, "invalid-request"),
        ({"seats": []}, "empty-hold"),
        ({}, "empty-hold"),
        ({"seats": list(range(10_000))}, "invalid-request"),
        ({"seats": list(range(60)), "areas": {str(n): 1 for n in range(60)}}, "too-many-seats"),
        ({"areas": {"0": 0}}, "invalid-request"),
        ({"areas": {"0": -2}}, "invalid-request"),
        ({"areas": {"0": 101}}, "invalid-request"),
        ({"areas": {"7": 1}}, "no-such-seat"),
        ({"areas": {"-1": 1}}, "no-such-area"),
        ({"areas": {"floor": 1}}, "invalid-request"),
        ({"areas": {"99999999999999999999": 1}}, "no-such-seat"),
        ({"seats": [1], "hold_id": "mine"}, "invalid-request"),
        ({"seats": [1], "extra": 1}, "invalid-request"),
        ([1, 2], "invalid-request"),
        (None, "invalid-request"),
        ("seats", "invalid-request"),
    ],
    ids=str,
)
async def test_an_invalid_hold_is_refused(house: House, ada: Buyer, body: Any, code: str) -> None:
    before = await seats_of(ada.http, house.event_id)
    problem_of(await ada.hold_raw(house.event_id, body), 400, code)
    assert await seats_of(ada.http, house.event_id) == before


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{", JSON_TYPE, 400, "invalid-request"),
        (b"", JSON_TYPE, 400, "invalid-request"),
        (b'{"seats": [1]} {}', JSON_TYPE, 400, "invalid-request"),
        (b'{"seats": [\xff]}', JSON_TYPE, 400, "invalid-request"),
        (b'{"seats": [NaN]}', JSON_TYPE, 400, "invalid-request"),
        (b"[" * 100_000, JSON_TYPE, 400, "invalid-request"),
        (b'{"seats": [1]}', {}, 415, "unsupported-media-type"),
        (b'{"seats": [1]}', {"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
        (b"<seats/>", {"Content-Type": "application/xml"}, 415, "unsupported-media-type"),
        (
            b"seats=1",
            {"Content-Type": "application/x-www-form-urlencoded"},
            415,
            "unsupported-media-type",
        ),
        (b'{"seats": [' + b"1," * 5_000_000 + b"1]}", JSON_TYPE, 413, "body-too-large"),
        (b" " * 10 * 1024 * 1024, JSON_TYPE, 413, "body-too-large"),
    ],
    ids=[
        "malformed",
        "empty",
        "two documents",
        "not UTF-8",
        "NaN",
        "very deep",
        "no type",
        "text",
        "XML",
        "form",
        "10 MB",
        "10 MB of nothing",
    ],
)
async def test_an_unreadable_body_is_refused(
    house: House, ada: Buyer, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    before = await seats_of(ada.http, house.event_id)
    for more in ({}, {"Idempotency-Key": new_id()}):
        response = await ada.http.post(
            f"/v1/events/{house.event_id}/holds",
            content=content,
            headers=ada.auth | headers | more,
        )
        problem_of(response, status, code)
    assert await seats_of(ada.http, house.event_id) == before


async def test_a_large_chunked_body_is_refused_too(house: House, ada: Buyer) -> None:
    async def chunks() -> Any:
        for _ in range(160):
            yield b" " * 65_536

    response = await ada.http.post(
        f"/v1/events/{house.event_id}/holds", content=chunks(), headers=ada.auth | JSON_TYPE
    )
    problem_of(response, 413, "body-too-large")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer nonsense",
        "Bearer a.b.c",
        "Basic YTpi",
        "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhIiwiZXhwIjo0MTAyNDQ0ODAwfQ.",
        f"Bearer {ORGANISER_KEY}",
        "Bearer " + "x" * 8_000,
    ],
    ids=[
        "none",
        "empty",
        "no token",
        "nonsense",
        "no JWT",
        "basic",
        "unsigned",
        "organiser",
        "long",
    ],
)
async def test_a_bad_token_is_refused(
    http: httpx.AsyncClient, house: House, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    before = await seats_of(http, house.event_id)
    for more in ({}, {"Idempotency-Key": new_id()}):
        response = await http.post(
            f"/v1/events/{house.event_id}/holds", json={"seats": [1]}, headers=headers | more
        )
        problem_of(response, 401, "not-authenticated")
    for path in (f"/v1/holds/{new_id()}", "/v1/bookings"):
        problem_of(await http.get(path, headers=headers), 401, "not-authenticated")
    booking = await http.get(f"/v1/bookings/{new_id()}", headers=headers)
    if authorization == f"Bearer {ORGANISER_KEY}":
        problem_of(booking, 404, "booking-not-found")
    else:
        problem_of(booking, 401, "not-authenticated")
    assert await seats_of(http, house.event_id) == before


@pytest.mark.parametrize("key", ["k" * 300, "", "tab\there"], ids=["300", "empty", "tab"])
async def test_a_bad_idempotency_key_is_refused(house: House, ada: Buyer, key: str) -> None:
    headers = {"Idempotency-Key": key}
    before = await seats_of(ada.http, house.event_id)
    refused = await ada.hold(house.event_id, 1, idempotency_key=key)
    problem_of(refused, 400, "invalid-idempotency-key")
    assert await seats_of(ada.http, house.event_id) == before

    hold_id = (await ada.hold(house.event_id, 1)).json()["hold_id"]
    response = await ada.http.post(
        "/v1/bookings", json=booking_body(hold_id), headers=ada.auth | headers
    )
    problem_of(response, 400, "invalid-idempotency-key")
    assert (await ada.get(f"/v1/holds/{hold_id}")).json()["status"] == "held"
    assert (await ada.get("/v1/bookings")).json()["items"] == []


async def test_unknown_ids_and_paths_are_404(ada: Buyer) -> None:
    nobody = new_id()
    problem_of(await ada.hold(nobody, 1), 404, "event-not-found")
    for part in ("", "/layout", "/seats", "/prices", "/prices/history"):
        problem_of(await ada.get(f"/v1/events/{nobody}{part}"), 404, "event-not-found")
    problem_of(await ada.get(f"/v1/holds/{nobody}"), 404, "hold-not-found")
    problem_of(await ada.delete(f"/v1/holds/{nobody}"), 404, "hold-not-found")
    problem_of(await ada.post(f"/v1/holds/{nobody}/extend"), 404, "hold-not-found")
    problem_of(await ada.book(nobody), 404, "hold-not-found")
    problem_of(await ada.get(f"/v1/bookings/{nobody}"), 404, "booking-not-found")
    problem_of(await ada.get(f"/v1/bookings/{nobody}/tickets"), 404, "booking-not-found")
    problem_of(await ada.post(f"/v1/bookings/{nobody}/cancel"), 404, "booking-not-found")
    for path in ("/v1/events/not-an-id", "/v1/nothing", "/problems/nothing", "/schema/nothing"):
        problem_of(await ada.get(path), 404, "not-found")
    problem_of(await ada.http.get(f"/sandbox/3ds/{nobody}"), 404, "link-not-found")


async def test_an_unsupported_method_is_refused(http: httpx.AsyncClient, house: House) -> None:
    for path in ("/v1/events", f"/v1/events/{house.event_id}/seats", "/v1/bookings"):
        response = await http.delete(path)
        problem_of(response, 405, "method-not-allowed")
        assert "GET" in response.headers["allow"]


async def test_another_buyers_hold_and_booking_are_404(
    house: House, ada: Buyer, bob: Buyer
) -> None:
    hold_id = (await ada.hold(house.event_id, 4)).json()["hold_id"]
    before = await seats_of(ada.http, house.event_id)
    problem_of(await bob.get(f"/v1/holds/{hold_id}"), 404, "hold-not-found")
    problem_of(await bob.delete(f"/v1/holds/{hold_id}"), 404, "hold-not-found")
    problem_of(await bob.post(f"/v1/holds/{hold_id}/extend"), 404, "hold-not-found")
    problem_of(await bob.book(hold_id), 404, "hold-not-found")
    problem_of(
        await bob.hold_raw(house.event_id, {"seats": [5], "hold_id": hold_id}), 409, "hold-id-taken"
    )
    assert await seats_of(ada.http, house.event_id) == before

    booking_id = (await ada.book(hold_id)).json()["booking_id"]
    for path in ("", "/tickets"):
        problem_of(await bob.get(f"/v1/bookings/{booking_id}{path}"), 404, "booking-not-found")
    problem_of(await bob.post(f"/v1/bookings/{booking_id}/cancel"), 404, "booking-not-found")
    assert (await ada.get(f"/v1/bookings/{booking_id}")).json()["status"] == "confirmed"
    assert (await bob.get("/v1/bookings")).json() == {"items": [], "next_cursor": None}


async def test_an_expired_hold_is_410_and_its_seats_are_free(
    make_house: MakeHouse, ada: Buyer, bob: Buyer
) -> None:
    house = await make_house(hold_ttl_s=1)
    hold_id = (await ada.hold(house.event_id, 4, floor=2)).json()["hold_id"]
    # Freed by its deadline and nothing else: the map says so.
    while (await seats_of(ada.http, house.event_id))["states"][4] == "1":
        pass
    problem_of(await ada.book(hold_id), 410, "hold-expired")
    problem_of(await ada.post(f"/v1/holds/{hold_id}/extend"), 410, "hold-expired")
    problem_of(await ada.delete(f"/v1/holds/{hold_id}"), 410, "hold-expired")
    assert (await ada.get(f"/v1/holds/{hold_id}")).json()["status"] == "expired"
    assert set((await seats_of(ada.http, house.event_id))["states"]) == {"0"}
    assert (await bob.hold(house.event_id, 4)).status_code == 201


async def test_a_taken_seat_is_named_and_the_rest_stays_free(
    house: House, ada: Buyer, bob: Buyer
) -> None:
    await ada.hold(house.event_id, 7, floor=6)
    before = await seats_of(ada.http, house.event_id)
    problem = problem_of(await bob.hold(house.event_id, 6, 7, 8), 409, "seat-unavailable")
    assert problem["seats"] == [7]
    assert "Stalls, row R1, seat 8" in problem["detail"]
    problem = problem_of(await bob.hold(house.event_id, 6, floor=1), 409, "seat-unavailable")
    assert problem["areas"] == [0]
    problem = problem_of(await bob.hold(house.event_id, *range(10, 21)), 409, "limit-reached")
    assert problem["limit"] == 10
    assert await seats_of(ada.http, house.event_id) == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"payment": {"provider": "sandbox", "token": "tok_gold"}}, "unknown-payment-token"),
        ({"payment": {"provider": "barter", "token": "tok_visa"}}, "unknown-payment-provider"),
        ({"payment": {"provider": "sandbox"}}, "invalid-request"),
        ({"payment": None}, "payment-required"),
        ({"buyer": {"email": "ada", "name": "Ada"}}, "invalid-request"),
        ({"buyer": {"email": "a@b.example", "name": ""}}, "invalid-request"),
        ({"buyer": {"email": "a@b.example", "name": "A" * 201}}, "invalid-request"),
        ({"buyer": {"email": "a@b.example", "name": "nul\0"}}, "invalid-request"),
        ({"buyer": {"email": "nul\0@b.example", "name": "Ada"}}, "invalid-request"),
        ({"buyer": {"email": "a@b.example", "name": "line\nbreak"}}, "invalid-request"),
        ({"buyer": {"email": "a@b.example", "name": "end\n"}}, "invalid-request"),
        ({"buyer": {"email": "a@b.example\n", "name": "Ada"}}, "invalid-request"),
        ({"hold_id": "x"}, "invalid-request"),
        ({"hold_id": 7}, "invalid-request"),
        ({"tip": 5}, "invalid-request"),
    ],
    ids=str,
)
async def test_an_invalid_booking_is_refused(
    house: House, ada: Buyer, change: dict[str, Any], code: str
) -> None:
    hold_id = (await ada.hold(house.event_id, 1)).json()["hold_id"]
    response = await ada.http.post(
        "/v1/bookings",
        json=booking_body(hold_id) | change,
        headers=ada.auth | {"Idempotency-Key": new_id()},
    )
    problem_of(response, 400, code)
    assert (await ada.get(f"/v1/holds/{hold_id}")).json()["status"] == "held"
    assert (await ada.get("/v1/bookings")).json()["items"] == []


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/v1/events", {"limit": 0}),
        ("/v1/events", {"limit": 101}),
        ("/v1/events", {"limit": "many"}),
        ("/v1/events", {"limit": 10**30}),
        ("/v1/events", {"cursor": "nonsense"}),
        ("/v1/events", {"cursor": "é"}),
        ("/v1/events", {"cursor": "bnVsbA"}),
        ("/v1/events", {"cursor": "x" * 501}),
        ("/v1/events", {"near": "here"}),
        ("/v1/events", {"near": "91,0"}),
        ("/v1/events", {"near": "nan,nan"}),
        ("/v1/events", {"near": "50,11", "radius_km": -1}),
        ("/v1/events", {"near": "50,11", "radius_km": "nan"}),
        ("/v1/events", {"near": "50,11", "radius_km": "inf"}),
        ("/v1/events", {"from": "yesterday"}),
        ("/v1/events", {"from": "2027-05-01T00:00:00"}),
        ("/v1/events", {"available": "perhaps"}),
        ("/v1/events", {"q": "x" * 201}),
        ("/v1/bookings", {"limit": -1}),
        ("/v1/bookings", {"cursor": "nonsense"}),
        ("/v1/bookings", {"cursor": "IjEi"}),
    ],
    ids=str,
)
async def test_invalid_parameters_are_refused(
    ada: Buyer, path: str, params: dict[str, Any]
) -> None:
    problem_of(await ada.get(path, **params), 400, "invalid-request")


@pytest.mark.parametrize(
    "params",
    [
        {"q": ".*(["},
        {"q": "\x00"},
        {"q": "$where"},
        {"category": "\x00"},
        {"city": "{}"},
        {"near": "0,180", "radius_km": 20_000},
        {"near": "90,0"},
        {"from": "0001-01-01T00:00:00+14:00"},
        {"to": "9999-12-31T23:59:59-14:00"},
        {"from": "1500-01-01T00:00:00Z"},
    ],
    ids=str,
)
async def test_unusual_filters_are_answered(ada: Buyer, params: dict[str, Any]) -> None:
    assert (await ada.get("/v1/events", **params)).status_code == 200


async def test_equal_keys_of_two_strangers_replay_nothing(http: httpx.AsyncClient) -> None:
    """Two people without a token may choose the same key; neither gets the other's token."""
    headers = {"Idempotency-Key": "1"}
    tokens = {
        (await http.post("/v1/auth/guest", headers=headers)).json()["access_token"] for _ in "12"
    }
    assert len(tokens) == 2


async def test_refused_holds_leave_the_buyers_limit_alone(
    http: httpx.AsyncClient, house: House
) -> None:
    """The bad input above has left the buyer's own limit alone."""
    buyer = await new_buyer(http)
    problem_of(await buyer.hold(house.event_id, 3, 3), 400, "duplicate-seat")
    problem_of(await buyer.hold(house.event_id, *range(45, 55)), 400, "no-such-seat")
    assert (await buyer.hold(house.event_id, *range(10))).status_code == 201
