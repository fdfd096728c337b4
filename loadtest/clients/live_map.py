"""One watcher's map, and the faults of its frames. Pure: frames in, faults out.

A gateway may gather any number of changes in one DELTA, so a seat may go from any state to any other;
but a DELTA names only seats that have changed, each change takes its step of ``seq``, and nothing
goes back.
"""

from collections.abc import Iterator
from functools import lru_cache

from seatmap.protocol import (
    DeltaFrame,
    Frame,
    MapState,
    OutOfStep,
    SnapshotFrame,
    apply,
    decode,
    decode_json,
)

FREE, HELD, SOLD, CLOSED = range(4)
_DIGIT_ZERO = 48
#: Impossible changes: nobody buys a seat that is not for sale, nor blocks one that is sold.
STEPS_MIN = {(CLOSED, SOLD): 2, (SOLD, CLOSED): 2}

# A broadcast is the same bytes for all, and most maps are equal: each is computed once per process.
decoded = lru_cache(maxsize=256)(decode)
_applied = lru_cache(maxsize=256)(apply)


class LiveMap:
    """The map on a client's screen. After an OutOfStep it ignores DELTAs until a SNAPSHOT comes."""

    def __init__(self) -> None:
        self.state: MapState | None = None
        #: A snapshot is awaited: the map is wrong, or not there yet.
        self.lost = True
        #: A DELTA that comes first on a connection repeats missed seats, changed or not.
        self._resuming = False

    @property
    def position(self) -> tuple[int, int] | None:
        """``(epoch, seq)``; None without a map."""
        return None if self.state is None else (self.state.epoch, self.state.seq)

    @property
    def is_lacking(self) -> tuple[bool, bool]:
        """Whether no seat is free; whether none is held either, so that all are sold."""
        if self.state is None:
            return False, False
        none_free = b"0" not in self.state.states
        return none_free, none_free and b"1" not in self.state.states

    def reconnected(self) -> None:
        """A new connection, opened with this map's position."""
        self._resuming = not self.lost

    def take(self, frame: Frame) -> list[str]:
        """Apply a frame. Returns its faults, as fixed texts."""
        faults: list[str] = []
        if isinstance(frame, SnapshotFrame):
            faults = list(_snapshot_faults(self.state, frame))
            self.state, self.lost = _applied(None, frame), False
        elif isinstance(frame, DeltaFrame) and not self.lost:
            faults = self._take_delta(frame)
        self._resuming = False
        return faults

    def _take_delta(self, delta: DeltaFrame) -> list[str]:
        old = self.state
        try:
            self.state = _applied(old, delta)
        except OutOfStep:
            self.lost = True
            return ["a delta does not continue the map"]
        assert old is not None
        return list(_delta_faults(old, delta, resuming=self._resuming))


class StrictMap(LiveMap):
    """The map of a client that accepts no fault, in either encoding.

    ``any_change``: seats may change as no sale would change them, because a test invents the changes;
    a frame that does not continue the map is still a fault.
    """

    def __init__(self, *, any_change: bool = False) -> None:
        super().__init__()
        self._any_change = any_change

    def read(self, data: bytes | str) -> Frame:
        """Apply a message of the gateway. Raises WrongFrame."""
        frame = decoded(data) if isinstance(data, bytes) else decode_json(data)
        faults = self.take(frame)
        if faults and (self.lost or not self._any_change):
            raise WrongFrame(f"{'; '.join(faults)}: {frame!r:.200}")
        return frame


class WrongFrame(Exception):
    """The gateway sent a frame that the protocol forbids."""


def _snapshot_faults(old: MapState | None, frame: SnapshotFrame) -> Iterator[str]:
    if old is not None and len(old.states) != len(frame.states):
        yield "a snapshot has another number of seats"
    if old is not None and (frame.epoch, frame.seq) < (old.epoch, old.seq):
        yield "a snapshot is older than the map"


def _delta_faults(old: MapState, delta: DeltaFrame, *, resuming: bool) -> Iterator[str]:
    steps = delta.to_seq - delta.from_seq
    if steps < 0:
        yield "a delta goes back"
    if steps == 0 and delta.seats:
        yield "seats change though nothing has happened"
    for seat_no, state in delta.seats:
        before = old.states[seat_no] - _DIGIT_ZERO
        if before == state and not resuming:
            yield "a delta names a seat that did not change"
        if steps < STEPS_MIN.get((before, state), 0):
            yield "a seat goes where one change cannot take it"


def same_position_faults(shown: MapState, truth: MapState) -> list[str]:
    """Faults of a map compared with another one at the same position."""
    if shown.states == truth.states:
        return []
    seats = [
        n
        for n, both in enumerate(zip(shown.states, truth.states, strict=False))
        if both[0] != both[1]
    ]
    return [f"the map is not the API's: {len(seats)} seats differ"]
