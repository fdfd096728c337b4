"""Hostile clients at an API of their own: their cost is bounded, and buyers can still buy."""

import asyncio
import contextlib
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio

from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.limits.kept_answers import KEYS_MAX
from engine.limits.rates import LocalCount, RateLimit, RateLimits
from engine.local.embedded import EmbeddedRedis
from engine.stores.redis import RedisStore
from tests.conftest import (
    ORGANISER_KEY,
    House,
    end_process,
    role_environment,
    start_role,
    until_ready,
)

pytestmark = pytest.mark.integration

WAIT_S = 60
MB = 1024 * 1024
Json = dict[str, Any]


_dialled: "list[Wire]" = []


@pytest.fixture(autouse=True)
def _hang_up() -> Iterator[None]:
    yield
    while _dialled:
        _dialled.pop().close()


@dataclass
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Api:
    """One API process, and raw connections to it."""

    port: int
    process: "subprocess.Popen[bytes]"
    http: httpx.AsyncClient

    async def dial(self, sent: bytes = b"") -> "Wire":
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=4 * MB)
        wire = Wire(reader, writer)
        _dialled.append(wire)
        if sent:
            await wire.send(sent)
        return wire

    async def token(self) -> dict[str, str]:
        guest = (await self.http.post("/v1/auth/guest")).json()
        return {"Authorization": f"Bearer {guest['access_token']}"}

    async def buys(self, house: House, seat: int) -> None:
        """An honest buyer with a connection of their own."""
        async with httpx.AsyncClient(base_url=self.http.base_url, timeout=WAIT_S) as client:
            guest = (await client.post("/v1/auth/guest")).json()
            client.headers["Authorization"] = f"Bearer {guest['access_token']}"
            held = await client.post(f"/v1/events/{house.event_id}/holds", json={"seats": [seat]})
            assert held.status_code == 201, held.text
            booked = await client.post(
                "/v1/bookings",
                json={
                    "hold_id": held.json()["hold_id"],
                    "buyer": {"email": "ada@example.com", "name": "Ada"},
                    "payment": {"provider": "sandbox", "token": "tok_visa"},
                },
                headers={"Idempotency-Key": new_id()},
            )
            assert booked.status_code == 201, booked.text

    async def metric(self, name: str) -> float:
        text = (await self.http.get("/metrics")).text
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def memory_bytes(self) -> int:
        used: int = psutil.Process(self.process.pid).memory_info().rss
        return used


@dataclass
class Wire:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        # A refused client's connection may have been closed meanwhile.
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def answer(self) -> Answer | None:
        """The next answer; None where the connection ends without one."""
        try:
            async with asyncio.timeout(WAIT_S):
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = head.split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
                body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return Answer(int(lines[0].split(" ")[1]), headers, body)

    async def ended(self) -> None:
        """Wait until the other side has hung up."""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(WAIT_S):
                while await self.reader.read(MB):
                    pass

    def close(self) -> None:
        self.writer.transport.abort()


