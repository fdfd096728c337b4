"""Curves as SVG, in two kinds: a picture that stands alone, and a plot that stretches with its page.

A ``picture`` has its own colours, letters and white ground, for documents and downloads. A plot
(``over_time``) has only its lines: the labels are text beside it, so that they stay readable on a phone,
and the colours come from the page's style sheet (``a`` to ``f``), which knows light and dark.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Final

from msgspec import Struct

#: From a palette that colour-blind people can tell apart, dark enough on white.
COLORS: Final = ("#0072b2", "#b25900", "#00785a", "#a8407f", "#6b5b00", "#444b52", "#3d3db8")
#: Usual steps between marks on a time axis, in seconds.
_TIME_STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800)

Value = float | None


class Mark(Struct, frozen=True):
    """A label on an axis, ``percent`` from its beginning."""

    percent: float
    text: str


# Scales


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
    # A value that equals a mark except for rounding needs no further mark.
    first = math.floor(low / step + 1e-4)
    last = max(first + 1, math.ceil(high / step - 1e-4))
    return Scale(
        low=first * step,
        high=last * step,
        marks=[step * n for n in range(first, last + 1)],
    )


def powers(low: float, high: float) -> Scale:
    """Powers of ten around ``low`` and ``high``, which are above 0."""
    first = math.floor(math.log10(low))
    last = max(first + 1, math.ceil(math.log10(high)))
    return Scale(
        low=10.0**first,
        high=10.0**last,
        marks=[10.0**n for n in range(first, last + 1)],
        logarithmic=True,
    )


# Pictures

_EDGE: Final = 16
#: Beside a plot: its row marks on the left, half of the last column's mark on the right.
_LEFT: Final = 92
_RIGHT: Final = 24
_TITLE_HEIGHT: Final = 44
_PANEL_TITLE_HEIGHT: Final = 30
_NAMES_HEIGHT: Final = 20
_SWATCH_WIDTH: Final = 24
#: The width of an average letter, and somewhat more.
_LETTER_WIDTH: Final = 8
_NAME_LENGTH_MAX: Final = 24
#: Below a plot: its column marks, their title, and some space.
_COLUMNS_HEIGHT: Final = 56


class Curve(Struct, frozen=True, kw_only=True):
    """A curve through ``points``: (per cent of the axis, value), in the order of the axis."""

    name: str
    color: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False
    #: A dot at every point, for a few measured values.
    dotted: bool = False


class Panel(Struct, frozen=True, kw_only=True):
    """One measure: its scale, how its values are written, and its curves from back to front."""

    title: str
    scale: Scale
    write: Callable[[float], str]
    curves: Sequence[Curve]
    columns: Sequence[Mark]
    #: The title of the columns.
    axis: str
    #: Its curves, named above it.
    names: Sequence[Curve] = ()


class Frame(Struct, frozen=True, kw_only=True):
    """How panels are laid out: how many side by side, and their size in units of the SVG."""

    across: int
    panel_width: int
    plot_height: int


def picture(title: str, panels: Sequence[Panel], frame: Frame, names: Sequence[Curve] = ()) -> str:
    """A self-contained SVG. ``names``: curves that are named once for all panels."""
    width = frame.across * frame.panel_width
    top = _TITLE_HEIGHT + _names_height(names, width)
    plot_top = _PANEL_TITLE_HEIGHT + max(_names_height(p.names, frame.panel_width) for p in panels)
    panel_height = plot_top + frame.plot_height + _COLUMNS_HEIGHT
    height = top + math.ceil(len(panels) / frame.across) * panel_height
    drawn = "".join(
        f'<g transform="translate({number % frame.across * frame.panel_width} '
        f'{top + number // frame.across * panel_height})">{_panel(panel, frame, plot_top)}</g>'
        for number, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#1b1f23">'
        f"<title>{escape(title)}</title>"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
        f'<text x="{_EDGE}" y="26" font-size="15" font-weight="600">{escape(title)}</text>'
        f"{_names(names, width, _TITLE_HEIGHT)}{drawn}</svg>\n"
    )


def _names_height(curves: Sequence[Curve], width: int) -> int:
    rows = [row for _, row, _ in _placed(curves, width)]
    return (rows[-1] + 1) * _NAMES_HEIGHT + 6 if rows else 0


def _placed(curves: Sequence[Curve], width: int) -> list[tuple[int, int, str]]:
    """The position of each curve's name, in rows filled from left to right: x, row, name."""
    placed = []
    x, row = _EDGE, 0
    for curve in curves:
        name = curve.name
        if len(name) > _NAME_LENGTH_MAX:
            name = f"{name[: _NAME_LENGTH_MAX - 1]}…"
        needed = _SWATCH_WIDTH + 6 + _LETTER_WIDTH * len(name)
        if x + needed > width and x > _EDGE:
            x, row = _EDGE, row + 1
        placed.append((x, row, name))
        x += needed + 18
    return placed


