"""PostgreSQL: a pool, the named queries of ``sql/queries`` and one translation of its errors."""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import asyncpg
import msgspec
import structlog

from engine.base import deadline, metrics
from engine.base.bulkhead import Bulkhead
from engine.base.errors import Contended, OutcomeUnknown, Unavailable
from engine.base.logs import served_ids
from engine.base.places import SQL
from engine.stores.breaker import Breaker

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = PoolConnectionProxy[asyncpg.Record]

log = structlog.get_logger(__name__)

#: A statement that takes longer is logged, with the ids of the requests that waited for it; in seconds.
_SLOW_S = 1.0
#: PostgreSQL truncates an application's name to this length.
_NAME_LENGTH_MAX = 63
QUERIES_DIR = SQL / "queries"

#: The server's share of our time limit: it gives up first and answers; without an answer it is silent.
_STATEMENT_SHARE: Final = 0.9
#: The longest pause within a transaction, in calls' time limits: its process may call Redis meanwhile.
_IDLE_CALLS: Final = 5
#: A peer that acknowledges nothing for this time is gone.
_UNHEARD_S: Final = 10
_KEEPALIVE_S: Final = 5

_FAILURES = metrics.STORE_FAILURES.labels("postgres")
#: The connection ended, or there was no answer in time.
_LOST = (
    TimeoutError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
#: The statement was given up and undone: it did not get a lock in time, or it took too long.
_GIVEN_UP = (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError)
#: The same, because of a race that a retry may win.
_RACED = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
#: The server is away, going away, full, or only a standby: retrying later is right.
_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
)
#: Errors that may occur while a connection is given back.
_BROKEN = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def read_queries(folder: Path = QUERIES_DIR) -> dict[str, str]:
    """``{"bookings.reserve": "/* bookings.reserve */ SELECT …"}`` from every ``-- name:`` block under
    ``folder``. The name is a comment in the statement: PostgreSQL's own views and logs show it.
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
    """Translate the driver's errors: a server that is away to Unavailable, or OutcomeUnknown if a
    statement may have been carried out (``under_way``); a statement blocked by others to Contended. Any
    other error is a bug and is raised unchanged.
    """
    try:
        yield
    except _LOST as error:
        _FAILURES.inc()
        if under_way:
            raise OutcomeUnknown("PostgreSQL went away under way; try again shortly.") from error
        raise _away() from error
    except _GIVEN_UP as error:
        raise Contended("This is busy at the moment; try again shortly.", by_lock=True) from error
    except _RACED as error:
        raise Contended("This is busy at the moment; try again shortly.") from error
    except _AWAY as error:
        _FAILURES.inc()
        raise _away() from error


def _away() -> Unavailable:
    return Unavailable("PostgreSQL is not reachable; try again shortly.")


async def _prepare(connection: Any) -> None:
    _end_when_unheard(connection)
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="text",
        encoder=lambda v: msgspec.json.encode(v).decode(),
        decoder=msgspec.json.decode,
    )


def _end_when_unheard(connection: Any) -> None:
    """Let the kernel end a connection whose peer vanished without closing it (half open)."""
    sock = connection._transport.get_extra_info("socket")
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", _KEEPALIVE_S),
        ("TCP_KEEPINTVL", _KEEPALIVE_S),
        ("TCP_KEEPCNT", 2),
        ("TCP_USER_TIMEOUT", _UNHEARD_S * 1000),
    ):
        # Not every system has all of these options.
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


class _Session(asyncpg.Connection):
    """A connection of the pool. It is reset when it is given back, unless it was used for one named query:
    those leave nothing behind in a session, and a reset costs the server four statements.
    """

    _is_as_it_was = False

    def leave_as_it_was(self) -> None:
        """The statements since it was taken have not changed the session."""
        self._is_as_it_was = True

    def get_reset_query(self) -> str:
        is_as_it_was, self._is_as_it_was = self._is_as_it_was, False
        return "" if is_as_it_was else super().get_reset_query()


class Postgres:
    """A lazily filled pool: opening it needs no server; each call raises when there is none.

    ``call_timeout_s`` limits each call, and the wait for a connection with it; ``lock_timeout_s`` the
    wait for one lock; ``long_timeout_s`` the long statements of organisers and workers (``long``). A
    silent server opens ``breaker``; ``bulkhead`` limits the calls of an event whose rows are locked.
    """

    def __init__(
        self,
        url: str,
        *,
        size: int,
        call_timeout_s: float = 30.0,
        lock_timeout_s: float = 30.0,
        long_timeout_s: float = 30.0,
        application_name: str = "frontrow",
    ) -> None:
        self._url = url
        self.size = size
        self._application_name = application_name
        self._call_s = call_timeout_s
        self._lock_s = lock_timeout_s
        self._long_s = max(long_timeout_s, call_timeout_s)
        self._queries = read_queries()
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._line = _Line(self._connect)
        self.breaker = Breaker(
            "postgres", self.ping, limit_s=call_timeout_s, on_open=self._drop_connections
        )
        self.bulkhead = Bulkhead(per_event=max(1, size // 3), stuck_most=max(1, size // 2))
        #: Called with each new connection; the caller that wanted it gets its exception.
        self.guard: Callable[[Any], Awaitable[None]] | None = None
        for name in self._queries:
            metrics.know_store_call("postgres", name)

    def _server_settings(self) -> dict[str, str]:
        return {
            "application_name": self._application_name,
            "statement_timeout": _ms(self._call_s * _STATEMENT_SHARE),
            "lock_timeout": _ms(self._lock_s),
            "idle_in_transaction_session_timeout": _ms(self._call_s * _IDLE_CALLS),
        }

    async def open(self) -> None:
        pool = self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self.size,
            connection_class=_Session,
            init=self._admit,
            timeout=self._call_s,
            command_timeout=self._call_s,
            max_inactive_connection_lifetime=300,
            server_settings=self._server_settings(),
        )
        _POOLS[self] = pool
        metrics.POOL_CONNECTIONS_MAX.set_function(lambda: sum(opened.size for opened in _POOLS))
        metrics.POOL_CONNECTIONS.labels("idle").set_function(_idle)
        metrics.POOL_CONNECTIONS.labels("used").set_function(
            lambda: sum(opened.get_size() for opened in _POOLS.values()) - _idle()
        )

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        settings = self._server_settings()
        connection = await asyncpg.connect(
            self._url,
            timeout=self._call_s,
            command_timeout=self._call_s,
            server_settings=settings,
        )
        _end_when_unheard(connection)
        try:
            # A server that calls must not use must not pass the health check either.
            if self.guard is not None:
                await self.guard(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _admit(self, connection: Any) -> None:
        await _prepare(connection)
        if self.guard is not None:
            await self.guard(connection)

    def query(self, name: str) -> str:
        return self._queries[name]

    async def close(self) -> None:
        _POOLS.pop(self, None)
        await self.breaker.close()
        self.bulkhead.close()
        await self._line.close()
        if self._pool is not None:
            try:
                async with asyncio.timeout(self._call_s):
                    await self._pool.close()
            except (OSError, asyncpg.InterfaceError):
                self._pool.terminate()

    async def _drop_connections(self) -> None:
        """Stop using connections that were open during the silence: some may be dead unnoticed."""
        self._line.drop()
        if self._pool is not None:
            await self._pool.expire_connections()

    def _limit(self, *, long: bool = False) -> float:
        """How long the next call may take. Raises Unavailable at once while the server is silent."""
        if self.breaker.is_open:
            raise Unavailable("PostgreSQL does not answer; try again shortly.")
        return deadline.limit_s(self._long_s if long else self._call_s)

    async def _acquire(self, limit_s: float) -> "Connection":
        assert self._pool is not None, "open() first"
        asked = time.monotonic()
        try:
            with translated(under_way=False):
                return await self._pool.acquire(timeout=limit_s)
        except Unavailable as error:
            # A full pool says nothing about the server; the calls that have a connection find out.
            if isinstance(error.__cause__, TimeoutError) and self._pool.get_size() < self.size:
                self.breaker.timed_out(asked, limit_s)
            raise
        finally:
            metrics.POOL_WAIT_SECONDS.observe(time.monotonic() - asked)

    async def _release(self, connection: "Connection") -> None:
        # The work is done, whatever happens to the connection: a bad one is dropped.
        assert self._pool is not None
        with suppress(*_BROKEN):
            await self._pool.release(connection, timeout=self._call_s)

    @asynccontextmanager
    async def connection(self) -> "AsyncIterator[Connection]":
        connection = await self._acquire(self._limit())
        taken = time.perf_counter()
        with translated():
            try:
                yield connection
            finally:
                await self._release(connection)
                metrics.CONNECTION_HELD_SECONDS.observe(time.perf_counter() - taken)

    @asynccontextmanager
    async def transaction(
        self, isolation: Any = None, *, event_id: str | None = None, long: bool = False
    ) -> "AsyncIterator[Transaction]":
        """One transaction; ``isolation`` as PostgreSQL names it (default read committed).

        ``event_id``: it locks rows of this event, so only some may run at a time. ``long``: its statements
        may take long, and so may its caller. Raises Contended as ``fetch``.
        """
        async with self._room(event_id), self.connection() as connection:
            if long:
                deadline.extend(self._long_s)
            transaction = Transaction(self, connection, long=long)
            await transaction.begin(isolation, self._opening(long=long))
            try:
                yield transaction
            except BaseException:
                await transaction.undo()
                raise
            await transaction.commit()

    def _opening(self, *, long: bool) -> str:
        """The settings of a transaction, sent along with BEGIN."""
        settings = []
        if ids := served_ids():
            # Needs no quoting, as it has only letters, digits and some signs: see engine.base.logs.
            name = f"{self._application_name} {ids}"[:_NAME_LENGTH_MAX]
            settings.append(f"SET LOCAL application_name = '{name}'")
        if long:
            statement_ms, idle_ms = _ms(self._long_s * _STATEMENT_SHARE), _ms(2 * self._long_s)
            settings.append(f"SET LOCAL statement_timeout = {statement_ms}")
            settings.append(f"SET LOCAL idle_in_transaction_session_timeout = {idle_ms}")
        return "; ".join(settings)

    def _room(self, event_id: str | None) -> Any:
        return (
            nullcontext() if event_id is None else self.bulkhead.room(str(event_id), self._limit())
        )

    async def fetch(
        self, name: str, *args: Any, event_id: str | None = None
    ) -> list[asyncpg.Record]:
        """The rows of a single named query. ``event_id`` as in ``transaction``.

        Raises Unavailable; its subclass Contended if a lock was not obtained in time.
        """
        if event_id is not None:
            async with self._room(event_id):
                return await self.fetch(name, *args)
        began = time.monotonic()
        limit_s = self._limit()
        async with self.connection() as connection:
            left_s = began + limit_s - time.monotonic()
            rows = await self.ask(connection, name, args, max(0.05, left_s))
            connection.leave_as_it_was()  # type: ignore[attr-defined]  # it stands for a _Session
            return rows

    async def fetchrow(
        self, name: str, *args: Any, event_id: str | None = None
    ) -> asyncpg.Record | None:
        rows = await self.fetch(name, *args, event_id=event_id)
        return rows[0] if rows else None

    async def fetchval(self, name: str, *args: Any, event_id: str | None = None) -> Any:
        row = await self.fetchrow(name, *args, event_id=event_id)
        return None if row is None else row[0]

    async def ask(
        self, connection: "Connection", name: str, args: tuple[Any, ...], limit_s: float
    ) -> list[asyncpg.Record]:
        """Run one named query on a connection. After a timeout the connection is not used again."""
        began = time.monotonic()
        try:
            rows = await _fetch(connection, name, self._queries[name], args, limit_s)
        except TimeoutError:
            self.silent(connection, began, limit_s)
            raise
        except asyncpg.PostgresError as error:
            if not isinstance(error, asyncpg.PostgresConnectionError):
                self.breaker.heard()  # A refusal is an answer.
            raise
        self.breaker.heard()
        return rows

    def silent(self, connection: "Connection", began: float, limit_s: float) -> None:
        """Record that the server did not answer, not even with its own timeout."""
        self.breaker.timed_out(began, limit_s)
        connection.terminate()

    def text_of(self, name: str) -> str:
        return self._queries[name]

    def limit_s(self, *, long: bool) -> float:
        """How long a transaction's next statement may take. Raises Unavailable."""
        return self._limit(long=long)

    @property
    def call_timeout_s(self) -> float:
        return self._call_s

    async def ping(self) -> str:
        """The server's version, as a health check, over a separate connection: a full pool must not fail it."""
        with translated():
            return await self._line.ask()