def request(
    method: str, path: str, headers: dict[str, str] | None = None, length: int | None = None
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if length is not None:
        lines += [f"Content-Length: {length}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@contextlib.asynccontextmanager
async def api_of(settings: Settings, stores: StoreUrls, **more: str) -> AsyncIterator[Api]:
    environment = role_environment(settings, stores, **more)
    port = int(environment["FRONTROW_API_PORT"])
    process = start_role("api", environment)
    try:
        await until_ready(f"http://127.0.0.1:{port}")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=WAIT_S) as client:
            yield Api(port, process, client)
    finally:
        await asyncio.to_thread(end_process, process)


@pytest_asyncio.fixture(scope="module")
async def api(settings: Settings, stores: StoreUrls) -> AsyncIterator[Api]:
    async with api_of(settings, stores) as running:
        yield running


@pytest_asyncio.fixture(scope="module")
async def hasty(settings: Settings, stores: StoreUrls) -> AsyncIterator[Api]:
    """An API of little patience."""
    patience = {
        "FRONTROW_API_HEADER_TIMEOUT_S": "1.5",
        "FRONTROW_API_PROGRESS_TIMEOUT_S": "2",
        "FRONTROW_API_IDLE_TIMEOUT_S": "2.5",
    }
    async with api_of(settings, stores, **patience) as running:
        yield running


# Bodies


@pytest.mark.parametrize("keyed", [True, False], ids=["with a key", "without"])
async def test_no_body_is_read_before_the_client_is_authenticated(
    api: Api, house: House, keyed: bool
) -> None:
    """Each of these requests is answered before a byte of its body has been sent."""
    guest = await api.token()
    nobody: dict[str, str] = {}
    hold = f"/v1/events/{house.event_id}/holds"
    cases = [
        ("POST", hold, nobody, 401),
        ("POST", hold, {"Authorization": "Bearer eyJ.no.token"}, 401),
        ("POST", f"/v1/holds/{new_id()}/extend", nobody, 401),
        ("POST", "/v1/bookings", nobody, 401),
        ("PATCH", "/v1/me", nobody, 401),
        ("POST", f"/v1/events/{house.event_id}/waitlist", nobody, 401),
        ("POST", "/v1/venues/import", nobody, 401),
        ("POST", "/v1/venues/import", guest, 403),
        ("POST", "/v1/events", guest, 403),
        ("PUT", f"/v1/people/{new_id()}/tier", guest, 403),
        ("POST", "/v1/nothing/here", guest, 404),
        ("POST", hold + "/", nobody, 401),
        ("PUT", hold, guest, 405),
        ("POST", "/health/live", nobody, 405),
    ]
    for method, path, headers, status in cases:
        more = {"Idempotency-Key": new_id()} if keyed else {}
        wire = await api.dial(request(method, path, headers | more, length=64 * MB))
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == status, (method, path)
        wire.close()


@pytest.mark.parametrize("path", ["/v1/auth/login", "/v1/auth/register", "/sandbox/3ds/{id}"])
async def test_public_routes_accept_only_short_bodies(api: Api, path: str) -> None:
    wire = await api.dial(request("POST", path.format(id=new_id()), length=64 * MB))
    await wire.send(b" " * 20_000)
    answer = await wire.answer()
    assert answer is not None
    assert answer.status == 413
    wire.close()


async def test_bodies_in_memory_are_bounded(api: Api, house: House) -> None:
    """Four hundred guests send almost the whole of the largest allowed body, and then nothing."""
    headers = await api.token()
    before = api.memory_bytes()
    path = f"/v1/events/{house.event_id}/holds"
    wires = [await api.dial(request("POST", path, headers, length=256 * 1024)) for _ in range(400)]
    await asyncio.gather(*(wire.send(b" " * 250_000) for wire in wires))
    async with asyncio.timeout(WAIT_S):
        while await api.metric("frontrow_http_bodies_refused_total") < 200:
            await asyncio.sleep(0.05)
    assert await api.metric("frontrow_http_body_bytes") <= 32 * MB
    assert api.memory_bytes() - before < 150 * MB, "400 of them are 100 MB, twice over where copied"
    asking = {asyncio.create_task(wire.answer()) for wire in wires}
    done, rest = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.wait(rest)
    refused = done.pop().result()
    assert refused is not None
    assert refused.status == 503
    assert int(refused.headers["retry-after"]) >= 1
    # Requests with short bodies are not affected.
    await api.buys(house, 0)
    for wire in wires:
        wire.close()
    async with asyncio.timeout(WAIT_S):
        while await api.metric("frontrow_http_body_bytes"):
            await asyncio.sleep(0.05)


# Keys


async def kept_keys(house: House) -> set[bytes]:
    client = house.runtime.stores.redis.client
    return {key async for key in client.scan_iter(match="idempotency:*", count=1000)}


async def test_a_strangers_idempotency_key_is_not_stored(api: Api, house: House) -> None:
    before = await kept_keys(house)
    guest = await api.token()
    hold = f"/v1/events/{house.event_id}/holds"
    for headers, method, path in [
        ({}, "POST", hold),
        ({"Authorization": "Bearer x"}, "POST", hold),
        (guest, "POST", "/v1/nothing"),
        (guest, "POST", f"/v1/events/{new_id()}/holds"),
        (guest, "POST", f"/v1/holds/{new_id()}/extend"),
        (guest, "POST", "/v1/venues"),
        (guest, "PUT", hold),
        (guest, "POST", "/v1/auth/guest"),
        ({}, "POST", "/v1/auth/login"),
        ({}, "POST", f"/sandbox/3ds/{new_id()}"),
        ({"Authorization": f"Bearer {ORGANISER_KEY}x"}, "POST", "/v1/venues"),
    ]:
        answer = await api.http.request(
            method, path, json={"seats": [1]}, headers=headers | {"Idempotency-Key": new_id()}
        )
        assert answer.status_code >= 201
    assert await kept_keys(house) == before


async def test_nothing_is_done_if_the_answer_could_not_be_kept(api: Api, house: House) -> None:
    guest = await api.token()
    path = f"/v1/events/{house.event_id}/holds"

    async def ask(seat: int, key: str) -> httpx.Response:
        headers = guest | {"Idempotency-Key": key}
        return await api.http.post(path, json={"seats": [seat]}, headers=headers)

    first = await ask(1, "first")
    assert first.status_code == 201
    taken = [await ask(999, f"refused-{n}") for n in range(KEYS_MAX - 1)]
    assert {answer.status_code for answer in taken} == {400}
    before = await house.states()
    refused = await ask(2, "one too many")
    assert refused.status_code == 429
    assert refused.json()["type"] == "/problems/too-many-keys"
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert await house.states() == before
    # Kept answers are still replayed, and requests without a key still work.
    assert (await ask(1, "first")).headers["idempotency-replayed"] == "true"
    assert (await api.http.post(path, json={"seats": [2]}, headers=guest)).status_code == 201


async def test_an_idempotency_key_belongs_to_one_event(
    api: Api, house: House, make_house: Any
) -> None:
    guest = await api.token()
    headers = guest | {"Idempotency-Key": "same"}
    other = await make_house()
    for one in (house, other):
        answer = await api.http.post(
            f"/v1/events/{one.event_id}/holds", json={"seats": [3]}, headers=headers
        )
        assert answer.status_code == 201
        assert "idempotency-replayed" not in answer.headers


async def test_an_effect_is_not_repeated_if_its_answer_was_too_large_to_keep(
    api: Api, house: House
) -> None:
    event = (await api.http.get(f"/v1/events/{house.event_id}")).json()
    draft = {
        "name": "Once",
        "venue_id": event["venue"]["venue_id"],
        "starts_at": "2031-05-01T20:00:00Z",
        "currency": "EUR",
        "prices": {"Front": 100, "Back": 50},
        "metadata": {"notes": "x" * 100_000},
    }
    headers = {"Authorization": f"Bearer {ORGANISER_KEY}", "Idempotency-Key": new_id()}
    first = await api.http.post("/v1/events", json=draft, headers=headers)
    if first.status_code == 400:
        pytest.fail(first.text)
    assert first.status_code == 201
    again = await api.http.post("/v1/events", json=draft, headers=headers)
    assert again.status_code == 409
    assert again.json()["type"] == "/problems/answer-not-kept"


async def test_a_long_path_is_not_echoed(api: Api) -> None:
    for method in ("GET", "POST"):
        answer = await api.http.request(method, "/v1/" + "x" * 5000)
        assert answer.status_code == 404
        assert len(answer.content) < 1000


# Time and number


async def test_slow_clients_are_ended_and_buyers_buy(hasty: Api, house: House) -> None:
    """Hundreds of incomplete requests, slow headers, slow bodies, idle connections and clients that do not read."""
    guest = await hasty.token()
    hold = f"/v1/events/{house.event_id}/holds"
    half = b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n"
    silent = [await hasty.dial() for _ in range(100)]
    halves = [await hasty.dial(half) for _ in range(200)]
    bodies = [await hasty.dial(request("POST", hold, guest, 60) + b"{") for _ in range(100)]
    chunks = b"Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n1\r\n{\r\n"
    chunked = [await hasty.dial(request("POST", hold, guest)[:-2] + chunks) for _ in range(20)]
    idle = [await hasty.dial(request("GET", "/health/live")) for _ in range(50)]

    async def trickle(wire: Wire) -> None:
        while not wire.reader.at_eof() and not wire.writer.is_closing():
            await wire.send(b"X-A: b\r\n")
            await asyncio.sleep(0.2)

    trickling = [asyncio.create_task(trickle(wire)) for wire in halves[:50]]
    await asyncio.gather(*(hasty.buys(house, seat) for seat in range(5)))
    for wire in [*silent, *halves[50:], *bodies, *chunked]:
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 408
        assert answer.headers["content-type"] == "application/problem+json"
        await wire.ended()
    for wire in idle:
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 200
        await wire.ended()
    await asyncio.gather(*(wire.ended() for wire in halves[:50]))
    await asyncio.gather(*trickling)
    await hasty.buys(house, 9)
    assert await hasty.metric("frontrow_http_connections") <= 2


async def test_a_client_that_does_not_read_is_cut(hasty: Api) -> None:
    """The API reference is large; requested again and again, it fills every buffer on the way."""
    wires = []
    for _ in range(5):
        wire = await hasty.dial()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport that reads too
        wires.append(wire)
        await wire.send(request("GET", "/schema/openapi.json") * 12)
    name = 'frontrow_http_connections_ended_total{why="unread"}'
    async with asyncio.timeout(WAIT_S):
        while await hasty.metric(name) < len(wires):
            await asyncio.sleep(0.1)
    for wire in wires:
        wire.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000, 431),
        (b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431),
        (b"NOTHING OF THE KIND\r\n\r\n", 400),
        (b"\r\n" * 20_000, 431),
    ],
    ids=["large", "endless", "address", "many", "nonsense", "empty lines"],
)
async def test_an_oversized_head_is_refused(api: Api, sent: bytes, status: int) -> None:
    wire = await api.dial(sent)
    answer = await wire.answer()
    assert answer is not None
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    await wire.ended()