def _names(curves: Sequence[Curve], width: int, top: int) -> str:
    return "".join(
        f'<path d="M{x} {top + row * _NAMES_HEIGHT + 8}h{_SWATCH_WIDTH}" {_stroke(curve)}/>'
        f'<text x="{x + _SWATCH_WIDTH + 6}" y="{top + row * _NAMES_HEIGHT + 12}">{escape(name)}</text>'
        for curve, (x, row, name) in zip(curves, _placed(curves, width), strict=True)
    )


def _stroke(curve: Curve) -> str:
    look = '1.5" stroke-dasharray="5 4"' if curve.dashed else '2.5"'
    return f'stroke="{curve.color}" stroke-width="{look}'


def _panel(panel: Panel, frame: Frame, top: int) -> str:
    right, bottom = frame.panel_width - _RIGHT, top + frame.plot_height

    def x(percent: float) -> float:
        return _LEFT + (right - _LEFT) * percent / 100

    def y(value: float) -> float:
        return bottom - frame.plot_height * panel.scale.part(value)

    rows = "".join(
        f'<path d="M{_LEFT} {y(mark):.1f}H{right}" stroke="#d0d7de"/>'
        f'<text x="{_LEFT - 8}" y="{y(mark) + 4:.1f}" text-anchor="end">{panel.write(mark)}</text>'
        for mark in panel.scale.marks
    )
    columns = "".join(
        f'<text x="{x(mark.percent):.1f}" y="{bottom + 19}" text-anchor="middle">{mark.text}</text>'
        for mark in panel.columns
    )
    curves = "".join(
        _curve(curve, [(x(percent), y(value)) for percent, value in curve.points])
        for curve in panel.curves
    )
    return (
        f'<text x="{_EDGE}" y="13" font-weight="600">{escape(panel.title)}</text>'
        f"{_names(panel.names, frame.panel_width, 20)}{rows}{columns}"
        f'<text x="{x(50):.1f}" y="{bottom + 38}" text-anchor="middle" fill="#57606a">'
        f"{escape(panel.axis)}</text>{curves}"
    )


def _curve(curve: Curve, points: Sequence[tuple[float, float]]) -> str:
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{curve.color}"/>'
        for x, y in (points if curve.dotted else ())
    )
    path = f'<path d="M{_path(points)}" fill="none" stroke-linejoin="round" {_stroke(curve)}/>'
    return path + dots


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


# Plots

_WIDTH, _HEIGHT = 1000.0, 300.0


class Line(Struct, frozen=True, kw_only=True):
    """One measure over time: a value for each part, None where there is none."""

    name: str
    look: str
    values: Sequence[Value]
    filled: bool = False
    #: Drawn as steps: a value stays until the next, as prices do.
    stepped: bool = False


class Plot(Struct, frozen=True, kw_only=True):
    svg: str
    rows: list[Mark]
    columns: list[Mark]


def over_time(
    lines: Sequence[Line], *, width_s: float, scale: Scale, write: Callable[[float], str], what: str
) -> Plot:
    """Lines whose parts are ``width_s`` seconds wide, from the opening. ``what``: the text for people who cannot see it."""
    seconds = width_s * max(len(line.values) for line in lines)
    grid = "".join(
        f'<path class="grid" d="M0 {_y(scale, mark):.1f}H{_WIDTH:.0f}"/>' for mark in scale.marks
    )
    drawn = "".join(_draw(line, scale) for line in lines)
    svg = (
        f'<svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(what)}">{grid}{drawn}</svg>'
    )
    return Plot(
        svg=svg,
        rows=[Mark(100 * scale.part(mark), write(mark)) for mark in scale.marks],
        columns=_time_marks(seconds),
    )


def _y(scale: Scale, value: float) -> float:
    return _HEIGHT * (1 - scale.part(value))


def _draw(line: Line, scale: Scale) -> str:
    """The pieces of the line, and the area below them if it is filled."""
    pieces = []
    for first, values in _pieces(line.values):
        points = _points(first, values, line, scale)
        path = _path(points)
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
        # One value alone is drawn as wide as its part; otherwise it would be invisible.
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
