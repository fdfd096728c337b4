"""Sends the buyers: an open loop. Everybody comes at the time given by the curve, served or not.

Every time is measured from the moment a request was *meant* to be sent: the arrival, or the last answer
plus the time to think. Waiting for a free connection, and lateness of this process, count. So a
stalling server is not measured less often because it stalls (coordinated omission).

A request uses a connection while it is under way; a thinking buyer has none. A connection that the
server closed while idle is opened again, as a browser does.
"""

import asyncio
import time
from array import array
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from loadtest.clients.framing import Broken, handshake, split
from loadtest.clients.http_client import Responses
from loadtest.rehearsal.buyers import Answer, Ask, Memory, Plan, Site, Visit, visit

#: Time limit for one answer, in s.
PATIENCE_S = 60.0
_NO_ANSWER = Answer(0, b"")


@dataclass
class Samples:
    """The requests of one step: when each was due (seconds from the opening), and its duration."""

    due_s: "array[float]" = field(default_factory=lambda: array("d"))
    took_s: "array[float]" = field(default_factory=lambda: array("d"))
    statuses: Counter[int] = field(default_factory=Counter)


@dataclass
class Record:
    """The record of all buyers, from outside. Seconds from the opening."""

    steps: dict[str, Samples] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    memories: list[Memory] = field(default_factory=list)
    #: When each receipt came, and for how many places.
    sold_s: list[tuple[float, int]] = field(default_factory=list)
    #: How late each request was sent: it waited for a connection, or this process was late.
    left_late_s: "array[float]" = field(default_factory=lambda: array("d"))
    arrived: int = 0
    ended: int = 0


@dataclass
class _Turn:
    """A request that is due or under way."""

    visit: Visit
    memory: Memory
    ask: Ask
    due: float
    sent: float = 0.0
    tries: int = 0


class _Connection(Responses):
    def __init__(self, crowd: "Crowd") -> None:
        super().__init__()
        self._crowd = crowd
        self.turn: _Turn | None = None

    def send(self, turn: _Turn) -> None:
        self.turn = turn
        self._transport.write(turn.ask.request)

    def abort(self) -> None:
        self._transport.abort()

    def on_response(self, status: int, body: bytes) -> None:
        turn, self.turn = self.turn, None
        if turn is not None:
            self._crowd.on_answer(self, turn, Answer(status, body))

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.on_lost(self)


class Crowd:
    """All buyers of one rehearsal, on at most ``connections`` HTTP connections."""

    def __init__(self, site: Site, *, api_port: int, live_port: int, connections: int) -> None:
        self.record = Record()
        self._site = site
        self._api_port, self._live_port = api_port, live_port
        self._connections_max = connections
        self._open = 0
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._waiting: deque[_Turn] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._emptied = asyncio.Event()
        self._all_came = False
        self._opened_at = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the opening."""
        return time.perf_counter() - self._opened_at

    async def serve(self, minds: Sequence[Plan]) -> Record:
        """Let everybody come; returns when the last one has left."""
        self._opened_at = time.perf_counter()
        impatience = asyncio.create_task(self._end_the_endless())
        try:
            for mind in minds:
                early_s = mind.arrives_s - self.elapsed_s
                if early_s > 0:
                    await asyncio.sleep(early_s)
                self._let_in(mind)
            self._all_came = True
            if self.record.ended < self.record.arrived:
                await self._emptied.wait()
        finally:
            impatience.cancel()
            for connection in (*self._idle, *self._busy):
                connection.abort()
        return self.record

    def _let_in(self, mind: Plan) -> None:
        memory = Memory()
        self.record.arrived += 1
        self.record.memories.append(memory)
        coming = visit(mind, self._site, memory)
        due = self._opened_at + mind.arrives_s
        self._queue(_Turn(coming, memory, next(coming), due))

    def _queue(self, turn: _Turn) -> None:
        if not turn.ask.request:
            self._spawn(self._go_live(turn))
            return
        self._waiting.append(turn)
        self._pair_up()

    def _pair_up(self) -> None:
        while self._waiting and self._idle:
            connection, turn = self._idle.pop(), self._waiting.popleft()
            turn.sent = time.perf_counter()
            self.record.left_late_s.append(turn.sent - turn.due)
            self._busy.add(connection)
            connection.send(turn)
        if self._waiting and self._open < self._connections_max:
            self._open += 1
            self._spawn(self._connect())

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: _Connection(self), "127.0.0.1", self._api_port
            )
        except OSError:
            # The request that waited longest gets the connection error; the others try themselves.
            self._open -= 1
            if self._waiting:
                self._go_on(self._waiting.popleft(), _NO_ANSWER)
            self._pair_up()
            return
        self._idle.append(connection)
        self._pair_up()

    def on_answer(self, connection: _Connection, turn: _Turn, answer: Answer) -> None:
        self._busy.discard(connection)
        self._idle.append(connection)
        self._go_on(turn, answer)
        self._pair_up()

    def on_lost(self, connection: _Connection) -> None:
        self._open -= 1
        self._busy.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        turn, connection.turn = connection.turn, None
        if turn is None:
            return
        turn.tries += 1
        if turn.tries == 1 and time.perf_counter() - turn.sent < PATIENCE_S:
            # Every request may safely be sent twice: holds have their id, bookings their key.
            self._queue(turn)
        else:
            self._go_on(turn, _NO_ANSWER)

    def _go_on(self, turn: _Turn, answer: Answer) -> None:
        now = time.perf_counter()
        step = self.record.steps.setdefault(turn.ask.step, Samples())
        step.due_s.append(turn.due - self._opened_at)
        step.took_s.append(now - turn.due)
        step.statuses[answer.status] += 1
        try:
            turn.ask = turn.visit.send(answer)
        except StopIteration as ending:
            self._leave(turn.memory, ending.value, now - self._opened_at)
            return
        except msgspec.DecodeError:
            # Something else than the API answered; the buyer is given up.
            self._leave(turn.memory, "failed", now - self._opened_at)
            return
        turn.due, turn.tries = now + turn.ask.after_s, 0
        if turn.ask.after_s:
            asyncio.get_running_loop().call_later(turn.ask.after_s, self._queue, turn)
        else:
            self._queue(turn)

    def _leave(self, memory: Memory, outcome: str, at_s: float) -> None:
        self.record.ended += 1
        self.record.outcomes[outcome] += 1
        if memory.receipt is not None:
            self.record.sold_s.append((at_s, memory.receipt.places))
        if self._all_came and self.record.ended == self.record.arrived:
            self._emptied.set()

    async def _end_the_endless(self) -> None:
        while True:
            await asyncio.sleep(1)
            since = time.perf_counter() - PATIENCE_S
            for connection in [c for c in self._busy if c.turn and c.turn.sent < since]:
                connection.abort()

    # The live connection

    async def _go_live(self, turn: _Turn) -> None:
        """Keep the connection until the whole map is there; then it is no longer needed."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                seen = await self._first_map()
        except (OSError, TimeoutError, Broken, EOFError):
            seen = False
        self._go_on(turn, Answer(101 if seen else 0, b""))

    async def _first_map(self) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._live_port)
        try:
            request, accept = handshake("localhost", f"/v1/live/{self._site.event_id}")
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101 ") or accept not in head:
                return False
            rest = b""
            while True:
                data = await reader.read(65_536)
                if not data:
                    return False
                frames, rest = split(rest + data)
                # A SNAPSHOT has kind 1; only a message may come before it.
                if any(payload[:1] == b"\1" for _, payload in frames):
                    return True
        finally:
            writer.close()


__all__ = ["Crowd", "Record", "Samples"]
