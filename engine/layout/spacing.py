"""Finds seats drawn at the place of another one, in linear time."""

import math
from collections.abc import Iterator
from statistics import median
from typing import Final

from engine.layout.draft import DraftRow, DraftSeat

_USUAL_PITCH: Final = 25.0
_SAMPLE_MAX: Final = 2_000

Place = tuple[DraftRow, DraftSeat]


def usual_pitch(rows: list[DraftRow]) -> float:
    """The usual distance between neighbours of a row, in drawing units."""
    distances: list[float] = []
    for row in rows:
        pairs = zip(row.seats, row.seats[1:], strict=False)
        distances += [math.hypot(a.x - b.x, a.y - b.y) for a, b in pairs]
        if len(distances) > _SAMPLE_MAX:
            break
    return median(distances) if distances else _USUAL_PITCH


def too_near(rows: list[DraftRow], distance: float) -> Iterator[tuple[Place, Place]]:
    """Each seat nearer than ``distance`` to an earlier one, and that earlier one.

    A seat that is too near is not compared with later ones. Compared seats lie apart, so a cell of the
    grid holds few seats however many the document piles onto one spot.
    """
    grid: dict[tuple[int, int], list[Place]] = {}
    side = 2 * distance
    for row in rows:
        for seat in row.seats:
            other = _find(grid, seat, distance)
            if other is None:
                cell = (int(seat.x // side), int(seat.y // side))
                grid.setdefault(cell, []).append((row, seat))
            else:
                yield (row, seat), other


def _find(
    grid: dict[tuple[int, int], list[Place]], seat: DraftSeat, distance: float
) -> Place | None:
    """Cells are two distances wide, so all near seats lie in at most four of them."""
    side, limit = 2 * distance, distance * distance
    left, upper = int((seat.x - distance) // side), int((seat.y - distance) // side)
    for cell in ((left, upper), (left + 1, upper), (left, upper + 1), (left + 1, upper + 1)):
        for place in grid.get(cell, ()):
            other = place[1]
            if (other.x - seat.x) ** 2 + (other.y - seat.y) ** 2 < limit:
                return place
    return None