def _ms(seconds: float) -> str:
    return str(max(1, int(seconds * 1000)))


class _Line:
    """One connection for the health check, however many callers ask at once."""

    def __init__(self, connect: Any) -> None:
        self._connect = connect
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._asking: asyncio.Task[str] | None = None

    async def ask(self) -> str:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="ping:postgres")
            # The callers may have gone by the time it fails.
            self._asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> str:
        if self._connection is not None and not self._connection.is_closed():
            with suppress(*_BROKEN):
                return await self._version(self._connection)
            # The connection may have ended long ago, unnoticed; that says nothing about the server.
            self._connection.terminate()
        self._connection = await self._connect()
        return await self._version(self._connection)

    async def _version(self, connection: "asyncpg.Connection[asyncpg.Record]") -> str:
        return str(await connection.fetchval("SHOW server_version"))

    def drop(self) -> None:
        """Use a new connection from now on; checks on the old one fail."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
        self.drop()


#: This process's pools, for its metrics: one for each login (``engine.stores.roles``).
_POOLS: "dict[Postgres, asyncpg.Pool[asyncpg.Record]]" = {}


def _idle() -> int:
    return sum(opened.get_idle_size() for opened in _POOLS.values())


async def _fetch(
    connection: "Connection", name: str, text: str, args: tuple[Any, ...], limit_s: float
) -> list[asyncpg.Record]:
    started = time.perf_counter()
    try:
        with metrics.store_seconds("postgres", name):
            return await connection.fetch(text, *args, timeout=limit_s)
    finally:
        took_s = time.perf_counter() - started
        if took_s > _SLOW_S:
            # The backend's process id is also in PostgreSQL's own log (%p).
            pid = connection.get_server_pid()
            log.warning("slow statement", query=name, took_s=round(took_s, 3), backend_pid=pid)


class Transaction:
    """The named queries inside one transaction."""

    def __init__(self, postgres: Postgres, connection: "Connection", *, long: bool) -> None:
        self.connection = connection
        self._pg = postgres
        self._long = long

    async def begin(self, isolation: Any, opening: str) -> None:
        level = f" ISOLATION LEVEL {isolation.replace('_', ' ').upper()}" if isolation else ""
        await self._say(f"BEGIN{level}; {opening}")

    async def commit(self) -> None:
        """Commit. Raises OutcomeUnknown when there is no answer. It is not refused at the deadline."""
        await self._say("COMMIT", self._pg.call_timeout_s)

    async def undo(self) -> None:
        """Roll back; if that fails, the end of the connection does it."""
        try:
            await self._say("ROLLBACK", self._pg.call_timeout_s)
        except _BROKEN:
            with suppress(asyncpg.InterfaceError):
                self.connection.terminate()

    async def _say(self, text: str, limit_s: float | None = None) -> None:
        limit_s = limit_s or self._pg.limit_s(long=self._long)
        began = time.monotonic()
        try:
            await self.connection.execute(text, timeout=limit_s)
        except TimeoutError:
            self._pg.silent(self.connection, began, limit_s)
            raise

    async def fetch(self, name: str, *args: Any) -> list[asyncpg.Record]:
        limit_s = self._pg.limit_s(long=self._long)
        return await self._pg.ask(self.connection, name, args, limit_s)

    async def fetchrow(self, name: str, *args: Any) -> asyncpg.Record | None:
        rows = await self.fetch(name, *args)
        return rows[0] if rows else None

    async def cursor(self, name: str, *args: Any) -> "asyncpg.cursor.Cursor[asyncpg.Record]":
        """The rows, read in parts; the server keeps the result meanwhile."""
        limit_s = self._pg.limit_s(long=self._long)
        return await self.connection.cursor(self._pg.text_of(name), *args, timeout=limit_s)
