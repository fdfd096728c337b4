"""The whole product on servers of its own, with a proxy on every link: everything here may be killed.

::

    buyers ─▶ api ─┬─▶ PostgreSQL      each arrow is a Proxy: site.link("api", "postgres")
              live ─┼─▶ Redis
            worker ─┴─▶ MongoDB

``site.runtime`` is the engine in the test's own process, on the servers themselves: the observer,
and, if needed, the other process that continues when one has died.
"""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil
import pytest
import pytest_asyncio

from engine.base.config import Settings
from engine.base.store_urls import StoreUrls
from engine.local.embedded import EmbeddedMongo, EmbeddedPostgres, EmbeddedRedis, EmbeddedServer
from engine.runtime import Runtime, open_runtime
from engine.stores.postgres import read_queries
from engine.stores.redis import read_scripts
from tests.conftest import (
    LOOPBACK,
    ORGANISER_KEY,
    TOKEN_SECRET,
    House,
    let_it_be_over,
    make_event,
    role_environment,
    small_house,
    start_role,
    until_ready,
)
from tests.support.clusters import copy_cluster
from tests.support.proxy import AnyProtocol, Catch, PostgresProtocol, Proxy

ROLES = ("api", "live", "worker")
STORES = ("postgres", "redis", "mongo")
_START_TIMEOUT_S = 90
_QUERIES, _SCRIPTS = read_queries(), read_scripts()


@dataclass
class Site:
    settings: Settings
    servers: dict[str, EmbeddedServer]
    runtime: Runtime
    links: dict[tuple[str, str], Proxy] = field(default_factory=dict)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def postgres(self) -> EmbeddedServer:
        return self.servers["postgres"]

    @property
    def redis(self) -> EmbeddedServer:
        return self.servers["redis"]

    @property
    def mongo(self) -> EmbeddedServer:
        return self.servers["mongo"]

    def link(self, role: str, store: str) -> Proxy:
        return self.links[role, store]

    def url(self, role: str) -> str:
        return f"http://127.0.0.1:{self.environments[role][f'FRONTROW_{role.upper()}_PORT']}"

    @property
    def api_url(self) -> str:
        return self.url("api")

    def live_url(self, event_id: str) -> str:
        return f"{self.url('live').replace('http', 'ws')}/v1/live/{event_id}"

    # Processes

    def runs(self, role: str) -> bool:
        return role in self.processes and self.processes[role].poll() is None

    async def start(self, *roles: str) -> None:
        for role in roles:
            self.processes[role] = start_role(role, self.environments[role])
        await asyncio.gather(*map(self._ready, roles))

    async def _ready(self, role: str) -> None:
        ready = asyncio.create_task(until_ready(self.url(role), timeout_s=_START_TIMEOUT_S))
        try:
            while not ready.done():
                assert self.runs(role), f"{role} ended instead of starting"
                await asyncio.wait([ready], timeout=0.2)
            ready.result()
        finally:
            ready.cancel()

    def kill(self, role: str) -> None:
        """kill -9."""
        process = self.processes.pop(role)
        process.kill()
        process.wait()

    @asynccontextmanager
    async def paused(self, role: str) -> AsyncIterator[None]:
        """Within the block the process is stopped at whatever it is doing (SIGSTOP)."""
        pid = self.processes[role].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            await until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    async def heal(self) -> None:
        """Restore everything that was cut, frozen or killed."""
        for proxy in self.links.values():
            proxy.mend()
        await asyncio.gather(
            *(server.start() for server in self.servers.values() if not server.running)
        )
        await self.start(*(role for role in ROLES if not self.runs(role)))

    # Forcing

    async def catch(self, role: str, step: str, *, unsent: bool = False) -> Catch:
        """Catch the next run that ``role`` makes of a query of ``sql/queries`` (``bookings.reserve``)
        or of a script of ``engine/lua`` (``begin_payment``), or its next command to Redis with ``step``
        in it. A process has one connection to Redis: a catch there holds back all that follows.
        """
        if step in _QUERIES:
            return self.link(role, "postgres").catch(_QUERIES[step], unsent=unsent)
        if step in _SCRIPTS:
            # Loaded into the server, so that the first answer is the script's, not "no such script".
            step = await self.runtime.stores.redis.client.script_load(_SCRIPTS[step])
        return self.link(role, "redis").catch(step, unsent=unsent)

    # Observing

    async def owed(self, event_id: str) -> list[str]:
        """The kinds of outbox rows that an event still has."""
        async with self.runtime.stores.view.connection() as connection:
            rows = await connection.fetch("SELECT kind FROM outbox WHERE event_id = $1", event_id)
        return [row["kind"] for row in rows]

    async def worker_rounds(self, step: str, count: int) -> None:
        """Wait until the worker has run a step ``count`` times from now on."""
        line = re.compile(rf'frontrow_worker_runs_total{{result="ok",step="{step}"}} (\S+)')
        first: float | None = None
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client, asyncio.timeout(60):
            while True:
                found = line.search((await client.get(self.url("worker") + "/metrics")).text)
                done = float(found[1]) if found else 0.0
                first = done if first is None else first
                if done > first + count:
                    return
                await asyncio.sleep(0.05)

    # Houses

    async def house(
        self,
        *,
        rows: int = 20,
        floor: int = 100,
        payment_window_s: int | None = None,
        **options: Any,
    ) -> House:
        """A published event of 25 seats in every row, and a floor."""
        layout = small_house(rows=rows, seats_per_row=25, floor=floor)
        event_id = await make_event(self.runtime, layout=layout, **options)
        house = House(self.runtime, event_id)
        if payment_window_s is not None:
            await house.set_terms(payment_window_s=payment_window_s)
        return house


