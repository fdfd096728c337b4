"""The gateway's own copy of one event: what its watchers see now, and what they will see next.

Pure: snapshots and feed items in, frames out. The copy always shows what was *last broadcast*;
changes since then wait in ``pending`` until ``commit`` turns them into one DELTA. So a watcher that joins at
any moment gets a snapshot that the next DELTA continues.
"""

from collections import deque
from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from engine.base.model import EventStatus
from engine.live.messages import EventMessage, PresenceMessage, PricesMessage, areas_message, body
from engine.live.reading import Snapshot
from seatmap.feed import ChangeSet, Note
from seatmap.protocol import DeltaFrame, Frame, MessageFrame, SnapshotFrame, message

#: Broadcasts a returning watcher may have missed and still resume.
RING_FRAMES = 1024
#: Seats the ring may name in all; four bytes and more each.
RING_SEATS_MIN = 4096
#: With more seats than this, and than a quarter of all, a SNAPSHOT is shorter than a DELTA.
RESUME_SEATS_MIN = 256
#: Messages kept for one tick; more can only come from a faulty publisher.
NOTES_MAX = 256
_DIFF_BLOCK = 1024
_DIGIT_ZERO = 48


class Doubt(StrEnum):
    """Why the copy may be wrong, so that the snapshot has to be read again."""

    OPENED = "opened"
    RECONNECTED = "reconnected"
    GAP = "gap"
    EPOCH = "epoch"
    WENT_BACK = "went_back"
    MALFORMED = "malformed"
    OVERFLOW = "overflow"
    AUDIT = "audit"


class Position(Struct, frozen=True):
    """The position of a returning watcher's map."""

    epoch: int
    seq: int


class _Broadcast(Struct, frozen=True):
    """A past DELTA in the ring: only the seats that it changed; the copy has their states."""

    from_seq: int
    to_seq: int
    seats: tuple[int, ...]


