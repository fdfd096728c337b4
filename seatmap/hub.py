"""The hub: watchers by event, one copy per event, one frame per tick, the same bytes for everyone.

Each watched event has a keeper, a task that makes all writes to its watchers, one after another, so that no
watcher ever gets frames out of order::

    opening ──subscribed, snapshot read──► live ◄──difference broadcast──┐
       │                                     │                           │
       │ no such event, or stores away       └─gap, reconnect, epoch──► doubtful ─┐
       ▼                                                                    ▲     │ stores away:
     ended ◄── no watchers for a while ── live                              └─────┘ retry later

Subscribing comes before reading the snapshot: items published in between are held back and applied after it.
While an event is doubtful its watchers keep their maps; the snapshot is read again and the difference is
broadcast, so they notice nothing.

Apart from the keepers, one task asks every second how many people watch each event through all gateways; the
figure goes out with the event's next tick. Another task compares one event's copy with the stores at
intervals.
"""

import asyncio
import contextlib
import math
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import Literal, Protocol

import structlog
from msgspec import Struct

from engine.base.errors import FrontrowError, NotFound, Unavailable
from engine.base.invariants import Invariant
from engine.base.metrics import INVARIANT_VIOLATIONS
from engine.catalog.catalog import event_not_found
from engine.live.keys import feed_channel
from engine.live.messages import BeatMessage, encode
from engine.live.reading import Snapshot
from seatmap import metrics
from seatmap.fanout import SLICE_WATCHERS, Watcher, wire, write_to_all
from seatmap.feed import BadPayloadError, ChangeSet, Feed, Note, backoff_s, parse_payload
from seatmap.protocol import (
    CLOSE_INTERNAL,
    CLOSE_NOT_FOUND,
    CLOSE_TOO_SLOW,
    CLOSE_TRY_LATER,
    DeltaFrame,
    Encoding,
    Frame,
    MessageFrame,
    SnapshotFrame,
)
from seatmap.replica import Doubt, Position, Replica

log = structlog.get_logger()

#: Feed items held back while a snapshot is being read.
HELD_MAX = 10_000
#: Encoded greetings kept; they differ by the position of a returning watcher.
GREETINGS_MAX = 64
_OPEN_TIMEOUT_S = 10.0
_SNAPSHOT_TIMEOUT_S = 10.0
_RESYNC_INTERVAL_S = 0.1
_BEHIND_CHECK_S = 0.5
#: How long, in s, and for how many events a "does not exist" is cached.
_ABSENT_S = 5.0
_ABSENT_MAX = 10_000
#: The last report of watchers must not delay the process's end, in s.
_FAREWELL_S = 1.0

for _doubt in Doubt:
    metrics.RESYNCS.labels(_doubt.value)


class Pace(Struct, frozen=True, kw_only=True):
    """Intervals and time limits of a hub, all in seconds."""

    #: Changes within this time are one frame.
    tick_s: float = 0.05
    #: The tick never grows beyond this, however slow the broadcast.
    tick_max_s: float = 1.0
    #: The first change after a quiet time waits only this long for others.
    lead_s: float = 0.005
    #: A watcher whose buffer has not drained for this long is closed.
    drain_s: float = 10.0
    #: An event is kept this long after its last watcher left.
    linger_s: float = 10.0
    #: Watchers who were sent nothing for this long are sent a beat: the map is quiet, and still true.
    beat_s: float = 15.0
    #: How often the people who watch are counted.
    presence_s: float = 1.0
    #: How often one event's copy is compared with the stores, and how long a change may take to arrive.
    audit_s: float = 20.0
    arrival_s: float = 2.0

    def tick_after(self, took_s: float, lag_s: float) -> float:
        """The tick after a broadcast that took ``took_s`` and came ``lag_s`` late.

        At least half of the time is left for everything else.
        """
        return min(max(self.tick_s, 2 * took_s + lag_s), self.tick_max_s)


