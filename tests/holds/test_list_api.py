"""The list of a buyer's holds: all live ones, whichever window made them, and nobody else's."""

import pytest

from engine.base.model import new_id
from tests.conftest import House
from tests.support.http import Buyer, Json, problem_of

pytestmark = pytest.mark.contract


async def listed(buyer: Buyer, house: House) -> list[Json]:
    response = await buyer.get("/v1/holds", event_id=house.event_id)
    assert response.status_code == 200, response.text
    page: Json = response.json()
    assert page["next_cursor"] is None
    items: list[Json] = page["items"]
    return items


async def test_a_buyer_finds_all_of_their_holds(house: House, ada: Buyer, bob: Buyer) -> None:
    assert await listed(ada, house) == []
    first = (await ada.hold(house.event_id, 4, 5)).json()
    second = (await ada.hold(house.event_id, 8, floor=1)).json()
    other = (await bob.hold(house.event_id, 9)).json()
    assert await listed(ada, house) == [first, second]
    assert await listed(bob, house) == [other]
    # The one with the nearest deadline comes first.
    await house.runtime.holds.extend(first["hold_id"], await who(ada), begun=True)
    assert [hold["hold_id"] for hold in await listed(ada, house)] == [
        second["hold_id"],
        first["hold_id"],
    ]
    await ada.delete(f"/v1/holds/{second['hold_id']}")
    assert [hold["hold_id"] for hold in await listed(ada, house)] == [first["hold_id"]]
    await ada.book(first["hold_id"])
    assert await listed(ada, house) == []
    assert await listed(bob, house) == [other]


async def test_a_hold_in_payment_is_in_the_list(house: House, ada: Buyer) -> None:
    hold = (await ada.hold(house.event_id, 4)).json()
    assert (await ada.book(hold["hold_id"], "tok_3ds")).status_code == 202
    assert [item["status"] for item in await listed(ada, house)] == ["paying"]


async def test_the_list_survives_a_loss_of_the_events_state(house: House, ada: Buyer) -> None:
    hold = (await ada.hold(house.event_id, 4)).json()
    await house.runtime.live.rebuilding.rebuild(house.event_id)
    assert [item["hold_id"] for item in await listed(ada, house)] == [hold["hold_id"]]


async def test_the_list_is_of_one_event_and_one_buyer(house: House, ada: Buyer) -> None:
    problem_of(await ada.get("/v1/holds", event_id=new_id()), 404, "event-not-found")
    problem_of(await ada.get("/v1/holds", event_id="tomorrow"), 400, "invalid-request")
    problem_of(await ada.get("/v1/holds"), 400, "invalid-request")
    problem_of(
        await ada.http.get("/v1/holds", params={"event_id": house.event_id}),
        401,
        "not-authenticated",
    )


async def who(buyer: Buyer) -> str:
    person_id: str = (await buyer.get("/v1/me")).json()["person_id"]
    return person_id
