"""Mailed links: what they open, on any device; what no link opens; and how to get new ones."""

import asyncio
import email
import email.policy
import re
import uuid
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from engine.base.mail_addresses import email_key
from engine.base.model import ms_from_utc, new_id
from engine.base.signing import Signer
from engine.people.links import Links
from engine.runtime import Runtime
from tests.conftest import TOKEN_SECRET, House, MakeHouse
from tests.support.http import Buyer, Json, new_buyer, problem_of
from tests.waitlist.test_api import FRONT, Gone, gone, until

pytestmark = pytest.mark.contract

__all__ = ["gone"]  # the fixture

JSON = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Site": "same-origin"}
NAME = "<script>alert(1)</script>\"'&{{7*7}}"


async def mailed(runtime: Runtime, address: str, kind: str, count: int = 1) -> str:
    """The plain text of the latest mail of this kind to an address, once this many were written."""
    async with asyncio.timeout(60):
        while True:
            mails = await runtime.notifications.deliveries.mails(email=address, limit=50)
            sent = [m for m in mails if m.kind == kind and m.status == "sent"]
            if len(sent) >= count:
                break
            await asyncio.sleep(0.05)
    raw = await runtime.notifications.deliveries.kept_mail(sent[0].mail_id)
    part = email.message_from_bytes(raw, policy=email.policy.default).get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link_in(text: str, kind: str = "b") -> str:
    """The path of the first link of this kind in a mail."""
    found = re.search(rf"https?://[^/]+(/{kind}/[\w-]+)", text)
    assert found is not None, text
    return found[1]


async def buy(buyer: Buyer, event_id: str, address: str, *seats: int, name: str = "Ada") -> Json:
    hold = (await buyer.hold(event_id, *seats)).json()
    body = {
        "hold_id": hold["hold_id"],
        "buyer": {"email": address, "name": name},
        "payment": {"provider": "sandbox", "token": "tok_visa"},
    }
    headers = buyer.auth | {"Idempotency-Key": new_id()}
    answer = await buyer.http.post("/v1/bookings", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    booking: Json = answer.json()
    return booking


def an_address() -> str:
    return f"{new_id()}@links.example"


async def is_proven(runtime: Runtime, address: str) -> bool:
    return bool(await runtime.stores.view.fetchval("people.is_proven_address", email_key(address)))


# The bank's page


async def test_nobody_can_approve_another_persons_payment(
    house: House, ada: Buyer, http: httpx.AsyncClient
) -> None:
    """The attack: a person who knows a booking's id (from a log, a screenshot) approves its payment."""
    mine, other = [(await ada.hold(house.event_id, n)).json()["hold_id"] for n in (1, 2)]
    booking = (await ada.book(mine, "tok_3ds")).json()
    url = booking["next_action"]["url"]
    token = url.rpartition("/")[2]
    foreign = (await ada.book(other, "tok_3ds")).json()
    signer = Signer(TOKEN_SECRET, "frontrow/booking-link/1")
    booking_id = uuid.UUID(booking["booking_id"]).bytes
    forged = [
        booking["booking_id"],
        f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}",
        f"B{token[1:]}",
        token[:-4],
        signer.sign(booking_id + (2**33).to_bytes(5)),
        Signer(TOKEN_SECRET, "frontrow/3ds/1").sign(booking_id),
    ]
    for name in forged:
        for answer in (
            await http.get(f"/sandbox/3ds/{name}"),
            await http.post(f"/sandbox/3ds/{name}", json={"approve": True}),
            await http.post(f"/sandbox/3ds/{name}", data={"approve": "true"}),
        ):
            problem_of(answer, 404, "link-not-found")
    late = Signer(TOKEN_SECRET, "frontrow/3ds/1").sign(booking_id + (1).to_bytes(5))
    problem_of(await http.post(f"/sandbox/3ds/{late}", json={"approve": True}), 410, "link-ended")
    assert (await ada.get(f"/v1/bookings/{booking['booking_id']}")).json()["status"] == "pending"

    assert (await http.post(foreign["next_action"]["url"], json={"approve": True})).is_success
    assert (await ada.get(f"/v1/bookings/{booking['booking_id']}")).json() == booking
    page = await http.get(url)
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert (await http.post(url, json={"approve": True})).json()["status"] == "confirmed"


