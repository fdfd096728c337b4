"""``python -m seatmap``: the live gateway, until SIGTERM or Ctrl-C."""

import asyncio
import contextlib
import logging
import resource
import signal
import sys

import structlog
import uvloop

from engine.config import ConfigError, Settings, load_settings
from engine.runtime import open_runtime
from seatmap.feed import RedisFeed
from seatmap.hub import Hub, Pace
from seatmap.server import LiveServer

log = structlog.get_logger(__name__)


async def run(settings: Settings, stopping: asyncio.Event) -> None:
    """Serve until ``stopping`` is set. Raises ConfigError when the address cannot be bound."""
    async with open_runtime(settings, role="live") as runtime:
        feed = RedisFeed(runtime.redis)
        hub = Hub(feed, runtime.inventory, Pace(tick_s=settings.live_tick_ms / 1000))
        server = LiveServer(hub, settings)
        # Entered in this order so that watchers are told before the hub and the feed end.
        async with feed.running(), hub.running(), server.running():
            log.info("live gateway ready", host=settings.live_host, port=server.port)
            await stopping.wait()
            log.info("live gateway stopping")


async def _run_until_signal(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await run(settings, stopping)


def _raise_file_limit() -> None:
    """A watcher is a file descriptor; the soft limit is often 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> int:
    # The library logs every connection that opens or closes.
    logging.getLogger("websockets").setLevel(logging.WARNING)
    _raise_file_limit()
    try:
        settings = load_settings()
        uvloop.run(_run_until_signal(settings))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
