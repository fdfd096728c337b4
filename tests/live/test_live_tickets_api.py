"""Tickets from the API identify a person at the live gateway."""

import asyncio

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from engine.base.model import new_id
from tests.conftest import House, MakeHouse, Stack
from tests.support.http import Buyer, problem_of
from tests.support.live import Viewer

pytestmark = pytest.mark.contract

JSON = Subprotocol("frontrow.v1.json")


async def test_a_ticket_identifies_the_person_of_a_connection(
    stack: Stack, house: House, ada: Buyer
) -> None:
    issued = await ada.post("/v1/live/tickets")
    assert issued.status_code == 201
    assert issued.headers["cache-control"] == "no-store"
    assert issued.headers["ratelimit-policy"] == '"live-tickets";q=60;w=60'
    body = issued.json()
    assert body.keys() == {"ticket", "expires_in"}
    assert body["expires_in"] == 30

    url = f"{stack.live_url}/v1/live/{house.event_id}"
    async with (
        connect(f"{url}?ticket={body['ticket']}", subprotocols=[JSON]) as socket,
        connect(url, subprotocols=[JSON]) as stranger,
    ):
        viewer = await Viewer(socket).greeted()
        await viewer.hears("authenticated")
        hold = (await ada.hold(house.event_id, 4)).json()
        booking = (await ada.book(hold["hold_id"])).json()
        told = await viewer.hears("hold", change="ended", status="booked")
        assert told["hold_id"] == hold["hold_id"]
        told = await viewer.hears("booking", status="confirmed")
        assert (told["booking_id"], told["reference"]) == (
            booking["booking_id"],
            booking["reference"],
        )
        # The stranger sees the seat sold, but not who bought it.
        other = await Viewer(stranger).greeted()
        await other.until(lambda: other.map is not None and other.map.states[4:5] == b"2")
        assert not {body["type"] for body in other.heard} & {"hold", "booking", "authenticated"}
        # Later by a message, as a person does who watches first and buys later.
        ticket = (await ada.post("/v1/live/tickets")).json()["ticket"]
        await stranger.send(
            msgspec.json.encode({"type": "authenticate", "ticket": ticket}).decode()
        )
        await other.hears("authenticated")
        await ada.post(f"/v1/bookings/{booking['booking_id']}/cancel")
        for watcher in (viewer, other):
            await watcher.hears("booking", status="cancelled")
            await watcher.hears("booking", status="refunded")


async def test_the_worker_warns_of_a_hold_that_is_about_to_end(
    stack: Stack, make_house: MakeHouse, ada: Buyer
) -> None:
    house = await make_house(hold_ttl_s=61)  # a second longer than the warning time
    ticket = (await ada.post("/v1/live/tickets")).json()["ticket"]
    url = f"{stack.live_url}/v1/live/{house.event_id}?ticket={ticket}"
    async with connect(url, subprotocols=[JSON]) as socket:
        viewer = await Viewer(socket).greeted()
        hold = (await ada.hold(house.event_id, 4)).json()
        told = await viewer.hears("hold", change="ending")
        assert told["hold_id"] == hold["hold_id"]


async def test_a_ticket_needs_a_token(http: httpx.AsyncClient) -> None:
    problem_of(await http.post("/v1/live/tickets"), 401, "not-authenticated")


async def test_a_ticket_is_new_even_under_the_same_key(ada: Buyer) -> None:
    key = new_id()
    tickets = [await ada.post("/v1/live/tickets", idempotency_key=key) for _ in range(2)]
    assert tickets[0].json()["ticket"] != tickets[1].json()["ticket"]
    assert "idempotency-replayed" not in tickets[1].headers


async def test_tickets_are_limited_per_buyer(ada: Buyer, bob: Buyer) -> None:
    answers = [await ada.post("/v1/live/tickets") for _ in range(130)]
    refused = [answer for answer in answers if answer.status_code == 429]
    # Of 130 in a row at least ten exceed the limit, even if a new minute begins meanwhile.
    assert len(refused) >= 10
    problem_of(refused[0], 429, "too-many-requests")
    assert (await bob.post("/v1/live/tickets")).status_code == 201


async def test_a_new_password_closes_open_connections(
    stack: Stack, house: House, ada: Buyer
) -> None:
    url = f"{stack.live_url}/v1/live/{house.event_id}"
    ticket, spare = [(await ada.post("/v1/live/tickets")).json()["ticket"] for _ in "12"]
    async with (
        connect(f"{url}?ticket={ticket}", subprotocols=[JSON]) as socket,
        connect(url, subprotocols=[JSON]) as stranger,
    ):
        await (await Viewer(socket).greeted()).hears("authenticated")
        await Viewer(stranger).greeted()
        # An account made of a guest ends the guest's tokens, as another password ends an account's.
        wanted = {
            "email": f"{new_id()}@example.com",
            "name": "Ada",
            "password": "seven geese on a bicycle",
        }
        account = await ada.http.post("/v1/auth/register", json=wanted, headers=ada.auth)
        assert account.status_code == 201
        async with asyncio.timeout(60):
            await socket.wait_closed()
        assert socket.close_code == 4401
        await (await stranger.ping())
        # A ticket issued for the old token is not valid either.
        async with connect(f"{url}?ticket={spare}", subprotocols=[JSON]) as again:
            async with asyncio.timeout(60):
                await again.wait_closed()
            assert again.close_code == 4401
        token = {"Authorization": f"Bearer {account.json()['access_token']}"}
        fresh = (await ada.http.post("/v1/live/tickets", headers=token)).json()["ticket"]
        async with connect(f"{url}?ticket={fresh}", subprotocols=[JSON]) as back:
            await (await Viewer(back).greeted()).hears("authenticated")
