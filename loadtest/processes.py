"""Common parts of all programs here that start the product's processes and stores."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import psutil
import uvloop

from engine.base import shutdown
from engine.base.config import Settings
from engine.local import embedded
from engine.stores import migrate

REPO = Path(__file__).resolve().parents[1]
#: The network of every client of a load test.
LOOPBACK = ("127.0.0.0/8", "::1")
_Result = TypeVar("_Result")


def free_ports(count: int) -> list[int]:
    """This many different ports that nobody listened on a moment ago."""
    with contextlib.ExitStack() as kept:
        probes = [kept.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def report_file(kind: str) -> Path:
    """The default file of a report: ``reports/load-2026-11-30T120000Z.html``."""
    return Path("reports") / f"{kind}-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.html"


def check_writable(file: Path) -> None:
    """Check before the work, not after it. Raises OSError for a file that cannot be written."""
    was_there = file.exists()
    file.open("a").close()
    if not was_there:
        file.unlink()


def environment(**settings: object) -> dict[str, str]:
    """This process's environment with these FRONTROW_… variables only; load-test clients are not limited."""
    settings = {"unlimited_networks": LOOPBACK, **settings}
    return {k: v for k, v in os.environ.items() if not k.startswith("FRONTROW_")} | {
        f"FRONTROW_{name.upper()}": ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in settings.items()
    }


def cpu_s(pid: int) -> float:
    """User and system seconds of a process and its children so far; 0 when it has ended."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                total += times.user + times.system + times.children_user
                total += times.children_system
    return total


@contextlib.asynccontextmanager
async def own_stores(settings: Settings) -> AsyncIterator[embedded.EmbeddedStores]:
    """Stores in the folder of ``settings``, with a schema; stopped at the end. Raises StartError."""
    stores = embedded.EmbeddedStores(settings)
    urls = await stores.start()
    try:
        await asyncio.to_thread(migrate.migrate, urls.postgres_owner_url)
        yield stores
    finally:
        await stores.stop()


def run_to_end(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a program. SIGTERM and Ctrl-C cancel it, so that all processes it started are ended; the caller gets
    the CancelledError."""

    async def cancellable() -> _Result:
        running = asyncio.current_task()
        assert running is not None
        shutdown.on_signal(running.cancel)
        return await work

    return uvloop.run(cancellable())


__all__ = [
    "REPO",
    "check_writable",
    "cpu_s",
    "environment",
    "free_ports",
    "own_stores",
    "report_file",
    "run_to_end",
]
