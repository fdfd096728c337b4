"""Blocking seats over HTTP, as buyers and the worker see it."""

import asyncio
from typing import Any

import httpx
import pytest

from engine.base.actor import ORGANISER as BY_ORGANISER
from engine.base.model import new_id
from tests.conftest import House
from tests.support.http import ORGANISER, Buyer, Json, problem_of, seats_of

pytestmark = pytest.mark.contract


async def command(
    http: httpx.AsyncClient, house: House, name: str, body: Any, **headers: str
) -> httpx.Response:
    return await http.post(
        f"/v1/events/{house.event_id}/{name}", json=body, headers=headers or ORGANISER
    )


async def test_seats_are_blocked_and_given_back(
    http: httpx.AsyncClient, house: House, ada: Buyer
) -> None:
    held = (await ada.hold(house.event_id, 1)).json()
    sold = (await ada.hold(house.event_id, 2)).json()
    assert (await ada.book(sold["hold_id"])).status_code == 201
    body = {"seats": [0, 1, 2], "reason": "A camera stands there."}
    answer = await command(http, house, "block", body)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "event_id": house.event_id,
        "seats": [0],
        "refused": [{"seat_no": 1, "reason": "held"}, {"seat_no": 2, "reason": "sold"}],
    }
    assert (await seats_of(http, house.event_id))["states"].startswith("312")
    problem = problem_of(await ada.hold(house.event_id, 0), 409, "seat-unavailable")
    assert problem["seats"] == [0]
    assert (await ada.book(held["hold_id"])).status_code == 201
    answer = await command(http, house, "unblock", {"seats": [0, 1]})
    assert answer.json()["seats"] == [0]
    assert answer.json()["refused"] == [{"seat_no": 1, "reason": "not-blocked"}]
    assert (await ada.hold(house.event_id, 0)).status_code == 201


@pytest.mark.parametrize("name", ["block", "unblock"])
async def test_seats_that_cannot_be_blocked_are_refused(
    http: httpx.AsyncClient, house: House, ada: Buyer, name: str
) -> None:
    bodies: list[tuple[Json, str]] = [
        ({}, "invalid-request"),
        ({"seats": []}, "invalid-request"),
        ({"seats": ["1"]}, "invalid-request"),
        ({"seats": list(range(5001))}, "invalid-request"),
        ({"areas": {}}, "invalid-request"),
        ({"areas": {"0": 0}}, "invalid-request"),
        ({"areas": {"Floor": 1}}, "invalid-request"),
        ({"areas": {"0": 1_000_001}}, "invalid-request"),
        ({"areas": {"1": 1}}, "no-such-seat"),
        ({"seats": [1], "areas": {"9999": 1}}, "no-such-seat"),
        ({"seats": [1], "reason": ""}, "invalid-request"),
        ({"seats": [1], "reason": "\0"}, "invalid-request"),
        ({"seats": [50]}, "no-such-seat"),
        ({"seats": [-1]}, "no-such-seat"),
        ({"seats": [10**30]}, "no-such-seat"),
    ]
    for body, code in bodies:
        problem_of(await command(http, house, name, body), 400, code)
    nowhere = await http.post(
        f"/v1/events/{new_id()}/{name}", json={"seats": [1]}, headers=ORGANISER
    )
    problem_of(nowhere, 404, "event-not-found")
    strange = await command(http, house, name, {"seats": [1]}, **ada.auth)
    problem_of(strange, 403, "not-allowed")
    assert "3" not in (await seats_of(http, house.event_id))["states"]


async def test_a_retry_with_its_key_gives_the_same_answer(
    http: httpx.AsyncClient, house: House
) -> None:
    headers = ORGANISER | {"Idempotency-Key": new_id()}
    first, again = [
        await command(http, house, "block", {"seats": [4]}, **headers) for _ in range(2)
    ]
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    assert first.json()["seats"] == [4]


async def test_the_worker_publishes_changes_that_a_killed_process_did_not(
    http: httpx.AsyncClient, house: House
) -> None:
    await house.runtime.events.blocks._move_seats("block", house.event_id, [6], None, BY_ORGANISER)
    async with asyncio.timeout(60):
        while (await seats_of(http, house.event_id))["states"][6] != "3":
            await asyncio.sleep(0.05)
