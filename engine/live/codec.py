"""The notation of numbers in Redis and its scripts: digits of seats, lists of numbers, facts with versions.

::

    seats     "0012…"        one digit per seat: SeatState
    numbers   "17,18"
    areas     "0:2,1:1"      area_no:places
    facts     "17:2:5,…"     no:digit:version (seats), no:sold:version (areas)
    prices    "4800,2500"    minor units by category number
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from engine.base.model import SeatState

#: Public two-bit state by seat state: 0 free, 1 held, 2 sold, 3 not for sale.
PUBLIC_STATE: Final = (0, 1, 2, 3, 1, 1)
#: Translates a string of seat-state digits into one of public digits (``bytes.translate``).
PUBLIC_DIGITS: Final = bytes.maketrans(b"012345", bytes(48 + state for state in PUBLIC_STATE))
#: The digits that a seat may show for a while although PostgreSQL has it as free.
MOMENTARY: Final = frozenset(
    ord(str(int(state))) for state in (SeatState.HELD, SeatState.OFFERED, SeatState.RESERVED)
)
_FREE: Final = ord(str(int(SeatState.FREE)))
#: Bytes of a seat's version.
_VERSION_SIZE: Final = 4


def seats_showing(digits: bytes, state: SeatState) -> Iterator[int]:
    """The numbers of the seats that show a state, ascending."""
    digit = b"%d" % state
    at = digits.find(digit)
    while at >= 0:
        yield at
        at = digits.find(digit, at + 1)


def disagreements(truth: bytes, shown: bytes) -> list[int]:
    """Seat numbers whose digit in Redis contradicts PostgreSQL's (both one digit per seat)."""
    if truth == shown:
        return []
    if len(truth) != len(shown):
        return list(range(len(truth)))
    return [
        seat_no
        for seat_no, (lasting, digit) in enumerate(zip(truth, shown, strict=True))
        if lasting != digit and not (lasting == _FREE and digit in MOMENTARY)
    ]


def number_list(text: bytes) -> list[int]:
    """The numbers of "17,18"; empty: none."""
    return [int(part) for part in text.split(b",")] if text else []


def encode_numbers(numbers: Iterable[int]) -> str:
    """ "17,18"."""
    return ",".join(map(str, numbers))


def id_list(text: bytes) -> list[str]:
    """The ids or words of "a,b"; empty: none."""
    return text.decode().split(",") if text else []


def decode_areas(text: bytes) -> dict[int, int]:
    """Places by area number, from "0:2,1:1"."""
    if not text:
        return {}
    return {int(no): int(n) for no, n in (part.split(b":") for part in text.split(b","))}


def encode_areas(places: Mapping[int, int]) -> str:
    """ "0:2,1:1", in the order of the areas."""
    return ",".join(f"{no}:{places[no]}" for no in sorted(places))


def encode_prices(amounts: Sequence[int]) -> str:
    """The price list as Redis keeps it: minor units by category number."""
    return ",".join(map(str, amounts))


def decode_prices(text: bytes) -> list[int]:
    """Minor units by category number."""
    return number_list(text)


def encode_facts(facts: Iterable[tuple[int, int, int]]) -> str:
    """PostgreSQL's facts of seats or areas: the number, the digit or the places sold, the version."""
    return ",".join(f"{no}:{what}:{version}" for no, what, version in facts)


def seat_facts(
    seat_nos: Iterable[int], digits: str, versions: bytes
) -> Iterator[tuple[int, int, int]]:
    """The facts of some seats, from a digit and a packed version for each seat of the event."""
    for n in seat_nos:
        at = _VERSION_SIZE * n
        yield n, int(digits[n]), int.from_bytes(versions[at : at + _VERSION_SIZE], "big")


def any_larger(known: bytes, truth: bytes) -> bool:
    """Whether any packed version in Redis is larger than PostgreSQL's of the same seat."""
    if known == truth:
        return False
    pairs = zip(_words(known), _words(truth), strict=False)
    return any(shown > true for (shown,), (true,) in pairs)


def _words(packed: bytes) -> Iterator[tuple[int]]:
    return struct.iter_unpack(">I", packed[: len(packed) // _VERSION_SIZE * _VERSION_SIZE])
