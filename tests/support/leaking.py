"""A program that fails in every place where the product can, with secrets at hand; see test_redaction.

``python -m tests.support.leaking PLACE``. Each failure quotes secrets in its message and has others in
the variables of its frames, as errors of drivers and of our own code do.
"""

import asyncio
import gc
import logging
import os
import sys
import threading
from typing import Any, NoReturn

import httpx
import structlog
import websockets
from litestar import get

from api import app as app_module
from api.app import build
from api.auth import Tokens
from api.edge import Edge
from engine.base.batch import Batcher
from engine.base.config import load_settings
from engine.base.logs import configure_logging
from engine.base.redaction import install_hooks
from engine.base.step import Step
from engine.base.store_urls import StoreUrls
from engine.cli import main as cli
from engine.runtime import open_runtime
from engine.worker.worker import Worker
from seatmap.server import LiveServer
from tests.support.live import gateway_of

#: A secret that a person sends: no process knows it beforehand.
BEARER = "xyzzy.plugh-0123456789_abcdef.secretive"
PASSWORD = "correct-horse-battery"
settings = load_settings()
TOKEN = Tokens(settings.token_secret or "x" * 32, ttl_s=60).issue()


class Leak(Exception):
    """An error with ``LEAK`` and the place, so that the test sees that it was written."""


def fail(place: str) -> NoReturn:
    urls = StoreUrls(
        postgres_url=settings.postgres_url or "",
        redis_url=settings.redis_url or "",
        mongo_url=settings.mongo_url or "",
    )
    environment = dict(os.environ)
    raise Leak(
        f"LEAK {place} {settings} {urls} {environment} token={TOKEN} 'Authorization: Bearer {BEARER}' "
        f"Registration(email='a@b.example', password='{PASSWORD}') {{'password': '{PASSWORD}'}}"
    )


async def in_handler() -> None:
    @get("/leak", include_in_schema=False)
    async def leak() -> None:
        fail("handler")

    app_module.HANDLERS.append(leak)
    app = build(settings)
    async with app.lifespan():
        edge: Any = Edge(app, app.state)
        transport = httpx.ASGITransport(edge, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.get("/leak", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 500
    sys.stdout.write(answer.text)


async def in_batch() -> None:
    async def flush(commands: list[int]) -> list[int]:
        fail("batch")

    async with open_runtime(settings, role="test"):
        batcher: Batcher[int, int] = Batcher("leaking", flush)
        # More than one, because a failed batch is logged and retried command by command.
        await asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True)


async def in_worker_step() -> None:
    stopping = asyncio.Event()

    async def step() -> int:
        stopping.set()
        fail("step")

    async with open_runtime(settings, role="worker"):
        await Worker([Step("leaking", 0.001, step)]).run(stopping)


async def in_gateway() -> None:
    async def serve(*_: Any) -> None:
        fail("gateway")

    LiveServer._serve = serve  # type: ignore[method-assign,assignment]  # this is the failure
    async with open_runtime(settings, role="live") as runtime, gateway_of(runtime) as gateway:
        url = f"ws://127.0.0.1:{gateway.server.port}/v1/live/{'0' * 8}-0000-7000-8000-{'0' * 12}"
        async with websockets.connect(url, subprotocols=["frontrow.v1"]) as connection:  # type: ignore[list-item]  # a NewType
            await connection.wait_closed()
        serving = [t for t in asyncio.all_tasks() if "protocol_handler" in repr(t.get_coro())]
        if serving:
            await asyncio.wait(serving)


async def in_task() -> None:
    """Fail in a task that nobody awaits: the event loop's own handler logs it."""
    configure_logging(settings, "test")

    async def work() -> None:
        fail("task")

    task = asyncio.create_task(work())
    await asyncio.wait([task])
    del task
    gc.collect()


def in_command() -> None:
    cli.cli.command("leak")(lambda: fail("command"))
    sys.argv = ["frontrow", "leak"]
    cli.main()


def in_thread() -> None:
    install_hooks()
    thread = threading.Thread(target=fail, args=("thread",))
    thread.start()
    thread.join()


def in_log_line() -> None:
    """Log values of our own code and of libraries, and a line that cannot be formatted."""
    configure_logging(settings, "test")
    log = structlog.get_logger("leaking")
    log.warning("LEAK line", settings=settings, url=settings.postgres_url, token=TOKEN)
    log.warning("LEAK headers", headers=[(b"authorization", f"Bearer {BEARER}".encode())])
    logging.getLogger("uvicorn.error").error("LEAK %s %s", settings.redis_url, TOKEN)
    logging.getLogger("uvicorn.error").error("LEAK %d", settings.token_secret)


if __name__ == "__main__":
    place = {
        "handler": in_handler,
        "batch": in_batch,
        "step": in_worker_step,
        "gateway": in_gateway,
        "task": in_task,
        "command": in_command,
        "thread": in_thread,
        "line": in_log_line,
    }[sys.argv[1]]
    work = place()
    if work is not None:
        asyncio.run(work)