# A booking


async def test_a_mailed_link_opens_the_booking_anywhere(
    house: House, ada: Buyer, http: httpx.AsyncClient, runtime: Runtime
) -> None:
    address = an_address()
    booking = await buy(ada, house.event_id, address, 3, 4, name=NAME)
    link = link_in(await mailed(runtime, address, "booking-confirmed"))

    before = (await ada.get(f"/v1/bookings/{booking['booking_id']}")).json()
    for method in ("HEAD", "GET", "GET"):
        page = await http.request(method, link, headers=BROWSER)
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-robots-tag"] == "noindex"
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
    assert (await ada.get(f"/v1/bookings/{booking['booking_id']}")).json() == before
    assert not await is_proven(runtime, address)

    assert booking["reference"] in page.text
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "{{7*7}}" in page.text
    assert page.text.count("data:image/svg+xml,") == 2
    assert f'action="{link}/cancel"' in page.text

    read = (await http.get(link, headers=JSON)).json()
    assert {key: read[key] for key in before} == before
    tickets = (await ada.get(f"/v1/bookings/{booking['booking_id']}/tickets")).json()["items"]
    assert read["tickets"] == tickets
    assert read["event"]["name"] == "A play"

    done = await http.post(f"{link}/cancel", headers=BROWSER)
    assert (done.status_code, done.headers["location"]) == (303, link)
    cancelled = (await ada.get(f"/v1/bookings/{booking['booking_id']}")).json()
    assert (cancelled["status"], cancelled["refunded"]) == ("cancelled", booking["total"])
    assert await is_proven(runtime, address)
    assert (await http.post(f"{link}/cancel", headers=JSON)).json()["status"] == "cancelled"
    page = await http.get(link, headers=BROWSER)
    assert "Cancelled" in page.text
    assert f'action="{link}/cancel"' not in page.text
    # Later mails contain the link too.
    assert link_in(await mailed(runtime, address, "booking-cancelled")) == link
    assert link_in(await mailed(runtime, address, "booking-refunded")) == link


async def test_no_other_link_token_opens_anything(
    make_house: MakeHouse, ada: Buyer, http: httpx.AsyncClient, runtime: Runtime
) -> None:
    house = await make_house()
    address = an_address()
    booking = await buy(ada, house.event_id, address, 3)
    other = await buy(ada, house.event_id, an_address(), 4)
    link = link_in(await mailed(runtime, address, "booking-confirmed"))
    token = link.rpartition("/")[2]
    content = Signer(TOKEN_SECRET, "frontrow/booking-link/1").read(token)
    assert content is not None
    swapped = uuid.UUID(other["booking_id"]).bytes + content[16:]
    as_place = Signer(TOKEN_SECRET, "frontrow/waitlist-link/1")
    sign = Signer(TOKEN_SECRET, "frontrow/booking-link/1").sign
    #: (path, status): forged; of another purpose, both ways; signed, but for another object.
    wrong = [
        (f"/b/{token[:-1]}{'A' if token[-1] != 'A' else 'B'}", 404),
        (f"/b/{token}A", 404),
        (f"/b/{token[:20]}", 404),
        (f"/b/{booking['booking_id']}", 404),
        (f"/b/{'A' * len(token)}", 404),
        (f"/b/{'x' * 5000}", 404),
        ("/b/%00%ff", 404),
        (f"/w/{token}", 404),
        (f"/b/{as_place.sign(content)}", 404),
        (f"/b/{Signer('x' * 32, 'frontrow/booking-link/1').sign(content)}", 404),
        (f"/b/{sign(uuid.UUID(new_id()).bytes + content[16:])}", 404),
        (f"/b/{sign(swapped)}", 410),
    ]
    for path, status in wrong:
        page = await http.get(path, headers=BROWSER)
        assert page.status_code == status, path
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["cache-control"] == "no-store"
        assert 'action="/tickets/lookup"' in page.text
        code = "link-not-found" if status == 404 else "link-ended"
        problem_of(await http.get(path, headers=JSON), status, code)
        act = "leave" if path.startswith("/w/") else "cancel"
        assert (await http.post(f"{path}/{act}", headers=JSON)).status_code == status
    assert not await is_proven(runtime, address)

    # She can revoke the links mailed so far; nobody else can.
    bob = await new_buyer(http)
    path = f"/v1/bookings/{booking['booking_id']}/links/revoke"
    assert (await bob.post(path)).status_code in (403, 404)
    assert (await http.post(path)).status_code == 401
    assert (await http.get(link)).status_code == 200
    assert (await ada.post(path)).status_code == 204
    problem_of(await http.get(link, headers=JSON), 410, "link-ended")
    assert (await http.post(f"{link}/cancel", headers=BROWSER)).status_code == 410
    assert (await ada.get(f"/v1/bookings/{booking['booking_id']}")).json()["status"] == "confirmed"
    fresh = await runtime.people.links.url("booking", booking["booking_id"], address)
    assert (await http.get(httpx.URL(fresh).path)).status_code == 200
    # A link proves only the address that it was mailed to.
    elsewhere = await runtime.people.links.url("booking", booking["booking_id"], an_address())
    assert (await http.get(httpx.URL(elsewhere).path)).status_code == 410