class Replica:
    def __init__(self, snapshot: Snapshot, watching: int = 1) -> None:
        self.epoch = snapshot.epoch
        #: Of the last broadcast; every watcher that is up to date has it.
        self.seq = snapshot.seq
        self.states = bytearray(snapshot.states)
        self.areas = dict(snapshot.areas)
        self.prices = body(PricesMessage(snapshot.prices))
        self.event = body(EventMessage(EventStatus(snapshot.status)))
        #: How many people watch, as shown (rounded).
        self.watching = shown_figure(watching)
        self._watching_changed = False
        #: Of the last change taken; ahead of ``seq`` while something is pending.
        self.pending_seq = snapshot.seq
        self._pending: dict[int, int] = {}
        self._pending_areas: dict[int, int] = {}
        self._notes: list[bytes] = []
        self._oldest_ms: int | None = None
        #: Of the last change received since the snapshot; the feed never repeats an item.
        self._heard_seq: int | None = None
        self._ring: deque[_Broadcast] = deque()
        self._ring_seats = 0

    @property
    def dirty(self) -> bool:
        return self.pending_seq != self.seq or bool(self._notes) or self._watching_changed

    def watched_by(self, watching: int) -> None:
        """Set how many people watch now; the next ``commit`` announces it if the shown figure changes."""
        shown = shown_figure(watching)
        self._watching_changed |= shown != self.watching
        self.watching = shown

    def take(self, item: ChangeSet | Note) -> Doubt | None:
        """Keep an item for the next ``commit``, or return why the copy cannot be trusted."""
        if isinstance(item, Note):
            return self._take_note(item)
        if item.epoch != self.epoch:
            # An older epoch is an echo from before the rebuild.
            return Doubt.EPOCH if item.epoch > self.epoch else None
        if item.seq > self.pending_seq + 1:
            return Doubt.GAP
        if item.seq <= self.pending_seq:
            # Changes that the snapshot includes may still arrive late, but only once.
            repeated = self._heard_seq is not None and item.seq <= self._heard_seq
            self._heard_seq = item.seq
            return Doubt.WENT_BACK if repeated else None
        return self._take_change(item)

    def commit(self, now_ms: int) -> tuple[list[Frame], int | None]:
        """Apply the pending changes. Returns the frames to broadcast, and the oldest change's time."""
        frames: list[Frame] = []
        if self.pending_seq != self.seq:
            changed = {
                seat_no: state
                for seat_no, state in self._pending.items()
                if self.states[seat_no] != _DIGIT_ZERO + state
            }
            frames.append(self._advance(self.pending_seq, changed, now_ms))
        if self._pending_areas:
            self.areas |= self._pending_areas
            frames.append(self._areas_message(self._pending_areas))
        frames += [MessageFrame(self.epoch, raw) for raw in self._notes]
        if self._watching_changed:
            frames.append(self._presence_message())
            self._watching_changed = False
        oldest_ms = self._oldest_ms
        self._forget_pending()
        self._notes = []
        return frames, oldest_ms

    def adopt(self, snapshot: Snapshot, now_ms: int) -> list[Frame]:
        """Become ``snapshot``: the frames that take every watcher from here to there.

        Notes still pending stay so; changes still pending are in the snapshot.
        """
        self._forget_pending()
        frames = self._adopt_seats(snapshot, now_ms)
        self.pending_seq = self.seq
        self._heard_seq = None
        if self.areas != snapshot.areas:
            self.areas = dict(snapshot.areas)
            frames.append(self._areas_message(self.areas))
        if self.prices != (prices := body(PricesMessage(snapshot.prices))):
            self.prices = prices
            frames.append(message(self.epoch, prices))
        if self.event["status"] != snapshot.status:
            self.event = body(EventMessage(EventStatus(snapshot.status)))
            frames.append(message(self.epoch, self.event))
        return frames

    def contradicts(self, snapshot: Snapshot) -> str | None:
        """Errors of the copy that ``snapshot`` shows, if everything published before it was read has come by
        now.
        """
        if snapshot.epoch < self.epoch:
            return None
        if (snapshot.epoch, snapshot.seq) > (self.epoch, self.pending_seq):
            return "a map has missed a change"
        is_same_moment = snapshot.seq == self.seq == self.pending_seq
        if is_same_moment and self.states != snapshot.states:
            return "a map shows wrong seat states"
        return None

    def resumable(self, position: Position) -> bool:
        """All changes after ``position`` are still known."""
        oldest = self._ring[0].from_seq if self._ring else self.seq
        return position.epoch == self.epoch and oldest <= position.seq <= self.seq

    def greeting(self, position: Position | None, now_ms: int) -> list[Frame]:
        """The frames that bring a watcher up to date: everything missed since a resumable ``position`` as one
        DELTA, or the SNAPSHOT; then areas, prices, event and presence.
        """
        frames: list[Frame] = []
        if position is None:
            frames.append(self._snapshot())
        elif position.seq != self.seq:
            frames.append(self._missed_since(position.seq, now_ms))
        frames.append(self._areas_message(self.areas))
        frames.append(message(self.epoch, self.prices))
        frames.append(message(self.epoch, self.event))
        frames.append(self._presence_message())
        return frames

    def _take_note(self, note: Note) -> Doubt | None:
        if len(self._notes) >= NOTES_MAX:
            return Doubt.OVERFLOW
        match note.body["type"]:
            case "prices":
                self.prices = note.body
            case "event":
                self.event |= note.body
        self._notes.append(note.raw)
        return None

    def _take_change(self, change: ChangeSet) -> Doubt | None:
        count = len(self.states)
        if any(not 0 <= seat_no < count for seat_no, _ in change.seats):
            return Doubt.MALFORMED
        self._pending.update(change.seats)
        self._pending_areas.update(change.areas)
        self.pending_seq = self._heard_seq = change.seq
        if self._oldest_ms is None:
            self._oldest_ms = change.time_ms
        return None

    def _forget_pending(self) -> None:
        self._pending = {}
        self._pending_areas = {}
        self._oldest_ms = None

    def _advance(self, seq: int, changed: dict[int, int], now_ms: int) -> DeltaFrame:
        seats = tuple(sorted(changed.items()))
        for seat_no, state in seats:
            self.states[seat_no] = _DIGIT_ZERO + state
        frame = DeltaFrame(self.epoch, self.seq, seq, now_ms, seats)
        self._remember(_Broadcast(self.seq, seq, tuple(changed)))
        self.seq = seq
        return frame

    def _remember(self, broadcast: _Broadcast) -> None:
        self._ring.append(broadcast)
        self._ring_seats += len(broadcast.seats)
        seats_max = max(RING_SEATS_MIN, len(self.states))
        while len(self._ring) > RING_FRAMES or self._ring_seats > seats_max:
            self._ring_seats -= len(self._ring.popleft().seats)

    def _forget_ring(self) -> None:
        self._ring.clear()
        self._ring_seats = 0

    def _adopt_seats(self, snapshot: Snapshot, now_ms: int) -> list[Frame]:
        continues = (
            snapshot.epoch == self.epoch
            and snapshot.seq >= self.seq
            and len(snapshot.states) == len(self.states)
        )
        if not continues:
            self.epoch, self.seq = snapshot.epoch, snapshot.seq
            self.states = bytearray(snapshot.states)
            self._forget_ring()
            return [self._snapshot()]
        changed = dict(_differences(bytes(self.states), snapshot.states))
        if snapshot.seq == self.seq:
            if not changed:
                return []
            # The same seq with other seats: no watcher may resume across that.
            self._forget_ring()
            frame = self._advance(snapshot.seq, changed, now_ms)
            self._forget_ring()
            return [frame]
        return [self._advance(snapshot.seq, changed, now_ms)]

    def _missed_since(self, seq: int, now_ms: int) -> Frame:
        missed: set[int] = set()
        for broadcast in reversed(self._ring):
            if broadcast.to_seq <= seq:
                break
            missed.update(broadcast.seats)
        if len(missed) > max(RESUME_SEATS_MIN, len(self.states) // 4):
            return self._snapshot()
        seats = tuple((seat_no, self.states[seat_no] - _DIGIT_ZERO) for seat_no in sorted(missed))
        return DeltaFrame(self.epoch, seq, self.seq, now_ms, seats)

    def _snapshot(self) -> SnapshotFrame:
        return SnapshotFrame(self.epoch, self.seq, bytes(self.states))

    def _areas_message(self, areas: dict[int, int]) -> MessageFrame:
        return message(self.epoch, areas_message(areas))

    def _presence_message(self) -> MessageFrame:
        return message(self.epoch, PresenceMessage(self.watching))


def shown_figure(watching: int) -> int:
    """Exact below 1,000, three significant digits above, so that a large figure does not flicker."""
    unit: int = 10 ** max(0, len(str(watching)) - 3)
    return (watching + unit // 2) // unit * unit


def _differences(old: bytes, new: bytes) -> Iterator[tuple[int, int]]:
    """Seats whose digits differ, with the new state. Equal blocks are skipped at C speed."""
    for start in range(0, len(old), _DIFF_BLOCK):
        block = new[start : start + _DIFF_BLOCK]
        if old[start : start + _DIFF_BLOCK] != block:
            for offset, digit in enumerate(block):
                if old[start + offset] != digit:
                    yield start + offset, digit - _DIGIT_ZERO
