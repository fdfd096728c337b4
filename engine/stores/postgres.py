"""PostgreSQL: a pool, the named queries of ``sql/queries`` and one translation of its errors."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import msgspec

from engine import metrics
from engine.errors import Unavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = PoolConnectionProxy[asyncpg.Record]

_CONNECT_TIMEOUT_S = 5.0
QUERIES_DIR = Path(__file__).resolve().parents[2] / "sql" / "queries"

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
    """``{"bookings.reserve": "SELECT …"}`` from every ``-- name:`` block under ``folder``."""
    queries: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        for block in re.split(r"^-- name: ", path.read_text(), flags=re.MULTILINE)[1:]:
            name, _, text = block.partition("\n")
            queries[f"{path.stem}.{name.strip()}"] = text.strip().removesuffix(";")
    return queries


@contextmanager
def translated(*, under_way: bool = True) -> Iterator[None]:
    """Turn the driver's "away" into Unavailable, and into OutcomeUnknown where a statement may have
    been carried out (``under_way``). Anything else is a bug and stays itself.
    """
    try:
        yield
    except _LOST as error:
        if under_way:
            raise OutcomeUnknown("PostgreSQL went away under way; try again shortly.") from error
        raise _away() from error
    except _AWAY as error:
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

    def __init__(self, url: str, *, size: int, command_timeout_s: float = 30) -> None:
        self._url = url
        self.size = size
        self._command_timeout_s = command_timeout_s
        self._queries = read_queries()
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self.size,
            init=_prepare,
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=self._command_timeout_s,
            max_inactive_connection_lifetime=300,
        )

    async def close(self) -> None:
        if self._pool is not None:
            try:
                await self._pool.close()
            except (OSError, asyncpg.InterfaceError):
                self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> "AsyncIterator[Connection]":
        assert self._pool is not None, "open() first"
        with translated(under_way=False):
            connection = await self._pool.acquire(timeout=_CONNECT_TIMEOUT_S)
        with translated():
            try:
                yield connection
            finally:
                await self._pool.release(connection)

    @asynccontextmanager
    async def transaction(self, isolation: Any = None) -> "AsyncIterator[Transaction]":
        """One transaction; ``isolation`` as PostgreSQL names it (default read committed)."""
        async with self.connection() as connection, connection.transaction(isolation=isolation):
            yield Transaction(connection, self._queries)

    async def fetch(self, name: str, *args: Any) -> list[asyncpg.Record]:
        with metrics.store_seconds("postgres", name):
            async with self.connection() as connection:
                return await connection.fetch(self._queries[name], *args)

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


class Transaction:
    """The named queries inside one transaction."""

    def __init__(self, connection: "Connection", queries: dict[str, str]) -> None:
        self.connection = connection
        self._queries = queries

    async def fetch(self, name: str, *args: Any) -> list[asyncpg.Record]:
        return await self.connection.fetch(self._queries[name], *args)

    async def fetchrow(self, name: str, *args: Any) -> asyncpg.Record | None:
        return await self.connection.fetchrow(self._queries[name], *args)

    async def cursor(self, name: str, *args: Any) -> "asyncpg.cursor.Cursor[asyncpg.Record]":
        """The answer to be read in parts, which stays with the server meanwhile."""
        return await self.connection.cursor(self._queries[name], *args)
