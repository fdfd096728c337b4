"""Plots as SVG that stretches to its frame; their labels are text beside it, so that they stay
readable on a phone. Colours come from the page's style sheet (``a`` to ``f``).
"""

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup
from msgspec import Struct

_WIDTH, _HEIGHT = 1000.0, 300.0
#: Usual steps between marks on a time axis, in seconds.
_TIME_STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800)

Value = float | None


class Line(Struct, frozen=True, kw_only=True):
    """One measure over time: a value for each part, None where there is none."""

    name: str
    look: str
    values: Sequence[Value]
    filled: bool = False
    #: Stays at a value until the next, as prices do.
    stepped: bool = False


class Mark(Struct, frozen=True):
    """A label on an axis, ``percent`` from its beginning."""

    percent: float
    text: str


class Plot(Struct, frozen=True, kw_only=True):
    svg: Markup
    rows: list[Mark]
    columns: list[Mark]


class Scale(Struct, frozen=True, kw_only=True):
    """From ``low`` to ``high``, evenly or by powers of ten."""

    low: float
    high: float
    marks: Sequence[float]
    logarithmic: bool = False

    def part(self, value: float) -> float:
        """0 at ``low``, 1 at ``high``; values outside are at the edge."""
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def even(high: float, low: float = 0.0) -> Scale:
    """Round marks from ``low`` (rounded down) to something above ``high``."""
    span = (high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 4))
    step = next(power * n for n in (1, 2, 2.5, 5, 10) if power * n * 4 >= span * 0.999)
    first, last = math.floor(low / step), math.ceil(high / step * 0.9999) or 1
    return Scale(
        low=first * step,
        high=last * step,
        marks=[step * n for n in range(first, last + 1)],
    )


def powers(low: float, high: float) -> Scale:
    """Powers of ten around what is there; both above 0."""
    first = math.floor(math.log10(low))
    last = max(first + 1, math.ceil(math.log10(high)))
    return Scale(
        low=10.0**first,
        high=10.0**last,
        marks=[10.0**n for n in range(first, last + 1)],
        logarithmic=True,
    )


def over_time(
    lines: Sequence[Line], *, width_s: float, scale: Scale, write: Callable[[float], str], what: str
) -> Plot:
    """Lines whose parts are ``width_s`` seconds wide, from the opening. ``what``: for who cannot see it."""
    seconds = width_s * max(len(line.values) for line in lines)
    grid = "".join(
        f'<path class="grid" d="M0 {_y(scale, mark):.1f}H{_WIDTH:.0f}"/>' for mark in scale.marks
    )
    drawn = "".join(_draw(line, scale) for line in lines)
    svg = Markup(
        '<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(int(_WIDTH), int(_HEIGHT), what, Markup(grid + drawn))  # noqa: S704  # numbers and our own names
    return Plot(
        svg=svg,
        rows=[Mark(100 * scale.part(mark), write(mark)) for mark in scale.marks],
        columns=_time_marks(seconds),
    )


def _y(scale: Scale, value: float) -> float:
    return _HEIGHT * (1 - scale.part(value))


def _draw(line: Line, scale: Scale) -> str:
    """The line in as many pieces as it has, and what is below it if it is filled."""
    pieces = []
    for first, values in _pieces(line.values):
        points = _points(first, values, line, scale)
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        if line.filled:
            pieces.append(
                f'<path class="fill {line.look}" d="M{points[0][0]:.1f} {_HEIGHT:.0f}L{path}'
                f'L{points[-1][0]:.1f} {_HEIGHT:.0f}Z"/>'
            )
        pieces.append(f'<path class="line {line.look}" d="M{path}"/>')
    return "".join(pieces)


def _pieces(values: Sequence[Value]) -> list[tuple[int, list[float]]]:
    found: list[tuple[int, list[float]]] = []
    open_ = False
    for number, value in enumerate(values):
        if value is None:
            open_ = False
            continue
        if not open_:
            found.append((number, []))
            open_ = True
        found[-1][1].append(value)
    return found


def _points(
    first: int, values: Sequence[float], line: Line, scale: Scale
) -> list[tuple[float, float]]:
    part = _WIDTH / len(line.values)
    points = []
    for number, value in enumerate(values, first):
        y = _y(scale, value)
        if line.stepped:
            points += [(part * number, y), (part * (number + 1), y)]
        else:
            points.append((part * (number + 0.5), y))
    if len(points) == 1:
        # One value alone: as wide as its part, or it would not be seen.
        points = [(points[0][0] - part / 2, points[0][1]), (points[0][0] + part / 2, points[0][1])]
    return points


def _time_marks(seconds: float) -> list[Mark]:
    step = next((s for s in _TIME_STEPS_S if seconds / s <= 6), _TIME_STEPS_S[-1])
    return [Mark(100 * at / seconds, clock(at)) for at in range(0, math.floor(seconds) + 1, step)]


def clock(seconds: float) -> str:
    """``0:42``, ``12:05``, ``1:00:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


__all__ = ["Line", "Mark", "Plot", "Scale", "clock", "even", "over_time", "powers"]
