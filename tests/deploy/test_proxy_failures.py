"""One of two APIs behind the real proxy is killed, then the other is frozen: how many clients notice."""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio

from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from tests.conftest import (
    House,
    end_process,
    free_port,
    role_environment,
    start_role,
    until_ready,
)
from tests.deploy.test_proxy import CADDYFILE, caddy, start_caddy

pytestmark = pytest.mark.integration

__all__ = ["caddy"]

WAIT_S = 60


@dataclass
class Pair:
    """Two APIs, one origin."""

    url: str
    apis: "list[subprocess.Popen[bytes]]"
    environments: list[dict[str, str]]
    failed: list[httpx.Response] = field(default_factory=list)
    answers: int = 0
    #: Set to end what goes on in the background.
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        """Read the list of events again and again."""
        async with httpx.AsyncClient(base_url=self.url, timeout=WAIT_S) as client:
            while not self.enough.is_set():
                answer = await client.get("/v1/events")
                self.answers += 1
                if answer.status_code != 200:
                    self.failed.append(answer)

    async def buy(self, event_id: str, seats: range) -> int:
        """Book seat after seat as the page does: a failed request is repeated with the same key."""
        async with httpx.AsyncClient(base_url=self.url, timeout=WAIT_S) as client:
            guest = (await self._ask(client, "/v1/auth/guest", {})).json()
            client.headers["Authorization"] = f"Bearer {guest['access_token']}"
            # The limit of places counts for the mailbox, too.
            mailbox = f"{new_id()}@example.com"
            for number, seat in enumerate(seats):
                if self.enough.is_set():
                    return number
                wish = {"seats": [seat], "hold_id": new_id()}
                held = await self._ask(client, f"/v1/events/{event_id}/holds", wish)
                booking = {
                    "hold_id": held.json()["hold_id"],
                    "buyer": {"email": mailbox, "name": "Ada"},
                    "payment": {"provider": "sandbox", "token": "tok_visa"},
                }
                booked = await self._ask(client, "/v1/bookings", booking)
                while booked.status_code == 402:
                    # The booking was reserved by the API that died, and never charged: the hold is still there.
                    booked = await self._ask(client, "/v1/bookings", booking)
                # 202: the booking was under way in the API that died, and a worker finishes it.
                assert booked.status_code in (201, 202), booked.text
        return len(seats)

    async def _ask(
        self, client: httpx.AsyncClient, path: str, body: dict[str, Any]
    ) -> httpx.Response:
        key = {"Idempotency-Key": new_id()}
        async with asyncio.timeout(WAIT_S):
            while True:
                answer = await client.post(path, json=body, headers=key)
                self.answers += 1
                if answer.is_success or answer.status_code == 402:
                    return answer
                if answer.status_code != 409:
                    self.failed.append(answer)
                # 409: the first request counts as under way, but it died with its process.
                await asyncio.sleep(0.2)


@pytest_asyncio.fixture
async def pair(
    caddy: str, settings: Settings, stores: StoreUrls, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    port = free_port()
    environments = [role_environment(settings, stores) for _ in range(2)]
    urls = [f"127.0.0.1:{environment['FRONTROW_API_PORT']}" for environment in environments]
    with contextlib.ExitStack() as ending:
        apis = [start_role("api", environment) for environment in environments]
        for process in (*apis, start_role("worker", environments[0])):
            ending.callback(end_process, process)
        proxy = start_caddy(
            caddy,
            CADDYFILE,
            port,
            tmp_path_factory.mktemp("caddy"),
            UPSTREAMS="addresses",
            API=" ".join(urls),
            LIVE="127.0.0.1:1",
        )
        ending.callback(end_process, proxy)
        await asyncio.gather(*(until_ready(f"http://{url}") for url in urls))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            async with asyncio.timeout(WAIT_S):
                while not await _is_served(client):
                    await asyncio.sleep(0.05)
        yield Pair(f"http://127.0.0.1:{port}", apis, environments)
        for api in apis:
            # No other end is possible.
            with contextlib.suppress(ProcessLookupError):
                api.send_signal(signal.SIGCONT)


async def _is_served(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/v1/events")).status_code == 200
    except httpx.TransportError:
        return False


async def _answered(pair: Pair, more: int) -> None:
    enough = pair.answers + more
    async with asyncio.timeout(WAIT_S):
        while pair.answers < enough:
            await asyncio.sleep(0.05)


async def test_few_clients_notice_a_killed_and_a_frozen_api(pair: Pair, house: House) -> None:
    readers = [asyncio.create_task(pair.read()) for _ in range(4)]
    buyers = [
        asyncio.create_task(pair.buy(house.event_id, range(10 * n, 10 * n + 10))) for n in range(4)
    ]
    await _answered(pair, 10)
    pair.apis[0].kill()
    pair.apis[0].wait()
    await _answered(pair, 100)
    # No reader has noticed anything; few buyers have: those whose request died with the API.
    gets = [answer for answer in pair.failed if answer.request.method == "GET"]
    assert gets == []
    pair.apis[0] = start_role("api", pair.environments[0])
    await until_ready(f"http://127.0.0.1:{pair.environments[0]['FRONTROW_API_PORT']}")
    pair.apis[1].send_signal(signal.SIGSTOP)
    await _answered(pair, 100)
    pair.enough.set()
    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(*readers)
        sold = sum(await asyncio.gather(*buyers))
    pair.apis[1].send_signal(signal.SIGCONT)
    end_process(pair.apis[0])
    gets = [answer for answer in pair.failed if answer.request.method == "GET"]
    assert gets == []
    for answer in pair.failed:
        assert answer.status_code in (502, 503, 504), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["status"] == answer.status_code
    async with asyncio.timeout(WAIT_S):
        while (await house.states()).count("2") < sold:
            await asyncio.sleep(0.1)
    assert (await house.states()).count("2") == sold, "each booking was made once"


async def test_without_a_backend_the_proxy_answers_a_problem_document(pair: Pair) -> None:
    for api in pair.apis:
        api.kill()
    async with httpx.AsyncClient(base_url=pair.url, timeout=WAIT_S) as client:
        answers = await asyncio.gather(*(client.get(path) for path in ("/v1/events", "/")))
    for answer in answers:
        assert answer.status_code in (502, 503)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["retry-after"] == "2"
        problem = answer.json()
        assert problem["type"] == "/problems/unavailable"
        assert problem["status"] == answer.status_code
