"""Frames of the live protocol, to bytes and back. No I/O, no clock, no state.

Subprotocol ``frontrow.v1`` is binary and little-endian. Every frame starts with
``u8 kind, u8 flags, u16 0, u32 epoch``; then

* 1 SNAPSHOT: ``u64 seq, u32 seat_count``, then two bits per seat, seat 0 in the low bits of
  byte 0. With flags bit 0 the seats (and only they) are zlib-compressed.
* 2 DELTA: ``u64 from_seq, u64 to_seq, u64 server_time_ms``, then for each changed seat, in
  ascending order, the LEB128 varint ``(gap << 2) | state``; the gap is counted from the previous
  seat, the first from 0.
* 3 MESSAGE: UTF-8 JSON, an object with a ``type``.

``frontrow.v1.json`` carries the same content as JSON text, for people and debuggers.

Seat states are the public ones, as ASCII digits: 0 free, 1 held, 2 sold, 3 not for sale.
``epoch`` changes when the state was rebuilt; within one epoch ``seq`` orders the changes.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from engine.live.messages import LiveMessage
from engine.live.snapshot_frame import FLAG_ZLIB, encode_snapshot

CLOSE_GOING_AWAY, CLOSE_INTERNAL, CLOSE_TRY_LATER = 1001, 1011, 1013
CLOSE_MALFORMED, CLOSE_NOT_AUTHORISED, CLOSE_NOT_FOUND = 4400, 4401, 4404
CLOSE_TOO_SLOW, CLOSE_TOO_MANY = 4408, 4429
CLOSE_CODES = (
    *(CLOSE_GOING_AWAY, CLOSE_INTERNAL, CLOSE_TRY_LATER),
    *(CLOSE_MALFORMED, CLOSE_NOT_AUTHORISED, CLOSE_NOT_FOUND, CLOSE_TOO_SLOW, CLOSE_TOO_MANY),
)

#: More seats than any venue has; bounds what a decoder allocates for a hostile frame.
SEATS_MAX = 1_000_000

_KIND_SNAPSHOT, _KIND_DELTA, _KIND_MESSAGE = 1, 2, 3
_HEADER = struct.Struct("<BBHI")
_SNAPSHOT = struct.Struct("<QI")
_DELTA = struct.Struct("<QQQ")
_U32_MAX = 2**32 - 1
_U64_MAX = 2**64 - 1
#: A varint holds a seat gap (32 bits) and a state (2 bits).
_VARINT_BYTES_MAX = 5

#: For each of the four seats in a packed byte: that byte → the seat's ASCII digit.
_UNPACK = tuple(bytes(48 + (byte >> shift & 3) for byte in range(256)) for shift in (0, 2, 4, 6))
_DIGITS = b"0123"


class Encoding(StrEnum):
    """The subprotocols, by the name a client offers."""

    BINARY = "frontrow.v1"
    JSON = "frontrow.v1.json"


class ProtocolError(ValueError):
    """The bytes are not a frame of this protocol."""


class OutOfStep(ValueError):
    """A DELTA does not continue the map it is applied to: a new snapshot is needed."""


class SnapshotFrame(Struct, frozen=True):
    """The whole map at ``seq``. ``states`` holds one public digit per seat."""

    epoch: int
    seq: int
    states: bytes


class DeltaFrame(Struct, frozen=True):
    """What changed from ``from_seq`` to ``to_seq``: ascending ``(seat_no, state 0…3)``."""

    epoch: int
    from_seq: int
    to_seq: int
    server_time_ms: int
    seats: tuple[tuple[int, int], ...]


class MessageFrame(Struct, frozen=True):
    """JSON for people: ``body`` is the encoded object, unchanged."""

    epoch: int
    body: bytes


Frame = SnapshotFrame | DeltaFrame | MessageFrame


class MapState(Struct, frozen=True):
    """A watcher's map after some frames."""

    epoch: int
    seq: int
    states: bytes


