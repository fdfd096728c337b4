"""How well each seat sees: its distance from the focal point, and the angle at which it looks at it.

docs/best-seats.md gives the formula, where its angles come from, and a picture of the demo houses.
"""

import cmath
import math
from statistics import median_low
from typing import Final

from engine.layout import Layout

#: A seat at this angle from the axis (degrees) counts as twice as far as one on it.
DOUBLE_DEG: Final = 40.0
#: How much faster than the angle its weight grows: little up to 30°, six times the distance at 60°.
STEEPNESS: Final = 4
#: The angle is measured from this many seats behind the focal point, which is often drawn at the very edge
#: of the stage: the width of the stage must not put the first row at a slant.
SETBACK: Final = 2
#: Mean lengths of the directions to all seats: at and below the first the house has no front, from the
#: second on, about that of a half circle, it has one.
ROUND: Final = 1 / 3
FRONTAL: Final = 0.6
#: Sight is compared in hundredths of a drawing unit: whole numbers, so that ties are ties.
_PRECISION: Final = 100
#: Sums of a hundred of these stay far below 2^63.
_MOST: Final = 1 << 50


def sight(layout: Layout) -> list[int]:
    """By ``seat_no``: how far the seat seems, in hundredths of a drawing unit; the least sees best."""
    focus = complex(layout.focal_point.x, layout.focal_point.y)
    ways = [complex(x, y) - focus for x, y in zip(layout.seats.x, layout.seats.y, strict=True)]
    axis_deg, weight = front(ways)
    if weight == 0:
        return [min(_MOST, round(_PRECISION * abs(way))) for way in ways]
    behind = cmath.rect(SETBACK * _pitch(layout, ways), math.radians(axis_deg))
    slants = [(angle_deg(way + behind, axis_deg) / DOUBLE_DEG) ** STEEPNESS for way in ways]
    return [
        min(_MOST, round(_PRECISION * abs(way) * (1 + weight * slant)))
        for way, slant in zip(ways, slants, strict=True)
    ]


def front(ways: list[complex]) -> tuple[float, float]:
    """The axis of a house, in degrees to a tenth, and how much the angle to it weighs, 0 to 1.

    ``ways`` lead from the focal point to the seats. The axis is the mean of their directions; the more
    they differ, the shorter their mean, and where seats surround the stage there is no front.
    """
    directions = [way / abs(way) for way in ways if way]
    mean = sum(directions, 0j) / (len(directions) or 1)
    weight = min(1.0, max(0.0, (abs(mean) - ROUND) / (FRONTAL - ROUND)))
    return round(math.degrees(cmath.phase(mean)), 1), weight


def angle_deg(way: complex, axis_deg: float) -> float:
    """Between a way and the axis, 0 to 180 degrees."""
    turn = (math.degrees(cmath.phase(way)) - axis_deg) % 360
    return min(turn, 360 - turn)


def _pitch(layout: Layout, ways: list[complex]) -> float:
    """The usual distance between neighbours (the lower median), in drawing units; 0 without neighbours."""
    distances = [
        abs(ways[n] - ways[n + 1])
        for row in layout.rows
        for n in range(row.first_seat, row.first_seat + row.seat_count - 1)
    ]
    return median_low(distances) if distances else 0.0
