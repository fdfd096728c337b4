"""Group commit: commands that arrive while a batch is under way leave together in the next one.

There is no timer. A lone command costs one round trip; under load a batch grows to the commands that
came in during the last one, and the cost of a transaction (its round trip, its WAL flush) is shared.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import structlog

from engine.base import deadline, metrics, tracing
from engine.base.bulkhead import Bulkhead
from engine.base.errors import Contended, FrontrowError, OutcomeUnknown
from engine.base.logs import REQUEST_ID

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

C = TypeVar("C")
R = TypeVar("R")
log = structlog.get_logger(__name__)
#: How long an event's own lane waits for one of the event's places, in seconds.
_ROOM_WAIT_S: Final = 1.0


class _Entry(Generic[C, R]):
    """A command, the future that carries its result, and the request that it belongs to."""

    __slots__ = ("command", "due", "future", "ids", "is_taken", "is_withdrawn", "span")

    def __init__(self, command: C, future: "asyncio.Future[R]", ids: bytes) -> None:
        self.command = command
        self.future = future
        self.ids = ids
        #: The span in which the command was submitted; None without tracing.
        self.span: SpanContext | None = tracing.here() if tracing.is_on() else None
        self.is_taken = False
        self.is_withdrawn = False
        #: When the caller must have an answer, on ``time.monotonic``'s clock.
        self.due = deadline.due()

    def run_out(self) -> None:
        """Fail the caller's wait because time is over; a command that has not begun never will."""
        if self.future.done():
            return
        self.is_withdrawn = not self.is_taken
        self.future.set_exception(
            OutcomeUnknown("This is taking long on our side; ask again shortly for the result.")
            if self.is_taken
            else deadline.out_of_time()
        )

    def answered(self, result: "R | BaseException") -> None:
        if self.future.done():
            return  # the caller has gone
        if isinstance(result, BaseException):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


