"""Renders organisers' templates in separate processes, which can be ended.

A thread cannot be ended: ``{{ 'x' | center(300000000) }}`` or nested loops would occupy it, its memory
and its process for good. Here two warm children take one job at a time each. A child that takes too long
or too much memory is ended, and replaced when it is next needed; other jobs do not wait for it any longer.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import Final

import msgspec
import structlog

from engine.base.errors import Unavailable
from engine.base.places import PROJECT
from engine.notifications.model import Texts, Written
from engine.notifications.rendering import TemplateBroken
from engine.notifications.rendering_child import (
    LENGTH_BYTES,
    OUT_OF_MEMORY,
    Broken,
    Job,
    Outcome,
    Piece,
)

log = structlog.get_logger(__name__)

__all__ = ["Job", "Piece", "PieceBroken", "Renderers", "TooCostly"]

_CHILDREN: Final = 2
#: How long a child's start may take, on a busy machine.
_START_S: Final = 30.0
#: A job's wall-clock limit, as a multiple of its processor time: it ends a child that hangs.
_CLOCK_FACTOR: Final = 5
_ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
#: Variables with the paths of the interpreter's libraries. No others are passed on: they hold secrets.
_INHERITED: Final = ("LD_LIBRARY_PATH",)


class PieceBroken(TemplateBroken):
    """``piece``: the index of the job's broken template."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(broken.place, broken.problem, broken.line)
        self.piece = broken.piece


class TooCostly(Exception):
    """A template was stopped: the message names the exceeded limit."""


class _Ended(Exception):
    """The child has ended, with this return code."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


class Renderers:
    """The children of one process, started when they are first needed."""

    def __init__(self, *, waiting_max: int) -> None:
        """``waiting_max``: the most jobs that wait for a child; further ones are refused with Unavailable."""
        self._free = asyncio.Semaphore(_CHILDREN)
        self._waiting = 0
        self._waiting_max = waiting_max
        self._idle: list[_Child] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def render(self, layout: Texts, pieces: list[Piece], *, cpu_s: float) -> Written:
        """The first mail, when all can be rendered. Raises PieceBroken, TooCostly, Unavailable."""
        if self._waiting >= self._waiting_max:
            raise Unavailable("Too many templates are being rendered; try again shortly.")
        job = Job(layout, pieces, cpu_s)
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            answer = await self._answer(job)
        finally:
            self._free.release()
        if answer.broken is not None:
            raise PieceBroken(answer.broken)
        assert answer.written is not None
        return answer.written

    async def _answer(self, job: Job) -> Outcome:
        try:
            return await self._try(job)
        except _Ended as ended:
            # It may have been ended from outside, for example by a system out of memory.
            log.warning("a renderer ended", code=ended.code)
        try:
            return await self._try(job)
        except _Ended:
            raise TooCostly("it ends the process that renders it") from None

    async def _try(self, job: Job) -> Outcome:
        child = await self._child()
        try:
            answer = await child.answer(job)
        except BaseException:
            self._end(child)
            raise
        self._idle.append(child)
        return answer

    async def _child(self) -> "_Child":
        while self._idle:
            child = self._idle.pop()
            if child.is_alive:
                return child
            self._end(child)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "engine.notifications.rendering_child"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=PROJECT,
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            )
        except OSError as error:
            raise Unavailable(f"No template can be rendered: {error.strerror}.") from None
        child = _Child(process)
        try:
            await child.until_ready()
        except BaseException:
            self._end(child)
            raise
        return child

    def _end(self, child: "_Child") -> None:
        task = asyncio.create_task(child.end(), name="end-renderer")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        for child in self._idle:
            self._end(child)
        self._idle.clear()
        await asyncio.gather(*self._ending)


class _Child:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._sink, self._source = process.stdin, process.stdout

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def until_ready(self) -> None:
        try:
            async with asyncio.timeout(_START_S):
                await self._source.readexactly(1)
        except (TimeoutError, asyncio.IncompleteReadError):
            raise Unavailable("No template can be rendered: its process does not start.") from None

    async def answer(self, job: Job) -> Outcome:
        """Raises TooCostly, _Ended."""
        try:
            async with asyncio.timeout(_CLOCK_FACTOR * job.cpu_s):
                return await self._exchange(job)
        except TimeoutError:
            raise TooCostly("it takes too long") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await self._process.wait()
        if code == -signal.SIGPROF:
            raise TooCostly(f"it takes more than {job.cpu_s:.3g} s") from None
        if code == OUT_OF_MEMORY:
            raise TooCostly("it needs too much memory") from None
        raise _Ended(code)

    async def _exchange(self, job: Job) -> Outcome:
        content = msgspec.msgpack.encode(job)
        self._sink.write(len(content).to_bytes(LENGTH_BYTES) + content)
        await self._sink.drain()
        length = int.from_bytes(await self._source.readexactly(LENGTH_BYTES))
        if length > _ANSWER_BYTES_MAX:
            raise TooCostly("it becomes too long")
        return msgspec.msgpack.decode(await self._source.readexactly(length), type=Outcome)

    async def end(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._sink.close()
