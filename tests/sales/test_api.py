"""Booking with each of the sandbox's cards, and the outcome."""

import asyncio
from xml.etree import ElementTree

import httpx
import pytest

from engine.base.actor import ORGANISER
from tests.conftest import House
from tests.support.http import Buyer, Json, booking_body, problem_of, seats_of

pytestmark = pytest.mark.contract


async def held(buyer: Buyer, house: House, *seats: int, floor: int = 0) -> Json:
    response = await buyer.hold(house.event_id, *seats, floor=floor)
    assert response.status_code == 201, response.text
    hold: Json = response.json()
    return hold


async def ended(buyer: Buyer, path: str) -> Json:
    """The booking, once it is no longer pending."""
    async with asyncio.timeout(60):
        while (booking := (await buyer.get(path)).json())["status"] == "pending":
            await asyncio.sleep(0.05)
        found: Json = booking
        return found


async def until_shown(buyer: Buyer, house: House, seat_no: int, digit: str) -> None:
    """Wait until the map shows it: the process that finished the payment may still be settling it."""
    async with asyncio.timeout(60):
        while (await seats_of(buyer.http, house.event_id))["states"][seat_no] != digit:
            await asyncio.sleep(0.05)


async def test_a_hold_has_seats_prices_and_expiry(house: House, ada: Buyer) -> None:
    hold = await held(ada, house, 18, 17, floor=2)
    assert [seat["seat_no"] for seat in hold["seats"]] == [17, 18]
    assert hold["seats"][0]["label"] == "Stalls, row R2, seat 8"
    assert hold["areas"][0] | {"price": None} == {
        "area_no": 0,
        "label": "Floor",
        "category": "Back",
        "quantity": 2,
        "price": None,
    }
    assert hold["total"] == {"amount": 2 * 5000 + 2 * 3000, "currency": "EUR"}
    assert hold["expires_at"].endswith("Z")
    assert (await ada.get(f"/v1/holds/{hold['hold_id']}")).json() == hold
    seats = await seats_of(ada.http, house.event_id)
    assert (seats["states"][17:19], seats["areas"]["0"]["available"]) == ("11", 4)
    released = await ada.delete(f"/v1/holds/{hold['hold_id']}")
    assert (released.status_code, released.content) == (204, b"")
    assert (await ada.delete(f"/v1/holds/{hold['hold_id']}")).status_code == 204
    assert (await ada.get(f"/v1/holds/{hold['hold_id']}")).json()["status"] == "released"
    problem_of(await ada.book(hold["hold_id"]), 410, "hold-released")


