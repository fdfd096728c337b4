"""The gateway's copy of an event: watchers get what happened, whatever got lost."""

import contextlib
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.model import Money
from engine.live.prices import Price
from engine.live.reading import Snapshot
from seatmap import replica as replica_module
from seatmap.feed import BadPayloadError, ChangeSet, Note, parse_payload
from seatmap.protocol import (
    DeltaFrame,
    Frame,
    MapState,
    MessageFrame,
    SnapshotFrame,
    apply,
)
from seatmap.replica import Doubt, Position, Replica

EVENT = "01920000-0000-7000-8000-000000000001"


def snapshot(seq: int = 0, states: bytes = b"00000000", **other: object) -> Snapshot:
    read = Snapshot(
        event_id=EVENT,
        epoch=1,
        seq=seq,
        status="on_sale",
        states=states,
        areas={0: 412},
        prices=[Price(0, "Stalls", Money(15000, "EUR"))],
    )
    return msgspec.structs.replace(read, **other)


def change(seq: int, *seats: tuple[int, int], epoch: int = 1, areas: tuple = ()) -> ChangeSet:  # type: ignore[type-arg]
    return ChangeSet(epoch, seq, 1_000 + seq, list(seats), list(areas))


def bodies(frames: Iterable[Frame]) -> list[object]:
    return [msgspec.json.decode(f.body) for f in frames if isinstance(f, MessageFrame)]


def follow(state: MapState | None, frames: Iterable[Frame]) -> MapState | None:
    for frame in frames:
        state = apply(state, frame)
    return state


def test_a_tick_is_one_delta_with_the_last_state_of_each_seat() -> None:
    copy = Replica(snapshot())
    for item in (change(1, (3, 1), (5, 1)), change(2, (3, 2)), change(3, (5, 0))):
        assert copy.take(item) is None
    frames, oldest_ms = copy.commit(9_000)
    assert frames == [DeltaFrame(1, 0, 3, 9_000, ((3, 2),))]
    assert oldest_ms == 1_001
    assert not copy.dirty


def test_presence_is_sent_when_the_shown_figure_changes() -> None:
    copy = Replica(snapshot(), watching=7)
    assert bodies(copy.greeting(None, 1))[-1] == {"type": "presence", "watching": 7}
    copy.watched_by(7)
    assert copy.commit(1)[0] == []
    copy.watched_by(8)
    copy.watched_by(1_204)
    assert copy.dirty
    assert bodies(copy.commit(2)[0]) == [{"type": "presence", "watching": 1_200}]
    copy.watched_by(1_196)
    assert copy.commit(3)[0] == []


@pytest.mark.parametrize(
    ("watching", "shown"),
    [(0, 0), (999, 999), (1_004, 1_000), (1_005, 1_010), (9_996, 10_000), (1_234_567, 1_230_000)],
)
def test_large_figures_of_presence_are_rounded(watching: int, shown: int) -> None:
    assert replica_module.shown_figure(watching) == shown


def test_an_invisible_change_still_advances_seq() -> None:
    copy = Replica(snapshot(states=b"01000000"))
    copy.take(change(1, (1, 1)))
    assert copy.commit(9_000)[0] == [DeltaFrame(1, 0, 1, 9_000, ())]


def test_areas_are_coalesced_and_messages_forwarded_unchanged() -> None:
    copy = Replica(snapshot())
    copy.take(change(1, areas=((0, 400),)))
    copy.take(change(2, areas=((0, 399), (1, 7))))
    copy.take(Note({"type": "notice", "text": "hi"}, b'{"type": "notice",  "text":"hi"}'))
    frames, _ = copy.commit(9_000)
    assert frames[0] == DeltaFrame(1, 0, 2, 9_000, ())
    assert bodies(frames)[0] == {
        "type": "areas",
        "areas": {"0": {"available": 399}, "1": {"available": 7}},
    }
    assert frames[2] == MessageFrame(1, b'{"type": "notice",  "text":"hi"}')


