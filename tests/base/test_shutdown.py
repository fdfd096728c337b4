"""SIGTERM to an API, a worker and a gateway: work under way finishes, nothing new is accepted, exit 0."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.runtime import Runtime, open_runtime
from tests.conftest import (
    REPO,
    House,
    MakeHouse,
    end_process,
    role_command,
    role_environment,
    until_ready,
)
from tests.support.worlds import make_world

pytestmark = pytest.mark.integration

WAIT_S = 60

#: Runs a module. Nothing here may be cut off: a process that ends within ``WAIT_S`` has ended by itself.
_PROGRAM = f"""
import engine.base.shutdown, runpy, sys
engine.base.shutdown.FINISH_TIMEOUT_S = {3 * WAIT_S}
runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
"""


@pytest_asyncio.fixture(scope="module")
async def world(settings: Settings, stores: StoreUrls) -> Settings:
    """Databases of their own: tables are locked here, and the worker here is the only one."""
    return await make_world(settings, stores, "ending", redis_database=11)


@pytest_asyncio.fixture(scope="module")
async def runtime(world: Settings) -> AsyncIterator[Runtime]:
    async with open_runtime(world, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


@dataclass
class Process:
    """One role's process; ``url`` is that of its health server."""

    url: str
    popen: "subprocess.Popen[bytes]"

    def signal(self) -> None:
        self.popen.send_signal(signal.SIGTERM)

    async def readiness(self) -> int | None:
        """The status of /health/ready on a connection of its own; None when it is refused."""
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as http:
            try:
                return (await http.get("/health/ready")).status_code
            except httpx.TransportError:
                return None

    async def turns(self, readiness: int | None) -> None:
        async with asyncio.timeout(WAIT_S):
            while await self.readiness() != readiness:
                await asyncio.sleep(0.01)

    async def ended(self) -> int:
        return await asyncio.to_thread(self.popen.wait, WAIT_S)


@contextlib.asynccontextmanager
async def running(
    role: str, world: Settings, stores: StoreUrls, **more: str
) -> AsyncIterator[Process]:
    environment = role_environment(world, stores, **more)
    module = role_command(role, environment)[-1]
    popen = subprocess.Popen([sys.executable, "-c", _PROGRAM, module], env=environment, cwd=REPO)
    try:
        url = f"http://127.0.0.1:{environment[f'FRONTROW_{role.upper()}_PORT']}"
        await until_ready(url)
        yield Process(url, popen)
    finally:
        end_process(popen)


class Lock:
    """A table that nobody else can use until the transaction that locks it ends."""

    def __init__(self, connection: "asyncpg.Connection[Any]", table: str) -> None:
        self.connection = connection
        self._table = table

    async def is_waited_for(self) -> None:
        async with asyncio.timeout(WAIT_S):
            while not await self.connection.fetchval(
                "SELECT count(*) FROM pg_locks WHERE relation = $1::regclass AND NOT granted",
                self._table,
            ):
                await asyncio.sleep(0.01)

    async def open(self) -> None:
        await self.connection.execute("COMMIT")


@contextlib.asynccontextmanager
async def locked(world: Settings, table: str) -> AsyncIterator[Lock]:
    connection = await asyncpg.connect(world.postgres_owner_url)
    try:
        await connection.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield Lock(connection, table)
    finally:
        await connection.close()


async def start_paying(http: httpx.AsyncClient, house: House) -> "asyncio.Task[httpx.Response]":
    """Start the booking of a hold by a new buyer."""
    guest = (await http.post("/v1/auth/guest")).json()
    http.headers["Authorization"] = f"Bearer {guest['access_token']}"
    hold = await http.post(f"/v1/events/{house.event_id}/holds", json={"seats": [3]})
    assert hold.status_code == 201, hold.text
    return asyncio.create_task(
        http.post(
            "/v1/bookings",
            json={
                "hold_id": hold.json()["hold_id"],
                "buyer": {"email": "ada@example.com", "name": "Ada"},
                "payment": {"provider": "sandbox", "token": "tok_visa"},
            },
            headers={"Idempotency-Key": new_id()},
        )
    )