async def test_excessive_pipelining_ends_the_connection(api: Api) -> None:
    """One packet must not become thousands of queued requests."""
    wire = await api.dial(request("GET", "/health/live") * 10)
    for _ in range(10):
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 200
    before = api.memory_bytes()
    for _ in range(20):
        await (await api.dial(request("GET", "/health/live") * 5000)).ended()
    assert api.memory_bytes() - before < 30 * MB


async def test_endless_trailers_end_the_connection(api: Api, house: House) -> None:
    headers = await api.token() | {"Transfer-Encoding": "chunked"}
    head = request("POST", f"/v1/events/{house.event_id}/holds", headers)
    head = head.replace(b"\r\n\r\n", b"\r\nContent-Type: application/json\r\n\r\n")
    wire = await api.dial(head + b'2\r\n{"\r\n0\r\n')
    before = api.memory_bytes()
    for _ in range(200):
        await wire.send(b"X-Trailer: " + b"y" * 50_000 + b"\r\n")
    await wire.ended()
    assert api.memory_bytes() - before < 5 * MB


@pytest.mark.parametrize("limit", ["CONNECTIONS_MAX", "CONNECTIONS_PER_NETWORK"])
async def test_the_connection_that_idles_longest_makes_room(
    settings: Settings, stores: StoreUrls, house: House, limit: str
) -> None:
    """More connections than allowed, all with incomplete requests; a client that sends a whole one is served."""
    counted = {"FRONTROW_TRUSTED_PROXIES": "", "FRONTROW_UNLIMITED_NETWORKS": ""}
    async with api_of(settings, stores, **counted, **{f"FRONTROW_API_{limit}": "20"}) as api:
        begun = [b"", b"GET / HTTP/1.1\r\nHost:", request("POST", "/v1/auth/login", length=60)]
        wires = [await api.dial(begun[number % 3]) for number in range(100)]
        await asyncio.gather(*(api.buys(house, seat) for seat in range(3)))
        assert await api.metric("frontrow_http_connections") <= 20
        await asyncio.gather(*(wire.ended() for wire in wires[:70]))
        for wire in wires:
            wire.close()


