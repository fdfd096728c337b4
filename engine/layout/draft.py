"""The common form of both formats: a venue as written, each part with its path in the file."""

from msgspec import Struct

from engine.layout.model import Area, Category, Coordinate, Decoration, Point, Size


class DraftSeat(Struct):
    """``index`` is the seat's place in the row as written, so that its path stays right."""

    index: int
    id: str
    number: str
    x: float
    y: float
    category: str
    flags: int


class DraftRow(Struct):
    path: str
    label: str
    order: float
    seats: list[DraftSeat]


class DraftSection(Struct):
    path: str
    name: str
    rows: list[DraftRow]
    #: True where repeated row labels are usual, so that telling them apart needs no permission.
    labels_repeat: bool = False


class DraftArea(Struct):
    """``area.category`` is not known yet; ``category`` is its name."""

    path: str
    category: str
    area: Area


class Words(Struct, frozen=True):
    """The format's names of things, for paths and messages."""

    seat_id: str
    seat_number: str
    row_label: str


class Draft(Struct):
    """``size`` is as stated; None where it is not, and the drawing is as large as it needs to be."""

    name: str
    size: Size | None
    focal_point: Point | None
    categories: list[Category]
    #: False when some could not be read: an unknown category is then no error.
    categories_known: bool
    sections: list[DraftSection]
    areas: list[DraftArea]
    decorations: list[Decoration]
    words: Words
    #: True where people sell from drawings that we need not like: seats may lie on top of each other.
    drawn_freely: bool = False


def coordinate(value: float) -> Coordinate:
    """Rounded to 0.1, and an int when integral, which is shorter as JSON."""
    rounded = round(value, 1)
    return int(rounded) if rounded == int(rounded) else rounded