async def test_a_link_expires_30_days_after_its_event(
    make_house: MakeHouse, ada: Buyer, http: httpx.AsyncClient, runtime: Runtime
) -> None:
    house = await make_house()
    address = an_address()
    booking = await buy(ada, house.event_id, address, 3)
    link = httpx.URL(await runtime.people.links.url("booking", booking["booking_id"], address)).path
    for days, status in ((29, 200), (31, 410), (-400, 200)):
        starts_at = ms_from_utc(datetime.now(UTC) - timedelta(days=days))
        await runtime.stores.mongo.put("events", house.event_id, {"starts_at": starts_at})
        page = await http.get(link, headers=BROWSER)
        assert page.status_code == status
        assert f'action="{link}/cancel"' not in page.text or days < 0
        found = [booking_id for booking_id, _ in await runtime.people.links.of_address(address)]
        assert (booking["booking_id"] in found) == (status == 200)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_requests_from_foreign_pages_are_refused(
    house: House, ada: Buyer, http: httpx.AsyncClient, runtime: Runtime, headers: Json
) -> None:
    address = an_address()
    booking = await buy(ada, house.event_id, address, 3)
    link = httpx.URL(await runtime.people.links.url("booking", booking["booking_id"], address)).path
    form = headers | {"Content-Type": "application/x-www-form-urlencoded"}
    refused = await http.post(f"{link}/cancel", content="a=b", headers=form)
    assert refused.status_code == 403
    assert (
        await http.post("/tickets/lookup", content="email=a@b.cd", headers=form)
    ).is_client_error
    assert (await ada.get(f"/v1/bookings/{booking['booking_id']}")).json()["status"] == "confirmed"
    assert not await is_proven(runtime, address)


# Waitlist entries


async def offered(gone: Gone, person: Buyer, address: str, seat_no: int = 0) -> Json:
    contact = {"buyer": {"email": address, "name": NAME}}
    entry = await gone.stand(person, contact=contact)
    await gone.free(seat_no)
    return await until(person, entry, "offered")


