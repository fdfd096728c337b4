"""What all resources share: ETags, cursors, idempotency, limits, waiting."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import httpx
import pytest
import pytest_asyncio

from engine.base.actor import ORGANISER as BY_ORGANISER
from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.limits.proofs import solve
from engine.runtime import Runtime
from tests.conftest import (
    House,
    MakeHouse,
    Stack,
    end_process,
    role_environment,
    small_house,
    start_role,
)
from tests.support.http import (
    ORGANISER,
    Buyer,
    Json,
    booking_body,
    new_buyer,
    problem_of,
    publish_event,
    seats_of,
)

pytestmark = pytest.mark.contract

# ETags


async def test_an_edit_needs_the_etag_it_was_read_with(
    http: httpx.AsyncClient, house: House
) -> None:
    path = f"/v1/events/{house.event_id}"
    etag = (await http.get(path)).headers["etag"]
    problem_of(
        await http.patch(path, json={"name": "Other"}, headers=ORGANISER),
        428,
        "precondition-required",
    )
    changed = await http.patch(path, json={"name": "New"}, headers=ORGANISER | {"If-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag
    assert changed.json()["version"] == int(changed.headers["etag"].strip('"'))
    for stale in (etag, '"another-servers"', 'W/"1"'):
        problem = problem_of(
            await http.patch(path, json={"name": "Lost"}, headers=ORGANISER | {"If-Match": stale}),
            412,
            "precondition-failed",
        )
        assert problem["current_version"] == changed.json()["version"]
    assert (await http.get(path)).json()["name"] == "New"
    problem_of(
        await http.patch(path, json={"name": "x"}, headers=ORGANISER | {"If-Match": "three"}),
        400,
        "invalid-request",
    )


async def test_of_two_edits_at_once_one_wins(http: httpx.AsyncClient, house: House) -> None:
    path = f"/v1/events/{house.event_id}"
    headers = ORGANISER | {"If-Match": (await http.get(path)).headers["etag"]}
    answers = await asyncio.gather(
        *(http.patch(path, json={"name": f"Name {n}"}, headers=headers) for n in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5


async def test_cancelling_takes_an_etag_but_needs_none(house: House, ada: Buyer) -> None:
    hold_id = (await ada.hold(house.event_id, 1)).json()["hold_id"]
    booked = await ada.book(hold_id)
    path = booked.headers["location"]
    assert (await ada.get(path)).headers["etag"] == booked.headers["etag"] == '"2"'
    problem = problem_of(
        await ada.post(path + "/cancel", if_match='"1"'), 412, "precondition-failed"
    )
    assert problem["current_version"] == 2
    cancelled = await ada.post(path + "/cancel", if_match='"2"')
    assert cancelled.json()["status"] == "cancelled"
    assert cancelled.headers["etag"] == '"3"'
    assert (await ada.post(path + "/cancel")).json() == (await ada.get(path)).json()


async def test_a_layout_is_immutable_and_revalidated_by_its_etag(
    http: httpx.AsyncClient, house: House
) -> None:
    path = f"/v1/events/{house.event_id}/layout"
    first = await http.get(path)
    etag = first.headers["etag"]
    assert "immutable" in first.headers["cache-control"]
    for known in (etag, f'"x", {etag}', f"W/{etag}", "*"):
        again = await http.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    assert (await http.get(path, headers={"If-None-Match": '"x"'})).status_code == 200
    plain = await http.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == first.json()


# Cursors


async def all_pages(buyer: Buyer, path: str, limit: int, **params: str) -> list[Json]:
    items: list[Json] = []
    cursor: dict[str, str] = {}
    while True:
        response = await buyer.get(path, limit=limit, **params, **cursor)
        assert response.status_code == 200, response.text
        page = response.json()
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        assert len(page["items"]) == limit
        cursor = {"cursor": page["next_cursor"]}


async def test_pages_of_bookings_have_no_gaps_and_no_duplicates(
    make_house: MakeHouse, ada: Buyer
) -> None:
    house = await make_house(buyer_limit=20)
    made = []
    for seat in range(7):
        hold_id = (await ada.hold(house.event_id, seat)).json()["hold_id"]
        made.append((await ada.book(hold_id)).json()["booking_id"])
    for limit in (1, 2, 3, 7, 8):
        found = await all_pages(ada, "/v1/bookings", limit)
        assert [booking["booking_id"] for booking in found] == made[::-1]


async def test_pages_of_events_have_no_gaps_and_no_duplicates(
    runtime: Runtime, ada: Buyer, key: str
) -> None:
    # Several of them start at the same instant and differ only in their ids.
    city = f"City {key}"
    venue, _ = await runtime.catalog.venues.import_plan(small_house(rows=1), city=city)
    made = [
        await publish_event(runtime, venue.venue_id, starts_at=datetime(2032, 5, day, tzinfo=UTC))
        for day in (3, 1, 2, 2, 2, 9, 1)
    ]
    for limit in (1, 2, 3, 7, 8):
        found = await all_pages(ada, "/v1/events", limit, city=city)
        assert sorted(event["event_id"] for event in found) == sorted(made)
        assert [event["starts_at"] for event in found] == sorted(e["starts_at"] for e in found)


async def test_pages_of_prices_go_back_in_time(runtime: Runtime, house: House, ada: Buyer) -> None:
    for amount in (5100, 5200, 5300):
        await runtime.events.publishing.reprice(
            house.event_id, {"Front": amount}, reason="test", actor=BY_ORGANISER
        )
    path = f"/v1/events/{house.event_id}/prices/history"
    for limit in (1, 2, 5):
        found = await all_pages(ada, path, limit)
        assert len(found) == 5
        front = [change["new"]["amount"] for change in found if change["category"] == "Front"]
        assert front == [5300, 5200, 5100, 5000]
    assert found[0]["old"] == {"amount": 5200, "currency": "EUR"}
    assert found[-1]["old"] is None


# Idempotency


async def test_a_key_used_again_gives_the_same_hold(house: House, ada: Buyer, key: str) -> None:
    first = await ada.hold(house.event_id, 1, 2, idempotency_key=key)
    assert first.status_code == 201
    assert "idempotency-replayed" not in first.headers
    before = await seats_of(ada.http, house.event_id)
    again = await ada.hold(house.event_id, 1, 2, idempotency_key=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    problem_of(
        await ada.hold(house.event_id, 3, idempotency_key=key), 422, "idempotency-key-reused"
    )
    assert await seats_of(ada.http, house.event_id) == before


async def test_a_refusal_is_replayed_under_its_key(
    house: House, ada: Buyer, bob: Buyer, key: str
) -> None:
    hold_id = (await bob.hold(house.event_id, 1)).json()["hold_id"]
    first = await ada.hold(house.event_id, 1, idempotency_key=key)
    problem_of(first, 409, "seat-unavailable")
    await bob.delete(f"/v1/holds/{hold_id}")
    again = await ada.hold(house.event_id, 1, idempotency_key=key)
    problem_of(again, 409, "seat-unavailable")
    assert again.headers["idempotency-replayed"] == "true"
    assert (await ada.hold(house.event_id, 1)).status_code == 201


async def test_idempotency_keys_are_separate_for_each_buyer(
    house: House, ada: Buyer, bob: Buyer, key: str
) -> None:
    first = await ada.hold(house.event_id, 1, idempotency_key=key)
    second = await bob.hold(house.event_id, 2, idempotency_key=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["hold_id"] != second.json()["hold_id"]


async def test_a_key_extends_a_hold_once(house: House, ada: Buyer, key: str) -> None:
    hold_id = (await ada.hold(house.event_id, 1)).json()["hold_id"]
    path = f"/v1/holds/{hold_id}/extend"
    first = await ada.post(path, idempotency_key=key)
    assert first.status_code == 200
    again = await ada.post(path, idempotency_key=key)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    # The key is the buyer's, not the route's.
    problem_of(
        await ada.hold(house.event_id, 2, idempotency_key=key), 422, "idempotency-key-reused"
    )
    later = await ada.post(path)
    assert later.json()["expires_at"] > first.json()["expires_at"]


async def test_a_key_drafts_one_event(http: httpx.AsyncClient, house: House, key: str) -> None:
    venue_id = (await http.get(f"/v1/events/{house.event_id}")).json()["venue"]["venue_id"]
    draft = {
        "name": f"Once {key}",
        "venue_id": venue_id,
        "starts_at": "2031-05-01T20:00:00Z",
        "currency": "EUR",
        "prices": {"Front": 100, "Back": 50},
    }
    headers = ORGANISER | {"Idempotency-Key": key}
    first = await http.post("/v1/events", json=draft, headers=headers)
    again = await http.post("/v1/events", json=draft, headers=headers)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    for name in ("etag", "location"):
        assert first.headers[name] == again.headers[name]
    assert again.headers["idempotency-replayed"] == "true"
    other = await http.post("/v1/events", json=draft | {"name": "Twice"}, headers=headers)
    problem_of(other, 422, "idempotency-key-reused")


async def test_a_booking_needs_a_key_and_pays_once(house: House, ada: Buyer, key: str) -> None:
    hold_id = (await ada.hold(house.event_id, 1)).json()["hold_id"]
    response = await ada.http.post("/v1/bookings", json=booking_body(hold_id), headers=ada.auth)
    problem_of(response, 400, "idempotency-key-required")

    first = await ada.book(hold_id, key=key)
    again = await ada.book(hold_id, key=key)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["etag"] == first.headers["etag"]
    problem_of(await ada.book(hold_id, "tok_declined", key=key), 422, "idempotency-key-reused")
    assert len((await ada.get("/v1/bookings")).json()["items"]) == 1


async def test_a_key_is_good_for_one_booking_in_each_event(
    make_house: MakeHouse, ada: Buyer, key: str
) -> None:
    houses = [await make_house() for _ in "12"]
    holds = [(await ada.hold(house.event_id, 1)).json()["hold_id"] for house in houses]
    first, second = [await ada.book(hold_id, key=key) for hold_id in holds]
    assert first.status_code == second.status_code == 201
    assert "idempotency-replayed" not in second.headers
    for hold_id, answer in zip(holds, (first, second), strict=True):
        again = await ada.book(hold_id, key=key)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == answer.json()
    other = (await ada.hold(houses[0].event_id, 2)).json()["hold_id"]
    problem_of(await ada.book(other, key=key), 422, "idempotency-key-reused")
    assert len((await ada.get("/v1/bookings")).json()["items"]) == 2


async def test_a_declined_card_is_replayed_as_declined(house: House, ada: Buyer, key: str) -> None:
    hold_id = (await ada.hold(house.event_id, 1)).json()["hold_id"]
    first = await ada.book(hold_id, "tok_declined", key=key)
    again = await ada.book(hold_id, "tok_declined", key=key)
    problem_of(first, 402, "payment-declined")
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert (await ada.book(hold_id)).status_code == 201


async def test_the_second_of_two_requests_with_one_key_is_told_to_wait(
    runtime: Runtime, house: House, ada: Buyer, key: str
) -> None:
    hold_id = (await ada.hold(house.event_id, 1)).json()["hold_id"]
    path = (await ada.book(hold_id)).headers["location"] + "/cancel"
    # The booking's row is locked, so whichever request comes first has to wait for us.
    async with runtime.stores.view.transaction() as lock:
        await lock.connection.execute(
            "SELECT 1 FROM bookings WHERE booking_id = $1 FOR UPDATE", path.split("/")[3]
        )
        pair = {asyncio.create_task(ada.post(path, idempotency_key=key)) for _ in range(2)}
        done, waiting = await asyncio.wait(pair, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = (task.result() for task in done)
        problem = problem_of(refused, 409, "request-in-flight")
        assert refused.headers["retry-after"] == str(problem["retry_after"])
    (first,) = await asyncio.gather(*waiting)
    assert first.json()["status"] == "cancelled"
    assert (await ada.post(path, idempotency_key=key)).content == first.content


async def test_a_second_request_during_a_booking_is_told_to_wait(
    house: House, ada: Buyer, key: str
) -> None:
    hold_id = (await ada.hold(house.event_id, 1)).json()["hold_id"]
    # The gateway stays silent for a while, so both requests are surely under way together.
    first, second = await asyncio.gather(
        ada.book(hold_id, "tok_timeout", key=key), ada.book(hold_id, "tok_timeout", key=key)
    )
    statuses = sorted((first.status_code, second.status_code))
    assert statuses == [202, 409]
    refused = first if first.status_code == 409 else second
    problem_of(refused, 409, "request-in-flight")


@pytest.mark.parametrize("keyed", [True, False], ids=["with a key", "without"])
async def test_an_incomplete_request_does_nothing(
    stack: Stack, house: House, ada: Buyer, key: str, keyed: bool
) -> None:
    before = await seats_of(ada.http, house.event_id)
    body = b'{"seats": [1, 2]}'
    headers = ada.auth | ({"Idempotency-Key": key} if keyed else {})
    url = httpx.URL(stack.api_url)
    _, writer = await asyncio.open_connection(url.host, url.port)
    lines = [
        f"POST /v1/events/{house.event_id}/holds HTTP/1.1",
        f"Host: {url.host}",
        f"Content-Length: {len(body)}",
        "Content-Type: application/json",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body[:9])
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await seats_of(ada.http, house.event_id) == before
    # The key can be used again.
    asking = (
        ada.hold(house.event_id, 1, 2, idempotency_key=key)
        if keyed
        else ada.hold(house.event_id, 1, 2)
    )
    response = await asking
    assert response.status_code == 201, response.text
    metrics = (await ada.http.get("/metrics")).text
    assert 'frontrow_http_responses_total{status="500"} 0.0' in metrics


# Waiting


_NOWHERE = {
    "redis": {"FRONTROW_REDIS_URL": "redis://127.0.0.1:1/0"},
    "postgres": {"FRONTROW_POSTGRES_URL": "postgresql://nobody@127.0.0.1:1/nothing"},
    "mongo": {"FRONTROW_MONGO_URL": "mongodb://127.0.0.1:1"},
}


async def until_it_answers(client: httpx.AsyncClient) -> None:
    """Wait for any answer: this process is not supposed to become ready."""
    async with asyncio.timeout(60):
        while True:
            try:
                await client.get("/health/live")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


@pytest_asyncio.fixture(scope="module")
async def lame_apis(
    town: Settings, stores: StoreUrls
) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Two more API processes, each cut off from some stores."""
    lacking = {
        "without redis": _NOWHERE["redis"],
        "with redis only": _NOWHERE["postgres"]
        | _NOWHERE["mongo"]
        | {
            "FRONTROW_GUEST_TOKENS_PER_MINUTE": "3",
            "FRONTROW_GUEST_TOKENS_OF_ALL_PER_MINUTE": "30",
            "FRONTROW_WAITLIST_JOINS_PER_HOUR": "2",
        },
    }
    async with AsyncExitStack() as ending:
        clients = {}
        for name, environment in lacking.items():
            variables = role_environment(town, stores, **environment)
            ending.callback(end_process, start_role("api", variables))
            url = f"http://localhost:{variables['FRONTROW_API_PORT']}"
            clients[name] = await ending.enter_async_context(
                httpx.AsyncClient(base_url=url, timeout=60)
            )
        await asyncio.gather(*(until_it_answers(client) for client in clients.values()))
        yield clients