async def test_an_api_finishes_a_payment_and_takes_nothing_new(
    world: Settings, stores: StoreUrls, make_house: MakeHouse
) -> None:
    house = await make_house()
    more = {"FRONTROW_GATEWAY_TIMEOUT_S": "30", "FRONTROW_API_LINGER_S": "4"}
    async with (
        running("api", world, stores, **more) as api,
        locked(world, "sandbox_charges") as lock,
        httpx.AsyncClient(base_url=api.url, timeout=WAIT_S) as http,
    ):
        paying = await start_paying(http, house)
        await lock.is_waited_for()
        host, port = api.url.removeprefix("http://").split(":")
        idle = await asyncio.to_thread(socket.create_connection, (host, int(port)), WAIT_S)
        with idle:
            idle.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await asyncio.to_thread(idle.recv, 4096)).startswith(b"HTTP/1.1 200")

            api.signal()
            # First it reports that it is stopping, and still answers.
            await api.turns(503)
            last = await http.get("/health/live")
            assert (last.status_code, last.headers["connection"]) == (200, "close")
            # Then it accepts no new connection and closes idle ones.
            await api.turns(None)
            assert await asyncio.to_thread(idle.recv, 4096) == b""

        assert not paying.done()
        await lock.open()
        answer = await paying
        assert (answer.status_code, answer.json()["status"]) == (201, "confirmed")
        assert answer.headers["connection"] == "close"
        assert await api.ended() == 0
    assert (await house.states())[3] == "2", "settled, not left to a worker"


async def test_a_worker_finishes_its_round(
    world: Settings, stores: StoreUrls, runtime: Runtime, make_house: MakeHouse
) -> None:
    house, buyer = await make_house(), new_id()
    booked = await house.book(buyer, await house.hold(buyer, 5))
    async with (
        running("worker", world, stores) as worker,
        locked(world, "outbox") as lock,
    ):
        await lock.is_waited_for()
        worker.signal()
        await worker.turns(503)
        assert worker.popen.poll() is None
        # Work that the round under way finds once the lock is released.
        await lock.connection.execute(
            "INSERT INTO outbox (event_id, kind, booking_id, created_at) "
            "VALUES ($1::uuid, 'inquire', $2::uuid, now() - interval '1 hour')",
            house.event_id,
            booked.booking.booking_id,
        )
        await lock.open()
        assert await worker.ended() == 0, "by itself, not cut off"
        left = "SELECT count(*) FROM outbox WHERE kind = 'inquire'"
        assert await lock.connection.fetchval(left) == 0


async def test_no_template_keeps_an_api_from_ending(world: Settings, stores: StoreUrls) -> None:
    loop = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3
    texts = {"subject": "S", "html": loop, "text": "T"}
    async with (
        running("api", world, stores) as api,
        httpx.AsyncClient(
            base_url=api.url,
            timeout=60,
            headers={"Authorization": f"Bearer {world.organiser_key}"},
        ) as http,
    ):
        path = "/v1/mail-templates/welcome/en/preview"
        previews = [asyncio.create_task(http.post(path, json=texts)) for _ in range(4)]
        children = Path(f"/proc/{api.popen.pid}/task/{api.popen.pid}/children")
        async with asyncio.timeout(WAIT_S):
            while not children.read_text():
                await asyncio.sleep(0.01)
        api.signal()
        assert await api.ended() == 0
        for preview in previews:
            refused = await preview
            assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (
                400,
                "template-too-costly",
            )


@pytest.mark.parametrize(
    ("role", "table"), [("api", "sandbox_charges"), ("worker", "outbox"), ("live", None)]
)
async def test_a_second_signal_ends_a_process_at_once(
    role: str, table: str | None, world: Settings, stores: StoreUrls, make_house: MakeHouse
) -> None:
    house = await make_house()
    async with contextlib.AsyncExitStack() as stack:
        process = await stack.enter_async_context(
            running(role, world, stores, FRONTROW_GATEWAY_TIMEOUT_S="30")
        )
        if table is not None:
            lock = await stack.enter_async_context(locked(world, table))
        if role == "api":
            http = await stack.enter_async_context(
                httpx.AsyncClient(base_url=process.url, timeout=60)
            )
            paying = await start_paying(http, house)
        if table is not None:
            await lock.is_waited_for()
        if role == "live":
            # A client that never answers delays a gateway's end for seconds.
            stack.enter_context(mute_watcher(process.url, house.event_id))
        process.signal()
        await process.turns(503 if role == "worker" else None)
        assert process.popen.poll() is None
        process.signal()
        async with asyncio.timeout(WAIT_S):
            assert await process.ended() == -signal.SIGTERM
        if role == "api":
            with pytest.raises(httpx.TransportError):
                await paying


@contextlib.contextmanager
def mute_watcher(url: str, event_id: str) -> Any:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), WAIT_S) as watcher:
        watcher.sendall(
            f"GET /v1/live/{event_id} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert watcher.recv(12) == b"HTTP/1.1 101"
        yield