async def test_a_mailed_offer_is_accepted_and_paid_on_another_device(
    gone: Gone, ada: Buyer, bob: Buyer, http: httpx.AsyncClient, runtime: Runtime
) -> None:
    address = an_address()
    entry = await offered(gone, ada, address)
    offer_id = entry["offer"]["offer_id"]
    link = link_in(await mailed(runtime, address, "offer-made"), "w")
    assert link_in(await mailed(runtime, address, "waitlist-joined"), "w") == link
    signed = link.rpartition("/")[2]
    assert Signer(TOKEN_SECRET, "frontrow/waitlist-link/1").read(signed) is not None
    assert Signer(TOKEN_SECRET, "frontrow/booking-link/1").read(signed) is None
    for method in ("HEAD", "GET", "GET"):
        page = await http.request(method, link, headers=BROWSER)
        assert page.status_code == 200
    assert f'action="{link}/accept"' in page.text
    assert "<script>alert" not in page.text
    read = (await http.get(link, headers=JSON)).json()
    assert (read["entry_id"], read["status"]) == (entry["entry_id"], "offered")
    stale = await http.post(f"{link}/accept", json={"offer_id": new_id()}, headers=JSON)
    problem_of(stale, 410, "offer-ended")
    assert (await ada.get(f"/v1/offers/{offer_id}")).json()["status"] == "open"

    # A browser sends the form, and its page repeats the request with the browser's own token.
    answer = await http.post(f"{link}/accept", data={"offer_id": offer_id}, headers=BROWSER)
    assert answer.status_code == 303
    token = link.rpartition("/")[2]
    assert answer.headers["location"] == f"/events/{gone.event_id}#w={token}"
    assert (await ada.get(f"/v1/holds/{offer_id}")).json()["status"] == "held"
    assert await is_proven(runtime, address)
    hold = (await http.post(f"{link}/accept", headers=bob.auth | JSON)).json()
    assert (hold["hold_id"], hold["status"]) == (offer_id, "held")
    assert (await bob.get(f"/v1/holds/{offer_id}")).json() == hold
    # He gets nothing else of hers, and she no longer has the hold.
    problem_of(await bob.get(f"/v1/waitlist/{entry['entry_id']}"), 404, "entry-not-found")
    problem_of(await ada.get(f"/v1/holds/{offer_id}"), 404, "hold-not-found")
    again = await ada.post(f"/v1/offers/{offer_id}/accept")
    problem_of(again, 404, "hold-not-found")
    assert (await bob.book(offer_id)).status_code == 201
    assert (await ada.get(f"/v1/waitlist/{entry['entry_id']}")).json()["status"] == "accepted"
    late = await http.post(f"{link}/accept", headers=ada.auth | JSON)
    problem_of(late, 410, "hold-booked")
    problem_of(await http.post(f"{link}/decline", headers=JSON), 410, "offer-ended")


async def test_an_offer_accepted_on_another_device_survives_the_loss_of_redis(
    gone: Gone, ada: Buyer, bob: Buyer, http: httpx.AsyncClient, runtime: Runtime
) -> None:
    address = an_address()
    entry = await offered(gone, ada, address)
    offer_id = entry["offer"]["offer_id"]
    link = httpx.URL(await runtime.people.links.url("entry", entry["entry_id"], address)).path
    assert (await http.post(f"{link}/accept", headers=bob.auth | JSON)).status_code == 200
    await runtime.live.rebuilding.rebuild(gone.event_id)
    assert (await bob.get(f"/v1/holds/{offer_id}")).json()["status"] == "held"
    assert (await bob.book(offer_id)).status_code == 201


async def test_a_link_gives_no_access_to_another_persons_offer(
    gone: Gone, ada: Buyer, bob: Buyer, http: httpx.AsyncClient, runtime: Runtime
) -> None:
    address = an_address()
    hers = await offered(gone, ada, an_address())
    his = await offered(gone, bob, address, 1)
    link = httpx.URL(await runtime.people.links.url("entry", his["entry_id"], address)).path
    sent = {"offer_id": hers["offer"]["offer_id"]}
    for act in ("accept", "decline"):
        refused = await http.post(f"{link}/{act}", json=sent, headers=bob.auth | JSON)
        problem_of(refused, 410, "offer-ended")
    assert (await ada.get(f"/v1/offers/{sent['offer_id']}")).json()["status"] == "open"


