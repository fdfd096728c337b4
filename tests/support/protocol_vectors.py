"""Random histories of a map as JSON, so that every decoder is tested with the same data.

A history is ``{"seat_count", "steps": [{"frame", "json", "state"}]}``: ``frame`` is the binary
frame in base64, ``json`` the text of the other subprotocol, ``state`` the map after it
(``{"epoch", "seq", "states"}``). ``refused`` lists frames (base64) that no decoder may accept.
"""

import base64
import random
from typing import Any

from seatmap.protocol import (
    DeltaFrame,
    Frame,
    MapState,
    MessageFrame,
    SnapshotFrame,
    apply,
    encode,
    encode_json,
    message,
)

_SEAT_COUNTS = (1, 3, 4, 5, 120, 1_300, 20_000)
#: 2**40 and more: numbers that a 32-bit reader gets wrong.
_SEQ_STARTS = (0, 1, 2**31, 2**32 - 2, 2**40, 2**53 - 1_000)


def random_histories(seed: int, count: int, steps: int = 12) -> list[dict[str, Any]]:
    """``count`` histories of ``steps`` frames each, the same for the same seed."""
    chance = random.Random(seed)
    return [random_history(chance, steps) for _ in range(count)]


def random_history(chance: random.Random, steps: int) -> dict[str, Any]:
    seat_count = chance.choice(_SEAT_COUNTS)
    state: MapState | None = None
    told = []
    for _ in range(steps):
        frame = _next_frame(chance, state, seat_count)
        state = apply(state, frame)
        assert state is not None
        told.append(
            {
                "frame": base64.b64encode(encode(frame)).decode(),
                "json": encode_json(frame).decode(),
                "state": {
                    "epoch": state.epoch,
                    "seq": state.seq,
                    "states": state.states.decode(),
                },
            }
        )
    return {"seat_count": seat_count, "steps": told}


def refused_frames() -> list[str]:
    """Invalid frames, in base64."""
    snapshot = encode(SnapshotFrame(1, 2, b"0123" * 100))
    delta = encode(DeltaFrame(1, 2, 3, 4, ((5, 1), (9, 2))))
    broken = [
        b"",
        snapshot[:7],
        snapshot[:-1],
        snapshot + b"\0",
        bytes([9]) + snapshot[1:],
        snapshot[:2] + b"\1\0" + snapshot[4:],
        delta[:20],
        delta[:-1] + bytes([delta[-1] | 0x80]),
        delta + b"\0",
        delta + b"\xff" * 6,
        encode(MessageFrame(1, b"not json")),
        encode(MessageFrame(1, b'["type"]')),
        encode(MessageFrame(1, b"{}")),
    ]
    return [base64.b64encode(data).decode() for data in broken]


def _next_frame(chance: random.Random, state: MapState | None, seat_count: int) -> Frame:
    if state is None or chance.random() < 0.1:
        return _snapshot(chance, state, seat_count)
    if chance.random() < 0.15:
        return message(state.epoch, {"type": "notice", "text": "Soon – ✓", "n": chance.random()})
    changed = chance.randint(0, min(seat_count, chance.choice((1, 5, 400))))
    # Near its end too, where the gaps are widest.
    seats = sorted({0, seat_count - 1, *chance.sample(range(seat_count), changed)})
    kept = seats[chance.randint(0, 1) :]
    return DeltaFrame(
        state.epoch,
        state.seq,
        state.seq + chance.randint(1, 9),
        chance.randrange(2**41),
        tuple((seat_no, chance.randrange(4)) for seat_no in kept),
    )


def _snapshot(chance: random.Random, state: MapState | None, seat_count: int) -> SnapshotFrame:
    epoch = chance.choice((1, 7, 2**31, 2**32 - 20)) if state is None else state.epoch + 1
    seq = chance.choice(_SEQ_STARTS)
    # Uniform maps are compressed, random ones are not.
    digits = chance.choice((b"0", b"0002", b"0123"))
    states = bytes(chance.choice(digits) for _ in range(seat_count))
    return SnapshotFrame(epoch, seq, states)
