"""All three servers of one data folder, owned by one process at a time."""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from engine.base.config import Settings, data_path
from engine.base.data_folder import (
    AlreadyRunning,
    StartError,
    prepare_data_dir,
    read_json,
    write_private,
)
from engine.base.store_urls import StoreUrls, given_or, running_urls, start_time_s
from engine.local.embedded.mongo import EmbeddedMongo
from engine.local.embedded.postgres import EmbeddedPostgres
from engine.local.embedded.redis import EmbeddedRedis
from engine.local.embedded.server import START_TIMEOUT_S, EmbeddedServer

_NOBODY: Final[Mapping[str, tuple[str, int]]] = MappingProxyType({})


class _Lock:
    """flock on ``<data_dir>/lock``: released when its process ends, for any reason."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "lock"
        self._fd = -1

    def acquire(self) -> bool:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


async def _all_or_first_error(parts: Iterable[Awaitable[None]]) -> None:
    """Like gather, but it raises the first error only after every part has ended."""
    results = await asyncio.gather(*parts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


class EmbeddedStores:
    """The owner: starts and stops every server that has no URL in the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.data_dir = data_path(settings)
        self._lock = _Lock(self.data_dir)
        self._owned = False
        self.servers: list[EmbeddedServer] = [
            kind(self.data_dir)
            for kind, url in (
                (EmbeddedPostgres, settings.postgres_url),
                (EmbeddedRedis, settings.redis_url),
                (EmbeddedMongo, settings.mongo_url),
            )
            if url is None
        ]

    @property
    def _run_file(self) -> Path:
        return self.data_dir / "run.json"

    def claim(self) -> None:
        """Become the owner of the data directory; AlreadyRunning names the process that owns it."""
        prepare_data_dir(self.data_dir)
        if not self._lock.acquire():
            owner = read_json(self._run_file).get("pid")
            who = f" (process {owner})" if owner else ""
            raise AlreadyRunning(
                f"Frontrow already runs on {self.data_dir}{who}; "
                "stop it first, or name another folder with FRONTROW_DATA_DIR"
            )
        self._owned = True
        self._run_file.unlink(missing_ok=True)

    async def start(self, listening: Mapping[str, tuple[str, int]] = _NOBODY) -> StoreUrls:
        """Start all servers side by side and return when each of them answers.

        ``listening``: host and port of the processes that the owner runs on them, by name.
        """
        if not self._owned:
            self.claim()
        try:
            await _all_or_first_error(server.start() for server in self.servers)
            urls = self.urls()
            write_private(
                self._run_file,
                {
                    "pid": os.getpid(),
                    "started_s": start_time_s(os.getpid()),
                    "urls": msgspec.to_builtins(urls),
                    "listening": dict(listening),
                },
            )
        except BaseException:
            await self.stop()
            raise
        return urls

    def urls(self) -> StoreUrls:
        own: dict[str, str] = {}
        for server in self.servers:
            own |= server.urls()
        return given_or(self._settings, own)

    def announce_end(self) -> None:
        """Remove the record of these servers: clients no longer find them, and the next owner waits."""
        if self._owned:
            self._run_file.unlink(missing_ok=True)

    async def stop(self) -> None:
        """Stop all servers and give up the data directory. Safe to call twice."""
        if not self._owned:
            return
        self.announce_end()
        await asyncio.gather(*(server.stop() for server in self.servers))
        self._owned = False
        self._lock.release()


@asynccontextmanager
async def stores(settings: Settings) -> AsyncIterator[StoreUrls]:
    """URLs of all three stores, which answer.

    Uses the URLs of the settings; for missing ones it uses running embedded servers, or starts them
    and stops them at the end.
    """
    owner = EmbeddedStores(settings)
    if not owner.servers:
        yield owner.urls()
        return
    try:
        owner.claim()
    except AlreadyRunning:
        yield await _wait_for_owner(settings)
        return
    try:
        yield await owner.start()
    finally:
        await owner.stop()


async def _wait_for_owner(settings: Settings) -> StoreUrls:
    deadline = time.monotonic() + START_TIMEOUT_S
    while (urls := running_urls(settings)) is None:
        if time.monotonic() > deadline:
            raise StartError(
                f"another process is starting Frontrow on {data_path(settings)} but does not finish; "
                "stop it and try again"
            )
        await asyncio.sleep(0.1)
    return urls
