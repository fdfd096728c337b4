"""Redis: commands issued in one tick of the event loop leave in one pipeline.

A buyer's request is one script call. Sending each by itself costs a system call, a packet and a
wake-up on both sides; a busy process has dozens of them waiting in every tick, so they are gathered
and sent together, and the next gathering grows while this one is under way.
"""

import asyncio
import hashlib
import math
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import redis.asyncio as aioredis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from engine import metrics
from engine.errors import Unavailable

SCRIPTS_DIR = Path(__file__).resolve().parents[1] / "lua"
Argument: TypeAlias = str | bytes | int | float

_ANSWER_TIMEOUT_S = 5.0
_AWAY_ANSWERS = ("LOADING", "BUSY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "READONLY", "OOM")


def read_scripts(folder: Path = SCRIPTS_DIR) -> dict[str, str]:
    """Every script under its file's name, with the common prelude in front."""
    prelude = (folder / "common.lua").read_text()
    return {
        path.stem: prelude + path.read_text()
        for path in sorted(folder.glob("*.lua"))
        if path.stem != "common"
    }


def _away(error: BaseException | None = None) -> Unavailable:
    problem = Unavailable("Redis is not reachable; try again shortly.", code="redis-unavailable")
    problem.__cause__ = error
    return problem


def _is_away(error: ResponseError) -> bool:
    # redis-py cuts the code off the errors it has a class for and keeps it beside the text.
    code = getattr(error, "status_code", None) or str(error).split(" ", 1)[0]
    return code in _AWAY_ANSWERS


class TickPipeline:
    """Gathers commands per tick; at most ``in_flight_max`` pipelines are under way at once."""

    def __init__(self, client: "aioredis.Redis", *, in_flight_max: int = 2) -> None:
        self._pool = client.connection_pool
        self._waiting: deque[tuple[tuple[Argument, ...], asyncio.Future[Any]]] = deque()
        self._in_flight_max = in_flight_max
        self._in_flight = 0
        self._scheduled = False
        self._tasks: set[asyncio.Task[None]] = set()

    def call(self, *command: Argument) -> asyncio.Future[Any]:
        """Queue one command. The future carries its reply; RedisError or Unavailable on failure."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((command, future))
        self._schedule(loop)
        return future

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._scheduled and self._waiting and self._in_flight < self._in_flight_max:
            self._scheduled = True
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), 512))]
        if not batch:
            return
        metrics.BATCH_SIZE.labels("redis").observe(len(batch))
        self._in_flight += 1
        task = asyncio.create_task(self._send(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, batch: list[tuple[tuple[Argument, ...], asyncio.Future[Any]]]) -> None:
        try:
            with metrics.store_seconds("redis", "pipeline"):
                await self._exchange(batch)
        except (RedisConnectionError, RedisTimeoutError, OSError, TimeoutError) as error:
            self._fail(batch, _away(error))
        except BaseException as error:
            self._fail(batch, error)
            raise
        finally:
            self._in_flight -= 1
            self._schedule(asyncio.get_running_loop())

    @staticmethod
    def _fail(
        batch: list[tuple[tuple[Argument, ...], asyncio.Future[Any]]], error: BaseException
    ) -> None:
        for _, future in batch:
            if not future.done():
                future.set_exception(error)

    async def _exchange(
        self, batch: list[tuple[tuple[Argument, ...], asyncio.Future[Any]]]
    ) -> None:
        connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py leaves this one method untyped
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                await connection.send_packed_command(
                    connection.pack_commands([command for command, _ in batch])
                )
                for _, future in batch:
                    try:
                        # One deadline for the batch instead of a timer per reply.
                        reply = await connection.read_response(timeout=math.inf)
                    except ResponseError as error:
                        if not future.done():
                            future.set_exception(_away(error) if _is_away(error) else error)
                        continue
                    if not future.done():
                        future.set_result(reply)
        except BaseException:
            # Replies may still be on their way: a reused connection would hand them to others.
            await connection.disconnect(nowait=True)
            raise
        finally:
            await self._pool.release(connection)


class RedisStore:
    """A client, its scripts by name, and the tick pipeline that carries them."""

    def __init__(self, url: str) -> None:
        self.client: aioredis.Redis = aioredis.Redis.from_url(
            url,
            decode_responses=False,
            socket_timeout=5,
            socket_connect_timeout=2,
            max_connections=64,
            health_check_interval=0,
            # "auto" keeps the pool from noticing that the server has closed an idle connection.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._pipeline = TickPipeline(self.client)
        self._scripts = read_scripts()
        self._shas = {
            # SHA-1 is the name Redis gives a script, not a safeguard.
            name: hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
            for name, text in self._scripts.items()
        }

    def call(self, *command: Argument) -> asyncio.Future[Any]:
        """One plain command through the tick pipeline."""
        return self._pipeline.call(*command)

    async def run(self, script: str, base: str, *args: Argument) -> list[Any]:
        """Run a script of ``engine/lua`` on the event whose base key is ``base``.

        Raises Unavailable when Redis is away.
        """
        try:
            return await self._pipeline.call("EVALSHA", self._shas[script], 1, base, *args)  # type: ignore[no-any-return]  # every script replies with an array
        except NoScriptError:
            return await self._pipeline.call("EVAL", self._scripts[script], 1, base, *args)  # type: ignore[no-any-return]  # the same

    async def ping(self) -> None:
        try:
            await self._pipeline.call("PING")
        except RedisError as error:
            raise _away(error) from error

    async def close(self) -> None:
        await self.client.aclose()


def flat(pairs: Sequence[tuple[Argument, Argument]]) -> list[Argument]:
    """Count, then the pairs one after another: how scripts take tables."""
    return [len(pairs), *(value for pair in pairs for value in pair)]
