"""Three invented venues, drawn by code: an arena, a theatre and a club.

Pure data: the same call gives the same documents, in the native layout format. Lengths are drawing
units, x to the right and y down; angles are radians, clockwise from the x axis, as on the screen.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec import Struct

Document = dict[str, Any]
Point = tuple[float, float]

#: Row letters as houses use them: I and O look like one and zero.
ROW_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"

# Okabe and Ito's colours, told apart by people who see colours differently, too.
_BLUE, _SKY, _GREEN = "#0072b2", "#56b4e9", "#009e73"
_ORANGE, _VERMILION, _PURPLE = "#e69f00", "#d55e00", "#cc79a7"


def demo_venues() -> dict[str, Document]:
    """Native layout documents by venue key: ``arena``, ``theatre``, ``club``."""
    return {"arena": arena()}


def _seat(number: int, place: Point, category: str, *properties: str) -> Document:
    made: Document = {
        "number": str(number),
        "x": round(place[0], 1),
        "y": round(place[1], 1),
        "category": category,
    }
    if properties:
        made["properties"] = list(properties)
    return made


def _row(label: str, order: int, seats: list[Document]) -> Document:
    return {"label": label, "order": order, "seats": seats}


def _polar(centre: Point, radius: float, angle: float) -> Point:
    return centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)


def _spread(count: int, pitch: float) -> Iterator[float]:
    """Offsets of ``count`` things ``pitch`` apart, around zero."""
    return ((i - (count - 1) / 2) * pitch for i in range(count))


def _rectangle(x: float, y: float, width: float, height: float) -> Document:
    return {"type": "rectangle", "x": x, "y": y, "width": width, "height": height}


def _circle(centre: Point, radius: float) -> Document:
    return {"type": "ellipse", "x": centre[0], "y": centre[1], "rx": radius, "ry": radius}


def _polygon(points: Iterable[Point]) -> Document:
    return {"type": "polygon", "points": [[round(x, 1), round(y, 1)] for x, y in points]}


def _text(text: str, x: float, y: float, size: float) -> Document:
    return {"text": text, "x": x, "y": y, "size": size}


# --- the arena ------------------------------------------------------------------------------------

ARENA_SEATS: Final = 20_000
_ARENA_SIZE: Final = (2600.0, 2600.0)
#: Centre of the floor; the corners of all rows are arcs around four points beside it.
_FLOOR: Final = (1300.0, 1120.0)
_CORNER_X: Final = 170.0
_CORNER_Y: Final = 500.0
_SEAT_PITCH: Final = 12.0
_ROW_PITCH: Final = 14.0
_AISLE: Final = 20.0
_LOWER_RADIUS: Final = 285.0
_LOWER_ROWS: Final = 24
_UPPER_RADIUS: Final = 690.0
_UPPER_ROWS: Final = 29
#: Rows of the upper tier that the entrances cut, and how many seats wide.
_ENTRANCE_ROWS: Final = range(7, 11)
_ENTRANCE_SEATS: Final = 4


class _Block(Struct, frozen=True):
    """A piece of the bowl: a wedge of ``span`` around a corner, or a straight ``width``."""

    origin: Point
    #: Outward, from the floor.
    angle: float
    span: float = 0.0
    width: float = 0.0

    def row(self, radius: float) -> list[Point]:
        """The places of the seats at ``radius``, clockwise around the bowl, aisles left free."""
        length = self.span * radius if self.span else self.width
        count = max(0, int((length - _AISLE) // _SEAT_PITCH) + 1)
        return [self.place(radius, offset) for offset in _spread(count, _SEAT_PITCH)]

    def place(self, radius: float, offset: float) -> Point:
        if self.span:
            return _polar(self.origin, radius, self.angle + offset / radius)
        return _polar(_polar(self.origin, radius, self.angle), offset, self.angle + math.pi / 2)


def _ring(wedges: int, sides: int, ends: int) -> list[_Block]:
    """Blocks clockwise from beside the stage; behind the stage there are none.

    ``wedges`` per quarter corner (of which the stage leaves one), ``sides`` and ``ends`` per
    straight piece.
    """
    right, left = _FLOOR[0] + _CORNER_X, _FLOOR[0] - _CORNER_X
    top, bottom = _FLOOR[1] - _CORNER_Y, _FLOOR[1] + _CORNER_Y
    quarter = math.pi / 2
    return [
        *_wedges((right, top), -quarter / wedges, 0, 1),
        *_straight((right, _FLOOR[1]), 0, 2 * _CORNER_Y, sides),
        *_wedges((right, bottom), 0, quarter, wedges),
        *_straight((_FLOOR[0], bottom), quarter, 2 * _CORNER_X, ends),
        *_wedges((left, bottom), quarter, 2 * quarter, wedges),
        *_straight((left, _FLOOR[1]), 2 * quarter, 2 * _CORNER_Y, sides),
        *_wedges((left, top), 2 * quarter, 2 * quarter + quarter / wedges, 1),
    ]


def _wedges(origin: Point, start: float, end: float, count: int) -> list[_Block]:
    span = (end - start) / count
    return [_Block(origin, start + (i + 0.5) * span, span=span) for i in range(count)]


def _straight(origin: Point, angle: float, length: float, count: int) -> list[_Block]:
    width = length / count
    return [
        _Block(_polar(origin, offset, angle + math.pi / 2), angle, width=width)
        for offset in _spread(count, width)
    ]


def arena() -> Document:
    """20,000 seats in two tiers around a standing floor; the stage is at one end."""
    lower = [
        _lower_block(block, 101 + i) for i, block in enumerate(_ring(wedges=3, sides=6, ends=2))
    ]
    upper = [
        _upper_block(block, 201 + i) for i, block in enumerate(_ring(wedges=4, sides=7, ends=2))
    ]
    sections = lower + upper
    _trim(sections, upper, ARENA_SEATS)
    return {
        "format": "frontrow/1",
        "name": "Nordhalle Arena",
        "size": {"width": _ARENA_SIZE[0], "height": _ARENA_SIZE[1]},
        "focal_point": {"x": _FLOOR[0], "y": _FLOOR[1] - 520},
        "categories": [
            {"name": "Front standing", "color": _VERMILION},
            {"name": "Standing", "color": _ORANGE},
            {"name": "Premium", "color": _BLUE},
            {"name": "Lower tier", "color": _SKY},
            {"name": "Upper tier", "color": _GREEN},
            {"name": "Side view", "color": _PURPLE},
        ],
        "sections": sections,
        "areas": _arena_areas(),
        "decorations": _arena_decorations(),
    }


def _beside_stage(block: _Block) -> bool:
    return _polar(block.origin, _LOWER_RADIUS, block.angle)[1] < _FLOOR[1] - _CORNER_Y + 10


def _lower_block(block: _Block, number: int) -> Document:
    rows = []
    for i in range(_LOWER_ROWS):
        places = block.row(_LOWER_RADIUS + i * _ROW_PITCH)
        category = "Premium" if i < 10 and block.width else "Lower tier"
        flags: tuple[str, ...] = ()
        if _beside_stage(block):
            category, flags = "Side view", ("restricted_view",)
        if i == _LOWER_ROWS - 1 and block.width:
            seats = _platform(block, _LOWER_RADIUS + i * _ROW_PITCH + 4, category)
        else:
            seats = _numbered(places, category, flags)
        rows.append(_row(_arena_letter(i), i, seats))
    return {"name": f"Block {number}", "rows": rows}


def _arena_letter(index: int) -> str:
    return ROW_LETTERS[index] if index < len(ROW_LETTERS) else ROW_LETTERS[index - 23] * 2


def _numbered(places: list[Point], category: str, flags: tuple[str, ...] = ()) -> list[Document]:
    """Seats numbered in order; both ends of the row are at an aisle."""
    ends = (0, len(places) - 1)
    return [
        _seat(i + 1, place, category, *flags, *(("aisle",) if i in ends else ()))
        for i, place in enumerate(places)
    ]


def _platform(block: _Block, radius: float, category: str) -> list[Document]:
    """The last row of a straight block: wheelchair spaces, a companion's seat beside each."""
    pairs = int((block.width - _AISLE) // 34)
    seats = []
    for i, offset in enumerate(_spread(pairs, 34)):
        space, beside = block.place(radius, offset - 8), block.place(radius, offset + 7)
        seats.append(_seat(2 * i + 1, space, category, "wheelchair"))
        seats.append(_seat(2 * i + 2, beside, category, "companion"))
    return seats


def _upper_block(block: _Block, number: int) -> Document:
    rows = []
    for i in range(_UPPER_ROWS):
        places = block.row(_UPPER_RADIUS + i * _ROW_PITCH)
        category = "Side view" if _beside_stage(block) else "Upper tier"
        seats = _numbered(places, category)
        if i in _ENTRANCE_ROWS and len(places) >= 3 * _ENTRANCE_SEATS:
            seats = _around_entrance(seats)
        rows.append(_row(str(i + 1), i, seats))
    return {"name": f"Block {number}", "rows": rows}


def _around_entrance(seats: list[Document]) -> list[Document]:
    """Leave out the middle of the row, where people come in."""
    first = (len(seats) - _ENTRANCE_SEATS) // 2
    end = first + _ENTRANCE_SEATS
    for beside in (first - 1, end):
        seats[beside]["properties"] = [*seats[beside].get("properties", []), "aisle"]
    return seats[:first] + seats[end:]


def _trim(sections: list[Document], trimmed: list[Document], seat_count: int) -> None:
    """Shorten the last rows of ``trimmed`` from both ends until all sections have ``seat_count``."""
    excess = sum(len(row["seats"]) for s in sections for row in s["rows"]) - seat_count
    last_rows = [section["rows"][-1] for section in trimmed]
    turn = 0
    while excess > 0:
        row = last_rows[turn % len(last_rows)]
        if len(row["seats"]) > 1:
            row["seats"].pop(0 if (turn // len(last_rows)) % 2 else -1)
            excess -= 1
        turn += 1
    for row in last_rows:
        places = [(seat["x"], seat["y"]) for seat in row["seats"]]
        row["seats"] = _numbered(places, row["seats"][0]["category"])


def _arena_areas() -> list[Document]:
    x, y = _FLOOR
    wide, barrier = 395.0, y - 130
    front = [
        (x - wide, y - 470),
        (x - 45, y - 470),
        (x - 45, y - 190),
        (x + 45, y - 190),
        (x + 45, y - 470),
        (x + wide, y - 470),
        (x + wide, barrier - 12),
        (x - wide, barrier - 12),
    ]
    back = [(x - wide, barrier + 12), (x + wide, barrier + 12)]
    back += [
        _polar((x + _CORNER_X, y + _CORNER_Y), wide - _CORNER_X, i * math.pi / 24)
        for i in range(13)
    ]
    back += [
        (x + 80, y + _CORNER_Y + wide - _CORNER_X),
        (x + 80, y + 600),
        (x - 80, y + 600),
        (x - 80, y + _CORNER_Y + wide - _CORNER_X),
    ]
    back += [
        _polar((x - _CORNER_X, y + _CORNER_Y), wide - _CORNER_X, math.pi / 2 + i * math.pi / 24)
        for i in range(13)
    ]
    return [
        {
            "name": "Front standing",
            "category": "Front standing",
            "capacity": 1200,
            "shape": _polygon(front),
        },
        {"name": "Standing", "category": "Standing", "capacity": 3300, "shape": _polygon(back)},
    ]


def _arena_decorations() -> list[Document]:
    x, y = _FLOOR
    stage = [
        (x - 300, y - 720),
        (x + 300, y - 720),
        (x + 330, y - 500),
        (x + 35, y - 500),
        (x + 35, y - 200),
        (x - 35, y - 200),
        (x - 35, y - 500),
        (x - 330, y - 500),
    ]
    desk_y = y + _CORNER_Y + 130
    return [
        {"kind": "floor", "shape": _polygon(_band(_UPPER_RADIUS - 60, _UPPER_RADIUS - 22))},
        {
            "kind": "stage",
            "shape": _polygon(stage),
            "text": _text("STAGE", x, y - 610, 56),
        },
        {
            "kind": "other",
            "shape": _rectangle(x - 60, desk_y, 120, 70),
            "text": _text("Sound", x, desk_y + 35, 28),
        },
    ]


def _band(inner: float, outer: float) -> list[Point]:
    """The concourse between the tiers, open where the stage is."""
    return [*_outline(outer), *reversed(list(_outline(inner)))]


def _outline(radius: float) -> Iterator[Point]:
    right, left = _FLOOR[0] + _CORNER_X, _FLOOR[0] - _CORNER_X
    top, bottom = _FLOOR[1] - _CORNER_Y, _FLOOR[1] + _CORNER_Y
    for origin, start, end in (
        ((right, top), -30, 0),
        ((right, bottom), 0, 90),
        ((left, bottom), 90, 180),
        ((left, top), 180, 210),
    ):
        for degrees in range(start, end + 1, 3):
            yield _polar(origin, radius, math.radians(degrees))


# --- the theatre ----------------------------------------------------------------------------------

THEATRE_SEATS: Final = 1_300
_THEATRE_SIZE: Final = (2000.0, 1900.0)
