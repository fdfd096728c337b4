"""The live protocol: exact bytes, round trips, and snapshot + deltas = fresh snapshot."""

import base64
import contextlib
import json
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.live.snapshot_frame import pack_states
from seatmap.protocol import (
    DeltaFrame,
    Frame,
    MapState,
    MessageFrame,
    OutOfStep,
    ProtocolError,
    SnapshotFrame,
    apply,
    decode,
    decode_json,
    encode,
    encode_json,
    message,
    unpack_states,
)
from tests.support.protocol_vectors import random_histories, refused_frames

u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
digits = st.lists(st.sampled_from(b"0123"), max_size=300).map(bytes)
seats = st.dictionaries(st.integers(0, 999_999), st.integers(0, 3), max_size=60).map(
    lambda chosen: tuple(sorted(chosen.items()))
)
frames = st.one_of(
    st.builds(SnapshotFrame, u32, u64, digits),
    st.builds(DeltaFrame, u32, u64, u64, u64, seats),
    st.builds(
        lambda epoch, text: message(epoch, {"type": "notice", "text": text}),
        u32,
        st.text(max_size=40),
    ),
)


def test_snapshot_bytes_are_as_published() -> None:
    frame = SnapshotFrame(epoch=0x01020304, seq=5, states=b"01230")
    assert encode(frame) == bytes.fromhex(
        "01 00 0000 04030201  0500000000000000 05000000  e4 00".replace(" ", "")
    )


def test_delta_bytes_are_as_published() -> None:
    # Gaps 0, 3 and 130: (0 << 2) | 1, (3 << 2) | 2, and (130 << 2) | 3 in two bytes.
    frame = DeltaFrame(7, 8, 9, 10, ((0, 1), (3, 2), (133, 3)))
    assert encode(frame) == bytes.fromhex(
        "02 00 0000 07000000  0800000000000000 0900000000000000 0a00000000000000"
        "  01 0e 8b04".replace(" ", "")
    )


def test_message_bytes_are_as_published() -> None:
    body = b'{"type":"areas","areas":{"0":{"available":412}}}'
    assert encode(MessageFrame(1, body)) == b"\x03\0\0\0\x01\0\0\0" + body


def test_json_twins_are_as_published() -> None:
    assert json.loads(encode_json(SnapshotFrame(1, 2, b"0012"))) == {
        "kind": "snapshot",
        "epoch": 1,
        "seq": 2,
        "seat_count": 4,
        "states": "0012",
    }
    assert json.loads(encode_json(DeltaFrame(1, 2, 3, 4, ((17, 1),)))) == {
        "kind": "delta",
        "epoch": 1,
        "from_seq": 2,
        "to_seq": 3,
        "server_time_ms": 4,
        "seats": [[17, 1]],
    }
    assert json.loads(encode_json(message(1, {"type": "event", "status": "paused"}))) == {
        "kind": "message",
        "type": "event",
        "status": "paused",
    }


def test_only_the_seats_are_compressed_and_only_when_it_pays() -> None:
    frame = SnapshotFrame(1, 2, b"0" * 20_000)
    data = encode(frame)
    assert data[1] == 1
    assert len(data) < 100
    assert zlib.decompress(data[20:]) == bytes(5_000)
    assert decode(data) == frame
    assert encode(SnapshotFrame(1, 2, b"0" * 20))[1] == 0


