"""A PostgreSQL prepared once per run: the servers of the suite begin as copies of it.

The slowest parts of a new server are initdb and the migrations. Both are
covered by tests that start from nothing (``test_embedded``, ``test_up``, ``test_schema``).
"""

import fcntl
import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from engine.base.config import Settings
from engine.base.data_folder import prepare_data_dir
from engine.base.store_urls import StoreUrls
from engine.local.embedded import EmbeddedPostgres, EmbeddedStores
from engine.stores import migrate
from tests.support.worlds import BLANK, in_database


class HastyPostgres(EmbeddedPostgres):
    """Never waits for its disk. Committed data survive everything but a crash of the machine. Tests
    that make databases by the dozen would otherwise wait for the disk most of the time."""

    def _command(self) -> Sequence[str]:
        return [*super()._command(), "-c", "fsync=off"]


@asynccontextmanager
async def hasty_stores(settings: Settings) -> AsyncIterator[StoreUrls]:
    """All three servers, for tests that are not about how durable they are."""
    owner = EmbeddedStores(settings)
    owner.servers = [
        HastyPostgres(server.data_dir) if isinstance(server, EmbeddedPostgres) else server
        for server in owner.servers
    ]
    try:
        yield await owner.start()
    finally:
        await owner.stop()


async def ready_cluster(factory: pytest.TempPathFactory) -> Path:
    """The data folder of a server that does not run, with ``frontrow`` and ``BLANK`` migrated. The
    processes of one run share it: the first one makes it, and the others wait."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cluster"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = folder / "made"
        if not made.exists():
            await _make(folder)
            made.touch()
    return folder


async def _make(folder: Path) -> None:
    server = HastyPostgres(folder)
    await server.start()
    try:
        migrate.migrate(server.url)
        connection = await asyncpg.connect(in_database(server.url, "postgres"))
        try:
            await connection.execute(f"CREATE DATABASE {BLANK} TEMPLATE frontrow")
        finally:
            await connection.close()
    finally:
        await server.stop()


def copy_cluster(cluster: Path, data_dir: Path) -> None:
    """Let a server that has not been started yet begin with the data of ``cluster``."""
    prepare_data_dir(data_dir)
    # With their owners: PostgreSQL runs under an account of its own if we are root.
    parts = [str(cluster / name) for name in ("postgres", "secrets.json")]
    subprocess.run(["cp", "-Rp", *parts, str(data_dir)], check=True)
