"""Fair shares over HTTP: what counts as one network, and the form of refusals."""

from collections import Counter

import httpx
import pytest

from engine.base.model import new_id
from tests.conftest import House, MakeHouse, small_house
from tests.support.http import Buyer, booking_body, new_buyer, problem_of

pytestmark = pytest.mark.contract


async def somebody(http: httpx.AsyncClient, address: str) -> Buyer:
    """A new buyer whose requests come from ``address`` through the proxy on loopback."""
    buyer = await new_buyer(http)
    return Buyer(http, buyer.auth | {"X-Forwarded-For": address})


async def test_one_network_cannot_exceed_its_share(
    make_house: MakeHouse, http: httpx.AsyncClient
) -> None:
    """Whichever of its addresses it uses, and whatever other addresses it claims; IPv6 by /48."""
    house = await make_house(layout=small_house(rows=11, seats_per_row=10), buyer_limit=100)
    for first, second, claimed in (
        ("198.51.100.7", "198.51.100.201", "1.2.3.4, 198.51.100.9"),
        ("2001:db8:7::1", "2001:db8:7:ffff::9", "2001:db8:9::1, 2001:db8:7:1::1"),
    ):
        one, other = await somebody(http, first), await somebody(http, second)
        liar = await somebody(http, claimed)
        held = await one.hold(house.event_id, *range(50))
        assert held.status_code == 201, held.text
        for buyer in (other, liar):
            refused = problem_of(await buyer.hold(house.event_id, 60), 429, "network-limit")
            assert "50" in refused["detail"]
        neighbour = await somebody(http, "198.51.101.7" if "." in first else "2001:db8:8::1")
        free = await neighbour.hold(house.event_id, 61)
        assert free.status_code == 201
        await neighbour.delete(f"/v1/holds/{free.json()['hold_id']}")
        await one.delete(f"/v1/holds/{held.json()['hold_id']}")


async def test_a_seat_rests_once_another_network_has_read_the_map(
    house: House, http: httpx.AsyncClient
) -> None:
    seat = 7
    ada, twin = await somebody(http, "198.51.100.7"), await somebody(http, "198.51.100.8")
    for look in (False, True):
        held = await ada.hold(house.event_id, seat)
        assert held.status_code == 201
        if look:
            headers = {"X-Forwarded-For": "203.0.113.1"}
            await http.get(f"/v1/events/{house.event_id}/seats", headers=headers)
        await ada.delete(f"/v1/holds/{held.json()['hold_id']}")
    for buyer in (ada, twin):
        response = await buyer.hold(house.event_id, seat)
        refused = problem_of(response, 409, "seat-resting")
        assert refused["seats"] == [seat]
        assert 1 <= refused["retry_after"] == int(response.headers["retry-after"]) <= 15
    bob = await somebody(http, "203.0.113.1")
    assert (await bob.hold(house.event_id, seat)).status_code == 201


async def test_only_a_begun_checkout_gets_more_time(house: House, http: httpx.AsyncClient) -> None:
    ada = await somebody(http, "198.51.100.7")
    path = f"/v1/holds/{(await ada.hold(house.event_id, 3)).json()['hold_id']}/extend"
    problem_of(await ada.post(path), 409, "checkout-not-begun")
    buyer = {"buyer": {"name": "Ada", "email": "ada@example.com"}}
    assert (await http.post(path, json=buyer, headers=ada.auth)).status_code == 200
    wrong = {"buyer": {"name": "Ada", "email": "nowhere"}}
    problem_of(await http.post(path, json=wrong, headers=ada.auth), 400, "invalid-request")


async def test_card_testing_is_refused(make_house: MakeHouse, http: httpx.AsyncClient) -> None:
    house = await make_house(layout=small_house(rows=5, seats_per_row=10))
    outcomes = Counter[int]()
    for seat in range(45):
        buyer = await somebody(http, f"192.0.2.{seat}")
        held = await buyer.hold(house.event_id, seat)
        assert held.status_code == 201, held.text
        answer = await http.post(
            "/v1/bookings",
            json=booking_body(held.json()["hold_id"], "tok_declined"),
            headers=buyer.auth | {"Idempotency-Key": new_id()},
        )
        outcomes[answer.status_code] += 1
    problem_of(answer, 429, "too-many-payments")
    assert 30 <= outcomes[402] <= 40
    assert outcomes[429] == 45 - outcomes[402]
    hold = await buyer.get(f"/v1/holds/{held.json()['hold_id']}")
    assert hold.json()["status"] == "held", "the refusal took no place away"