async def test_a_retry_with_the_same_hold_id_is_the_same_hold(
    house: House, ada: Buyer, key: str
) -> None:
    body = {"seats": [1, 2], "hold_id": key.upper()}
    first = await ada.hold_raw(house.event_id, body)
    again = await ada.hold_raw(house.event_id, body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.json()["hold_id"] == key


async def test_tok_visa_pays(house: House, ada: Buyer) -> None:
    hold = await held(ada, house, 3, 4, floor=1)
    response = await ada.book(hold["hold_id"])
    assert response.status_code == 201, response.text
    booking = response.json()
    assert booking["status"] == "confirmed"
    assert (booking["seats"], booking["areas"], booking["total"]) == (
        hold["seats"],
        hold["areas"],
        hold["total"],
    )
    path = response.headers["location"]
    assert path == f"/v1/bookings/{booking['booking_id']}"
    assert (await ada.get(path)).json() == booking
    assert (await seats_of(ada.http, house.event_id))["states"][3:5] == "22"
    problem_of(await ada.book(hold["hold_id"]), 410, "hold-booked")
    problem_of(await ada.delete(f"/v1/holds/{hold['hold_id']}"), 410, "hold-booked")

    tickets = (await ada.get(path + "/tickets")).json()
    assert tickets["next_cursor"] is None
    items = tickets["items"]
    assert [(t["seat_no"], t["area_no"], t["status"]) for t in items] == [
        (3, None, "valid"),
        (4, None, "valid"),
        (None, 0, "valid"),
    ]
    assert len({ticket["code"] for ticket in items}) == 3
    for ticket in items:
        assert ElementTree.fromstring(ticket["qr_svg"]).tag.endswith("svg")  # noqa: S314


@pytest.mark.parametrize(
    "address", ["ada@example.com,", "ada@-example.com", "ada@example..com", "ada@☃.example"]
)
async def test_an_address_that_no_mail_reaches_is_refused_before_paying(
    house: House, ada: Buyer, address: str
) -> None:
    hold = await held(ada, house, 3)
    buyer = {"email": address, "name": "Ada"}
    problem = problem_of(await ada.book(hold["hold_id"], buyer=buyer), 400, "invalid-request")
    assert problem["errors"][0]["key"] == "buyer.email"
    extension = f"/v1/holds/{hold['hold_id']}/extend"
    refused = await ada.http.post(extension, json={"buyer": buyer}, headers=ada.auth)
    problem_of(refused, 400, "invalid-request")
    assert (await ada.book(hold["hold_id"])).status_code == 201


async def test_a_booking_has_the_internationalised_address_as_people_write_it(
    house: House, ada: Buyer
) -> None:
    hold = await held(ada, house, 3)
    buyer = {"email": "ada@xn--strae-oqa.example", "name": "Ada"}
    booking = (await ada.book(hold["hold_id"], buyer=buyer)).json()
    assert booking["buyer"]["email"] == "ada@straße.example"


@pytest.mark.parametrize(
    ("token", "reason"),
    [("tok_declined", "card_declined"), ("tok_insufficient_funds", "insufficient_funds")],
)
async def test_declined_cards_leave_the_hold(
    house: House, ada: Buyer, token: str, reason: str
) -> None:
    hold = await held(ada, house, 3)
    response = await ada.book(hold["hold_id"], token)
    problem = problem_of(response, 402, "payment-declined")
    assert problem["decline_code"] == reason
    assert problem["hold_id"] == hold["hold_id"]
    assert (await ada.get(f"/v1/holds/{hold['hold_id']}")).json()["status"] == "held"
    declined = (await ada.get(f"/v1/bookings/{problem['booking_id']}")).json()
    assert declined["status"] == "declined"
    assert (await ada.get(f"/v1/bookings/{problem['booking_id']}/tickets")).json()["items"] == []
    assert (await ada.book(hold["hold_id"])).status_code == 201


@pytest.mark.parametrize(("approve", "status"), [(True, "confirmed"), (False, "declined")])
async def test_tok_3ds_waits_for_the_buyer(
    house: House, ada: Buyer, http: httpx.AsyncClient, approve: bool, status: str
) -> None:
    hold = await held(ada, house, 3)
    response = await ada.book(hold["hold_id"], "tok_3ds")
    assert response.status_code == 202, response.text
    booking = response.json()
    assert (booking["status"], booking["next_action"]["type"]) == ("pending", "redirect")
    problem_of(await ada.delete(f"/v1/holds/{hold['hold_id']}"), 409, "hold-in-payment")
    problem_of(await ada.book(hold["hold_id"]), 409, "hold-already-booked")
    url = booking["next_action"]["url"]
    bank = await http.get(url)
    assert bank.headers["content-type"].startswith("text/html")
    assert booking["reference"] in bank.text
    answered = await http.post(url, json={"approve": approve})
    assert answered.json() == {"booking_id": booking["booking_id"], "status": status}
    assert (await http.post(url, json={"approve": True})).json()["status"] == status
    assert (await ended(ada, response.headers["location"]))["status"] == status
    await until_shown(ada, house, 3, "2" if approve else "1")


async def test_the_banks_form_leads_back_to_the_event(
    house: House, ada: Buyer, http: httpx.AsyncClient
) -> None:
    hold = await held(ada, house, 3)
    booking = (await ada.book(hold["hold_id"], "tok_3ds")).json()
    response = await http.post(booking["next_action"]["url"], data={"approve": "true"})
    assert response.status_code == 303
    booking_id = booking["booking_id"]
    assert response.headers["location"] == f"/events/{house.event_id}?booking={booking_id}"
    assert (await ada.get(f"/v1/bookings/{booking_id}")).json()["status"] == "confirmed"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{", "application/json"),
        (b"\xff", "application/json"),
        (b"[1]", "application/json"),
        (b"[" * 10_000, "application/json"),
        (b"", "application/json"),
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=y"),
        (b"approve=", "application/x-www-form-urlencoded"),
        (b"", ""),
        (b"\x00", "text/plain"),
    ],
    ids=str,
)
async def test_an_invalid_answer_to_the_bank_approves_nothing(
    house: House, ada: Buyer, http: httpx.AsyncClient, content: bytes, kind: str
) -> None:
    hold = await held(ada, house, 3)
    url = (await ada.book(hold["hold_id"], "tok_3ds")).json()["next_action"]["url"]
    response = await http.post(url, content=content, headers={"Content-Type": kind})
    problem_of(response, 400, "invalid-request")
    approved = await http.post(url, json={"approve": True})
    assert approved.json()["status"] == "confirmed"