@pytest.fixture
def without_redis(lame_apis: dict[str, httpx.AsyncClient]) -> httpx.AsyncClient:
    return lame_apis["without redis"]


@pytest.fixture
def with_redis_only(lame_apis: dict[str, httpx.AsyncClient]) -> httpx.AsyncClient:
    return lame_apis["with redis only"]


async def test_without_redis_holds_are_refused_and_the_rest_goes_on(
    without_redis: httpx.AsyncClient, house: House, key: str
) -> None:
    buyer = await new_buyer(without_redis)
    problem_of(await buyer.hold(house.event_id, 1), 503, "redis-unavailable")
    problem_of(await buyer.hold(house.event_id, 1, idempotency_key=key), 503, "redis-unavailable")
    problem_of(await buyer.get(f"/v1/events/{house.event_id}/seats"), 503, "redis-unavailable")
    problem_of(await buyer.post("/v1/live/tickets"), 503, "redis-unavailable")
    page = await buyer.get(f"/v1/events/{house.event_id}")
    assert page.json()["availability"]["available"] is None
    assert (await buyer.get("/v1/events")).status_code == 200
    assert (await buyer.get("/v1/bookings")).json()["items"] == []
    others: set[str] = set()
    async with asyncio.timeout(60):
        while others != {"ok"}:
            ready = await without_redis.get("/health/ready")
            assert ready.status_code == 503
            assert "retry-after" in ready.headers
            stores = ready.json()
            assert stores.pop("redis") != "ok"
            others = set(stores.values())