async def test_requests_under_way_are_limited_and_incoming_bodies_do_not_count(
    settings: Settings, stores: StoreUrls, house: House
) -> None:
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(
            api_of(settings, stores, FRONTROW_API_REQUESTS_MAX="1")
        )
        guest = await api.token()
        path = f"/v1/events/{house.event_id}/holds"
        begun = [b"{", b""] * 6
        slow = [await api.dial(request("POST", path, guest, 60) + sent) for sent in begun]
        slow.append(await api.dial(request("POST", "/v1/auth/login", length=60)))
        await api.buys(house, 0)
        for wire in slow:
            wire.close()
        held = await api.http.post(path, json={"seats": [1]}, headers=guest)
        booking = {
            "hold_id": held.json()["hold_id"],
            "buyer": {"email": "ada@example.com", "name": "Ada"},
            "payment": {"provider": "sandbox", "token": "tok_visa"},
        }
        booked = await api.http.post(
            "/v1/bookings", json=booking, headers=guest | {"Idempotency-Key": new_id()}
        )
        cancel = f"/v1/bookings/{booked.json()['booking_id']}/cancel"
        async with house.runtime.stores.view.transaction() as lock:
            await lock.connection.execute(
                "SELECT 1 FROM bookings WHERE booking_id = $1 FOR UPDATE",
                booked.json()["booking_id"],
            )
            waiting = asyncio.create_task(api.http.post(cancel, headers=guest))
            locked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            async with asyncio.timeout(WAIT_S):
                while not await lock.connection.fetchval(locked):
                    await asyncio.sleep(0.02)
            refused = await api.http.get("/v1/bookings", headers=guest)
            assert refused.status_code == 503
            assert refused.json()["type"] == "/problems/overloaded"
            assert refused.headers["retry-after"]
            assert (await api.http.get("/health/live")).status_code == 200
        assert (await waiting).json()["status"] == "cancelled"


