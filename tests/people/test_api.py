"""Accounts over HTTP: a guest who registers, another device, a browser that logs out."""

import asyncio
import email
import email.policy
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio

from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.runtime import Runtime
from tests.conftest import (
    TOKEN_SECRET,
    House,
    Stack,
    end_process,
    free_port,
    role_environment,
    start_role,
)
from tests.support.http import ORGANISER, Buyer, Json, new_buyer, problem_of

pytestmark = pytest.mark.contract

PASSWORD = "seven swans in a bathtub"


def bearer(tokens: Json) -> dict[str, str]:
    return {"Authorization": f"{tokens['token_type']} {tokens['access_token']}"}


@pytest.fixture
def address() -> str:
    return f"{new_id()}@example.com"


async def register(
    http: httpx.AsyncClient, address: str, buyer: Buyer | None = None, /, **changes: Any
) -> httpx.Response:
    body = {"email": address, "password": PASSWORD, "name": "Ada Lovelace"}
    headers = buyer.auth if buyer else {}
    return await http.post("/v1/auth/register", json=body | changes, headers=headers)


async def log_in(
    http: httpx.AsyncClient, address: str, password: str = PASSWORD, **headers: str
) -> httpx.Response:
    body = {"email": address, "password": password}
    return await http.post("/v1/auth/login", json=body, headers=headers)


async def bookings_of(http: httpx.AsyncClient, tokens: Json) -> list[str]:
    page = await http.get("/v1/bookings", headers=bearer(tokens))
    return [item["booking_id"] for item in page.json()["items"]]


async def me(http: httpx.AsyncClient, tokens: Json) -> httpx.Response:
    return await http.get("/v1/me", headers=bearer(tokens))


# A guest becomes an account


async def test_a_guest_keeps_bookings_by_registering(
    http: httpx.AsyncClient, house: House, ada: Buyer, address: str
) -> None:
    held = (await ada.hold(house.event_id, 1)).json()
    booking = (await ada.book(held["hold_id"])).json()["booking_id"]
    before = (await ada.get("/v1/me")).json()

    made = await register(http, address, ada)
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    tokens = made.json()
    assert tokens.keys() == {"access_token", "expires_in", "refresh_token", "token_type"}
    assert tokens["expires_in"] == 900
    assert (await me(http, tokens)).json()["person_id"] == before["person_id"]
    assert await bookings_of(http, tokens) == [booking]

    # On another device, after this one has logged out.
    gone = await http.post("/v1/auth/logout", json={"refresh_token": tokens["refresh_token"]})
    assert gone.status_code == 204
    device = (await log_in(http, address)).json()
    assert await bookings_of(http, device) == [booking]
    later = await http.post("/v1/bookings/" + booking + "/cancel", headers=bearer(device))
    assert later.json()["status"] == "cancelled"
    # The guest's own token, which may have been copied anywhere, is no longer valid.
    problem_of(await ada.get(f"/v1/bookings/{booking}"), 401, "not-authenticated")
    problem_of(await ada.post("/v1/auth/guest"), 401, "not-authenticated")


async def test_logging_in_does_not_merge_the_guest(
    http: httpx.AsyncClient, house: House, bob: Buyer, address: str
) -> None:
    await register(http, address)
    held = (await bob.hold(house.event_id, 2)).json()
    booking = (await bob.book(held["hold_id"])).json()["booking_id"]
    tokens = (await log_in(http, address, **bob.auth)).json()
    assert await bookings_of(http, tokens) == []
    assert (await bob.get(f"/v1/bookings/{booking}")).status_code == 200


async def test_registering_without_a_token_makes_a_new_person(
    http: httpx.AsyncClient, address: str
) -> None:
    first = (await register(http, address)).json()
    other = (await register(http, f"{new_id()}@example.com")).json()
    people = [(await me(http, tokens)).json() for tokens in (first, other)]
    assert people[0]["person_id"] != people[1]["person_id"]
    assert people[0]["email"] == address
    assert people[0]["registered"]
    assert not people[0]["email_proven"]