async def until(is_so: Callable[[], bool], *, timeout_s: float = 60) -> None:
    """Poll a condition. Raises TimeoutError if it does not become true."""
    async with asyncio.timeout(timeout_s):
        while not is_so():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def open_site(folder: Path) -> AsyncIterator[Site]:
    """Servers, proxies and processes, all running. ``folder`` has a migrated PostgreSQL in it."""
    settings = Settings(
        data_dir=str(folder),
        organiser_key=ORGANISER_KEY,
        token_secret=TOKEN_SECRET,
        unlimited_networks=LOOPBACK,
        gateway_timeout_s=20.0,
        store_timeout_s=30.0,
        lock_timeout_s=30.0,
        outbox_grace_s=0.3,
    )
    kinds: tuple[type[EmbeddedServer], ...] = (EmbeddedPostgres, EmbeddedRedis, EmbeddedMongo)
    servers = {kind.name: kind(folder) for kind in kinds}
    async with AsyncExitStack() as stack:
        for server in servers.values():
            stack.push_async_callback(server.stop)
        await asyncio.gather(*(server.start() for server in servers.values()))
        direct: dict[str, str] = {}
        for server in servers.values():
            direct |= server.urls()
        redis = servers["redis"]
        assert isinstance(redis, EmbeddedRedis)
        # The observer may also empty Redis, which no process may.
        direct["redis_url"] = redis.owner_url
        runtime = await stack.enter_async_context(
            open_runtime(msgspec.structs.replace(settings, **direct), role="test")
        )
        site = Site(settings, servers, runtime)
        ports = role_environment(settings, StoreUrls(**direct))
        for role in ROLES:
            through = {}
            for name, server in servers.items():
                dialect = PostgresProtocol if name == "postgres" else AnyProtocol
                proxy = Proxy(
                    server.socket if isinstance(server, EmbeddedMongo) else server.port, dialect
                )
                site.links[role, name] = await stack.enter_async_context(proxy.running())
                for setting, url in server.urls().items():
                    if setting == "postgres_owner_url":
                        continue  # no process's
                    through[f"FRONTROW_{setting.upper()}"] = proxy.stands_in(url)
            site.environments[role] = ports | through
        stack.callback(_end_all, site)
        await site.start(*ROLES)
        yield site


def _end_all(site: Site) -> None:
    """Killed and not stopped: each of these processes must survive that."""
    for role in list(site.processes):
        site.kill(role)


@pytest_asyncio.fixture(scope="session")
async def lasting_site(
    tmp_path_factory: pytest.TempPathFactory, cluster: Path
) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("adversity")
    copy_cluster(cluster, folder)
    async with open_site(folder) as site:
        yield site


@pytest_asyncio.fixture
async def site(lasting_site: Site) -> AsyncIterator[Site]:
    await lasting_site.heal()
    await let_it_be_over(lasting_site.runtime)
    yield lasting_site
    # Damage left by a failed test must not affect the next one.
    for proxy in lasting_site.links.values():
        proxy.mend()


@pytest_asyncio.fixture
async def site_http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the site's API."""
    async with httpx.AsyncClient(base_url=site.api_url, timeout=60, trust_env=False) as client:
        yield client
