"""The SNAPSHOT frame of the live protocol. The API serves it too, so its module is below both.

Little-endian ``u8 kind=1, u8 flags, u16 0, u32 epoch, u64 seq, u32 seat_count``, then two bits per
seat, seat 0 in the low bits of byte 0. With flags bit 0 the seats (and only they) are zlib-compressed.
"""

import struct
import zlib

_KIND_SNAPSHOT = 1
FLAG_ZLIB = 1
_HEAD = struct.Struct("<BBHIQI")
#: Below this size a zlib header costs more than it saves.
_COMPRESS_BYTES_MIN = 64
#: Compressed seats must be this much smaller; otherwise every client would inflate them for nothing.
_COMPRESS_RATIO_MAX = 0.9
#: Higher levels take three times as long for a tenth of the size.
_COMPRESS_LEVEL = 1
_DIGIT_TO_VALUE = bytes(byte & 3 for byte in range(256))


def pack_states(states: bytes | bytearray) -> bytes:
    """Public digits to two bits per seat. Four interleaved columns are merged as big integers."""
    size = (len(states) + 3) // 4
    values = states.translate(_DIGIT_TO_VALUE).ljust(size * 4, b"\0")
    packed = 0
    for column in range(4):
        packed |= int.from_bytes(values[column::4], "little") << (2 * column)
    return packed.to_bytes(size, "little")


def encode_snapshot(epoch: int, seq: int, states: bytes | bytearray) -> bytes:
    """The whole frame. ``states`` holds one public ASCII digit (0…3) per seat."""
    flags, seats = 0, pack_states(states)
    if len(seats) >= _COMPRESS_BYTES_MIN:
        smaller = zlib.compress(seats, _COMPRESS_LEVEL)
        if len(smaller) < len(seats) * _COMPRESS_RATIO_MAX:
            flags, seats = FLAG_ZLIB, smaller
    return _HEAD.pack(_KIND_SNAPSHOT, flags, 0, epoch, seq, len(states)) + seats