class Batcher(Generic[C, R]):
    """Gathers commands ``C`` for ``flush``, which returns one result (or exception) for each, in order.

    ``conflicts`` names what a command touches: two commands with a common key never share a batch, so
    ``flush`` need not arbitrate among its own members. When a whole batch fails for a reason that is
    not the store being away, its members are tried one by one, so that one bad command fails alone.

    With ``bulkhead`` and ``event_of`` a stuck event delays only itself: a batch that met a lock is split
    into lanes of one event each, which go on beside this one. An event whose lane meets the lock again is
    stuck: its members fail with Contended, and for a while its further commands take that lane.
    """

    def __init__(
        self,
        name: str,
        flush: Callable[[list[C]], Awaitable[Sequence[R | Exception]]],
        *,
        conflicts: Callable[[C], Iterable[Hashable]] | None = None,
        size_max: int = 256,
        linger_s: float = 0.0,
        bulkhead: Bulkhead | None = None,
        event_of: Callable[[C], str] | None = None,
    ) -> None:
        self._name = name
        self._flush = flush
        self._conflicts = conflicts
        self._size_max = size_max
        #: For work that no caller waits for: let more of it gather before a batch leaves.
        self._linger_s = linger_s
        self._waiting: deque[_Entry[C, R]] = deque()
        self._under_way: list[_Entry[C, R]] = []
        self._task: asyncio.Task[None] | None = None
        #: The earliest time at which a caller must have an answer, and the timer that is set for it.
        self._watched = math.inf
        self._alarm: asyncio.TimerHandle | None = None
        self._observe = metrics.BATCH_SIZE.labels(name).observe
        self._bulkhead = bulkhead
        self._event_of = event_of
        self._lanes: dict[str, Batcher[C, R]] = {}

    def submit(self, command: C) -> "asyncio.Future[R]":
        """Queue a command; the future carries its own result. Cancelling it does not undo the command."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        ids = REQUEST_ID.get()
        entry: _Entry[C, R] = _Entry(command, future, ids if isinstance(ids, bytes) else b"")
        if self._bulkhead is not None and (self._lanes or self._bulkhead.stuck):
            self._lane_for(command).queue(entry)
        else:
            self.queue(entry)
        return future

    def _lane_for(self, command: C) -> "Batcher[C, R]":
        """This lane, except for commands of an event that is stuck or is being tried alone."""
        assert self._bulkhead is not None
        assert self._event_of is not None
        event_id = self._event_of(command)
        if event_id in self._bulkhead.stuck:
            return self._lane(event_id)
        lane = self._lanes.get(event_id)
        if lane is not None and not lane.is_idle:
            return lane
        self._lanes.pop(event_id, None)
        return self

    def queue(self, entry: "_Entry[C, R]") -> None:
        self._waiting.append(entry)
        if entry.due < self._watched:
            self._watch(entry.due)
        if self._task is None or self._task.done():
            # In a context of its own: a batch does not belong to the request that happened to come first.
            self._task = asyncio.create_task(
                self._run(), name=f"batch:{self._name}", context=Context()
            )

    def _watch(self, due: float) -> None:
        # One timer for all: one for each would cost more than all the rest of a submit.
        if self._alarm is not None:
            self._alarm.cancel()
        self._watched = due
        left_s = max(0.0, due - time.monotonic())
        self._alarm = asyncio.get_running_loop().call_later(left_s, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._alarm, self._watched = None, math.inf
        now, nearest = time.monotonic(), math.inf
        for entry in (*self._waiting, *self._under_way):
            if entry.due <= now:
                entry.run_out()
            else:
                nearest = min(nearest, entry.due)
        if nearest < math.inf:
            self._watch(nearest)

    @property
    def is_idle(self) -> bool:
        return self._task is None or self._task.done()

    async def drain(self) -> None:
        """Wait until nothing is waiting or under way."""
        while not self.is_idle or self._lanes:
            if self._task is not None and not self._task.done():
                await asyncio.wait([self._task])
            for event_id, lane in list(self._lanes.items()):
                await lane.drain()
                self._lanes.pop(event_id, None)

    def _lane(self, event_id: str) -> "Batcher[C, R]":
        """The event's own lane."""
        lane = self._lanes.get(event_id)
        if lane is None:
            for other in [e for e, lane in self._lanes.items() if lane.is_idle]:
                del self._lanes[other]
            flush = partial(self._flush_in_room, event_id)
            lane = Batcher(self._name, flush, conflicts=self._conflicts, size_max=self._size_max)
            self._lanes[event_id] = lane
        return lane

    async def _flush_in_room(self, event_id: str, commands: list[C]) -> Sequence[R | Exception]:
        assert self._bulkhead is not None
        async with self._bulkhead.room(event_id, _ROOM_WAIT_S):
            return await self._flush(commands)

    async def _run(self) -> None:
        while self._waiting:
            if self._linger_s:
                await asyncio.sleep(self._linger_s)
            batch = self._under_way = self._take()
            if not batch:
                continue
            self._observe(len(batch))
            if tracing.is_on():
                links = [entry.span for entry in batch if entry.span is not None]
                with tracing.span(f"batch {self._name}", links=links):
                    await self._serve(batch)
            else:
                await self._serve(batch)
            self._under_way = []

    def _take(self) -> "list[_Entry[C, R]]":
        """The longest run of waiting commands without a conflict; the rest keep their order."""
        taken: list[_Entry[C, R]] = []
        later: list[_Entry[C, R]] = []
        touched: set[Hashable] = set()
        while self._waiting and len(taken) < self._size_max:
            entry = self._waiting.popleft()
            if entry.is_withdrawn:
                continue
            if self._conflicts is not None:
                keys = set(self._conflicts(entry.command))
                # A deferred command's keys count too: later commands must not overtake it.
                if keys & touched:
                    later.append(entry)
                    touched |= keys
                    continue
                touched |= keys
            entry.is_taken = True
            taken.append(entry)
        self._waiting.extendleft(reversed(later))
        return taken

    async def _serve(self, batch: "list[_Entry[C, R]]") -> None:
        REQUEST_ID.set(tuple([entry.ids for entry in batch]) if len(batch) > 1 else batch[0].ids)
        results: Sequence[R | BaseException]
        try:
            results = await self._answers([entry.command for entry in batch])
        except FrontrowError as error:
            if isinstance(error, Contended) and self._split(batch, error):
                return
            results = [error] * len(batch)
        except Exception as error:
            if len(batch) > 1:
                log.exception("batch failed, trying its members alone", batch=self._name)
                for entry in batch:
                    await self._serve([entry])
                return
            results = [error]
        except BaseException as error:
            for entry in batch:
                entry.answered(error)
            raise
        for entry, result in zip(batch, results, strict=True):
            entry.answered(result)

    def _split(self, batch: "list[_Entry[C, R]]", error: Contended) -> bool:
        """A batch met a lock: let each event go on by itself. False: all its commands were of one event."""
        if self._bulkhead is None or self._event_of is None:
            return False
        events = {self._event_of(entry.command) for entry in batch}
        is_one = len(events) == 1
        if not is_one:
            for entry in batch:
                entry.is_taken = False
                self._lane(self._event_of(entry.command)).queue(entry)
        elif error.by_lock:
            self._bulkhead.mark(*events)
        if not is_one or error.by_lock:
            self._divert(events)
        return not is_one

    def _divert(self, events: set[str]) -> None:
        """Move commands that came meanwhile for these events: here they would meet the same lock among others."""
        assert self._event_of is not None
        waiting, self._waiting = self._waiting, deque()
        for entry in waiting:
            event_id = self._event_of(entry.command)
            (self._lane(event_id) if event_id in events else self).queue(entry)

    async def _answers(self, commands: list[C]) -> Sequence[R | Exception]:
        results = await self._flush(commands)
        if len(results) != len(commands):
            # It is not known which result is missing, and a future left alone is waited for for ever.
            raise RuntimeError(f"{len(results)} results for {len(commands)} commands")
        return results
