"""Commands issued in one iteration of the event loop are sent in one write, on one connection.

A buyer's request is one script call. Sending each by itself costs a system call, a packet and a
wake-up on both sides; a busy process has dozens of them in every iteration, so they are gathered and
written together, and replies, which come in order, are distributed as they are read. There is no task,
no lock and no timer per command: a caller's only cost is its future.

redis-py's connections do the same work with a stream reader, a coroutine and a timeout per reply;
measured on a hold over HTTP, that took a fifth of the process's time.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import hiredis
from redis.asyncio.connection import SSLConnection, parse_url
from redis.exceptions import ResponseError

from engine.base import deadline, metrics
from engine.base.errors import Unavailable
from engine.stores.breaker import Breaker

Argument: TypeAlias = str | bytes | int | float
#: A future, and the time of its write if it is the last one of the write (else 0).
_Waiting: TypeAlias = tuple["asyncio.Future[Any]", float]
#: An encoded command, and the future of its reply.
_Command: TypeAlias = tuple[bytes, "asyncio.Future[Any]"]

#: A timer this much too late, in seconds, shows that this process stalled: the reply may be there, unread.
_STOOD_STILL_S: Final = 1.0
_READING_S: Final = 0.25
_AWAY_ANSWERS: Final = frozenset(
    [
        "LOADING",
        "BUSY",
        "CLUSTERDOWN",
        "MASTERDOWN",
        "TRYAGAIN",
        "READONLY",
        "OOM",
        "MISCONF",
        "NOREPLICAS",
    ]
)
_NO_REPLY: Final = object()
_FAILURES: Final = metrics.STORE_FAILURES.labels("redis")


class CommandFailed(ResponseError):
    """Redis has answered a command with an error. When it is away, ``Unavailable`` is raised instead."""


def redis_away(cause: BaseException | None = None) -> Unavailable:
    """The error of a command that Redis does not carry out; counted."""
    _FAILURES.inc()
    problem = Unavailable("Redis is not reachable; try again shortly.", code="redis-unavailable")
    problem.__cause__ = cause
    return problem


class _Link(asyncio.Protocol):
    """One connection: replies arrive in the order in which commands were sent."""

    def __init__(self, timeout_s: float, on_silence: Callable[[], None]) -> None:
        self._timeout_s = timeout_s
        self._on_silence = on_silence
        self.transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader(notEnoughData=_NO_REPLY)
        self._waiting: deque[_Waiting] = deque()
        self._heard_at = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._observe = metrics.STORE_SECONDS.labels("redis").observe

    @property
    def usable(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport has the interface, but not the class.
        self.transport = transport  # type: ignore[assignment]

    def send(self, commands: "list[_Command]") -> None:
        assert self.transport is not None
        now = time.perf_counter()
        if not self._waiting:
            self._heard_at = now
        self._waiting.extend((future, 0.0) for _, future in commands[:-1])
        self._waiting.append((commands[-1][1], now))
        if self._alarm is None:
            self._watch(self._timeout_s)
        self.transport.write(b"".join([packed for packed, _ in commands]))

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not _NO_REPLY:
                self._hand_out(reply)
        except hiredis.ProtocolError as error:
            self.end(error)
        self._heard_at = time.perf_counter()

    def _hand_out(self, reply: Any) -> None:
        future, sent_at = self._waiting.popleft()
        if sent_at:
            self._observe(time.perf_counter() - sent_at)
        if future.done():
            return  # its caller has gone
        if isinstance(reply, hiredis.ReplyError):
            future.set_exception(_refusal(str(reply)))
        else:
            future.set_result(reply)

    def _look_at_the_clock(self) -> None:
        self._alarm = None
        if not self._waiting:
            return
        now = time.perf_counter()
        silent_s = now - self._heard_at
        if silent_s >= self._timeout_s + _STOOD_STILL_S:
            self._heard_at = now - self._timeout_s + _READING_S
            self._watch(_READING_S)
        elif silent_s >= self._timeout_s:
            self._on_silence()
            self.end(TimeoutError(f"no reply for {silent_s:.1f} s"))
        else:
            self._watch(self._timeout_s - silent_s)

    def _watch(self, seconds: float) -> None:
        self._alarm = asyncio.get_running_loop().call_later(seconds, self._look_at_the_clock)

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(exc)

    def end(self, cause: BaseException | None = None) -> None:
        """Give up the connection: all waiting commands fail because Redis is away."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        waiting, self._waiting = self._waiting, deque()
        for future, _ in waiting:
            if not future.done():
                future.set_exception(redis_away(cause))
        if self.transport is not None:
            self.transport.abort()