async def test_a_waiting_person_can_revoke_the_links_of_the_entry(
    gone: Gone, ada: Buyer, bob: Buyer, http: httpx.AsyncClient, runtime: Runtime
) -> None:
    address = an_address()
    entry = await gone.stand(ada, contact={"buyer": {"email": address, "name": NAME}})
    link = httpx.URL(await runtime.people.links.url("entry", entry["entry_id"], address)).path
    path = f"/v1/waitlist/{entry['entry_id']}/links/revoke"
    problem_of(await bob.post(path), 404, "entry-not-found")
    assert (await http.get(link, headers=JSON)).status_code == 200
    assert (await ada.post(path)).status_code == 204
    problem_of(await http.get(link, headers=JSON), 410, "link-ended")
    problem_of(await http.post(f"{link}/leave", headers=JSON), 410, "link-ended")
    assert (await ada.get(f"/v1/waitlist/{entry['entry_id']}")).json()["status"] == "waiting"
    fresh = httpx.URL(await runtime.people.links.url("entry", entry["entry_id"], address)).path
    assert (await http.get(fresh, headers=JSON)).status_code == 200


async def test_a_link_can_decline_an_offer_and_leave_the_waitlist(
    gone: Gone, ada: Buyer, bob: Buyer, http: httpx.AsyncClient, runtime: Runtime
) -> None:
    addresses = [an_address(), an_address()]
    first = await offered(gone, ada, addresses[0])
    contact = {"buyer": {"email": addresses[1], "name": "Bob"}}
    second = await gone.stand(bob, contact=contact)
    links = [
        httpx.URL(await runtime.people.links.url("entry", entry["entry_id"], address)).path
        for entry, address in zip((first, second), addresses, strict=True)
    ]
    assert (await http.post(f"{links[1]}/leave", headers=BROWSER)).status_code == 303
    assert (await bob.get(f"/v1/waitlist/{second['entry_id']}")).json()["status"] == "left"
    declined = await http.post(f"{links[0]}/decline", headers=JSON)
    assert declined.json()["status"] == "declined"
    assert (await ada.get(f"/v1/waitlist/{first['entry_id']}")).json()["status"] == "declined"
    assert "Not in line" in (await http.get(links[0], headers=BROWSER)).text


async def test_a_link_to_the_old_address_does_not_prove_the_new_one(
    gone: Gone, ada: Buyer, http: httpx.AsyncClient, runtime: Runtime
) -> None:
    """The attack: join with an own address, change it to a stranger's, and use the link mailed before."""
    own, strangers = an_address(), an_address()
    entry = await gone.stand(ada, contact={"buyer": {"email": own, "name": "Ada"}})
    link = httpx.URL(await runtime.people.links.url("entry", entry["entry_id"], own)).path
    assert (await http.get(link)).status_code == 200
    patch = FRONT | {"contact": {"buyer": {"email": strangers, "name": "Ada"}}}
    headers = ada.auth | {"If-Match": f'"{entry["version"]}"'}
    changed = await http.patch(f"/v1/waitlist/{entry['entry_id']}", json=patch, headers=headers)
    assert changed.status_code == 200, changed.text
    problem_of(await http.post(f"{link}/leave", headers=JSON), 410, "link-ended")
    assert not await is_proven(runtime, strangers)


# New links