async def test_the_refusal_names_the_store_that_is_away(
    with_redis_only: httpx.AsyncClient,
) -> None:
    buyer = await new_buyer(with_redis_only)
    problem_of(await buyer.get("/v1/bookings"), 503, "unavailable")
    problem_of(await buyer.get("/v1/events"), 503, "catalog-unavailable")
    venue = await with_redis_only.post("/v1/venues", json={"name": "x"}, headers=ORGANISER)
    problem_of(venue, 503, "catalog-unavailable")


# Limits

_RATE_LIMIT = re.compile(r'^"guest-tokens";r=(\d+);t=(\d+)$')


async def test_a_limited_route_reports_the_remaining_requests(
    with_redis_only: httpx.AsyncClient,
) -> None:
    async def ask(address: str) -> httpx.Response:
        return await with_redis_only.post("/v1/auth/guest", headers={"X-Forwarded-For": address})

    left = []
    for _ in range(3):
        response = await ask("203.0.113.7")
        assert response.status_code == 201
        assert response.headers["ratelimit-policy"] == '"guest-tokens";q=3;w=60'
        found = _RATE_LIMIT.match(response.headers["ratelimit"])
        assert found
        assert 1 <= int(found[2]) <= 60
        left.append(int(found[1]))
    if left == [2, 1, 0]:  # A new minute may have begun meanwhile.
        refused = await ask("203.0.113.7")
        problem_of(refused, 429, "proof-needed")
        assert _RATE_LIMIT.match(refused.headers["ratelimit"])
        assert int(refused.headers["retry-after"]) <= 60
    assert (await ask("203.0.113.8")).status_code == 201


