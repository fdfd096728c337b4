"""Three invented venues, drawn by code: an arena, a theatre and a club.

Pure data: the same call gives the same documents, in the native layout format. Lengths are drawing
units, x to the right and y down; angles are radians, clockwise from the x axis, as on the screen.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec import Struct

Document = dict[str, Any]
Point = tuple[float, float]

#: Row letters as theatres use them, without I and O, which look like one and zero.
ROW_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"

# Paul Tol's muted colours, which colour-blind people can tell apart.
_INDIGO, _CYAN, _TEAL, _GREEN = "#332288", "#88ccee", "#44aa99", "#117733"
_SAND, _ROSE, _WINE, _PURPLE = "#ddcc77", "#cc6677", "#882255", "#aa4499"


def demo_venues() -> dict[str, Document]:
    """Native layout documents by venue key: ``arena``, ``theatre``, ``club``."""
    return {"arena": arena(), "theatre": theatre(), "club": club()}


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
_ARENA_SIZE: Final = (2660.0, 2580.0)
#: Centre of the floor; the corners of all rows are arcs around four points beside it.
_FLOOR: Final = (1330.0, 930.0)
_CORNER_X: Final = 190.0
_CORNER_Y: Final = 500.0
_SEAT_PITCH: Final = 12.0
_ROW_PITCH: Final = 14.0
_AISLE: Final = 17.0
_LOWER_RADIUS: Final = 285.0
_LOWER_ROWS: Final = 24
_PREMIUM_ROWS: Final = 9
_UPPER_RADIUS: Final = 690.0
_UPPER_ROWS: Final = 28
_UPPER_FRONT_ROWS: Final = 11
#: Rows of the upper tier that the entrances cut, and how many seats wide.
_ENTRANCE_ROWS: Final = range(7, 11)
_ENTRANCE_SEATS: Final = 4


class _Block(Struct, frozen=True):
    """A piece of the bowl: a wedge of ``span`` around a corner, or a straight ``width``."""

    origin: Point
    #: The direction outward from the floor.
    angle: float
    span: float = 0.0
    width: float = 0.0

    def row(self, radius: float) -> list[Point]:
        """The places of the seats at ``radius``, clockwise around the bowl, with aisles left free."""
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
        _upper_block(block, 201 + i) for i, block in enumerate(_ring(wedges=5, sides=6, ends=2))
    ]
    sections = lower + upper
    _trim(sections, upper, ARENA_SEATS)
    return {
        "format": "frontrow/1",
        "name": "Nordhalle Arena",
        "size": {"width": _ARENA_SIZE[0], "height": _ARENA_SIZE[1]},
        "focal_point": {"x": _FLOOR[0], "y": _FLOOR[1] - 520},
        "categories": [
            {"name": "Front standing", "color": _ROSE},
            {"name": "Standing", "color": _SAND},
            {"name": "Premium", "color": _INDIGO},
            {"name": "Lower tier", "color": _CYAN},
            {"name": "Upper tier front", "color": _GREEN},
            {"name": "Upper tier", "color": _TEAL},
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
        category = "Premium" if i < _PREMIUM_ROWS else "Lower tier"
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
    beside = _beside_stage(block)
    flags = ("restricted_view",) if beside else ()
    for i in range(_UPPER_ROWS):
        category = "Upper tier front" if i < _UPPER_FRONT_ROWS else "Upper tier"
        seats = _numbered(
            block.row(_UPPER_RADIUS + i * _ROW_PITCH), "Side view" if beside else category, flags
        )
        if i in _ENTRANCE_ROWS and len(seats) >= 3 * _ENTRANCE_SEATS:
            seats = _around_entrance(seats)
        rows.append(_row(str(i + 1), i, seats))
    return {"name": f"Block {number}", "rows": rows}


def _around_entrance(seats: list[Document]) -> list[Document]:
    """Leave out the middle of the row, where the entrance is."""
    first = (len(seats) - _ENTRANCE_SEATS) // 2
    end = first + _ENTRANCE_SEATS
    for beside in (first - 1, end):
        seats[beside]["properties"] = [*seats[beside].get("properties", []), "aisle"]
    return seats[:first] + seats[end:]


def _trim(sections: list[Document], trimmed: list[Document], seat_count: int) -> None:
    """Shorten the last rows of ``trimmed`` from both ends until all sections have ``seat_count``."""
    excess = sum(len(row["seats"]) for s in sections for row in s["rows"]) - seat_count
    last_rows = [section["rows"][-1] for section in trimmed]
    if not 0 <= excess <= sum(len(row["seats"]) - 1 for row in last_rows):
        raise ValueError(f"the last rows cannot give up {excess} seats")
    turn = 0
    while excess > 0:
        row = last_rows[turn % len(last_rows)]
        if len(row["seats"]) > 1:
            row["seats"].pop(0 if (turn // len(last_rows)) % 2 else -1)
            excess -= 1
        turn += 1
    for row in last_rows:
        for number, seat in enumerate(row["seats"], start=1):
            seat["number"] = str(number)
        for seat in (row["seats"][0], row["seats"][-1]):
            seat["properties"] = sorted({*seat.get("properties", []), "aisle"})


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
_THEATRE_SIZE: Final = (1800.0, 1620.0)
_CHAIR: Final = 22.0
_STEP: Final = 27.0
#: Straight down from a centre; seats spread to both sides of it.
_DOWN: Final = math.pi / 2
_STALLS_CENTRE: Final = (900.0, -320.0)
_STALLS_RADIUS: Final = 720.0
#: The balconies are horseshoes around this point.
_CIRCLE_CENTRE: Final = (900.0, 560.0)
_DRESS_RADIUS: Final = 520.0
_UPPER_CIRCLE_RADIUS: Final = 800.0


def theatre() -> Document:
    """1,300 seats: curved stalls with two aisles, boxes, and two balconies around them."""
    sections = [
        _stalls(),
        _boxes("left", 1, _BOXES_LEFT),
        _boxes("right", 4, _BOXES_RIGHT),
        _dress_circle(),
        _upper_circle(),
    ]
    _trim(sections, sections[-1:], THEATRE_SEATS)
    return {
        "format": "frontrow/1",
        "name": "Lantern Theatre",
        "size": {"width": _THEATRE_SIZE[0], "height": _THEATRE_SIZE[1]},
        "focal_point": {"x": 900, "y": 270},
        "categories": [
            {"name": "Premium stalls", "color": _INDIGO},
            {"name": "Stalls", "color": _CYAN},
            {"name": "Dress circle", "color": _GREEN},
            {"name": "Upper circle", "color": _SAND},
            {"name": "Boxes", "color": _WINE},
            {"name": "Restricted view", "color": _PURPLE},
        ],
        "sections": sections,
        "decorations": _theatre_decorations(),
    }


def _arc(
    centre: Point, radius: float, half_angle: float, aisles: tuple[float, ...]
) -> list[tuple[Point, bool, float]]:
    """A curved row from left to right: place, whether at an aisle, angle from the middle.

    ``aisles`` are angles from the middle, ascending. Between them the chairs move a little apart,
    so that the aisles have straight edges.
    """
    edges = (-half_angle, *aisles, half_angle)
    gap = _CHAIR / radius
    row = []
    for i, (start, end) in enumerate(itertools.pairwise(edges)):
        left = start + (gap if i > 0 else 0)
        right = end - (gap if i < len(edges) - 2 else 0)
        count = max(0, int((right - left) * radius / _CHAIR + 1e-6))
        pitch = (right - left) / max(count, 1)
        for n in range(count):
            angle = left + (n + 0.5) * pitch
            row.append((_polar(centre, radius, _DOWN - angle), n in (0, count - 1), angle))
    return row


def _stalls() -> Document:
    rows = []
    for i in range(20):
        radius = _STALLS_RADIUS + i * _STEP
        half_width = 300 + 6.0 * i
        arc = _arc(_STALLS_CENTRE, radius, half_width / radius, (-0.155, 0.155))
        category = "Premium stalls" if 2 <= i <= 11 else "Stalls"
        seats = [
            _seat(n + 1, place, category, *(("aisle",) if aisle else ()))
            for n, (place, aisle, _) in enumerate(arc)
        ]
        if i == 19:
            for n, name in (
                (0, "wheelchair"),
                (1, "companion"),
                (-2, "companion"),
                (-1, "wheelchair"),
            ):
                seats[n]["properties"] = [name]
        rows.append(_row(ROW_LETTERS[i], i, seats))
    return {"name": "Stalls", "rows": rows}


def _boxes(side: str, first: int, places: list[Point]) -> Document:
    rows = []
    for i, (x, y) in enumerate(places):
        chairs = [(x + dx, y + dy) for dy in (-12, 12) for dx in (-12, 12)]
        # The box nearest to the stage has a view of only half of it.
        properties = ("restricted_view",) if i == 0 else ()
        seats = [_seat(n + 1, place, "Boxes", *properties) for n, place in enumerate(chairs)]
        rows.append(_row(f"Box {first + i}", i, seats))
    return {"name": f"Boxes {side}", "rows": rows}


_BOXES_LEFT: Final = [(372.0, 300.0), (362.0, 376.0), (352.0, 452.0)]
_BOXES_RIGHT: Final = [(_THEATRE_SIZE[0] - x, y) for x, y in _BOXES_LEFT]


def _dress_circle() -> Document:
    half_angles = [1.5, 1.42, *[0.74] * 6]
    rows = [
        _balcony_row(_DRESS_RADIUS + i * _STEP, half_angle, 1.05, "Dress circle", i)
        for i, half_angle in enumerate(half_angles)
    ]
    return {"name": "Dress Circle", "rows": rows}


def _upper_circle() -> Document:
    half_angles = [0.98, 0.92, *[0.62] * 6]
    rows = [
        _balcony_row(_UPPER_CIRCLE_RADIUS + i * _STEP, half_angle, 0.8, "Upper circle", i)
        for i, half_angle in enumerate(half_angles)
    ]
    return {"name": "Upper Circle", "rows": rows}


def _balcony_row(
    radius: float, half_angle: float, view_angle: float, category: str, index: int
) -> Document:
    """Seats further than ``view_angle`` from the middle look past a pillar."""
    aisles = (-0.74, -0.26, 0.26, 0.74) if half_angle > 0.8 else (-0.26, 0.26)
    seats = []
    for n, (place, aisle, angle) in enumerate(_arc(_CIRCLE_CENTRE, radius, half_angle, aisles)):
        properties = ["aisle"] if aisle else []
        if abs(angle) > view_angle:
            properties.append("restricted_view")
        shown = "Restricted view" if abs(angle) > view_angle else category
        seats.append(_seat(n + 1, place, shown, *properties))
    return _row(ROW_LETTERS[index], index, seats)


def _theatre_decorations() -> list[Document]:
    curve = [
        _polar(_STALLS_CENTRE, _STALLS_RADIUS - 120, _DOWN + angle)
        for angle in (0.56, 0.42, 0.28, 0.14, 0.0, -0.14, -0.28, -0.42, -0.56)
    ]
    pit = [
        _polar(_STALLS_CENTRE, _STALLS_RADIUS - 42, _DOWN + angle)
        for angle in (-0.28, -0.2, -0.1, 0.0, 0.1, 0.2, 0.28)
    ]
    pit += [
        _polar(_STALLS_CENTRE, _STALLS_RADIUS - 105, _DOWN + angle)
        for angle in (0.3, 0.2, 0.1, 0.0, -0.1, -0.2, -0.3)
    ]
    boxes = [
        {"kind": "wall", "shape": _rectangle(x - 29, y - 29, 58, 58)}
        for x, y in _BOXES_LEFT + _BOXES_RIGHT
    ]
    return [
        {
            "kind": "stage",
            "shape": _polygon([(590, 60), (1210, 60), *reversed(curve)]),
            "text": _text("STAGE", 900, 165, 40),
        },
        {
            "kind": "floor",
            "shape": _polygon(pit),
            "text": _text("Orchestra pit", 900, 326, 22),
        },
        *boxes,
    ]


# --- the club -------------------------------------------------------------------------------------

CLUB_SEATS: Final = 120
_CLUB_SIZE: Final = (1060.0, 900.0)


def club() -> Document:
    """120 seats: tables of six before the stage, a raised gallery, stools at the bar."""
    return {
        "format": "frontrow/1",
        "name": "The Blue Cellar",
        "size": {"width": _CLUB_SIZE[0], "height": _CLUB_SIZE[1]},
        "focal_point": {"x": 450, "y": 150},
        "categories": [
            {"name": "Front tables", "color": _ROSE},
            {"name": "Tables", "color": _INDIGO},
            {"name": "Gallery", "color": _TEAL},
            {"name": "Bar", "color": _SAND},
        ],
        "sections": [_tables(), _gallery(), _stools()],
        "areas": [
            {
                "name": "Standing at the bar",
                "category": "Bar",
                "capacity": 60,
                "shape": _rectangle(838, 292, 62, 396),
            }
        ],
        "decorations": _club_decorations(),
    }


def _table_places() -> list[Point]:
    """Twelve tables in three staggered rows."""
    return [
        (450 + offset + (38 if line % 2 else -38), 305 + line * 138)
        for line in range(3)
        for offset in _spread(4, 172)
    ]


def _tables() -> Document:
    rows = []
    for i, centre in enumerate(_table_places()):
        # The side towards the stage stays free: nobody sits with their back to it.
        places = [_polar(centre, 49, _DOWN - offset) for offset in _spread(6, math.radians(46))]
        category = "Front tables" if i < 4 else "Tables"
        seats = [_seat(n + 1, place, category) for n, place in enumerate(places)]
        if i in (8, 11):
            seats[0]["properties"], seats[1]["properties"] = ["wheelchair"], ["companion"]
        rows.append(_row(f"Table {i + 1}", i // 4, seats))
    return {"name": "Floor", "rows": rows}


def _gallery() -> Document:
    rows = []
    for i in range(2):
        arc = [
            _polar((450, -700), 1425 + i * 44, _DOWN - offset / 1425) for offset in _spread(18, 38)
        ]
        rows.append(_row(ROW_LETTERS[i], i, _numbered(arc, "Gallery")))
    return {"name": "Gallery", "rows": rows}


def _stools() -> Document:
    seats = []
    for n, offset in enumerate(_spread(12, 34)):
        properties = ("restricted_view",) if n > 8 else ()
        seat = _seat(n + 1, (926, 490 + offset), "Bar", *properties)
        seat["number"] = f"stool {n + 1}"
        seats.append(seat)
    return {"name": "Bar", "rows": [_row("", 0, seats)]}


def _club_decorations() -> list[Document]:
    stage = [_polar((450, 50), 165, math.radians(degrees)) for degrees in range(0, 181, 5)]
    tables = [{"kind": "table", "shape": _circle(centre, 30)} for centre in _table_places()]
    return [
        {"kind": "stage", "shape": _polygon(stage), "text": _text("STAGE", 450, 115, 28)},
        *tables,
        {
            "kind": "other",
            "shape": _rectangle(950, 280, 54, 420),
            "text": {**_text("Bar", 977, 490, 24), "rotation": 90},
        },
        {
            "kind": "entrance",
            "shape": _rectangle(864, 800, 140, 50),
            "text": _text("Entrance", 934, 825, 20),
        },
    ]