def test_a_greeting_has_all_present_state() -> None:
    copy = Replica(snapshot(seq=4))
    copy.take(Note({"type": "event", "status": "paused"}, b'{"type":"event","status":"paused"}'))
    frames = copy.greeting(None, 9_000)
    assert frames[0] == SnapshotFrame(1, 4, b"00000000")
    assert bodies(frames) == [
        {"type": "areas", "areas": {"0": {"available": 412}}},
        {
            "type": "prices",
            "prices": [
                {
                    "category_no": 0,
                    "category": "Stalls",
                    "price": {"amount": 15000, "currency": "EUR"},
                }
            ],
        },
        {"type": "event", "status": "paused"},
        {"type": "presence", "watching": 1},
    ]


def test_a_snapshot_never_shows_changes_before_their_broadcast() -> None:
    copy = Replica(snapshot())
    copy.take(change(1, (2, 1)))
    assert copy.greeting(None, 9_000)[0] == SnapshotFrame(1, 0, b"00000000")


@pytest.mark.parametrize(
    ("item", "doubt"),
    [
        (change(2), Doubt.GAP),
        (change(1, epoch=2), Doubt.EPOCH),
        (change(0, epoch=2), Doubt.EPOCH),
        (change(9, epoch=0), None),
        (change(1, (8, 1)), Doubt.MALFORMED),
        (change(1, (-1, 1)), Doubt.MALFORMED),
    ],
)
def test_each_inconsistency_raises_its_doubt(item: ChangeSet, doubt: Doubt | None) -> None:
    copy = Replica(snapshot())
    assert copy.take(item) == doubt
    assert not copy.dirty


def test_a_change_within_the_snapshot_may_arrive_late_but_not_twice() -> None:
    copy = Replica(snapshot(seq=5))
    assert copy.take(change(4, (1, 1))) is None
    assert copy.take(change(5, (1, 1))) is None
    assert not copy.dirty
    assert copy.take(change(6, (1, 1))) is None
    assert copy.take(change(3, (1, 0))) == Doubt.WENT_BACK


def test_too_many_messages_are_a_doubt_and_no_memory_leak() -> None:
    copy = Replica(snapshot())
    note = Note({"type": "notice"}, b'{"type":"notice"}')
    doubts = [copy.take(note) for _ in range(replica_module.NOTES_MAX + 1)]
    assert doubts[-1] == Doubt.OVERFLOW


def test_adopting_a_snapshot_broadcasts_only_the_difference() -> None:
    copy = Replica(snapshot(seq=3, states=b"00000001"))
    copy.take(change(4, (0, 1)))
    read = snapshot(seq=9, states=b"20000000", areas={0: 5}, status="paused")
    frames = copy.adopt(read, 9_000)
    assert frames[0] == DeltaFrame(1, 3, 9, 9_000, ((0, 2), (7, 0)))
    assert bodies(frames) == [
        {"type": "areas", "areas": {"0": {"available": 5}}},
        {"type": "event", "status": "paused"},
    ]
    assert copy.adopt(read, 9_000) == []
    assert not copy.dirty


@pytest.mark.parametrize(
    "read",
    [
        snapshot(seq=0, epoch=2, states=b"10000000"),
        snapshot(seq=2, states=b"10000000"),
        snapshot(seq=9, states=b"1000"),
    ],
    ids=["new epoch", "seq went back", "another size"],
)
def test_a_discontinuous_snapshot_is_sent_to_all(read: Snapshot) -> None:
    copy = Replica(snapshot(seq=3))
    copy.take(change(4, (0, 1)))
    copy.commit(8_000)
    assert copy.adopt(read, 9_000) == [SnapshotFrame(read.epoch, read.seq, read.states)]
    assert not copy.resumable(Position(1, 3))
    assert copy.resumable(Position(read.epoch, read.seq))


def test_resuming_sends_exactly_the_missed_changes() -> None:
    copy = Replica(snapshot(seq=3))
    for seq, seat in ((4, (0, 1)), (5, (1, 1)), (6, (0, 2)), (7, (2, 1))):
        copy.take(change(seq, seat))
        if seq != 6:
            copy.commit(8_000)
    assert copy.greeting(Position(1, 5), 9_000)[0] == DeltaFrame(1, 5, 7, 9_000, ((0, 2), (2, 1)))
    # In the middle of a tick: a snapshot fetched over HTTP may have any position.
    assert copy.greeting(Position(1, 6), 9_000)[0] == DeltaFrame(1, 6, 7, 9_000, ((0, 2), (2, 1)))
    assert not any(isinstance(f, DeltaFrame) for f in copy.greeting(Position(1, 7), 9_000))
    assert [copy.resumable(Position(1, seq)) for seq in (2, 3, 7, 8)] == [False, True, True, False]
    assert not copy.resumable(Position(2, 5))