class SnapshotSource(Protocol):
    async def snapshot(self, event_id: str) -> Snapshot:
        """Raises NotFound for an unknown event, Unavailable when a store is away."""


class Healer(Protocol):
    async def distrust(self, event_id: str, cause: Literal["invariant"]) -> bool:
        """Rebuild the event's state, unless it was rebuilt just now. Raises NotFound, Unavailable."""


class Census(Protocol):
    async def report(self, event_id: str, watching: int) -> int:
        """Report how many watch here; returns how many watch through all gateways. Raises Unavailable."""


class Beat:
    """Notified after every step of a keeper, so that tests wait for a state instead of sleeping."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def fire(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def until(self, predicate: Callable[[], bool]) -> None:
        while not predicate():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            await future


class EventWatch:
    """One watched event: its copy, its watchers and its keeper. Listens to the event's feed."""

    def __init__(self, event_id: str, hub: "Hub") -> None:
        self.event_id = event_id
        self.replica: Replica | None = None
        self.failure: FrontrowError | None = None
        self._hub = hub
        self._pace = hub.pace
        self._loop = asyncio.get_running_loop()
        self._groups: dict[Encoding, set[Watcher]] = {encoding: set() for encoding in Encoding}
        self._asking: set[Watcher] = set()
        self._behind: set[Watcher] = set()
        self._greetings: dict[tuple[Encoding, Position | None], bytes] = {}
        self._doubt: Doubt | None = Doubt.OPENED
        self._held: list[ChangeSet | Note] = []
        self._subscribed = False
        #: Grows when a snapshot that is being read may already be too old.
        self._generation = 0
        self._retry_at = 0.0
        self._attempt = 0
        #: The shortest time between two broadcasts at present, in s.
        self.tick_s = self._pace.tick_s
        self._watching = 1
        self._resting_since = 0.0
        self._dirty_since: float | None = None
        self._flushed_at = 0.0
        self._written_at = 0.0
        self._arriving = 0
        self._idle_since: float | None = self._loop.time()
        self._ended = False
        self._stepping = False
        self._opened = asyncio.Event()
        self._wake = asyncio.Event()
        self.task = asyncio.create_task(self._keep(), name=f"keeper {event_id}")

    # Watchers

    @property
    def watcher_count(self) -> int:
        return sum(len(group) for group in self._groups.values())

    @property
    def present(self) -> int:
        """People who watch here, with those who are just connecting. A person's many tabs count once."""
        here = {watcher.person or watcher for group in self._groups.values() for watcher in group}
        return self._arriving + len(here)

    @property
    def quiet(self) -> bool:
        """The copy is in step with the stores as far as is known, and every watcher has it."""
        return (
            self.replica is not None
            and self._doubt is None
            and not self.replica.dirty
            and not self._asking
            and not self._stepping
        )

    async def join(self, watcher: Watcher, position: Position | None) -> None:
        """Bring ``watcher`` up to date and keep it up to date.

        Raises NotFound for an unknown event, Unavailable while its state cannot be read.
        """
        self._arriving += 1
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT_S):
                await self._opened.wait()
        except TimeoutError:
            raise Unavailable("the event's state cannot be read at the moment") from None
        finally:
            self._arriving -= 1
            self._note_idle()
        if self.failure is not None or self.replica is None:
            raise self.failure or Unavailable("the event's state cannot be read at the moment")
        if position is not None:
            outcome = "resumed" if self.replica.resumable(position) else "snapshot"
            metrics.RESUMES.labels(outcome).inc()
        watcher.watch = self
        self._groups[watcher.encoding].add(watcher)
        if self._idle_since is not None:
            # The first one: from now on there are beats.
            self._idle_since = None
            self._written_at = self._loop.time()
            self._wake.set()
        watcher.greet(self._greeting(self.replica, watcher.encoding, position))

    def leave(self, watcher: Watcher) -> None:
        for members in (*self._groups.values(), self._asking, self._behind):
            members.discard(watcher)
        watcher.watch = None
        self._note_idle()

    def ask(self, watcher: Watcher) -> None:
        """``watcher`` wants a fresh snapshot."""
        # Until the snapshot comes, deltas do not fit.
        watcher.set_ready(False)
        self._asking.add(watcher)
        self._wake.set()

    def falls_behind(self, watcher: Watcher) -> None:
        self._behind.add(watcher)
        self._wake.set()

    def catches_up(self, watcher: Watcher) -> None:
        self._behind.discard(watcher)
        if watcher.missed:
            metrics.CONFLATIONS.inc()
            self.ask(watcher)
        elif watcher not in self._asking:
            watcher.set_ready(True)

    async def count(self) -> None:
        """Report how many people watch here, and show how many watch in all."""
        try:
            self._watching = await self._hub.census.report(self.event_id, self.present)
        except Unavailable:
            return  # the figure stays
        if self.replica is not None:
            self.replica.watched_by(self._watching)
            if self.replica.dirty:
                self._due()

    async def audit(self) -> None:
        """Compare the copy, which all maps here are made from, with the stores: ``Invariant.MAPS_ARE_TRUE``.
        Differences are counted, logged and corrected. Raises Unavailable, NotFound.
        """
        generation = self._generation
        snapshot = await self._hub.source.snapshot(self.event_id)
        if self.replica is not None and self.replica.contradicts(snapshot):
            # The change may be on its way; a change that has not come by then is lost.
            await asyncio.sleep(self._pace.arrival_s)
        if self.replica is None or self._doubt is not None or not self._subscribed:
            return  # known, and about to be corrected
        if generation == self._generation and (what := self.replica.contradicts(snapshot)):
            broken = Invariant.MAPS_ARE_TRUE.value
            INVARIANT_VIOLATIONS.labels(str(broken)).inc()
            log.error("invariant violated", event_id=self.event_id, invariant=broken, what=what)
            self._suspect(Doubt.AUDIT)
            # The copy may be right and the stores wrong, or the reverse: after a rebuild both are the same.
            await self._hub.healer.distrust(self.event_id, "invariant")

    def close_all(self, code: int, reason: str) -> None:
        for group in self._groups.values():
            for watcher in list(group):
                watcher.close(code, reason)

    # The feed

    def subscribed(self) -> None:
        self._subscribed = True
        self._held.clear()
        self._generation += 1
        self._suspect(Doubt.OPENED if self.replica is None else Doubt.RECONNECTED)
        self._retry_at = 0.0

    def lost(self) -> None:
        self._subscribed = False
        self._hub.beat.fire()

    def received(self, payload: bytes) -> None:
        try:
            self._take(parse_payload(payload))
        except BadPayloadError as error:
            log.warning("feed payload not understood", event_id=self.event_id, error=str(error))
            self._suspect(Doubt.MALFORMED)

    def _take(self, item: ChangeSet | Note) -> None:
        if self.replica is None or self._doubt is not None:
            self._hold_back(item)
        elif doubt := self.replica.take(item):
            self._suspect(doubt)
            self._hold_back(item)
        else:
            self._due()

    def _due(self) -> None:
        if self._dirty_since is None:
            self._dirty_since = self._loop.time()
            self._wake.set()

    def _hold_back(self, item: ChangeSet | Note) -> None:
        if len(self._held) >= HELD_MAX:
            # A snapshot that is being read may be older than the items dropped here.
            self._held.clear()
            self._generation += 1
        self._held.append(item)

    def _suspect(self, doubt: Doubt) -> None:
        if self._doubt is None:
            self._doubt = doubt
        self._wake.set()

    # The keeper

    async def _keep(self) -> None:
        try:
            await self._hub.feed.subscribe(feed_channel(self.event_id), self)
            while not self._ended:
                await self._rest()
                self._wake.clear()
                self._stepping = True
                await self._step()
                self._stepping = False
                self._hub.beat.fire()
        except Exception:
            # A map that stands still unnoticed is worse than one that reconnects.
            log.exception("keeper failed", event_id=self.event_id)
            self._fail(Unavailable("the gateway failed; try again"), CLOSE_INTERNAL)
        finally:
            self._hub.forget(self)
            await self._hub.feed.unsubscribe(feed_channel(self.event_id), self)

    async def _step(self) -> None:
        if self.replica is not None and self._loop.time() >= self._flush_at():
            await self._flush(self.replica)
        if self._doubt is not None and self._loop.time() >= self._resync_at():
            await self._resync(self._doubt)
        if self.replica is not None and self._asking:
            await self._answer(self.replica)
        if self._loop.time() >= self._beat_at():
            await self._broadcast([MessageFrame(0, self._hub.beat_body)])
        self._drop_stuck()
        self._end_if_idle()

    async def _rest(self) -> None:
        """Wait until a step is due, or until something happens."""
        self._resting_since = self._loop.time()
        moment = self._next_moment()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(moment):
                await self._wake.wait()

    def _next_moment(self) -> float | None:
        moment = min(self._flush_at(), self._resync_at(), self._beat_at(), self._end_at())
        if self._behind:
            moment = min(moment, self._loop.time() + _BEHIND_CHECK_S)
        return None if moment == math.inf else moment

    # Flushing

    def _flush_at(self) -> float:
        if self._dirty_since is None:
            return math.inf
        return max(self._dirty_since + self._pace.lead_s, self._flushed_at + self.tick_s)

    async def _flush(self, replica: Replica) -> None:
        started = self._loop.time()
        # The keeper slept and was woken late: the event loop is overloaded.
        lag_s = started - max(self._flush_at(), self._resting_since)
        self._dirty_since = None
        self._flushed_at = started
        frames, oldest_ms = replica.commit(_now_ms())
        await self._broadcast(frames)
        self.tick_s = self._pace.tick_after(self._loop.time() - started, lag_s)
        if oldest_ms is not None:
            metrics.PROPAGATION_SECONDS.observe(max(0, _now_ms() - oldest_ms) / 1000)

    def _beat_at(self) -> float:
        # A map that may be wrong gets no beat: its watchers notice, and say so.
        if self._doubt is not None or not self._subscribed or not self.watcher_count:
            return math.inf
        return self._written_at + self._pace.beat_s

    async def _broadcast(self, frames: list[Frame]) -> None:
        self._greetings.clear()
        # A watcher that joins during the write has these changes already: the groups are those of this
        # moment.
        batches = [
            (tuple(group), wire(frames, encoding))
            for encoding, group in self._groups.items()
            if group and frames
        ]
        if not batches:
            return
        self._written_at = started = self._loop.time()
        for watchers, data in batches:
            _count(frames, data, await write_to_all(watchers, data))
        metrics.BROADCAST_SECONDS.observe(self._loop.time() - started)

    def _greeting(self, replica: Replica, encoding: Encoding, position: Position | None) -> bytes:
        if position is not None and not replica.resumable(position):
            position = None
        data = self._greetings.get((encoding, position))
        if data is None:
            data = wire(replica.greeting(position, _now_ms()), encoding)
            if len(self._greetings) >= GREETINGS_MAX:
                self._greetings.clear()
            self._greetings[encoding, position] = data
        metrics.SENT_BYTES.inc(len(data))
        metrics.FRAMES.labels("snapshot" if position is None else "delta").inc()
        return data

    async def _answer(self, replica: Replica) -> None:
        """Fresh snapshots for watchers that asked, or missed broadcasts."""
        asking, self._asking = self._asking, set()
        for number, watcher in enumerate(asking):
            if watcher.watch is self and watcher.behind_since is None:
                watcher.greet(self._greeting(replica, watcher.encoding, None))
            elif watcher.watch is self:
                watcher.missed = True
            if number % SLICE_WATCHERS == SLICE_WATCHERS - 1:
                await asyncio.sleep(0)

    # Resynchronising

    def _resync_at(self) -> float:
        # Without a subscription a snapshot would be outdated at once.
        return self._retry_at if self._doubt is not None and self._subscribed else math.inf

    async def _resync(self, doubt: Doubt) -> None:
        generation = self._generation
        try:
            async with asyncio.timeout(_SNAPSHOT_TIMEOUT_S):
                snapshot = await self._hub.source.snapshot(self.event_id)
                if self.replica is None:
                    # Waiting watchers are greeted with the figure.
                    await self.count()
        except NotFound as error:
            self._fail(error, CLOSE_NOT_FOUND)
            return
        except Exception as error:
            # On any error watchers keep their maps, and the next attempt may succeed.
            self._postpone(error)
            return
        self._retry_at = self._loop.time() + _RESYNC_INTERVAL_S
        if generation == self._generation:
            metrics.RESYNCS.labels(doubt.value).inc()
            await self._adopt(snapshot)

    async def _adopt(self, snapshot: Snapshot) -> None:
        frames: list[Frame] = []
        if self.replica is None:
            self.replica = Replica(snapshot, self._watching)
        else:
            frames = self.replica.adopt(snapshot, _now_ms())
        self._doubt = None
        self._attempt = 0
        self._dirty_since = self._loop.time() if self.replica.dirty else None
        held, self._held = self._held, []
        for item in held:
            self._take(item)
        self._opened.set()
        await self._broadcast(frames)

    def _postpone(self, error: Exception) -> None:
        self._retry_at = self._loop.time() + backoff_s(self._attempt)
        self._attempt += 1
        expected = isinstance(error, Unavailable | TimeoutError)
        log.warning(
            "event state not readable",
            event_id=self.event_id,
            error=repr(error),
            exc_info=not expected,
        )
        if self.replica is None:
            self._fail(
                Unavailable("the event's state cannot be read at the moment"), CLOSE_TRY_LATER
            )

    # Ending

    def _note_idle(self) -> None:
        if self._idle_since is None and not self._arriving and not self.watcher_count:
            self._idle_since = self._loop.time()
            self._wake.set()

    def _drop_stuck(self) -> None:
        now = self._loop.time()
        for watcher in list(self._behind):
            if watcher.behind_since is None or not watcher.open:
                self._behind.discard(watcher)
            elif now - watcher.behind_since >= self._pace.drain_s:
                self._behind.discard(watcher)
                watcher.close(CLOSE_TOO_SLOW, "too slow")

    def _end_at(self) -> float:
        if self._idle_since is None or self._arriving or self.watcher_count:
            return math.inf
        return self._idle_since + self._pace.linger_s

    def _end_if_idle(self) -> None:
        if self._loop.time() >= self._end_at():
            # Forgotten in the same step, or the next watcher would join a map that stands still.
            self._ended = True
            self._hub.forget(self)

    def _fail(self, failure: FrontrowError, code: int) -> None:
        """The event cannot be watched: refuse waiting watchers, close the others, end."""
        self.failure = failure
        self._ended = True
        self._hub.forget(self)
        if isinstance(failure, NotFound):
            self._hub.remember_absent(self.event_id)
        self._opened.set()
        self.close_all(code, failure.detail)


