"""``POST …/holds`` with ``best``, over HTTP."""

from typing import Any

import pytest

from engine.base.model import new_id
from tests.api.test_operations import samples, total
from tests.conftest import House, MakeHouse, Stack
from tests.support.http import Buyer, problem_of

pytestmark = pytest.mark.contract


async def test_the_best_seats_are_held_in_one_call(house: House, ada: Buyer) -> None:
    hold_id = new_id()
    body = {"best": {"quantity": 3}, "hold_id": hold_id}
    answer = await ada.hold_raw(house.event_id, body)
    assert answer.status_code == 201
    hold = answer.json()
    assert hold["hold_id"] == hold_id
    assert [seat["seat_no"] for seat in hold["seats"]] == [4, 5, 6]
    assert hold["relaxed"] == []
    assert (await ada.get(f"/v1/holds/{hold_id}")).json() == hold
    assert (await ada.hold_raw(house.event_id, body)).json() == hold
    plain = (await ada.hold(house.event_id, 40)).json()
    assert plain["relaxed"] == []
    assert (await ada.book(hold_id)).status_code == 201


@pytest.mark.parametrize(
    ("best", "status", "code"),
    [
        ({"quantity": 2, "category": "Balcony"}, 400, "no-such-category"),
        ({"quantity": 2, "section": "Balcony"}, 400, "no-such-section"),
        ({"quantity": 2, "max_price": {"amount": 5000, "currency": "CHF"}}, 400, "invalid-request"),
        ({"quantity": 2, "max_price": -1}, 400, "invalid-request"),
        ({"quantity": 0}, 400, "invalid-request"),
        ({"quantity": 101}, 400, "invalid-request"),
        ({"quantity": 2, "colour": "red"}, 400, "invalid-request"),
        ({}, 400, "invalid-request"),
        ({"quantity": 11}, 409, "limit-reached"),
        ({"quantity": 2, "max_price": 10}, 409, "seat-unavailable"),
    ],
)
async def test_an_invalid_wish_is_refused(
    house: House, ada: Buyer, best: dict[str, Any], status: int, code: str
) -> None:
    problem_of(await ada.hold_raw(house.event_id, {"best": best}), status, code)


@pytest.mark.parametrize("more", [{"seats": [1]}, {"areas": {"0": 1}}])
async def test_best_cannot_be_combined_with_seats_or_areas(
    house: House, ada: Buyer, more: dict[str, Any]
) -> None:
    body = {"best": {"quantity": 2}, **more}
    problem_of(await ada.hold_raw(house.event_id, body), 400, "invalid-request")
    assert "1" not in await house.states()


async def test_best_seats_in_a_full_house_are_refused(
    make_house: MakeHouse, ada: Buyer, bob: Buyer
) -> None:
    house = await make_house(buyer_limit=50)
    assert (await ada.hold_raw(house.event_id, {"best": {"quantity": 49}})).status_code == 201
    refused = problem_of(
        await bob.hold_raw(house.event_id, {"best": {"quantity": 2}}), 409, "seat-unavailable"
    )
    assert "ask for fewer" in refused["detail"]


async def test_best_seat_choices_are_counted_in_metrics(
    stack: Stack, house: House, ada: Buyer
) -> None:
    before = await samples(stack, "api")
    await ada.hold_raw(house.event_id, {"best": {"quantity": 2}})
    after = await samples(stack, "api")
    for name in ("frontrow_best_seats_attempts_count", "frontrow_best_seats_attempts_sum"):
        assert total(after, name) - total(before, name) >= 1
