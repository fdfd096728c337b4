"""The product under measurement: stores and processes of its own, in a folder of its own."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.auth import Tokens
from engine.base.config import Settings
from engine.base.store_urls import StoreUrls
from engine.catalog.model import EventDraft
from engine.runtime import Runtime, open_runtime
from loadtest.processes import REPO, cpu_s, environment, free_ports, own_stores

_SECRET = "benchmarks-sign-their-own-tokens-here"  # noqa: S105  # signs nothing outside of the run


@dataclass(frozen=True)
class Figure:
    """One measurement: the value that counts, and the raw figures behind it."""

    value: float
    raw: dict[str, float]


@dataclass(frozen=True)
class Bench:
    """The running product under measurement."""

    runtime: Runtime
    urls: StoreUrls
    settings: Settings
    environment: dict[str, str]
    api_port: int
    noop_port: int
    api_pid: int
    server_pids: list[int]
    tokens: list[str]

    async def event(self, seats: int, *, buyer_limit: int = 1000, is_over: bool = False) -> str:
        """A published event of this many seats in one category.

        ``is_over``: it began days ago, so that no worker processes it.
        """
        per_row = 100
        rows = -(-seats // per_row)
        document = {
            "format": "frontrow/1",
            "name": f"House of {seats}",
            "size": {"width": 25.0 * per_row + 50, "height": 25.0 * rows + 50},
            "categories": [{"name": "Any", "color": "#0072b2"}],
            "sections": [
                {
                    "name": "House",
                    "rows": [
                        {
                            "label": f"R{row}",
                            "seats": [
                                {
                                    "number": str(seat + 1),
                                    "x": 25.0 + 25 * seat,
                                    "y": 25.0 + 25 * row,
                                    "category": "Any",
                                }
                                for seat in range(min(per_row, seats - row * per_row))
                            ],
                        }
                        for row in range(rows)
                    ],
                }
            ],
        }
        venue, _ = await self.runtime.catalog.venues.import_plan(document)
        event = await self.runtime.catalog.create_event(
            EventDraft(
                name="Bench",
                venue_id=venue.venue_id,
                starts_at=datetime.now(UTC) + timedelta(days=-3 if is_over else 30),
                currency="EUR",
                prices={"Any": 5000},
                buyer_limit=buyer_limit,
                hold_ttl_s=1800,
            )
        )
        await self.runtime.events.publishing.publish(event.event_id)
        return event.event_id

    async def leave_events(self) -> None:
        """Let all events have begun days ago, so that no worker processes thousands of holds that only an
        earlier measurement needed.
        """
        async with self.runtime.stores.view.connection() as connection:
            await connection.execute("UPDATE told_events SET starts_at = now() - interval '3 days'")

    def server_cpu_s(self) -> float:
        """User and system seconds of every server process: API, worker, stores, and their children."""
        return sum(cpu_s(pid) for pid in self.server_pids)

    @contextlib.asynccontextmanager
    async def gateway(self) -> AsyncIterator["Gateway"]:
        """A new live gateway for one measurement."""
        (port,) = free_ports(1)
        settings = self.environment | {
            "FRONTROW_LIVE_PORT": str(port),
            "FRONTROW_LIVE_CONNECTIONS_PER_ADDRESS": "1000000",
            "FRONTROW_LIVE_CONNECTIONS_MAX": "1000000",
        }
        with _process("seatmap", settings) as process:
            await _until_open(port)
            yield Gateway(process.pid, port)


@dataclass(frozen=True)
class Gateway:
    """A running gateway process."""

    pid: int
    port: int

    def url(self, event_id: str) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/live/{event_id}"


def _environment(
    settings: Settings, urls: StoreUrls, api_port: int, worker_port: int
) -> dict[str, str]:
    return environment(
        postgres_url=urls.postgres_url,
        postgres_house_url=urls.postgres_house_url,
        postgres_worker_url=urls.postgres_worker_url,
        redis_url=urls.redis_url,
        mongo_url=urls.mongo_url,
        data_dir=settings.data_dir,
        token_secret=_SECRET,
        api_port=api_port,
        worker_port=worker_port,
        log_level="warning",
        # Mails are queued with each booking, as always; rendering them for no reader would only cost time.
        mail_per_second=0.01,
        # Bookings of the ledger alone have no captured payments, which an audit would report as a violation.
        audit_interval_s=86_400,
    )


@contextlib.contextmanager
def _process(module: str, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(  # our own modules
        [sys.executable, "-m", module], env=environment, cwd=REPO
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextlib.asynccontextmanager
async def api_process(bench: Bench) -> AsyncIterator[int]:
    """One more API on the same stores. Yields its port."""
    (port,) = free_ports(1)
    with _process("api", bench.environment | {"FRONTROW_API_PORT": str(port)}):
        await _until_open(port)
        yield port


async def _until_open(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Bench]:
    """Stores, one API process, one worker, and the empty handler beside them."""
    settings = Settings(data_dir=str(folder), token_secret=_SECRET, log_level="warning")
    async with contextlib.AsyncExitStack() as ending:
        stores = await ending.enter_async_context(own_stores(settings))
        urls = stores.urls()
        api_port, noop_port, worker_port = free_ports(3)
        variables = _environment(settings, urls, api_port, worker_port)
        api = ending.enter_context(_process("api", variables))
        noop = variables | {"FRONTROW_API_PORT": str(noop_port)}
        ending.enter_context(_process("loadtest.noop", noop))
        worker = ending.enter_context(_process("engine.worker", variables))
        runtime = await ending.enter_async_context(open_runtime(settings, role="bench"))
        await _until_open(api_port)
        await _until_open(noop_port)
        tokens = Tokens(_SECRET, ttl_s=86_400)
        yield Bench(
            runtime=runtime,
            urls=urls,
            settings=settings,
            environment=variables,
            api_port=api_port,
            noop_port=noop_port,
            api_pid=api.pid,
            server_pids=[api.pid, worker.pid, *(server.pid for server in stores.servers)],
            tokens=[tokens.issue() for _ in range(500)],
        )


__all__ = ["REPO", "Bench", "Figure", "Gateway", "api_process", "cpu_s", "running"]