@given(digits)
def test_packed_states_are_read_back(states: bytes) -> None:
    packed = pack_states(states)
    assert len(packed) == (len(states) + 3) // 4
    assert unpack_states(packed, len(states)) == states
    for seat_no, digit in enumerate(states):
        assert packed[seat_no // 4] >> (2 * (seat_no % 4)) & 3 == digit - 48


@given(frames)
def test_binary_frames_are_read_back(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


@given(frames)
def test_json_frames_are_read_back(frame: Frame) -> None:
    read = decode_json(encode_json(frame))
    if isinstance(frame, MessageFrame):
        assert isinstance(read, MessageFrame)
        assert msgspec.json.decode(read.body) == msgspec.json.decode(frame.body)
    else:
        assert read == frame


@given(st.binary(max_size=200))
def test_random_bytes_are_a_frame_or_a_protocol_error(data: bytes) -> None:
    for read in (decode, decode_json):
        with contextlib.suppress(ProtocolError):
            read(data)


@given(frames, st.integers(0, 400), st.binary(max_size=6))
def test_damaged_frames_are_a_frame_or_a_protocol_error(
    frame: Frame, place: int, damage: bytes
) -> None:
    for write, read in ((encode, decode), (encode_json, decode_json)):
        data = write(frame)
        with contextlib.suppress(ProtocolError):
            read(data[:place] + damage + data[place + len(damage) :])


@pytest.mark.parametrize("frame", refused_frames())
def test_an_invalid_binary_frame_is_refused(frame: str) -> None:
    with pytest.raises(ProtocolError):
        decode(base64.b64decode(frame))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"kind":"snapshot"}',
        '{"kind":"snapshot","epoch":1,"seq":2,"seat_count":3,"states":"01"}',
        '{"kind":"snapshot","epoch":1,"seq":2,"seat_count":2,"states":"04"}',
        '{"kind":"snapshot","epoch":-1,"seq":2,"seat_count":2,"states":"01"}',
        '{"kind":"snapshot","epoch":1,"seq":18446744073709551616,"seat_count":1,"states":"0"}',
        '{"kind":"delta","epoch":1,"from_seq":1,"to_seq":2,"server_time_ms":3,"seats":[[2,1],[1,1]]}',
        '{"kind":"delta","epoch":1,"from_seq":1,"to_seq":2,"server_time_ms":3,"seats":[[2,4]]}',
        '{"kind":"message"}',
        '{"kind":"message","type":7}',
        '{"kind":"surprise","type":"notice"}',
        "[" * 100_000,
    ],
)
def test_an_invalid_json_frame_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        decode_json(text)


def test_a_small_frame_cannot_inflate_without_bound() -> None:
    bomb = zlib.compress(bytes(50_000_000))
    head = encode(SnapshotFrame(1, 2, b"0" * 1_000))[:20]
    with pytest.raises(ProtocolError):
        decode(head + bomb)
    with pytest.raises(ProtocolError):
        decode(b"\x01\0\0\0" + b"\1\0\0\0" + bytes(8) + b"\xff\xff\xff\xff")


def test_a_delta_that_does_not_continue_the_map_is_out_of_step() -> None:
    state = MapState(3, 10, b"0000")
    for delta in (
        DeltaFrame(3, 9, 11, 0, ()),
        DeltaFrame(3, 11, 12, 0, ()),
        DeltaFrame(4, 10, 11, 0, ()),
        DeltaFrame(3, 10, 11, 0, ((4, 1),)),
    ):
        with pytest.raises(OutOfStep):
            apply(state, delta)
    with pytest.raises(OutOfStep):
        apply(None, DeltaFrame(3, 10, 11, 0, ()))


@given(st.integers(0, 2**32))
def test_snapshot_and_deltas_make_the_same_map_in_both_encodings(seed: int) -> None:
    (history,) = random_histories(seed, 1)
    binary: MapState | None = None
    text: MapState | None = None
    for step in history["steps"]:
        frame = decode(base64.b64decode(step["frame"]))
        twin = decode_json(step["json"])
        binary, text = apply(binary, frame), apply(text, twin)
        assert binary is not None
        assert text == binary
        expected = step["state"]
        assert (binary.epoch, binary.seq) == (expected["epoch"], expected["seq"])
        assert binary.states.decode() == expected["states"]


def test_random_histories_change_states() -> None:
    # A decoder that ignored every delta must not pass.
    for history in random_histories(seed=1, count=5):
        assert len({step["state"]["states"] for step in history["steps"]}) > 1
