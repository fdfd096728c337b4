"""The reverse proxy of deploy/proxy, running in front of APIs and a gateway."""

import asyncio
import contextlib
import http.client
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.frames import CloseCode

from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from seatmap.protocol import MapState
from tests.conftest import (
    REPO,
    House,
    end_process,
    free_port,
    role_environment,
    start_role,
    until_ready,
)
from tests.support.live import BINARY, WAIT_S, Viewer

pytestmark = pytest.mark.integration

CADDYFILE = REPO / "deploy/proxy/Caddyfile"
PER_ADDRESS = 2


@dataclass
class Site:
    """One origin, and the processes behind it."""

    address: str
    #: The same, found by name.
    named_address: str
    apis: "list[subprocess.Popen[bytes]]"
    gateway: "subprocess.Popen[bytes]"

    @contextlib.asynccontextmanager
    async def viewer(
        self, event_id: str, source: str = "127.0.0.1", address: str = "", **headers: str
    ) -> AsyncIterator[Viewer]:
        """A live map through the proxy, from an address of this machine."""
        async with connect(
            f"ws://{address or self.address}/v1/live/{event_id}",
            subprotocols=[BINARY],
            compression=None,
            local_addr=(source, 0),
            additional_headers={name.replace("_", "-"): text for name, text in headers.items()},
        ) as socket_:
            yield Viewer(socket_)


@pytest.fixture(scope="module")
def caddy() -> str:
    found = shutil.which("caddy")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("no caddy")
        pytest.skip("no caddy; on Debian: apt-get install caddy")
    return found


@pytest_asyncio.fixture(scope="module")
async def site(
    caddy: str, settings: Settings, stores: StoreUrls, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    port = free_port()
    more = {
        "FRONTROW_LIVE_CONNECTIONS_PER_ADDRESS": str(PER_ADDRESS),
        "FRONTROW_UNLIMITED_NETWORKS": "",
        "FRONTROW_API_LINGER_S": "1.2",
        "FRONTROW_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "FRONTROW_LIVE_PUBLIC_URL": f"ws://127.0.0.1:{port}",
        "FRONTROW_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
    }
    one, other = (role_environment(settings, stores, **more) for _ in range(2))
    api_ports = [one["FRONTROW_API_PORT"], other["FRONTROW_API_PORT"]]
    live_port = one["FRONTROW_LIVE_PORT"]
    folder = tmp_path_factory.mktemp("caddy")
    addresses = {
        "UPSTREAMS": "addresses",
        "API": " ".join(f"127.0.0.1:{p}" for p in api_ports),
        "LIVE": f"127.0.0.1:{live_port}",
    }
    with contextlib.ExitStack() as ending:

        def started(process: "subprocess.Popen[bytes]") -> "subprocess.Popen[bytes]":
            ending.callback(end_process, process)
            return process

        apis = [started(start_role("api", environment)) for environment in (one, other)]
        gateway = started(start_role("live", one))
        started(start_caddy(caddy, CADDYFILE, port, folder, **addresses))
        by_name, named_port = folder / "Caddyfile", free_port()
        by_name.write_text(with_names_of_this_machine(api_ports[1], live_port))
        started(start_caddy(caddy, by_name, named_port, folder))
        ports = (*api_ports, live_port)
        await asyncio.gather(*(until_ready(f"http://127.0.0.1:{p}") for p in ports))
        for proxy in (port, named_port):
            await until_served(f"http://127.0.0.1:{proxy}")
        yield Site(f"127.0.0.1:{port}", f"127.0.0.1:{named_port}", apis, gateway)


async def until_served(url: str) -> None:
    """Wait until the proxy considers both kinds of processes healthy."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as client, asyncio.timeout(WAIT_S):
        for path in ("/v1/events", "/v1/live/nothing"):
            while (await client.get(path)).status_code in (502, 503):
                await asyncio.sleep(0.05)


def with_names_of_this_machine(api_port: str, live_port: str) -> str:
    """As in compose.yaml, except for names, ports, and options that Debian's Caddy 2.6 does not know."""
    text = CADDYFILE.read_text()
    for given, here in (
        ("dynamic a api 8000", f"dynamic a localhost {api_port}"),
        ("dynamic a live 8001", f"dynamic a localhost {live_port}"),
        ("request_buffers 16KiB", ""),
    ):
        assert text.count(given) == 1
        text = text.replace(given, here)
    return text


def start_caddy(
    caddy: str, config: Path, port: int, folder: Path, **upstreams: str
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [caddy, "run", "--config", str(config), "--adapter", "caddyfile"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
            "SITE": f"http://:{port}",
            **upstreams,
        },
        cwd=folder,
    )


async def truth(house: House) -> MapState:
    read = await house.runtime.live.reading.snapshot(house.event_id)
    return MapState(read.epoch, read.seq, read.states)


@contextlib.asynccontextmanager
async def person(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=WAIT_S) as client:
        guest = (await client.post("/v1/auth/guest")).json()
        client.headers["Authorization"] = f"Bearer {guest['access_token']}"
        yield client


@pytest.mark.parametrize("found", ["by address", "by name"])
async def test_page_api_and_live_maps_share_one_origin(
    site: Site, house: House, found: str
) -> None:
    address = site.address if found == "by address" else site.named_address
    async with person(address) as client, site.viewer(house.event_id, address=address) as viewer:
        page = await client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        ticket = await client.post("/v1/live/tickets")
        assert "ticket" in ticket.json(), "the API's, though its path is under the gateways'"
        await viewer.greeted()
        held = await client.post(f"/v1/events/{house.event_id}/holds", json={"seats": [7]})
        assert held.status_code == 201
        await viewer.shows(await truth(house))


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "//metrics",
        "/%6detrics",
        "/x/../metrics",
        "/health/ready",
        "/health/live",
        "/dev/mail",
    ],
)
def test_internal_paths_are_not_served_to_the_public(site: Site, path: str) -> None:
    connection = http.client.HTTPConnection(site.address, timeout=WAIT_S)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 404
        assert b"frontrow_" not in answer.read()


