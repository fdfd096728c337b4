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

#: Timeout of listening connections, in seconds: longer than their own longest wait.
_READ_TIMEOUT_S: Final = 5.0
#: Length of one wait for a channel's messages, in seconds.
_LISTENING_TURN_S: Final = 1.0
#: Wait before listening again after Redis went away, in seconds.
_LISTENING_RETRY_S: Final = 0.2
SCRIPTS_DIR = Path(__file__).resolve().parents[1] / "lua"
#: A function of the prelude: on one line, or up to an "end" without indentation.
_FUNCTION = re.compile(
    r"^local function (?P<name>\w+)\(.*?(?: end\n|\n(?:  .*\n|\n)*end\n)", re.MULTILINE
)
_WORD = re.compile(r"\w+")


def read_scripts(folder: Path = SCRIPTS_DIR) -> dict[str, str]:
    """Every script by its file's name, preceded by the parts of the common prelude that it uses."""
    prelude = _parts((folder / "common.lua").read_text())
    return {
        path.stem: _used(prelude, path.read_text())
        for path in sorted(folder.glob("*.lua"))
        if path.stem != "common"
    }


def _parts(prelude: str) -> list[tuple[str, str]]:
    """The prelude in its order: its functions by name, and the text between them under ""."""
    parts: list[tuple[str, str]] = []
    at = 0
    for found in _FUNCTION.finditer(prelude):
        parts += [("", prelude[at : found.start()]), (found["name"], found[0])]
        at = found.end()
    return [*parts, ("", prelude[at:])]


def _used(prelude: list[tuple[str, str]], script: str) -> str:
    """The script, preceded by the functions that it needs only: each is a closure that every call makes
    again, and all of them took a fifth of the time of a hold.
    """
    kept, known = [script], set(_WORD.findall(script))
    # From the end, because a function uses only functions before it.
    for name, text in reversed(prelude):
        if not name or name in known:
            kept.append(text)
            known |= set(_WORD.findall(text)) if name else set()
    return "".join(reversed(kept))


class RedisStore:
    """``client`` is for uses that need their own connection; everything else shares the pipeline."""

    def __init__(self, url: str, *, call_timeout_s: float = 30.0) -> None:
        self.client: aioredis.Redis = aioredis.Redis.from_url(
            url,
            decode_responses=False,
            socket_timeout=max(call_timeout_s, _READ_TIMEOUT_S),
            socket_connect_timeout=call_timeout_s,
            max_connections=64,
            health_check_interval=0,
            # With "auto" the pool would not notice that the server has closed an idle connection.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._pipeline = Pipeline(url, timeout_s=call_timeout_s)
        self.breaker = self._pipeline.breaker
        self._scripts = read_scripts()
        self._shas = {
            # Redis names scripts by SHA-1; it is not used for security.
            name: hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
            for name, text in self._scripts.items()
        }

    def call(self, *command: Argument) -> "Future[Any]":
        """Queue one plain command. Raises CommandFailed or Unavailable."""
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
        """Call ``heard`` with each message published on a channel. Messages published while Redis is away
        are missed. Ends when it is cancelled and ``stopping`` is set: the library may lose a cancellation
        that coincides with a message or its timeout.
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
    """The count, then the pairs one after another: the form in which scripts take tables."""
    return [len(pairs), *(value for pair in pairs for value in pair)]