def test_the_history_for_resuming_is_bounded() -> None:
    copy = Replica(snapshot())
    for seq in range(1, 3 * replica_module.RING_FRAMES):
        copy.take(change(seq, (seq % 8, seq % 4)))
        copy.commit(9_000)
    assert not copy.resumable(Position(1, 0))
    assert copy.resumable(Position(1, copy.seq - replica_module.RING_FRAMES))
    assert not copy.resumable(Position(1, copy.seq - replica_module.RING_FRAMES - 1))


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("change"),
            st.dictionaries(st.integers(0, 7), st.integers(0, 3), max_size=4),
        ),
        st.tuples(st.just("commit"), st.none()),
        st.tuples(st.just("lose"), st.dictionaries(st.integers(0, 7), st.integers(0, 3))),
        st.tuples(st.just("rebuild"), st.none()),
        st.tuples(st.just("return"), st.integers(0, 30)),
    ),
    max_size=40,
)


@given(steps)
def test_every_watcher_ends_with_the_true_map(history: list[tuple[str, object]]) -> None:
    """One watcher from the start, one that keeps leaving and returning, against the truth."""
    truth = snapshot()
    copy = Replica(truth)
    faithful = follow(None, copy.greeting(None, 0))
    absent = faithful
    for step, what in history:
        frames: list[Frame] = []
        match step:
            case "change" | "lose":
                assert isinstance(what, dict)
                truth = _changed(truth, what)
                if step == "change":
                    heard = ChangeSet(truth.epoch, truth.seq, 0, list(what.items()), [])
                    doubt = copy.take(heard)
                    if doubt is not None:
                        frames = copy.adopt(truth, 0)
            case "rebuild":
                truth = msgspec.structs.replace(truth, epoch=truth.epoch + 1, seq=0)
                assert copy.take(ChangeSet(truth.epoch, 0, 0, [], [])) == Doubt.EPOCH
                frames = copy.adopt(truth, 0)
            case "commit":
                frames, _ = copy.commit(0)
            case "return":
                assert absent is not None
                position: Position | None = Position(absent.epoch, absent.seq)
                if not copy.resumable(Position(absent.epoch, absent.seq)):
                    position = None
                absent = follow(absent, copy.greeting(position, 0))
                assert absent == MapState(copy.epoch, copy.seq, bytes(copy.states))
        faithful = follow(faithful, frames)
        assert faithful == MapState(copy.epoch, copy.seq, bytes(copy.states))
    faithful = follow(faithful, copy.adopt(truth, 0))
    assert faithful == MapState(truth.epoch, truth.seq, truth.states)


def _changed(truth: Snapshot, seats: dict[int, int]) -> Snapshot:
    states = bytearray(truth.states)
    for seat_no, state in seats.items():
        states[seat_no] = 48 + state
    return msgspec.structs.replace(truth, seq=truth.seq + 1, states=bytes(states))


def test_published_payloads_are_read_back() -> None:
    assert parse_payload(b"c|7|12|1690000000000|1:17,18;5:3;0:4|0:412,2:9") == ChangeSet(
        7, 12, 1690000000000, [(17, 1), (18, 1), (3, 1), (4, 0)], [(0, 412), (2, 9)]
    )
    assert parse_payload(b"c|7|0|5||") == ChangeSet(7, 0, 5, [], [])
    assert parse_payload(b'm|{"type":"notice","text":"a|b"}') == Note(
        {"type": "notice", "text": "a|b"}, b'{"type":"notice","text":"a|b"}'
    )


@given(st.binary(max_size=60))
@pytest.mark.parametrize("prefix", [b"", b"c|1|2|3|", b"m|"])
def test_any_other_payload_is_a_bad_payload(prefix: bytes, payload: bytes) -> None:
    with contextlib.suppress(BadPayloadError):
        parse_payload(prefix + payload)


@pytest.mark.parametrize(
    "payload",
    [b"", b"c|1|2|3|", b"x|1|2|3||", b"c|1|2|3|9:1|", b"c|a|2|3||", b"c|1|2|3|1:x|", b"m|[1]"],
)
def test_a_malformed_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(BadPayloadError):
        parse_payload(payload)
