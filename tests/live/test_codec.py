"""How Redis writes digits, lists and versions."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.model import SeatState
from engine.live.codec import (
    PUBLIC_DIGITS,
    any_larger,
    decode_areas,
    decode_prices,
    disagreements,
    encode_areas,
    encode_facts,
    encode_numbers,
    encode_prices,
    id_list,
    number_list,
    seat_facts,
    seats_showing,
)

_DIGITS = st.text("012345", max_size=50).map(str.encode)


def test_written_lists_are_read_back() -> None:
    assert number_list(encode_numbers([17, 18]).encode()) == [17, 18]
    assert decode_prices(encode_prices([4800, 2500]).encode()) == [4800, 2500]
    assert decode_areas(encode_areas({1: 1, 0: 2}).encode()) == {0: 2, 1: 1}
    assert encode_areas({1: 1, 0: 2}) == "0:2,1:1"
    assert id_list(b"a,b") == ["a", "b"]
    assert [number_list(b""), decode_areas(b""), id_list(b"")] == [[], {}, []]


@given(_DIGITS, st.sampled_from(SeatState))
def test_seats_are_found_by_state(digits: bytes, state: SeatState) -> None:
    shown = [n for n, digit in enumerate(digits) if digit == ord(str(int(state)))]
    assert list(seats_showing(digits, state)) == shown


def test_the_public_sees_four_states() -> None:
    assert b"012345".translate(PUBLIC_DIGITS) == b"012311"


def test_facts_carry_their_versions() -> None:
    versions = struct.pack(">3I", 1, 2, 70_000)
    assert encode_facts(seat_facts([0, 2], "023", versions)) == "0:0:1,2:3:70000"


@pytest.mark.parametrize(
    ("truth", "shown", "wrong"),
    [
        (b"023", b"023", []),
        # Held, offered or reserved is what is free by PostgreSQL, for a while.
        (b"000", b"145", []),
        (b"222", b"012", [0, 1]),
        (b"0", b"2", [0]),
        (b"00", b"0", [0, 1]),
        (b"00", b"", [0, 1]),
    ],
)
def test_states_that_contradict_postgresql_are_found(
    truth: bytes, shown: bytes, wrong: list[int]
) -> None:
    assert disagreements(truth, shown) == wrong


def test_versions_ahead_of_postgresql_are_found() -> None:
    truth = struct.pack(">2I", 5, 256)
    assert not any_larger(truth, truth)
    assert not any_larger(struct.pack(">2I", 5, 255), truth)
    assert any_larger(struct.pack(">2I", 6, 1), truth)
    # What is damaged is compared as far as it goes.
    assert not any_larger(b"\0\0", truth)