class Hub:
    """All events that are watched through this process."""

    def __init__(
        self,
        feed: Feed,
        source: SnapshotSource,
        healer: Healer,
        census: Census,
        pace: Pace | None = None,
    ) -> None:
        self.feed = feed
        self.source = source
        self.healer = healer
        self.census = census
        self.pace = pace or Pace()
        self.beat = Beat()
        self.beat_body = encode(BeatMessage(round(self.pace.beat_s * 1000)))
        self._watches: dict[str, EventWatch] = {}
        self._keepers: set[asyncio.Task[None]] = set()
        #: Events that do not exist, and until when that is cached; the oldest first.
        self._absent: dict[str, float] = {}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ends every keeper when the block ends; watchers are their owner's to close."""
        own = [
            asyncio.create_task(self._count_forever(), name="census"),
            asyncio.create_task(self._audit_forever(), name="audit"),
        ]
        try:
            yield
        finally:
            watched = list(self._watches)
            for task in (*own, *self._keepers):
                task.cancel()
            await asyncio.gather(*own, *self._keepers, return_exceptions=True)
            await self._leave_census(watched)

    async def join(self, event_id: str, watcher: Watcher, position: Position | None = None) -> None:
        """Raises NotFound for an unknown event, Unavailable while its state cannot be read."""
        watch = self._watches.get(event_id)
        if watch is None:
            if self._absent.get(event_id, 0.0) > asyncio.get_running_loop().time():
                raise event_not_found(event_id)
            if not self.feed.connected:
                raise Unavailable("the live feed is not connected at the moment")
            watch = self._open(event_id)
        await watch.join(watcher, position)

    def leave(self, watcher: Watcher) -> None:
        if watcher.watch is not None:
            watcher.watch.leave(watcher)

    def watch_of(self, event_id: str) -> EventWatch | None:
        return self._watches.get(event_id)

    async def settled(self, event_id: str) -> None:
        """Wait until the event's watchers have everything that this process knows."""
        await self.beat.until(
            lambda: (watch := self._watches.get(event_id)) is not None and watch.quiet
        )

    def forget(self, watch: EventWatch) -> None:
        """``watch`` accepts no watcher any more; the next one opens a new event."""
        if self._watches.get(watch.event_id) is watch:
            del self._watches[watch.event_id]
            metrics.WATCHED_EVENTS.set(len(self._watches))
            self.beat.fire()

    def remember_absent(self, event_id: str) -> None:
        """The stores are not asked again for a while: unknown clients may ask as often as they like."""
        self._absent.pop(event_id, None)
        self._absent[event_id] = asyncio.get_running_loop().time() + _ABSENT_S
        if len(self._absent) > _ABSENT_MAX:
            del self._absent[next(iter(self._absent))]

    async def _count_forever(self) -> None:
        while True:
            await asyncio.sleep(self.pace.presence_s)
            counts = (watch.count() for watch in list(self._watches.values()))
            for result in await asyncio.gather(*counts, return_exceptions=True):
                if isinstance(result, Exception):
                    log.error("watchers not counted", exc_info=result)

    async def _audit_forever(self) -> None:
        task = asyncio.current_task()
        # The Redis client may swallow a cancellation.
        while task is None or not task.cancelling():
            await asyncio.sleep(self.pace.audit_s)
            if not self._watches:
                continue
            watch = random.choice(list(self._watches.values()))  # noqa: S311 - no secret
            try:
                await watch.audit()
            except FrontrowError as error:
                log.debug("map not audited", event_id=watch.event_id, reason=error.detail)
            except Exception:
                log.exception("map not audited", event_id=watch.event_id)

    async def _leave_census(self, event_ids: list[str]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                farewells = (self.census.report(event_id, 0) for event_id in event_ids)
                # A gateway that does not report is left out after some seconds.
                await asyncio.gather(*farewells, return_exceptions=True)

    def _open(self, event_id: str) -> EventWatch:
        watch = self._watches[event_id] = EventWatch(event_id, self)
        self._keepers.add(watch.task)
        watch.task.add_done_callback(self._keepers.discard)
        metrics.WATCHED_EVENTS.set(len(self._watches))
        return watch


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _count(frames: list[Frame], data: bytes, written: int) -> None:
    metrics.SENT_BYTES.inc(len(data) * written)
    for frame in frames:
        match frame:
            case SnapshotFrame():
                kind = "snapshot"
            case DeltaFrame():
                kind = "delta"
            case _:
                kind = "message"
        metrics.FRAMES.labels(kind).inc(written)
