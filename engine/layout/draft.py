"""The common form of both formats: a venue as written, each part with its path in the file."""

from msgspec import Struct

from engine.layout.model import Area, Category, Coordinate, Decoration, Point, Size

#: Okabe and Ito's palette, which colour-blind people can tell apart.
_PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#6c6c6c")


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


def coordinate(value: float) -> Coordinate:
    """Rounded to 0.1, and an int when integral, which is shorter as JSON."""
    rounded = round(value, 1)
    return int(rounded) if rounded == int(rounded) else rounded


def plain_color(color: str | None) -> str | None:
    """``#rrggbb`` (or ``#rrggbbaa``) in lower case; a word like "transparent" stays."""
    if not color:
        return None
    color = color.lower()
    if color.startswith("#") and len(color) < 6:
        return "#" + "".join(digit * 2 for digit in color[1:])
    return color


def default_color(category_no: int) -> str:
    return _PALETTE[category_no % len(_PALETTE)]
