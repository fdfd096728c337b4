"""Group commit: commands that arrive while a batch is under way leave together in the next one.

There is no timer. A lone command costs one round trip; under load a batch grows to whatever came in
during the last one, and the price of a transaction (its round trip, its WAL flush) is shared.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from contextvars import Context
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import structlog

from engine import metrics, tracing
from engine.errors import FrontrowError
from engine.logs import REQUEST_ID

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

C = TypeVar("C")
R = TypeVar("R")
#: A command, the future that carries its result, and whose request it is.
_Entry: TypeAlias = tuple[C, asyncio.Future[R], bytes]
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
        self._waiting: deque[_Entry[C, R]] = deque()
        self._task: asyncio.Task[None] | None = None
        #: Where traces are made: the span in which a command was submitted.
        self._spans: dict[asyncio.Future[R], SpanContext] = {}
        self._observe = metrics.BATCH_SIZE.labels(name).observe

    def submit(self, command: C) -> "asyncio.Future[R]":
        """Queue a command; the future carries its own result. Cancelling it does not undo the command."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        if tracing.is_on():
            self._spans[future] = tracing.here()
        ids = REQUEST_ID.get()
        self._waiting.append((command, future, ids if isinstance(ids, bytes) else b""))
        if self._task is None or self._task.done():
            # In a context of its own: a batch is not the request's that happened to come first.
            self._task = asyncio.create_task(
                self._run(), name=f"batch:{self._name}", context=Context()
            )
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
            if tracing.is_on():
                links = [self._spans.pop(future) for _, future, _ in batch if future in self._spans]
                with tracing.span(f"batch {self._name}", links=links):
                    await self._serve(batch)
            else:
                await self._serve(batch)

    def _take(self) -> list[_Entry[C, R]]:
        """The longest run of waiting commands without a conflict; the rest keep their order."""
        if self._conflicts is None:
            size = min(len(self._waiting), self._size_max)
            return [self._waiting.popleft() for _ in range(size)]
        taken: list[_Entry[C, R]] = []
        later: list[_Entry[C, R]] = []
        touched: set[Hashable] = set()
        while self._waiting and len(taken) < self._size_max:
            entry = self._waiting.popleft()
            keys = set(self._conflicts(entry[0]))
            # A deferred command's keys count too: what came after it must not overtake it.
            (later if keys & touched else taken).append(entry)
            touched |= keys
        self._waiting.extendleft(reversed(later))
        return taken

    async def _serve(self, batch: list[_Entry[C, R]]) -> None:
        REQUEST_ID.set(tuple([entry[2] for entry in batch]) if len(batch) > 1 else batch[0][2])
        try:
            results = await self._answers([entry[0] for entry in batch])
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
            for _, future, _ in batch:
                if not future.done():
                    future.set_exception(error)
            raise
        for (_, future, _), result in zip(batch, results, strict=True):
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
