"""Redis: a client, its scripts by name, and the pipeline that carries them."""

import asyncio
import hashlib
import re
from asyncio import Future
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import redis.asyncio as aioredis
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from engine.base import tracing
from engine.stores.pipeline import Argument, CommandFailed, Pipeline

#: For connections that listen: longer than the longest silence they allow by themselves.
_READ_TIMEOUT_S: Final = 5.0
#: A channel is listened to in turns of this length.
_LISTENING_TURN_S: Final = 1.0
#: A channel is listened to again this long after Redis went away.
_LISTENING_RETRY_S: Final = 0.2
SCRIPTS_DIR = Path(__file__).resolve().parents[1] / "lua"
#: A function of the prelude: on one line, or to the "end" that is not indented.
_FUNCTION = re.compile(
    r"^local function (?P<name>\w+)\(.*?(?: end\n|\n(?:  .*\n|\n)*end\n)", re.MULTILINE
)
_WORD = re.compile(r"\w+")


def read_scripts(folder: Path = SCRIPTS_DIR) -> dict[str, str]:
    """Every script under its file's name, with what it uses of the common prelude in front."""
    prelude = _parts((folder / "common.lua").read_text())
    return {
        path.stem: _used(prelude, path.read_text())
        for path in sorted(folder.glob("*.lua"))
        if path.stem != "common"
    }


def _parts(prelude: str) -> list[tuple[str, str]]:
    """The prelude in its order: its functions by name, and what stands between them under ""."""
    parts: list[tuple[str, str]] = []
    at = 0
    for found in _FUNCTION.finditer(prelude):
        parts += [("", prelude[at : found.start()]), (found["name"], found[0])]
        at = found.end()
    return [*parts, ("", prelude[at:])]


def _used(prelude: list[tuple[str, str]], script: str) -> str:
    """The script behind those functions that it needs: each is a closure that every call makes anew, and
    that was a fifth of the time of a hold.
    """
    kept, known = [script], set(_WORD.findall(script))
    # From the end: a function uses only what stands before it.
    for name, text in reversed(prelude):
        if not name or name in known:
            kept.append(text)
            known |= set(_WORD.findall(text)) if name else set()
    return "".join(reversed(kept))


class RedisStore:
    """``client`` is for what needs a connection of its own; everything else shares the pipeline."""

    def __init__(self, url: str, *, call_timeout_s: float = 30.0) -> None:
        self.client: aioredis.Redis = aioredis.Redis.from_url(
            url,
            decode_responses=False,
            socket_timeout=max(call_timeout_s, _READ_TIMEOUT_S),
            socket_connect_timeout=call_timeout_s,
            max_connections=64,
            health_check_interval=0,
            # "auto" keeps the pool from noticing that the server has closed an idle connection.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._pipeline = Pipeline(url, timeout_s=call_timeout_s)
        self.breaker = self._pipeline.breaker
        self._scripts = read_scripts()
        self._shas = {
            # SHA-1 is the name Redis gives a script, not a safeguard.
            name: hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
            for name, text in self._scripts.items()
        }

    def call(self, *command: Argument) -> "Future[Any]":
        """One plain command. CommandFailed or Unavailable on failure."""
        return self._pipeline.call(*command)

    async def run(self, script: str, base: str, *args: Argument) -> list[Any]:
        """Run a script of ``engine/lua`` on the event whose base key is ``base``.

        Raises Unavailable when Redis is away, CommandFailed when the script fails.
        """
        if tracing.is_on():
            names = {"db.system.name": "redis", "db.operation.name": script}
            with tracing.span(f"redis {script}", attributes=names):
                return await self._run(script, base, *args)
        return await self._run(script, base, *args)

    async def _run(self, script: str, base: str, *args: Argument) -> list[Any]:
        try:
            reply = await self._pipeline.call("EVALSHA", self._shas[script], 1, base, *args)
        except CommandFailed as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
            reply = await self._pipeline.call("EVAL", self._scripts[script], 1, base, *args)
        found: list[Any] = reply
        return found

    async def listen(
        self, channel: str, heard: Callable[[bytes], object], stopping: asyncio.Event
    ) -> None:
        """Call ``heard`` with whatever is published on a channel. What is published while Redis is away is
        missed. Ends when it is cancelled and ``stopping`` is set: the library may lose a cancellation that
        meets a message or its timeout.
        """
        while not stopping.is_set():
            try:
                async with self.client.pubsub() as pubsub:
                    await pubsub.subscribe(channel)
                    while not stopping.is_set():
                        message = await pubsub.get_message(timeout=_LISTENING_TURN_S)
                        if message is not None and message["type"] == "message":
                            heard(message["data"])
            except (RedisError, OSError):
                await asyncio.sleep(_LISTENING_RETRY_S)

    async def ping(self) -> None:
        await self._pipeline.call("PING")

    async def close(self) -> None:
        await self._pipeline.close()
        await self.client.aclose()


def flat(pairs: Sequence[tuple[Argument, Argument]]) -> list[Argument]:
    """Count, then the pairs one after another: how scripts take tables."""
    return [len(pairs), *(value for pair in pairs for value in pair)]