async def test_under_load_a_guest_token_requires_proof_of_work(
    with_redis_only: httpx.AsyncClient,
) -> None:
    place = {"X-Forwarded-For": "203.0.113.50"}

    async def ask(**body: object) -> httpx.Response:
        return await with_redis_only.post("/v1/auth/guest", json=body, headers=place)

    async def asked() -> Json:
        """The next challenge; a new minute may have begun."""
        while (answer := await ask()).status_code == 201:
            pass
        return problem_of(answer, 429, "proof-needed")

    def proof(problem: Json) -> Json:
        nonce = solve(problem["challenge"], problem["bits"])
        assert hashlib.sha256((problem["challenge"] + nonce).encode()).hexdigest()[:3] == "000"
        return {"challenge": problem["challenge"], "nonce": nonce}

    first = proof(await asked())
    made = await ask(proof=first)
    assert made.status_code == 201, made.text
    # A proof is good once, and a wrong one never. If a new minute begins meanwhile, nothing is checked.
    for sent in (first, {**proof(await asked()), "nonce": ""}, {"challenge": "x", "nonce": "y"}):
        await asked()
        answer = await ask(proof=sent)
        if answer.status_code == 429:
            problem_of(answer, 429, "proof-needed")
        else:
            assert _RATE_LIMIT.match(answer.headers["ratelimit"])
    await asked()
    assert (await ask(proof="x")).status_code in (400, 201)
    assert 14 in [(await asked())["bits"] for _ in range(20)]


