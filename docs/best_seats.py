"""Draws which seats come first in each demo house: ``python -m docs.best_seats`` writes docs/images/best-seats.svg.

The darker a seat, the better it sees by the rule of docs/best-seats.md; the twenty best are red. A test
compares the picture with the rule.
"""

import math
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Final

from engine.best_seats.index import runs_of
from engine.best_seats.sight import sight
from engine.layout import Layout, import_layout
from engine.layout.extent import bounding_box
from engine.local.demo.venues import demo_venues

PICTURE: Final = Path(__file__).resolve().parents[1] / "docs" / "images" / "best-seats.svg"
#: How many seats are marked as the first ones.
FIRST: Final = 20
_PANEL, _GAP, _TOP, _FOOT = 320, 24, 34, 40
#: Where there are more seats, neighbours of one shade are one line.
_SINGLE_BELOW: Final = 2_000
#: The shades from the best seats to the last, each for the share of the seats that it ends with.
_SHADES: Final = (
    (0.05, "#08306b"),
    (0.15, "#08519c"),
    (0.30, "#2b7bba"),
    (0.50, "#6baed6"),
    (0.75, "#a6cbe3"),
    (1.00, "#d3dfea"),
)
_STYLE = """
  text { font: 15px system-ui, sans-serif; fill: #18181b }
  .small { font-size: 12px; fill: #52525b }
  path { fill: none; stroke-linecap: round; stroke-linejoin: round }
  .stage { fill: #71717a; stroke: none }
  .first { stroke: #c8102e }
  .ground { fill: #ffffff }
"""


def order(layout: Layout) -> list[int]:
    """The seats that best seats may choose, the one that sees best first."""
    seats = [seat_no for run in runs_of(layout) for seat_no in run]
    seems = sight(layout)
    return sorted(seats, key=lambda seat_no: (seems[seat_no], seat_no))


def drawing() -> str:
    """The picture, as SVG."""
    venues = [import_layout(document).layout for document in demo_venues().values()]
    houses = [layout for layout in venues if layout.seat_count]
    width = len(houses) * (_PANEL + _GAP) + _GAP
    height = _TOP + _PANEL + _FOOT
    panels = [_panel(layout, _GAP + i * (_PANEL + _GAP), _TOP) for i, layout in enumerate(houses)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            "<title>Which seats come first in the demo houses</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="ground" width="{width}" height="{height}"/>',
            *panels,
            _legend(_TOP + _PANEL + 24),
            "</svg>\n",
        ]
    )


def _legend(y: int) -> str:
    parts = [
        f'<circle cx="{_GAP + 6}" cy="{y - 4}" r="5" fill="#c8102e"/>',
        f'<text class="small" x="{_GAP + 16}" y="{y}">the first {FIRST} seats</text>',
    ]
    for i, (share, color) in enumerate(_SHADES):
        x = _GAP + 150 + i * 95
        parts.append(f'<circle cx="{x}" cy="{y - 4}" r="5" fill="{color}"/>')
        parts.append(f'<text class="small" x="{x + 10}" y="{y}">to {share:.0%}</text>')
    return "\n".join(parts)


def _panel(layout: Layout, left: int, top: int) -> str:
    seats = layout.seats
    stages = [d.shape for d in layout.decorations if d.kind == "stage" and d.shape is not None]
    boxes = [bounding_box(shape) for shape in stages]
    x0 = min(*seats.x, *(box[0] for box in boxes))
    y0 = min(*seats.y, *(box[1] for box in boxes))
    x1 = max(*seats.x, *(box[2] for box in boxes))
    y1 = max(*seats.y, *(box[3] for box in boxes))
    scale = _PANEL / max(x1 - x0, y1 - y0)
    # Half pixels of a picture ten times as fine: whole numbers are short.
    fine = 4
    move = f"translate({left} {top}) scale({1 / fine})"

    def place(x: float, y: float) -> tuple[int, int]:
        return round((x - x0) * scale * fine), round((y - y0) * scale * fine)

    paths = _paths(layout, [place(x, y) for x, y in zip(seats.x, seats.y, strict=True)])
    thick = max(4.0, _pitch(layout) * scale * fine * 0.8)
    drawn = [
        f'<path stroke="{color}" d="{path}"/>' if color else f'<path class="first" d="{path}"/>'
        for color, path in paths
    ]
    marks = [
        f'<rect class="stage" x="{a}" y="{b}" width="{c - a}" height="{d - b}" rx="8"/>'
        for a, b, c, d in ((*place(*box[:2]), *place(*box[2:])) for box in boxes)
    ]
    title = f'<text x="{left}" y="{top - 12}">{layout.name}</text>'
    return (
        f'{title}<g transform="{move}" stroke-width="{thick:.1f}">'
        + "".join(marks + drawn)
        + "</g>"
    )


def _paths(layout: Layout, places: list[tuple[int, int]]) -> list[tuple[str, str]]:
    """Per shade (none for the first seats) the lines through neighbours that share it."""
    ranked = order(layout)
    ends = [round(share * len(ranked)) for share, _ in _SHADES]
    shade_of = {}
    for rank, seat_no in enumerate(ranked):
        shade_of[seat_no] = (
            -1 if rank < FIRST else next(i for i, end in enumerate(ends) if rank < end)
        )
    lines: dict[int, list[str]] = defaultdict(list)
    single = layout.seat_count < _SINGLE_BELOW
    for run in runs_of(layout):
        line: list[tuple[int, int]] = []
        for seat_no, following in pairwise([*run, -1]):
            line.append(places[seat_no])
            if single or shade_of.get(following) != shade_of[seat_no]:
                lines[shade_of[seat_no]].append(_line(line))
                line = []
    shades = [color for _, color in _SHADES]
    return [(shades[i], "".join(lines[i])) for i in range(len(shades) - 1, -1, -1)] + [
        ("", "".join(lines[-1]))
    ]


def _line(points: list[tuple[int, int]]) -> str:
    """Its ends and its middle: rows are straight or gently bent."""
    kept = [points[0], *([points[len(points) // 2]] if len(points) > 3 else []), points[-1]]
    (x, y), *rest = kept
    text = f"M{x} {y}" if rest else f"M{x} {y}h0"
    for to_x, to_y in rest:
        text += f"l{to_x - x} {to_y - y}"
        x, y = to_x, to_y
    return text


def _pitch(layout: Layout) -> float:
    seats = layout.seats
    first = layout.rows[0]
    at = first.first_seat
    return math.hypot(seats.x[at + 1] - seats.x[at], seats.y[at + 1] - seats.y[at])


if __name__ == "__main__":
    PICTURE.write_text(drawing())