async def test_registering_with_an_invalid_token_is_refused(
    http: httpx.AsyncClient, address: str
) -> None:
    strange = Buyer(http, {"Authorization": "Bearer nonsense"})
    problem_of(await register(http, address, strange), 401, "not-authenticated")
    problem_of(await log_in(http, address), 401, "wrong-credentials")


async def test_one_token_has_one_account(http: httpx.AsyncClient, ada: Buyer, address: str) -> None:
    assert (await register(http, address, ada)).status_code == 201
    again = await register(http, f"{new_id()}@example.com", ada)
    problem_of(again, 401, "not-authenticated")
    tokens = (await log_in(http, address)).json()
    again = await register(http, f"{new_id()}@example.com", Buyer(http, bearer(tokens)))
    problem_of(again, 409, "already-registered")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"email": "ada"}, "invalid-request"),
        ({"email": "ada@-example.com"}, "invalid-request"),
        ({"email": "ada@example.com,"}, "invalid-request"),
        ({"email": "a\0@example.com"}, "invalid-request"),
        ({"email": "a" * 250 + "@example.com"}, "invalid-request"),
        ({"name": ""}, "invalid-request"),
        ({"name": "\0"}, "invalid-request"),
        ({"name": 3}, "invalid-request"),
        ({"password": None}, "invalid-request"),
        ({"password": "x" * 5000}, "invalid-request"),
        ({"password": "1234567"}, "weak-password"),
        ({"password": "password1"}, "weak-password"),
        ({"language": "tlh"}, "unknown-language"),
        ({"tier": "vip"}, "invalid-request"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_an_invalid_registration_is_refused(
    http: httpx.AsyncClient, address: str, changes: Json, code: str
) -> None:
    problem_of(await register(http, address, **changes), 400, code)


async def test_a_password_may_have_any_characters(http: httpx.AsyncClient, address: str) -> None:
    odd = "\x00\t\u2028 ' \" % é 🦢"
    assert (await register(http, address, password=odd)).status_code == 201
    assert (await log_in(http, address, odd)).status_code == 200
    problem_of(await log_in(http, address, odd + " "), 401, "wrong-credentials")
    raw = b'{"email": "a@example.com", "password": "\\ud800", "name": "x"}'
    broken = await http.post(
        "/v1/auth/register", content=raw, headers={"Content-Type": "application/json"}
    )
    problem_of(broken, 400, "invalid-request")


# Coming back


async def test_a_session_continues_by_exchanging_refresh_tokens(
    http: httpx.AsyncClient, address: str
) -> None:
    tokens = (await register(http, address)).json()

    async def exchange(token: Json) -> httpx.Response:
        body = {"refresh_token": token["refresh_token"]}
        return await http.post("/v1/auth/refresh", json=body)

    second = await exchange(tokens)
    assert second.status_code == 200
    assert second.headers["cache-control"] == "no-store"
    assert (await me(http, second.json())).json()["email"] == address
    assert (await exchange(tokens)).json()["refresh_token"] == second.json()["refresh_token"]
    third = (await exchange(second.json())).json()
    stolen = await exchange(tokens)
    assert "log in again" in problem_of(stolen, 401, "session-ended")["detail"]
    problem_of(await exchange(third), 401, "session-ended")
    # The earlier access token is valid until it expires.
    assert (await me(http, third)).status_code == 200


async def test_logging_out_does_not_reveal_whether_a_token_is_valid(
    http: httpx.AsyncClient,
) -> None:
    for token in ("nonsense", "a" * 64):
        response = await http.post("/v1/auth/logout", json={"refresh_token": token})
        assert (response.status_code, response.content) == (204, b"")


async def test_answers_do_not_reveal_who_has_an_account(
    http: httpx.AsyncClient, address: str
) -> None:
    await register(http, address)
    wrong = problem_of(await log_in(http, address, "not the one"), 401, "wrong-credentials")
    unknown = await log_in(http, f"{new_id()}@example.com")
    assert problem_of(unknown, 401, "wrong-credentials") == wrong


async def test_answers_with_tokens_are_not_stored_by_caches(
    http: httpx.AsyncClient, address: str
) -> None:
    key = {"Idempotency-Key": new_id()}
    await register(http, address)
    first, second = [await log_in(http, address, **key) for _ in range(2)]
    assert "idempotency-replayed" not in second.headers
    assert first.json()["refresh_token"] != second.json()["refresh_token"]


# Whose an address is


async def links_to(runtime: Runtime, address: str, least: int) -> list[str]:
    """The pages behind the links in the mails that an address got, in order."""
    kept = (
        "SELECT message FROM kept_mails JOIN notifications USING (event_id, notification_id)"
        " WHERE lower(email) = $1 AND kind = 'welcome' ORDER BY notification_id"
    )
    async with asyncio.timeout(60), runtime.stores.view.connection() as connection:
        while len(rows := await connection.fetch(kept, address)) < least:
            await asyncio.sleep(0.05)
    texts = [email.message_from_bytes(row[0], policy=email.policy.default) for row in rows]
    bodies = [message.get_body(("plain",)) for message in texts]
    return [re.findall(r"(/verify/\S+)", body.get_content())[0] for body in bodies if body]


async def test_registering_does_not_reveal_whose_an_address_is(
    http: httpx.AsyncClient, runtime: Runtime, address: str
) -> None:
    passwords = [f"a few words {new_id()}" for _ in range(3)]
    first = await register(http, address, password=passwords[0])
    second = await register(http, address.upper(), password=passwords[1])
    # The page behind any of the mails lists all accounts that claim the address.
    link, _ = await links_to(runtime, address, 2)
    page = await http.get(link)
    assert (page.status_code, page.headers["referrer-policy"]) == (200, "no-referrer")
    assert page.headers["cache-control"] == "no-store"
    for _ in range(2):
        assert not (await me(http, second.json())).json()["email_proven"]
        await http.get(link)
    chosen = {"account": (await me(http, second.json())).json()["person_id"]}
    opened = await http.post(link, data=chosen)
    assert opened.status_code == 200, opened.text
    assert (await me(http, second.json())).json()["email_proven"]
    assert (await me(http, first.json())).json()["email"] is None
    problem_of(await log_in(http, address, passwords[0]), 401, "wrong-credentials")
    assert (await log_in(http, address, passwords[1])).status_code == 200
    assert (await http.get(link)).status_code == 404

    # A known and an unknown address look the same.
    known = await register(http, address, password=passwords[2])
    unknown = await register(http, f"{new_id()}@example.com")
    for answer in (known, unknown):
        assert answer.status_code == 201
        assert answer.json().keys() == unknown.json().keys()
        assert not (await me(http, answer.json())).json()["email_proven"]
    assert answer.headers.keys() == known.headers.keys()
    late = (await log_in(http, address, passwords[2])).json()
    etag = (await me(http, unknown.json())).headers["etag"]
    moved = await http.patch(
        "/v1/me",
        json={"email": address, "password": PASSWORD},
        headers=bearer(unknown.json()) | {"If-Match": etag},
    )
    assert (moved.status_code, moved.json()["email_proven"]) == (200, False)
    link = (await links_to(runtime, address, 3))[2].rpartition("/")[2]
    verify = {"token": link}
    taken = await http.post("/v1/auth/verify-email", json=verify, headers=bearer(late))
    problem_of(taken, 409, "address-of-another")


async def test_links_work_for_programs_and_for_pages(
    http: httpx.AsyncClient, runtime: Runtime, address: str
) -> None:
    first, second = [(await register(http, address)).json() for _ in "12"]
    link, _ = await links_to(runtime, address, 2)
    assert (await http.get(link)).text.count("<button") == 2
    person_id = (await me(http, second)).json()["person_id"]
    form = {"account": person_id}
    assert (await http.post(link, data=form)).status_code == 200
    assert (await me(http, second)).json()["email_proven"]
    assert (await http.post(link)).status_code == 404
    mine = await http.post("/v1/auth/verify-email", json={"token": "x"}, headers=bearer(first))
    problem_of(mine, 404, "link-not-ours")
    alone = f"{new_id()}@example.com"
    await register(http, alone)
    [link] = await links_to(runtime, alone, 1)
    token = link.rpartition("/")[2]
    proven = await http.post("/v1/auth/verify-email", json={"token": token})
    assert proven.json() == {"email": alone}
    assert (await http.post("/verify/nonsense", data=form)).status_code == 404


# Tokens on every process


@pytest_asyncio.fixture(scope="module")
async def other(town: Settings, stores: StoreUrls) -> AsyncIterator[httpx.AsyncClient]:
    """Another API on the same stores, with short-lived guest tokens."""
    variables = role_environment(town, stores, FRONTROW_TOKEN_TTL_S="1")
    process = start_role("api", variables)
    try:
        url = f"http://localhost:{variables['FRONTROW_API_PORT']}"
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            await until_alive(client)
            yield client
    finally:
        end_process(process)


async def until_refused(http: httpx.AsyncClient, tokens: Json) -> None:
    async with asyncio.timeout(60):
        while (await me(http, tokens)).status_code != 401:
            await asyncio.sleep(0.05)


async def test_earlier_tokens_are_refused_on_every_process(
    http: httpx.AsyncClient, other: httpx.AsyncClient, ada: Buyer, address: str
) -> None:
    guest = {"token_type": "Bearer", "access_token": ada.auth["Authorization"][7:]}
    assert (await me(other, guest)).status_code == 200
    tokens = (await register(http, address, ada)).json()
    assert (await me(http, guest)).status_code == 401
    await until_refused(other, guest)
    problem_of(await other.post("/v1/auth/guest", headers=ada.auth), 401, "not-authenticated")
    assert (await me(other, tokens)).status_code == 200
    change = {"password": PASSWORD, "new_password": "eight geese on a bicycle"}
    headers = bearer(tokens) | {"If-Match": (await me(http, tokens)).headers["etag"]}
    assert (await http.patch("/v1/me", json=change, headers=headers)).status_code == 200
    assert (await me(http, tokens)).status_code == 401
    await until_refused(other, tokens)
    fresh = (await log_in(http, address, "eight geese on a bicycle")).json()
    for api in (http, other):
        assert (await me(api, fresh)).status_code == 200


async def test_a_guests_token_is_renewed(
    http: httpx.AsyncClient, other: httpx.AsyncClient, house: House, ada: Buyer
) -> None:
    before = (await ada.get("/v1/me")).json()["person_id"]
    renewed = await ada.post("/v1/auth/guest")
    assert renewed.status_code == 201
    assert renewed.headers["cache-control"] == "no-store"
    assert (await me(http, renewed.json())).json()["person_id"] == before
    nobody = Buyer(http, {"Authorization": "Bearer nonsense"})
    problem_of(await nobody.post("/v1/auth/guest"), 401, "not-authenticated")
    organiser = await http.post("/v1/auth/guest", headers=ORGANISER)
    problem_of(organiser, 401, "not-authenticated")

    def ago(days: int) -> Buyer:
        claims = {"sub": before, "aud": "frontrow", "exp": int(time.time()) - days * 86_400}
        return Buyer(other, bearer({"token_type": "Bearer", "access_token": signed(claims)}))

    problem_of(await ago(8).post("/v1/auth/guest"), 401, "not-authenticated")
    held = (await ada.hold(house.event_id, 7)).json()
    booking = (await ada.book(held["hold_id"])).json()["booking_id"]
    problem_of(await ago(8).get(f"/v1/bookings/{booking}"), 401, "not-authenticated")
    back = await ago(8).post("/v1/auth/guest")
    assert back.status_code == 201
    assert await bookings_of(http, back.json()) == [booking]
    problem_of(await ago(401).post("/v1/auth/guest"), 401, "not-authenticated")


def signed(claims: Json) -> str:
    return jwt.encode(claims, TOKEN_SECRET, "HS256")


# Limits


async def test_nobody_can_lock_the_owner_of_an_account_out(
    http: httpx.AsyncClient, address: str
) -> None:
    tokens = (await register(http, address)).json()

    async def attempt(place: str, password: str = "not the one", **headers: str) -> int:
        answer = await log_in(http, address, password, **{"X-Forwarded-For": place}, **headers)
        return answer.status_code

    # A window may end during the attempts; of two windows one is complete.
    attack = [await attempt("203.0.113.7") for _ in range(41)]
    assert 429 in attack
    assert await attempt("198.51.100.7", PASSWORD) == 200
    # From the same network, a client with an earlier token of the account, valid or not, may log in.
    assert await attempt("203.0.113.7", PASSWORD, **bearer(tokens)) == 200
    # The token of another person does not help, nor that of an account that only claims the address.
    eve = (await register(http, address, password="a few words of hers")).json()
    assert 429 in [await attempt("203.0.113.7", **bearer(eve)) for _ in range(42)]
    # In an attack from everywhere each network has a few attempts, the owner's network too.
    places = [f"2001:db8:{number:x}::{host}" for host in range(1, 4) for number in range(40)]
    for _ in range(2):
        attack = [await attempt(place) for place in places for _ in "12"]
        if 429 in attack:
            break
    assert attack[-1] == 429
    assert await attempt("192.0.2.7", PASSWORD) == 200


async def test_password_attempts_per_account_are_limited(
    http: httpx.AsyncClient, address: str
) -> None:
    await register(http, address)
    for tried in (address, f"{new_id()}@example.com"):
        # A window may end during the attempts; of two windows one is complete.
        for _ in range(2 * 20 + 1):
            answer = await log_in(http, tried, "not the one")
            if answer.status_code == 429:
                break
            problem_of(answer, 401, "wrong-credentials")
        problem_of(answer, 429, "too-many-requests")
        assert '"password-attempts";q=20;w=900' in answer.headers["ratelimit-policy"]
        assert '"password-attempts";r=0;' in answer.headers["ratelimit"]
        # Capital letters do not circumvent the limit.
        problem_of(await log_in(http, tried.upper()), 429, "too-many-requests")
    other = f"{new_id()}@example.com"
    assert (await register(http, other)).status_code == 201
    assert (await log_in(http, other)).status_code == 200


@pytest.mark.parametrize("route", ["register", "login"])
async def test_attempts_per_network_address_are_limited(
    http: httpx.AsyncClient, route: str
) -> None:
    # Sent as by a proxy on this machine; refused before any password is checked.
    place = {"X-Forwarded-For": f"2001:db8:{new_id()[-4:]}::1"}
    body: Json = {"email": "x", "password": PASSWORD}
    for number in range(2 * 60 + 1):
        body = {"email": f"{number}-{new_id()}@example.com", "password": "short"}
        if route == "register":
            body["name"] = "Ada"
        answer = await http.post(f"/v1/auth/{route}", json=body, headers=place)
        if answer.status_code == 429:
            break
    problem_of(answer, 429, "too-many-requests")
    assert ";q=60;w=60" in answer.headers["ratelimit-policy"]


async def test_logging_in_works_while_redis_is_away(
    http: httpx.AsyncClient, stack: Stack, address: str
) -> None:
    await register(http, address)
    port = free_port()
    process = start_role(
        "api",
        stack.environment
        | {
            "FRONTROW_API_PORT": str(port),
            "FRONTROW_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        },
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://localhost:{port}", timeout=60) as lone:
            await until_alive(lone)
            tokens = await log_in(lone, address)
            assert tokens.status_code == 200, tokens.text
            assert (await me(lone, tokens.json())).json()["email"] == address
            body = {"refresh_token": tokens.json()["refresh_token"]}
            assert (await lone.post("/v1/auth/refresh", json=body)).status_code == 200
            made = await register(lone, f"{new_id()}@example.com")
            assert made.status_code == 201
    finally:
        end_process(process)


async def until_alive(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await client.get("/health/live")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


# The own person


async def test_a_guests_preferences_are_kept(http: httpx.AsyncClient, ada: Buyer) -> None:
    problem_of(await http.get("/v1/me"), 401, "not-authenticated")
    read = await ada.get("/v1/me")
    assert read.json()["preferences"] == {
        "email": {"waitlist": True, "reminders": True, "event": True, "booking": True},
        "live": True,
    }
    assert (read.json()["registered"], read.json()["tier"]) == (False, "regular")
    tag = read.headers["etag"]

    async def change(body: Any, etag: str | None = tag) -> httpx.Response:
        headers = ada.auth | ({"If-Match": etag} if etag else {})
        return await http.patch("/v1/me", json=body, headers=headers)

    problem_of(await change({"name": "Ada"}, None), 428, "precondition-required")
    problem_of(await change({"language": "tlh"}), 400, "unknown-language")
    problem_of(await change({"tier": "vip"}), 400, "invalid-request")
    problem_of(
        await change({"preferences": {"email": {"booking": False}}}), 400, "booking-mails-needed"
    )
    problem_of(await change({"new_password": PASSWORD}), 404, "no-account")
    changed = await change(
        {
            "name": "Ada",
            "language": "de",
            "email": "ada@example.com",
            "preferences": {"email": {"reminders": False}},
        }
    )
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] != tag
    assert (await ada.get("/v1/me")).json() == changed.json()
    assert changed.json()["preferences"]["email"]["reminders"] is False
    assert changed.json()["language"] == "de"
    problem_of(await change({"name": "Eve"}), 412, "precondition-failed")
    for stale in ('"abc"', '"0"', '"99"'):
        problem_of(await change({"name": "Eve"}, stale), 412, "precondition-failed")


async def test_an_account_changes_its_address_and_password(
    http: httpx.AsyncClient, address: str
) -> None:
    tokens = (await register(http, address)).json()
    elsewhere = f"{new_id()}@example.com"

    async def change(**body: Any) -> httpx.Response:
        headers = bearer(tokens) | {"If-Match": (await me(http, tokens)).headers["etag"]}
        return await http.patch("/v1/me", json=body, headers=headers)

    problem_of(await change(email=elsewhere), 403, "wrong-password")
    problem_of(await change(email=elsewhere, password="not it"), 403, "wrong-password")
    moved = await change(email=elsewhere, password=PASSWORD)
    assert moved.json()["email"] == elsewhere
    assert "password-attempts" in moved.headers["ratelimit"]
    problem_of(await change(password=PASSWORD, new_password="short"), 400, "weak-password")
    fresh = "eight geese on a bicycle"
    assert (await change(password=PASSWORD, new_password=fresh)).status_code == 200
    ended = await http.post("/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    problem_of(ended, 401, "session-ended")
    assert (await log_in(http, elsewhere, fresh)).status_code == 200


# The organiser's side


async def test_the_organiser_finds_people_and_gives_tiers(
    http: httpx.AsyncClient, address: str
) -> None:
    tokens = (await register(http, address)).json()

    async def find(email: str) -> list[Json]:
        found = await http.get("/v1/people", params={"email": email}, headers=ORGANISER)
        assert found.status_code == 200, found.text
        items: list[Json] = found.json()["items"]
        return items

    (person,) = await find(address.upper())
    assert (person["email"], person["tier"]) == (address, "regular")
    assert "password" not in str(person)
    assert await find(f"{new_id()}@example.com") == []
    path = f"/v1/people/{person['person_id']}/tier"
    given = await http.put(path, json={"tier": "vip"}, headers=ORGANISER)
    assert given.json()["tier"] == "vip"
    assert (await me(http, tokens)).json()["tier"] == "vip"
    assert given.headers["etag"] == (await me(http, tokens)).headers["etag"]
    wrong = await http.put(path, json={"tier": "king"}, headers=ORGANISER)
    problem_of(wrong, 400, "invalid-request")
    nobody = await http.get("/v1/people", params={"email": "ada"}, headers=ORGANISER)
    problem_of(nobody, 400, "invalid-request")


async def test_a_guest_gets_a_tier_by_id(http: httpx.AsyncClient, ada: Buyer) -> None:
    person_id = (await ada.get("/v1/me")).json()["person_id"]
    path = f"/v1/people/{person_id}/tier"
    assert (await http.put(path, json={"tier": "premium"}, headers=ORGANISER)).status_code == 200
    assert (await ada.get("/v1/me")).json()["tier"] == "premium"


async def test_only_the_organiser_may_see_people(http: httpx.AsyncClient) -> None:
    eve = await new_buyer(http)
    for headers, status, code in (
        ({}, 401, "not-authenticated"),
        (eve.auth, 403, "not-allowed"),
    ):
        found = await http.get("/v1/people", params={"email": "a@example.com"}, headers=headers)
        problem_of(found, status, code)
        path = f"/v1/people/{new_id()}/tier"
        given = await http.put(path, json={"tier": "vip"}, headers=headers)
        problem_of(given, status, code)