def apply(state: MapState | None, frame: Frame) -> MapState | None:
    """The map after ``frame``; a SNAPSHOT replaces it, a MESSAGE leaves it.

    Raises OutOfStep when a DELTA does not start where ``state`` is or names no seat of it.
    """
    match frame:
        case SnapshotFrame(epoch, seq, states):
            return MapState(epoch, seq, states)
        case MessageFrame():
            return state
    if state is None or (frame.epoch, frame.from_seq) != (state.epoch, state.seq):
        raise OutOfStep("the delta does not continue this map")
    digits = bytearray(state.states)
    for seat_no, seat_state in frame.seats:
        if seat_no >= len(digits):
            raise OutOfStep(f"the delta names seat {seat_no} of {len(digits)}")
        digits[seat_no] = _DIGITS[seat_state]
    return MapState(frame.epoch, frame.to_seq, bytes(digits))


def unpack_states(packed: bytes, seat_count: int) -> bytes:
    """Two bits per seat to digits; ``packed`` must have ``ceil(seat_count / 4)`` bytes."""
    digits = bytearray(len(packed) * 4)
    for column, table in enumerate(_UNPACK):
        digits[column::4] = packed.translate(table)
    return bytes(digits[:seat_count])


def encode(frame: Frame) -> bytes:
    """The binary frame."""
    match frame:
        case SnapshotFrame(epoch, seq, states):
            return encode_snapshot(epoch, seq, states)
        case DeltaFrame(epoch, from_seq, to_seq, server_time_ms, changes):
            head = _HEADER.pack(_KIND_DELTA, 0, 0, epoch)
            return head + _DELTA.pack(from_seq, to_seq, server_time_ms) + _encode_seats(changes)
        case MessageFrame(epoch, body):
            return _HEADER.pack(_KIND_MESSAGE, 0, 0, epoch) + body


def decode(data: bytes) -> Frame:
    """The frame in ``data``. Raises ProtocolError, and nothing else, for anything else."""
    if len(data) < _HEADER.size:
        raise ProtocolError("shorter than a frame header")
    kind, flags, reserved, epoch = _HEADER.unpack_from(data)
    if reserved != 0 or flags & ~(FLAG_ZLIB if kind == _KIND_SNAPSHOT else 0):
        raise ProtocolError("reserved bits are set")
    body = data[_HEADER.size :]
    match kind:
        case 1:
            return _decode_snapshot(epoch, body, compressed=bool(flags & FLAG_ZLIB))
        case 2:
            return _decode_delta(epoch, body)
        case 3:
            _check_message(body)
            return MessageFrame(epoch, body)
    raise ProtocolError(f"unknown kind {kind}")


def encode_json(frame: Frame) -> bytes:
    """The same content as one JSON text, in UTF-8."""
    match frame:
        case SnapshotFrame(epoch, seq, states):
            return msgspec.json.encode(
                {
                    "kind": "snapshot",
                    "epoch": epoch,
                    "seq": seq,
                    "seat_count": len(states),
                    "states": states.decode("ascii"),
                }
            )
        case DeltaFrame():
            return msgspec.json.encode({"kind": "delta"} | msgspec.structs.asdict(frame))
        case MessageFrame(_, body):
            # Spliced, not decoded: the body is forwarded unchanged, whatever it holds.
            return b'{"kind":"message",' + body.lstrip()[1:]


def decode_json(text: bytes | str) -> Frame:
    """The frame in a JSON text; a MESSAGE has epoch 0, which its JSON form does not carry.

    Raises ProtocolError, and nothing else, for anything else.
    """
    document = _decode_object(text)
    try:
        match document.pop("kind", None):
            case "snapshot":
                return _snapshot_from_json(msgspec.convert(document, _JsonSnapshot))
            case "delta":
                return _delta_from_json(msgspec.convert(document, DeltaFrame))
            case "message" if isinstance(document.get("type"), str):
                return MessageFrame(0, msgspec.json.encode(document))
    except msgspec.ValidationError as error:
        raise ProtocolError(str(error)) from None
    raise ProtocolError("neither a snapshot, a delta nor a message")