async def test_one_network_causes_no_proof_of_work_for_others(
    with_redis_only: httpx.AsyncClient,
) -> None:
    async def ask(address: str) -> httpx.Response:
        return await with_redis_only.post("/v1/auth/guest", headers={"X-Forwarded-For": address})

    # More than all networks together may have without a proof, in whichever minute they fall.
    statuses = [(await ask("203.0.113.90")).status_code for _ in range(70)]
    assert statuses.count(429) >= 60
    assert (await ask("198.51.100.7")).status_code == 201


async def test_an_ipv6_household_is_limited_as_one_address(
    with_redis_only: httpx.AsyncClient,
) -> None:
    statuses = [
        (
            await with_redis_only.post(
                "/v1/auth/guest", headers={"X-Forwarded-For": f"2001:db8:{block}::{host:x}"}
            )
        ).status_code
        for block in ("1:1", "1:2")
        for host in range(1, 5)
    ]
    assert statuses.count(429) in (0, 1, 2)
    assert statuses[:3] == statuses[4:7] == [201] * 3


async def test_waitlist_joins_are_limited_per_network(with_redis_only: httpx.AsyncClient) -> None:
    buyer = await new_buyer(with_redis_only)

    async def join(address: str) -> httpx.Response:
        return await with_redis_only.post(
            f"/v1/events/{new_id()}/waitlist",
            json={"quantity": 1},
            headers={**buyer.auth, "X-Forwarded-For": address},
        )

    answers = [await join(f"192.0.2.{host}") for host in range(4)]
    # A new hour may have begun meanwhile; as the stores are away, a join that is allowed gets 503.
    assert 429 in [answer.status_code for answer in answers]
    assert answers[0].status_code == (await join("198.18.0.1")).status_code == 503
    refused = next(answer for answer in answers if answer.status_code == 429)
    problem_of(refused, 429, "too-many-requests")
    assert "retry-after" in refused.headers


async def test_an_address_that_the_client_put_in_front_is_ignored(
    with_redis_only: httpx.AsyncClient,
) -> None:
    statuses = [
        (
            await with_redis_only.post(
                "/v1/auth/guest", headers={"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.99"}
            )
        ).status_code
        for n in range(8)
    ]
    assert 429 in statuses


async def test_requests_from_the_machine_itself_are_not_limited(
    with_redis_only: httpx.AsyncClient,
) -> None:
    answers = [await with_redis_only.post("/v1/auth/guest") for _ in range(8)]
    assert {answer.status_code for answer in answers} == {201}
    assert answers[-1].headers["ratelimit"] == '"guest-tokens";r=3;t=60'


async def test_tokens_are_not_kept_by_caches(http: httpx.AsyncClient) -> None:
    response = await http.post("/v1/auth/guest")
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["token_type"] == "Bearer"
    assert response.json()["expires_in"] > 0


async def test_every_response_has_a_request_id(http: httpx.AsyncClient) -> None:
    own = await http.get("/v1/events", headers={"X-Request-Id": "mine"})
    assert own.headers["x-request-id"] == "mine"
    given = {(await http.get("/v1/nothing")).headers["x-request-id"] for _ in range(3)}
    assert len(given - {""}) == 3
