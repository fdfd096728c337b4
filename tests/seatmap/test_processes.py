"""Gateways as processes: several on one port, and how one of them stops."""

import asyncio
import contextlib
import re
import socket
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from seatmap.protocol import MapState
from tests.conftest import (
    REPO,
    House,
    end_process,
    free_port,
    role_command,
    role_environment,
    start_role,
    until_ready,
)
from tests.support.live import BINARY, WAIT_S, Viewer

pytestmark = pytest.mark.integration

WATCHERS = 24


class Process:
    """One gateway process, with its own health and metrics."""

    def __init__(self, environment: dict[str, str]) -> None:
        port = free_port()
        self.health_url = f"http://127.0.0.1:{port}"
        self.process = start_role("live", environment | {"FRONTROW_LIVE_METRICS_PORT": str(port)})

    async def watchers(self) -> int:
        async with httpx.AsyncClient(base_url=self.health_url, timeout=60) as http:
            text = (await http.get("/metrics")).text
        found = re.search(r'frontrow_live_connections\{subprotocol="frontrow.v1"\} (\d+)', text)
        assert found
        return int(found[1])

    async def readiness(self) -> int | None:
        """The status of /health/ready; None without an answer."""
        async with httpx.AsyncClient(base_url=self.health_url, timeout=60) as http:
            try:
                return (await http.get("/health/ready")).status_code
            except httpx.TransportError:
                return None

    async def turns(self, readiness: int) -> None:
        async with asyncio.timeout(WAIT_S):
            while await self.readiness() != readiness:
                await asyncio.sleep(0.01)

    async def ended(self) -> int:
        return await asyncio.to_thread(self.process.wait, WAIT_S)


@contextlib.asynccontextmanager
async def processes(
    settings: Settings, stores: StoreUrls, count: int
) -> AsyncIterator[tuple[str, list[Process]]]:
    """``count`` gateways on one port: the address, and the processes."""
    environment = role_environment(settings, stores, FRONTROW_LIVE_REUSE_PORT="1")
    started = [Process(environment) for _ in range(count)]
    try:
        await asyncio.gather(*(until_ready(gateway.health_url) for gateway in started))
        yield f"127.0.0.1:{environment['FRONTROW_LIVE_PORT']}", started
    finally:
        for gateway in started:
            end_process(gateway.process)


async def truth(house: House) -> MapState:
    read = await house.runtime.live.reading.snapshot(house.event_id)
    return MapState(read.epoch, read.seq, read.states)


async def watch(stack: contextlib.AsyncExitStack, url: str, **options: Any) -> Viewer:
    connecting = connect(url, subprotocols=[BINARY], compression=None, **options)
    return await Viewer(await stack.enter_async_context(connecting)).greeted()


async def test_two_gateways_share_a_port_and_one_may_leave(
    house: House, settings: Settings, stores: StoreUrls
) -> None:
    async with (
        processes(settings, stores, 2) as (address, (leaving, staying)),
        contextlib.AsyncExitStack() as stack,
    ):
        url = f"ws://{address}/v1/live/{house.event_id}"
        viewers = [await watch(stack, url) for _ in range(WATCHERS)]
        split = [await leaving.watchers(), await staying.watchers()]
        assert sum(split) == WATCHERS
        assert all(split), "the kernel gave each process some connections"

        await house.hold(new_id(), 9)
        for viewer in viewers:
            await viewer.shows(await truth(house))
        for viewer in viewers:
            await viewer.until(lambda v=viewer: v.messages["presence"]["watching"] == WATCHERS)  # type: ignore[misc]  # bound in the loop

        leaving.process.terminate()
        assert await leaving.ended() == 0
        gone = [viewer for viewer in viewers if await _is_sent_away(viewer, split[1], staying)]
        assert len(gone) == split[0]
        await house.hold(new_id(), 11)
        left = [viewer for viewer in viewers if viewer not in gone]
        for viewer in left:
            await viewer.shows(await truth(house))
            await viewer.until(lambda v=viewer: v.messages["presence"]["watching"] == len(left))  # type: ignore[misc]  # bound in the loop
        # Returning clients are accepted by the other gateway.
        back = await watch(stack, url)
        assert back.map == await truth(house)


async def _is_sent_away(viewer: Viewer, stay: int, staying: Process) -> bool:
    assert await staying.watchers() == stay
    return viewer.socket.close_code is not None and await viewer.closed() == 1001


async def test_a_gateway_stops_within_seconds_whatever_its_clients_do(
    house: House, settings: Settings, stores: StoreUrls
) -> None:
    count = 150
    async with (
        processes(settings, stores, 1) as (address, (gateway,)),
        contextlib.AsyncExitStack() as stack,
    ):
        url = f"ws://{address}/v1/live/{house.event_id}"
        viewers = [await watch(stack, url) for _ in range(count)]
        host, port = address.split(":")
        mute = stack.enter_context(socket.create_connection((host, int(port))))
        silent = stack.enter_context(socket.create_connection((host, int(port))))
        silent.sendall(
            f"GET /v1/live/{house.event_id} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert silent.recv(12) == b"HTTP/1.1 101"
        assert await gateway.readiness() == 200

        gateway.process.terminate()
        ready = asyncio.create_task(gateway.turns(503))
        notices = await asyncio.gather(*(v.hears("notice", code="going-away") for v in viewers))
        # Clients that answer nothing delay it for a moment: long enough to see that it is not ready.
        await ready
        with pytest.raises(OSError, match="Connect call failed"):
            await watch(stack, url)
        async with asyncio.timeout(WAIT_S):
            assert await gateway.ended() == 0
        assert mute.fileno() >= 0

        delays_ms = sorted(notice["reconnect_in_ms"] for notice in notices)
        assert delays_ms[-1] < 1_000
        # The silent client is one of them too.
        assert max(b - a for a, b in zip([0, *delays_ms], [*delays_ms, 1_000], strict=True)) < 40
        for viewer, notice in zip(viewers, notices, strict=True):
            assert await viewer.closed() == 1001
            assert viewer.socket.close_reason == f"reconnect in {notice['reconnect_in_ms']} ms"


async def test_a_taken_metrics_port_is_refused_in_one_line_with_a_remedy(
    settings: Settings, stores: StoreUrls
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = role_environment(settings, stores) | {
            "FRONTROW_LIVE_METRICS_PORT": str(taken.getsockname()[1])
        }
        done = await asyncio.to_thread(
            subprocess.run,
            role_command("live", environment),
            env=environment,
            cwd=REPO,
            stderr=subprocess.PIPE,
            timeout=WAIT_S,
        )
    assert done.returncode == 1
    said = done.stderr.decode().splitlines()[-1]
    assert said.startswith("FRONTROW_LIVE_METRICS_PORT: cannot listen on 127.0.0.1:")
