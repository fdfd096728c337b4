"""PostgreSQL: a pool, the named queries of ``sql/queries`` and one translation of its errors."""

import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import msgspec
import structlog

from engine import metrics
from engine.errors import Unavailable
from engine.logs import served_ids

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = PoolConnectionProxy[asyncpg.Record]

log = structlog.get_logger(__name__)

_CONNECT_TIMEOUT_S = 5.0
#: A statement that takes longer is worth a line, with the ids of those who waited for it.
_SLOW_S = 1.0
#: PostgreSQL cuts an application's name there.
_NAME_LENGTH_MAX = 63
QUERIES_DIR = Path(__file__).resolve().parents[2] / "sql" / "queries"

_FAILURES = metrics.STORE_FAILURES.labels("postgres")
#: The connection ended, or nothing was heard in time.
_LOST = (
    TimeoutError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
#: The server is away, going away, full, or only a standby: retrying later is right.
_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)


class OutcomeUnknown(Unavailable):
    """The connection was lost with a statement under way: it may or may not have been committed."""

    code = "outcome-unknown"


def read_queries(folder: Path = QUERIES_DIR) -> dict[str, str]:
    """``{"bookings.reserve": "/* bookings.reserve */ SELECT …"}`` from every ``-- name:`` block under
    ``folder``. The name goes along: PostgreSQL's own views and logs show it.
    """
    queries: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        for block in re.split(r"^-- name: ", path.read_text(), flags=re.MULTILINE)[1:]:
            name, _, text = block.partition("\n")
            full_name = f"{path.stem}.{name.strip()}"
            queries[full_name] = f"/* {full_name} */ {text.strip().removesuffix(';')}"
    return queries


@contextmanager
def translated(*, under_way: bool = True) -> Iterator[None]:
    """Turn the driver's "away" into Unavailable, and into OutcomeUnknown where a statement may have
    been carried out (``under_way``). Anything else is a bug and stays itself.
    """
    try:
        yield
    except _LOST as error:
        _FAILURES.inc()
        if under_way:
            raise OutcomeUnknown("PostgreSQL went away under way; try again shortly.") from error
        raise _away() from error
    except _AWAY as error:
        _FAILURES.inc()
        raise _away() from error


def _away() -> Unavailable:
    return Unavailable("PostgreSQL is not reachable; try again shortly.")


async def _prepare(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="text",
        encoder=lambda v: msgspec.json.encode(v).decode(),
        decoder=msgspec.json.decode,
    )


class Postgres:
    """A lazily filled pool: opening it needs no server, every call says when there is none."""

    def __init__(
        self,
        url: str,
        *,
        size: int,
        command_timeout_s: float = 30,
        application_name: str = "frontrow",
    ) -> None:
        self._url = url
        self.size = size
        self._application_name = application_name
        self._command_timeout_s = command_timeout_s
        self._queries = read_queries()
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        for name in self._queries:
            metrics.know_store_call("postgres", name)

    async def open(self) -> None:
        pool = self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self.size,
            init=_prepare,
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=self._command_timeout_s,
            max_inactive_connection_lifetime=300,
            server_settings={"application_name": self._application_name},
        )
        _POOLS[self] = pool
        metrics.POOL_CONNECTIONS_MAX.set_function(lambda: sum(opened.size for opened in _POOLS))
        metrics.POOL_CONNECTIONS.labels("idle").set_function(_idle)
        metrics.POOL_CONNECTIONS.labels("used").set_function(
            lambda: sum(opened.get_size() for opened in _POOLS.values()) - _idle()
        )

    async def close(self) -> None:
        _POOLS.pop(self, None)
        if self._pool is not None:
            try:
                await self._pool.close()
            except (OSError, asyncpg.InterfaceError):
                self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> "AsyncIterator[Connection]":
        assert self._pool is not None, "open() first"
        asked = time.perf_counter()
        try:
            with translated(under_way=False):
                connection = await self._pool.acquire(timeout=_CONNECT_TIMEOUT_S)
        finally:
            taken = time.perf_counter()
            metrics.POOL_WAIT_SECONDS.observe(taken - asked)
        with translated():
            try:
                yield connection
            finally:
                await self._pool.release(connection)
                metrics.CONNECTION_HELD_SECONDS.observe(time.perf_counter() - taken)

    @asynccontextmanager
    async def transaction(self, isolation: Any = None) -> "AsyncIterator[Transaction]":
        """One transaction; ``isolation`` as PostgreSQL names it (default read committed)."""
        async with self.connection() as connection, connection.transaction(isolation=isolation):
            if ids := served_ids():
                name = f"{self._application_name} {ids}"[:_NAME_LENGTH_MAX]
                # Letters, digits and some signs only: see engine.logs.
                await connection.execute(f"SET LOCAL application_name = '{name}'")
            yield Transaction(connection, self._queries)

    async def fetch(self, name: str, *args: Any) -> list[asyncpg.Record]:
        async with self.connection() as connection:
            return await _fetch(connection, name, self._queries[name], args)

    async def fetchrow(self, name: str, *args: Any) -> asyncpg.Record | None:
        rows = await self.fetch(name, *args)
        return rows[0] if rows else None

    async def fetchval(self, name: str, *args: Any) -> Any:
        row = await self.fetchrow(name, *args)
        return None if row is None else row[0]

    async def ping(self) -> str:
        """The server's version, as a sign of life."""
        async with self.connection() as connection:
            return str(await connection.fetchval("SHOW server_version", timeout=2))


#: This process's pools, for its metrics: one for each login (``engine.roles``).
_POOLS: "dict[Postgres, asyncpg.Pool[asyncpg.Record]]" = {}


def _idle() -> int:
    return sum(opened.get_idle_size() for opened in _POOLS.values())


async def _fetch(
    connection: "Connection", name: str, text: str, args: tuple[Any, ...]
) -> list[asyncpg.Record]:
    started = time.perf_counter()
    try:
        with metrics.store_seconds("postgres", name):
            return await connection.fetch(text, *args)
    finally:
        took_s = time.perf_counter() - started
        if took_s > _SLOW_S:
            # The backend's number is in PostgreSQL's own log (%p).
            pid = connection.get_server_pid()
            log.warning("slow statement", query=name, took_s=round(took_s, 3), backend_pid=pid)


class Transaction:
    """The named queries inside one transaction."""

    def __init__(self, connection: "Connection", queries: dict[str, str]) -> None:
        self.connection = connection
        self._queries = queries

    async def fetch(self, name: str, *args: Any) -> list[asyncpg.Record]:
        return await _fetch(self.connection, name, self._queries[name], args)

    async def fetchrow(self, name: str, *args: Any) -> asyncpg.Record | None:
        rows = await self.fetch(name, *args)
        return rows[0] if rows else None

    async def cursor(self, name: str, *args: Any) -> "asyncpg.cursor.Cursor[asyncpg.Record]":
        """The answer to be read in parts, which stays with the server meanwhile."""
        return await self.connection.cursor(self._queries[name], *args)
