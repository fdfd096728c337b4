"""``python -m engine.worker``: a worker until SIGTERM or SIGINT."""

import asyncio
import sys

import structlog
import uvloop

from engine.base.config import ConfigError, load_settings
from engine.base.health import serve_health
from engine.base.redaction import install_hooks
from engine.base.shutdown import is_asked, on_signal
from engine.runtime import open_runtime
from engine.worker.worker import Worker

log = structlog.get_logger(__name__)


async def main() -> None:
    """Run a worker until SIGTERM or SIGINT."""
    settings = load_settings()
    stopping = asyncio.Event()
    on_signal(stopping.set)
    async with open_runtime(settings, role="worker") as runtime:
        server = serve_health(
            settings.worker_host,
            settings.worker_port,
            lambda: not is_asked(),
            settings.metrics_networks,
        )
        worker = Worker(runtime.steps())
        log.info("worker is running", steps=list(worker.steps))
        try:
            await worker.run(stopping)
        finally:
            server.shutdown()


if __name__ == "__main__":
    install_hooks()
    try:
        uvloop.run(main())
    except ConfigError as error:
        sys.exit(f"frontrow: {error}")
