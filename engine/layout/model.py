"""The drawing of a venue, as every other package sees it.

A Layout is columnar: seats, of which there are thousands, are kept as one array per property, and a
seat is its index in them, its ``seat_no``. The order is section by section, row by row (front to
back, by ``order``), seat by seat; it never changes once a layout is imported, because sales refer
to it. Rows tile the seats and sections tile the rows, without gaps.

Coordinates are drawing units, x to the right and y down, rounded to 0.1; an integral one is an int
so that the JSON is shorter. The Struct does not validate: only ``import_layout`` makes layouts from
people's documents, and it refuses documents that would break these promises.
"""

from enum import IntFlag
from typing import Literal

import msgspec
from msgspec import Struct

#: Drawing units.
Coordinate = int | float


class SeatFlag(IntFlag):
    """Bits of ``Seats.flags``."""

    WHEELCHAIR = 1
    COMPANION = 2
    RESTRICTED_VIEW = 4
    AISLE = 8


class Point(Struct, frozen=True):
    x: Coordinate
    y: Coordinate


class Size(Struct, frozen=True):
    width: Coordinate
    height: Coordinate


class Category(Struct, frozen=True):
    """A price band. Its index is the ``category_no``; ``color`` is ``#rrggbb``."""

    name: str
    color: str


class Section(Struct, frozen=True):
    name: str
    first_row: int
    row_count: int


class Row(Struct, frozen=True):
    """``order`` counts from the front of the section; ``section`` is an index."""

    label: str
    section: int
    first_seat: int
    seat_count: int
    order: Coordinate


class Seats(Struct, frozen=True):
    """One array per property, all of the same length; the index is the ``seat_no``."""

    x: tuple[Coordinate, ...]
    y: tuple[Coordinate, ...]
    row: tuple[int, ...]
    number: tuple[str, ...]
    category: tuple[int, ...]
    flags: tuple[int, ...]


class Polygon(Struct, frozen=True, tag_field="type", tag="polygon"):
    """Corners as ``[x, y]``; the last one joins the first."""

    points: tuple[tuple[Coordinate, Coordinate], ...]


class Rectangle(Struct, frozen=True, tag_field="type", tag="rectangle"):
    """``x, y`` is the upper left corner."""

    x: Coordinate
    y: Coordinate
    width: Coordinate
    height: Coordinate


class Ellipse(Struct, frozen=True, tag_field="type", tag="ellipse"):
    """``x, y`` is the centre; ``rotation`` is degrees clockwise around it."""

    x: Coordinate
    y: Coordinate
    rx: Coordinate
    ry: Coordinate
    rotation: Coordinate = 0


Shape = Polygon | Rectangle | Ellipse


class Area(Struct, frozen=True):
    """General admission: ``capacity`` places without numbers. Its index is the ``area_no``."""

    name: str
    category: int
    capacity: int
    shape: Shape


class Text(Struct, frozen=True, omit_defaults=True):
    """Words on the drawing, centred on ``x, y``; ``size`` is the height of a line."""

    text: str
    x: Coordinate
    y: Coordinate
    size: Coordinate = 16
    color: str | None = None
    rotation: Coordinate = 0


DecorationKind = Literal["stage", "field", "floor", "wall", "table", "entrance", "text", "other"]


class Decoration(Struct, frozen=True, omit_defaults=True):
    """A drawn object that nobody can buy. ``kind`` says how to draw one without a colour."""

    kind: DecorationKind = "other"
    shape: Shape | None = None
    text: Text | None = None
    color: str | None = None
    border_color: str | None = None


class Layout(Struct, frozen=True):
    name: str
    size: Size
    #: The point everybody looks at; seats near it have the best view.
    focal_point: Point
    categories: tuple[Category, ...]
    sections: tuple[Section, ...]
    rows: tuple[Row, ...]
    seats: Seats
    areas: tuple[Area, ...]
    decorations: tuple[Decoration, ...]

    @property
    def seat_count(self) -> int:
        return len(self.seats.row)

    def seat_label(self, seat_no: int) -> str:
        """The seat's unique label, as in "Stalls, row F, seat 12".

        A row label (or seat number) of several words is used without "row" (or "seat"): "Table 3".
        """
        if seat_no < 0:
            raise IndexError(f"no seat {seat_no}")
        row = self.rows[self.seats.row[seat_no]]
        return compose_label(self.sections[row.section].name, row.label, self.seats.number[seat_no])

    def area_label(self, area_no: int) -> str:
        if area_no < 0:
            raise IndexError(f"no area {area_no}")
        return self.areas[area_no].name

    def category_numbers(self) -> bytes:
        """One byte per seat, its ``category_no``."""
        return bytes(self.seats.category)

    def to_json(self) -> bytes:
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, data: bytes | str) -> "Layout":
        """Read the output of ``to_json``. Raises msgspec.DecodeError for anything else."""
        return msgspec.json.decode(data, type=cls)


def compose_label(section: str, row: str, number: str) -> str:
    parts = [section]
    if row:
        parts.append(row if " " in row else f"row {row}")
    parts.append(number if " " in number else f"seat {number}")
    return ", ".join(parts)