def _pack(command: tuple[Argument, ...]) -> bytes:
    return hiredis.pack_command(command)  # type: ignore[arg-type,no-any-return]  # its stub forgets that a tuple may have any length


def _answer_by(future: "asyncio.Future[Any]", left_s: float) -> bool:
    """Limit the caller's wait to its deadline, although the reply may come later. False: no time is left."""
    if left_s <= 0:
        future.set_exception(deadline.out_of_time())
        return False
    alarm = asyncio.get_running_loop().call_later(left_s, _run_out, future)
    future.add_done_callback(lambda _: alarm.cancel())
    return True


def _run_out(future: "asyncio.Future[Any]") -> None:
    if not future.done():
        future.set_exception(redis_away(TimeoutError("the request's deadline has passed")))


def _refusal(message: str) -> Exception:
    error = CommandFailed(message)
    return redis_away(error) if message.split(" ", 1)[0] in _AWAY_ANSWERS else error


class Pipeline:
    """The shared connection of one process. Connects when first used, and again after each loss.

    A server that owes a reply for longer than ``timeout_s`` counts as away and opens ``breaker``.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._options: dict[str, Any] = dict(parse_url(url))
        self._timeout_s = timeout_s
        self.breaker = Breaker("redis", self._probe, limit_s=timeout_s)
        self._link = self._new_link()
        self._queue: list[_Command] = []
        self._connecting: asyncio.Task[None] | None = None
        self._observe = metrics.BATCH_SIZE.labels("redis").observe

    def call(self, *command: Argument) -> "asyncio.Future[Any]":
        """Queue one command. The future gets its reply, or CommandFailed or Unavailable."""
        # Encoded here, so that a command that cannot be encoded fails its own caller only.
        packed = _pack(command)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if self.breaker.is_open:
            future.set_exception(redis_away())
            return future
        if (left_s := deadline.left_s()) < self._timeout_s and not _answer_by(future, left_s):
            return future
        if not self._queue:
            loop.call_soon(self._flush)
        self._queue.append((packed, future))
        return future

    def _flush(self) -> None:
        if not self._queue:
            return
        if self._link.usable:
            queue, self._queue = self._queue, []
            self._observe(len(queue))
            self._link.send(queue)
        elif self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect(), name="redis-connect")

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                self._link = await self._open()
            if not self._link.usable:
                raise redis_away()  # noqa: TRY301  # the server hung up at once
        except Exception as error:
            if isinstance(error, TimeoutError):
                self.breaker.silent()
            # Any exception: callers left in the queue here would wait for ever.
            queue, self._queue = self._queue, []
            for _, future in queue:
                if not future.done():
                    future.set_exception(redis_away(error))
            return
        self._flush()

    def _new_link(self) -> _Link:
        return _Link(self._timeout_s, self.breaker.silent)

    async def _probe(self) -> None:
        """Connect and wait for the greeting; this connection is then used."""
        link = await self._open()
        self._link.end()
        self._link = link

    async def _open(self) -> _Link:
        loop, options = asyncio.get_running_loop(), self._options
        if "path" in options:
            _, link = await loop.create_unix_connection(self._new_link, options["path"])
        else:
            _, link = await loop.create_connection(
                self._new_link,
                options.get("host", "localhost"),
                options.get("port", 6379),
                ssl=_tls(options),
            )
        try:
            await _introduce(link, options)
        except BaseException:
            link.end()
            raise
        return link

    async def close(self) -> None:
        await self.breaker.close()
        if self._connecting is not None:
            await asyncio.wait([self._connecting])
        self._link.end()


def _tls(options: dict[str, Any]) -> ssl.SSLContext | None:
    """TLS for ``rediss://``: the server's certificate is checked, with the authority in the URL's
    ``ssl_ca_certs`` if there is one."""
    if options.get("connection_class") is not SSLConnection:
        return None
    wanted = {name: value for name, value in options.items() if name.startswith("ssl_")}
    return SSLConnection(**wanted).ssl_context.get()


async def _introduce(link: _Link, options: dict[str, Any]) -> None:
    """Authenticate, and select the database."""
    commands: list[tuple[Argument, ...]] = []
    if options.get("password"):
        user = (options["username"],) if options.get("username") else ()
        commands.append(("AUTH", *user, options["password"]))
    if options.get("db"):
        commands.append(("SELECT", options["db"]))
    commands.append(("PING",))
    loop = asyncio.get_running_loop()
    sent = [(_pack(command), loop.create_future()) for command in commands]
    link.send(sent)
    await asyncio.gather(*(future for _, future in sent))