def message(epoch: int, body: LiveMessage | dict[str, Any]) -> MessageFrame:
    """A MESSAGE with ``body``; a dict must be one that came over a channel, and have a ``type``."""
    return MessageFrame(epoch, msgspec.json.encode(body))


class _JsonSnapshot(Struct):
    epoch: int
    seq: int
    seat_count: int
    states: str


def _encode_seats(seats: Iterable[tuple[int, int]]) -> bytes:
    out = bytearray()
    previous = 0
    for seat_no, state in seats:
        value = (seat_no - previous) << 2 | state
        previous = seat_no
        while value > 0x7F:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        out.append(value)
    return bytes(out)


def _decode_seats(data: bytes) -> tuple[tuple[int, int], ...]:
    seats: list[tuple[int, int]] = []
    seat_no = value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte & 0x80:
            if shift >= 7 * _VARINT_BYTES_MAX:
                raise ProtocolError("a varint is too long")
            continue
        seat_no += value >> 2
        seats.append((seat_no, value & 3))
        value = shift = 0
    if shift:
        raise ProtocolError("the last varint is cut off")
    _check_seats(seats)
    return tuple(seats)


def _check_seats(seats: Sequence[tuple[int, int]]) -> None:
    previous = -1
    for seat_no, state in seats:
        if not (previous < seat_no < SEATS_MAX and 0 <= state <= 3):
            raise ProtocolError("seats must ascend and have states 0 to 3")
        previous = seat_no


def _decode_snapshot(epoch: int, body: bytes, *, compressed: bool) -> SnapshotFrame:
    if len(body) < _SNAPSHOT.size:
        raise ProtocolError("shorter than a snapshot")
    seq, seat_count = _SNAPSHOT.unpack_from(body)
    if seat_count > SEATS_MAX:
        raise ProtocolError("more seats than any venue has")
    size = (seat_count + 3) // 4
    packed = body[_SNAPSHOT.size :]
    if compressed:
        packed = _decompress(packed, size)
    if len(packed) != size:
        raise ProtocolError(f"{len(packed)} bytes of seats where {size} belong")
    return SnapshotFrame(epoch, seq, unpack_states(packed, seat_count))


def _decompress(data: bytes, size: int) -> bytes:
    # At most the announced size, however much the data would inflate to.
    inflater = zlib.decompressobj()
    try:
        out = inflater.decompress(data, size + 1)
    except zlib.error as error:
        raise ProtocolError(f"the seats do not decompress: {error}") from None
    if not inflater.eof or inflater.unused_data:
        raise ProtocolError("the compressed seats are cut off or followed by other bytes")
    return out


def _decode_delta(epoch: int, body: bytes) -> DeltaFrame:
    if len(body) < _DELTA.size:
        raise ProtocolError("shorter than a delta")
    from_seq, to_seq, server_time_ms = _DELTA.unpack_from(body)
    return DeltaFrame(epoch, from_seq, to_seq, server_time_ms, _decode_seats(body[_DELTA.size :]))


def _decode_object(text: bytes | str) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ProtocolError(f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ProtocolError("not a JSON object")
    return document


def _check_message(body: bytes) -> None:
    if not isinstance(_decode_object(body).get("type"), str):
        raise ProtocolError("a message needs a type")


def _snapshot_from_json(read: _JsonSnapshot) -> SnapshotFrame:
    states = read.states.encode()
    _check_range(read.epoch, read.seq)
    if len(states) != read.seat_count or states.strip(_DIGITS):
        raise ProtocolError("states must be one digit 0 to 3 per seat")
    return SnapshotFrame(read.epoch, read.seq, states)


def _delta_from_json(delta: DeltaFrame) -> DeltaFrame:
    _check_range(delta.epoch, delta.from_seq, delta.to_seq, delta.server_time_ms)
    _check_seats(delta.seats)
    return delta


def _check_range(epoch: int, *counters: int) -> None:
    if not (0 <= epoch <= _U32_MAX and all(0 <= number <= _U64_MAX for number in counters)):
        raise ProtocolError("a number is out of range")
