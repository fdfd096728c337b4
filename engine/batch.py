"""Group commit: commands that arrive while a batch is under way leave together in the next one.

There is no timer. A lone command costs one round trip; under load a batch grows to whatever came in
during the last one, and the price of a transaction (its round trip, its WAL flush) is shared.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

import structlog

from engine import metrics
from engine.errors import FrontrowError

C = TypeVar("C")
R = TypeVar("R")
log = structlog.get_logger(__name__)


class Batcher(Generic[C, R]):
    """Gathers commands ``C`` for ``flush``, which returns one result (or exception) for each, in order.

    ``conflicts`` names what a command touches: two commands with a common key never share a batch, so
    ``flush`` need not arbitrate among its own members. When a whole batch fails for a reason that is
    not the store being away, its members are tried one by one, so that one poisonous command fails alone.
    """

    def __init__(
        self,
        name: str,
        flush: Callable[[list[C]], Awaitable[Sequence[R | Exception]]],
        *,
        conflicts: Callable[[C], Iterable[Hashable]] | None = None,
        size_max: int = 256,
        linger_s: float = 0.0,
    ) -> None:
        self._name = name
        self._flush = flush
        self._conflicts = conflicts
        self._size_max = size_max
        #: For work nobody waits for: let more of it come before a batch leaves.
        self._linger_s = linger_s
        self._waiting: deque[tuple[C, asyncio.Future[R]]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._observe = metrics.BATCH_SIZE.labels(name).observe

    def submit(self, command: C) -> "asyncio.Future[R]":
        """Queue a command; the future carries its own result. Cancelling it does not undo the command."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"batch:{self._name}")
        return future

    async def drain(self) -> None:
        """Wait until nothing is waiting or under way."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._waiting:
            if self._linger_s:
                await asyncio.sleep(self._linger_s)
            batch = self._take()
            self._observe(len(batch))
            await self._serve(batch)

    def _take(self) -> list[tuple[C, asyncio.Future[R]]]:
        """The longest run of waiting commands without a conflict; the rest keep their order."""
        if self._conflicts is None:
            size = min(len(self._waiting), self._size_max)
            return [self._waiting.popleft() for _ in range(size)]
        taken: list[tuple[C, asyncio.Future[R]]] = []
        later: list[tuple[C, asyncio.Future[R]]] = []
        touched: set[Hashable] = set()
        while self._waiting and len(taken) < self._size_max:
            entry = self._waiting.popleft()
            keys = set(self._conflicts(entry[0]))
            # A deferred command's keys count too: what came after it must not overtake it.
            (later if keys & touched else taken).append(entry)
            touched |= keys
        self._waiting.extendleft(reversed(later))
        return taken

    async def _serve(self, batch: list[tuple[C, asyncio.Future[R]]]) -> None:
        try:
            results = await self._answers([command for command, _ in batch])
        except FrontrowError as error:
            results = [error] * len(batch)
        except Exception as error:
            if len(batch) > 1:
                log.exception("batch failed, trying its members alone", batch=self._name)
                for entry in batch:
                    await self._serve([entry])
                return
            results = [error]
        except BaseException as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            raise
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    async def _answers(self, commands: list[C]) -> Sequence[R | Exception]:
        results = await self._flush(commands)
        if len(results) != len(commands):
            # Nobody could tell whose is missing, and a future left alone is waited for for ever.
            raise RuntimeError(f"{len(results)} results for {len(commands)} commands")
        return results