# What an answer says


async def test_personal_answers_are_not_stored_by_caches(api: Api, house: House) -> None:
    guest = await api.token()
    organiser = {"Authorization": f"Bearer {ORGANISER_KEY}"}
    held = await api.http.post(
        f"/v1/events/{house.event_id}/holds", json={"seats": [11]}, headers=guest
    )
    hold_id = held.json()["hold_id"]
    private = [
        held,
        await api.http.post("/v1/auth/guest"),
        *[
            await api.http.get(path, headers=guest)
            for path in (
                f"/v1/holds/{hold_id}",
                "/v1/bookings",
                f"/v1/bookings/{new_id()}",
                "/v1/me",
                "/v1/waitlist",
                f"/v1/offers/{new_id()}",
                "/v1/nothing",
                f"/v1/events/{house.event_id}",
            )
        ],
        *[
            await api.http.get(path, headers=organiser)
            for path in (
                "/v1/mails",
                f"/v1/events/{house.event_id}/waitlist/entries",
                "/v1/people?email=ada@example.com",
            )
        ],
        await api.http.get("/v1/bookings"),
        await api.http.get(f"/sandbox/3ds/{new_id()}"),
        *[await api.http.get(path) for path in ("/b/x", "/w/x", "/verify/x", "/dev/mail?key=x")],
        await api.http.delete(f"/v1/holds/{hold_id}", headers=guest),
    ]
    for answer in private:
        assert answer.headers.get_list("cache-control") == ["no-store"], answer.request.url
    public = [
        await api.http.get(path)
        for path in (
            "/",
            "/v1/events",
            f"/v1/events/{house.event_id}",
            f"/v1/events/{house.event_id}/layout",
            "/web/base.css",
            "/schema",
        )
    ]
    for answer in public:
        assert answer.status_code == 200
        assert "no-store" not in answer.headers.get("cache-control", ""), answer.request.url
    for answer in private + public:
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"], answer.request.url


# RateLimits


@pytest.mark.parametrize("state", ["away", "full"])
async def test_limits_hold_without_redis(state: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        url = "redis://127.0.0.1:1/0"
        if state == "full":
            redis = EmbeddedRedis(tmp_path)
            await redis.start()
            stack.push_async_callback(redis.stop)
            url = redis.owner_url
        store = RedisStore(url)
        stack.push_async_callback(store.close)
        if state == "full":
            await store.client.config_set("maxmemory", 1)
        limits, limit = RateLimits(store), RateLimit("logins", 3, 10**9)
        standings = [await limits.take(limit, "203.0.113.7") for _ in range(5)]
        assert [standing.exceeded for standing in standings] == [False] * 3 + [True] * 2
        assert not (await limits.take(limit, "203.0.113.8")).exceeded


def test_local_counts_are_bounded() -> None:
    counts = LocalCount(names_max=100)
    for number in range(1000):
        counts.add("asked for often")
        counts.add(f"once {number}")
    assert counts.add("asked for often") == 1001
    assert len(counts._counts) == 100