async def test_a_client_is_limited_by_its_real_address(site: Site, house: House) -> None:
    async with contextlib.AsyncExitStack() as stack:

        async def watch(source: str, **headers: str) -> Viewer:
            return await stack.enter_async_context(site.viewer(house.event_id, source, **headers))

        for _ in range(PER_ADDRESS):
            await (await watch("127.0.0.2")).greeted()
        assert await (await watch("127.0.0.2")).closed() == 4429
        forged = await watch("127.0.0.2", X_Forwarded_For="198.51.100.7")
        assert await forged.closed() == 4429
        await (await watch("127.0.0.3")).greeted()


async def test_buyers_do_not_notice_the_replacement_of_an_api(site: Site, house: House) -> None:
    """Buyers hold and release without a break while one of two APIs ends."""
    leaving = site.apis[0]

    async def buy(client: httpx.AsyncClient, seat: int) -> list[int]:
        answers: list[int] = []
        asked = seat != 0
        while leaving.poll() is None or len(answers) < 40:
            if not asked and len(answers) >= 20:
                leaving.send_signal(signal.SIGTERM)
                asked = True
            path = f"/v1/events/{house.event_id}/holds"
            held = await client.post(path, json={"seats": [seat], "hold_id": new_id()})
            answers.append(held.status_code)
            if held.status_code == 409:
                # A seat rests for the buyer who has just released it; this refusal is the API's own answer.
                assert held.json()["type"] == "/problems/seat-resting"
                continue
            released = await client.delete(f"/v1/holds/{held.json()['hold_id']}")
            answers.append(released.status_code)
        return answers

    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(person(site.address)) for _ in range(4)]
        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(buy(c, seat) for seat, c in enumerate(clients)))
    assert leaving.returncode == 0
    assert {status for several in answers for status in several} <= {201, 204, 409}


async def test_the_close_frame_of_a_gateway_passes_the_proxy(site: Site, house: House) -> None:
    async with site.viewer(house.event_id) as viewer:
        await viewer.greeted()
        site.gateway.send_signal(signal.SIGTERM)
        notice = await viewer.hears("notice", code="going-away")
        assert await viewer.closed() == CloseCode.GOING_AWAY
        assert viewer.socket.close_reason == f"reconnect in {notice['reconnect_in_ms']} ms"


@pytest.mark.parametrize("upstreams", ["addresses", "containers"])
@pytest.mark.parametrize("address", ["http://", "tickets.example"])
def test_the_configuration_is_valid_with_and_without_tls(
    caddy: str, address: str, upstreams: str, tmp_path: Path
) -> None:
    config = tmp_path / "Caddyfile"
    config.write_text(CADDYFILE.read_text().replace("request_buffers 16KiB", ""))
    done = subprocess.run(
        [caddy, "adapt", "--validate", "--config", str(config), "--adapter", "caddyfile"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "SITE": address,
            "UPSTREAMS": upstreams,
            "API": "127.0.0.1:8000",
            "LIVE": "127.0.0.1:8001",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ('"tickets.example"' in done.stdout) == ("tickets" in address)