async def test_a_lookup_reveals_nothing_and_mails_the_links(
    make_house: MakeHouse, ada: Buyer, http: httpx.AsyncClient, runtime: Runtime
) -> None:
    house = await make_house()
    address, nobodys = an_address(), an_address()
    bookings = [await buy(ada, house.event_id, address, seat) for seat in (3, 4)]
    cancelled = await buy(ada, house.event_id, address, 5)
    await ada.post(f"/v1/bookings/{cancelled['booking_id']}/cancel")

    answers = [
        await http.post("/v1/bookings/lookup", json={"email": email})
        for email in (address.upper(), nobodys, address, nobodys)
    ]
    assert {(a.status_code, a.content) for a in answers} == {(202, answers[0].content)}
    text = await mailed(runtime, address.upper(), "booking-links")
    links = re.findall(r"/b/[\w-]+", text)
    assert len(links) == 2
    opened = {(await http.get(link, headers=JSON)).json()["booking_id"] for link in links}
    assert opened == {booking["booking_id"] for booking in bookings}

    form = await http.post("/tickets/lookup", data={"email": address}, headers=BROWSER)
    assert form.status_code == 202
    assert "on their way" in form.text
    for sent in ({}, {"email": "a"}, {"email": ["a@b.cd"]}, {"email": f"{'a' * 300}@b.cd"}):
        problem_of(await http.post("/v1/bookings/lookup", json=sent), 400, "invalid-request")
    assert (await http.post("/tickets/lookup", data={"email": "<b>"})).status_code == 400
    # Requested five times: one mail to an address with bookings, none to an address without.
    deliveries = runtime.notifications.deliveries
    async with asyncio.timeout(60):
        while not (nothing := await deliveries.mails(email=nobodys, limit=9))[0].reason:
            await asyncio.sleep(0.05)
    assert [(mail.status, mail.reason) for mail in nothing] == [("skipped", "nothing-found")]
    # `address` and `ADDRESS` are one address.
    upper = await deliveries.mails(email=address.upper(), limit=9)
    lower = [m for m in await deliveries.mails(email=address, limit=9) if m.kind == "booking-links"]
    assert len({mail.mail_id for mail in upper + lower if mail.kind == "booking-links"}) == 1


def look_up_from(http: httpx.AsyncClient, host: str, email: str) -> Awaitable[httpx.Response]:
    headers = {"X-Forwarded-For": host}
    return http.post("/v1/bookings/lookup", json={"email": email}, headers=headers)


async def test_lookups_per_network_are_limited(http: httpx.AsyncClient) -> None:
    email, here = an_address(), "203.0.113.77"
    # Of 130 in a row at least ten exceed the limit, even if a new hour begins meanwhile.
    answers = [await look_up_from(http, here, email) for _ in range(130)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 10
    problem_of(refused[0], 429, "too-many-requests")
    headers = {"X-Forwarded-For": here} | BROWSER
    # The form does not circumvent the limit.
    forms = [
        (await http.post("/tickets/lookup", data={"email": email}, headers=headers)).status_code
        for _ in range(70)
    ]
    assert forms.count(429) >= 10
    assert set(forms) <= {202, 429}
    assert (await look_up_from(http, "203.0.114.77", email)).status_code == 202


@pytest.mark.parametrize("host", ["203.0.115.{}", "2001:db8:115:{}::1"])
async def test_lookups_from_many_addresses_of_one_subscriber_are_limited(
    http: httpx.AsyncClient, host: str
) -> None:
    """The attack: another address, or another /64, for every sixty look-ups."""
    email = an_address()
    # 52 of each are below its own limit. Twenty exceed the common limit, even if a new hour begins.
    answers = [
        await look_up_from(http, host.format(no), email) for _ in range(52) for no in range(1, 13)
    ]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 20
    problem_of(refused[0], 429, "too-many-requests")
    # Neighbouring networks are not affected.
    neighbour = host.replace("115", "116").format(1)
    assert (await look_up_from(http, neighbour, email)).status_code == 202


async def test_refused_lookups_do_not_count_against_neighbouring_networks(
    http: httpx.AsyncClient,
) -> None:
    email = an_address()
    for _ in range(400):
        await look_up_from(http, "203.0.117.1", email)
    assert (await look_up_from(http, "203.0.117.2", email)).status_code == 202


async def test_a_lookup_does_the_same_work_for_every_address(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By construction: one statement, which does not look up the address."""
    asked: list[str] = []
    postgres = runtime.people.links._pg
    fetch = postgres.fetch

    async def counting(name: str, *args: Any) -> Any:
        asked.append(name)
        return await fetch(name, *args)

    monkeypatch.setattr(postgres, "fetch", counting)
    links: Links = runtime.people.links
    await links.look_up(an_address())
    assert asked == ["links.enqueue_lookup"]
