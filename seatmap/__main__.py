"""``python -m seatmap``: the live gateway, until SIGTERM or Ctrl-C."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator

import structlog
import uvloop

from engine.base.config import ConfigError, Settings, load_settings
from engine.base.files import raise_file_limit
from engine.base.health import serve_health
from engine.base.redaction import install_hooks
from engine.base.shutdown import on_signal
from engine.runtime import open_runtime
from seatmap.feed import RedisFeed
from seatmap.hub import Hub, Pace
from seatmap.server import LiveServer

log = structlog.get_logger(__name__)


async def run(settings: Settings, stopping: asyncio.Event) -> None:
    """Serve until ``stopping`` is set. Raises ConfigError when the address cannot be bound."""
    async with open_runtime(settings, role="live") as runtime:
        feed = RedisFeed(runtime.stores.redis.client)
        pace = Pace(tick_s=settings.live_tick_ms / 1000, audit_s=settings.audit_interval_s)
        hub = Hub(
            feed, runtime.live.reading, runtime.live.rebuilding, runtime.live.watcher_counts, pace
        )
        server = LiveServer(hub, runtime.live.tickets, settings)
        # Entered in this order so that watchers are notified before the hub and the feed end.
        async with _own_health(server, settings), feed.running(), hub.running(), server.running():
            log.info("live gateway ready", host=settings.live_host, port=server.port)
            await stopping.wait()
            log.info("live gateway stopping")


@contextlib.asynccontextmanager
async def _own_health(server: LiveServer, settings: Settings) -> AsyncIterator[None]:
    """Health and metrics of this process on a port of its own, where one is set."""
    port = settings.live_metrics_port
    if port is None:
        yield
        return
    try:
        health = serve_health(
            settings.live_host, port, lambda: server.is_ready, settings.metrics_networks
        )
    except OSError as error:
        raise ConfigError(
            f"FRONTROW_LIVE_METRICS_PORT: cannot listen on {settings.live_host}:{port} "
            f"({error.strerror}); set it to a free port, for example 8021"
        ) from None
    try:
        yield
    finally:
        health.shutdown()
        health.server_close()


async def _run_until_signal(settings: Settings) -> None:
    stopping = asyncio.Event()
    on_signal(stopping.set)
    await run(settings, stopping)


def main() -> int:
    # The library logs every connection that opens or closes.
    logging.getLogger("websockets").setLevel(logging.WARNING)
    raise_file_limit()
    install_hooks()
    try:
        settings = load_settings()
        uvloop.run(_run_until_signal(settings))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
