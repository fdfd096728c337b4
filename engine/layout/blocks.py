"""Splits rows that share labels into blocks in which each label occurs once.

Plans often draw several blocks as one zone, each with its own row 1, 2, 3. A row joins the nearest
block that has no such label yet, or begins a new one when none is near.
"""

import math
from typing import Final

from engine.layout.draft import DraftRow

#: In units of the usual distance between neighbouring seats; wide enough for an aisle across a block.
_NEAR: Final = 4.0
#: How many of the latest blocks are searched: bounded, so that the work stays linear.
_CANDIDATES_MAX: Final = 16


def split_blocks(rows: list[DraftRow], pitch: float) -> list[list[DraftRow]]:
    """``rows`` in blocks, in the order in which blocks begin; ``pitch`` is the usual seat distance."""
    blocks: list[list[DraftRow]] = []
    labels: list[set[str]] = []
    for row in rows:
        block_no = _nearest(row, blocks, labels, pitch * _NEAR)
        if block_no is None:
            blocks.append([])
            labels.append(set())
            block_no = len(blocks) - 1
        blocks[block_no].append(row)
        labels[block_no].add(row.label)
    return blocks


def _nearest(
    row: DraftRow, blocks: list[list[DraftRow]], labels: list[set[str]], distance_max: float
) -> int | None:
    oldest = max(0, len(blocks) - _CANDIDATES_MAX)
    candidates = [
        (_distance(row, blocks[i][-1]), i)
        for i in range(oldest, len(blocks))
        if row.label not in labels[i]
    ]
    distance, block_no = min(candidates, default=(math.inf, -1))
    return block_no if distance <= distance_max else None


def _distance(a: DraftRow, b: DraftRow) -> float:
    """The distance between the same ends of two rows, of the nearer pair."""
    return min(
        math.hypot(a.seats[end].x - b.seats[end].x, a.seats[end].y - b.seats[end].y)
        for end in (0, -1)
    )