@pytest.mark.parametrize("keep", [False, True], ids=["given back", "for another card"])
async def test_a_pending_booking_is_withdrawn(
    house: House, ada: Buyer, http: httpx.AsyncClient, keep: bool
) -> None:
    hold = await held(ada, house, 3)
    response = await ada.book(hold["hold_id"], "tok_3ds")
    path = response.headers["location"]
    stale = await ada.post(path + "/cancel", if_match='"7"')
    problem_of(stale, 412, "precondition-failed")
    body = {"keep_hold": True} if keep else None
    withdrawn = await ada.http.post(path + "/cancel", headers=ada.auth, json=body)
    assert withdrawn.status_code == 200, withdrawn.text
    booking = withdrawn.json()
    assert (booking["status"], booking["next_action"]) == ("declined", None)
    assert booking["note"] == "You withdrew the payment, and nothing was charged."
    assert (await ada.get(path)).json() == booking
    # The bank's page can change nothing any more.
    await http.post(response.json()["next_action"]["url"], json={"approve": True})
    assert (await ada.get(path)).json()["status"] == "declined"
    now = (await ada.get(f"/v1/holds/{hold['hold_id']}")).json()["status"]
    states = (await seats_of(ada.http, house.event_id))["states"]
    assert (now, states[3]) == (("held", "1") if keep else ("released", "0"))
    if keep:
        assert (await ada.book(hold["hold_id"])).status_code == 201
    else:
        problem_of(await ada.post(path + "/cancel"), 409, "booking-not-confirmed")
    misread = await ada.http.post(path + "/cancel", headers=ada.auth, json={"tickets": []})
    problem_of(misread, 400, "invalid-request")


async def test_tok_timeout_is_confirmed_in_the_end(house: House, ada: Buyer) -> None:
    hold = await held(ada, house, 3)
    response = await ada.book(hold["hold_id"], "tok_timeout")
    assert response.status_code == 202, response.text
    assert response.json()["next_action"]["type"] == "wait"
    assert response.json()["next_action"]["url"].endswith(response.headers["location"])
    assert (await ended(ada, response.headers["location"]))["status"] == "confirmed"
    await until_shown(ada, house, 3, "2")


async def test_free_places_need_no_payment(house: House, ada: Buyer, key: str) -> None:
    async def book(hold: Json) -> httpx.Response:
        body = booking_body(hold["hold_id"])
        del body["payment"]
        return await ada.http.post(
            "/v1/bookings", json=body, headers=ada.auth | {"Idempotency-Key": key}
        )

    paid = await held(ada, house, 3)
    assert "50.00 EUR" in problem_of(await book(paid), 400, "payment-required")["detail"]
    assert (await ada.get(f"/v1/holds/{paid['hold_id']}")).json()["status"] == "held"
    await house.runtime.events.publishing.reprice(
        house.event_id, {"Front": 0}, reason="a gift", actor=ORGANISER
    )
    free = await held(ada, house, 4)
    first, again = await book(free), await book(free)
    assert (first.status_code, first.json()["status"]) == (201, "confirmed")
    assert first.json()["total"] == {"amount": 0, "currency": "EUR"}
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    cancelled = (await ada.post(first.headers["location"] + "/cancel")).json()
    assert (cancelled["status"], cancelled["refunded"]) == ("cancelled", None)


async def test_cancelling_frees_and_refunds(house: House, ada: Buyer, bob: Buyer) -> None:
    hold = await held(ada, house, 3, floor=6)
    path = (await ada.book(hold["hold_id"])).headers["location"]
    problem_of(await bob.hold(house.event_id, 3), 409, "seat-unavailable")
    cancelled = (await ada.post(path + "/cancel")).json()
    assert cancelled["status"] == "cancelled"
    assert cancelled["refunded"] == cancelled["total"]
    seats = await seats_of(ada.http, house.event_id)
    assert (seats["states"][3], seats["areas"]["0"]["available"]) == ("0", 6)
    assert (await bob.hold(house.event_id, 3, floor=6)).status_code == 201
    tickets = (await ada.get(path + "/tickets")).json()["items"]
    assert {ticket["status"] for ticket in tickets} == {"void"}
