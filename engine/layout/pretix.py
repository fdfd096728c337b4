"""The seating-plan format of pretix (its JSON schema 0.0.1, and keys of earlier versions).

Zones become sections; a seat's place is zone + row + seat position. Areas of that format are
drawings without a capacity, so they become decorations. Keys that only serve its editor are accepted
and ignored. Whatever is only drawn is read as far as it can be: people already sell from these plans.
"""

import math
import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from engine.layout.colors import default_color, opaque_color, plain_color
from engine.layout.draft import Draft, DraftRow, DraftSeat, DraftSection, Words, coordinate
from engine.layout.model import (
    Category,
    Decoration,
    DecorationKind,
    Ellipse,
    Polygon,
    Rectangle,
    Shape,
    Size,
    Text,
)
from engine.layout.reading import (
    DRAWING,
    NOTHING,
    TEXTUAL,
    Container,
    Label,
    Name,
    SeatId,
    Strict,
    is_complete,
    numbered,
    read,
    read_document,
)
from engine.layout.report import Report, quote

WORDS: Final = Words(seat_id="seat_guid", seat_number="seat_number", row_label="row_number")
_NAME_LENGTH_MAX: Final = 200
_TEXT_LENGTH_MAX: Final = 500
_STAGE = re.compile(r"stage|bühne|buehne|podium|scène|scene|escenario|palco|screen|leinwand", re.I)
_FIELD = re.compile(r"field|pitch|court|spielfeld|terrain|campo|\bice\b", re.I)

#: Maps are drawn in coordinates of the earth, too: the limit only keeps the arithmetic exact to 0.1.
_FAR: Final = 1e12
Number = Annotated[float, Meta(ge=-_FAR, le=_FAR), TEXTUAL]
Length = Annotated[float, Meta(gt=0, le=_FAR)]
#: Colours may be words ("transparent"), have an alpha, or be empty.
_Paint = Annotated[
    str,
    Meta(
        pattern=r"^\s*(#([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})|[A-Za-z]{0,30}|(?i:rgba?)\([\d.,%/ ]+\))\s*\Z"
    ),
]
_Ignored = object
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_CONTROL_BUT_LINE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]+")


class PositionIn(Strict):
    x: Number
    y: Number


class SizeIn(Strict):
    width: Length
    height: Length


class CategoryIn(Strict):
    name: Name
    color: Annotated[_Paint | None, DRAWING] = None


class SeatIn(Strict):
    seat_guid: SeatId
    seat_number: Label
    position: PositionIn
    category: str
    uuid: _Ignored = None
    radius: _Ignored = None
    start_direction: _Ignored = None


class RowIn(Container):
    row_number: Label
    seats: list[SeatIn]
    position: PositionIn | None = None
    row_label: Label | None = None
    seat_label: Label | None = None
    row_number_position: _Ignored = None
    uuid: _Ignored = None
    number_of_seats: _Ignored = None
    seats_spacing: _Ignored = None


class PolygonIn(Strict):
    points: Annotated[list[PositionIn], Meta(min_length=3, max_length=10_000)]


class RectangleIn(Strict):
    width: Length
    height: Length


class RadiiIn(Strict):
    x: Length
    y: Length


class EllipseIn(Strict):
    radius: RadiiIn


class CircleIn(Strict):
    radius: Length


class TextIn(Strict):
    text: str
    position: PositionIn | None = None
    color: _Paint = ""
    size: Length = 16


class AreaIn(Strict):
    shape: Literal["polygon", "rectangle", "ellipse", "circle", "text"] | None = None
    position: PositionIn | None = None
    rotation: Number = 0
    color: _Paint = ""
    border_color: _Paint = ""
    polygon: PolygonIn | None = None
    rectangle: RectangleIn | None = None
    ellipse: EllipseIn | None = None
    circle: CircleIn | None = None
    text: TextIn | str | None = None
    uuid: _Ignored = None
    width: Length | None = None
    height: Length | None = None


class ZoneIn(Container):
    position: PositionIn
    rows: list[RowIn]
    name: Annotated[str, DRAWING] = ""
    areas: Annotated[list[AreaIn], DRAWING] = msgspec.field(default_factory=list)
    zone_id: _Ignored = None
    uuid: _Ignored = None
    displayed: _Ignored = None


class DocumentIn(Container):
    name: str
    categories: list[CategoryIn]
    zones: list[ZoneIn]
    size: _Ignored = None


class _Frame(Struct, frozen=True):
    """An area's position, and its clockwise rotation around it."""

    x: float
    y: float
    rotation: float

    def place(self, x: float, y: float) -> tuple[float, float]:
        angle = math.radians(self.rotation)
        cos, sin = math.cos(angle), math.sin(angle)
        return self.x + x * cos - y * sin, self.y + x * sin + y * cos


def read_pretix(document: dict[str, object], report: Report) -> Draft | None:
    """The document as a draft; None when no part could be read. Problems go to ``report``."""
    source = read_document(document, DocumentIn, report)
    if source is None:
        return None
    sections = [
        section
        for i, zone in numbered(source.zones)
        if (section := _section(zone, f"zones[{i}]", i, report)) is not None
    ]
    decorations = [
        decoration
        for _, zone in numbered(source.zones)
        for area in zone.areas
        if (decoration := _decoration(zone, area)) is not None
    ]
    return Draft(
        name=_plan_name(source.name, report),
        size=_size(source.size),
        focal_point=None,
        categories=[_category(c, i, report) for i, c in numbered(source.categories)],
        categories_known=bool(source.categories) and is_complete(source.categories),
        sections=sections,
        areas=[],
        decorations=decorations,
        words=WORDS,
        drawn_freely=True,
    )


def _plan_name(name: str | None, report: Report) -> str:
    if name is None:
        return ""
    plain = _plain(name, _NAME_LENGTH_MAX)
    if not plain:
        report.warn("name", 'a plan needs a name; now "Seating plan"')
    elif plain != name.strip():
        report.warn("name", f"now {quote(plain)}")
    return plain or "Seating plan"


def _plain(text: str, length_max: int, control: re.Pattern[str] = _CONTROL) -> str:
    """``text`` without characters that cannot be printed, and no longer than this."""
    return control.sub(" ", text).strip()[:length_max].strip()


def _category(category: CategoryIn, index: int, report: Report) -> Category:
    color = opaque_color(category.color)
    if category.color and color is None:
        problem = f"{quote(category.color)} is not a color that is known; left out"
        report.warn(f"categories[{index}].color", problem)
    return Category(category.name.strip(), color or default_color(index))


def _size(stated: object) -> Size | None:
    """None where it is missing or cannot be read: the drawing is then as large as it needs to be."""
    unheard = Report(lenient=True, renumber=False).of_drawing()
    size = read(stated, SizeIn, "size", unheard, expendable=True)
    return Size(coordinate(size.width), coordinate(size.height)) if size is not NOTHING else None


def _section(zone: ZoneIn, path: str, index: int, report: Report) -> DraftSection | None:
    if not zone.rows:
        if not zone.areas:
            report.warn(path, "neither rows nor areas; left out")
        return None
    zone_id = zone.zone_id if isinstance(zone.zone_id, str) else ""
    names = (_plain(name, _NAME_LENGTH_MAX) for name in (zone.name, zone_id))
    name = next(filter(None, names), f"Zone {index + 1}")
    position = zone.position or PositionIn(0, 0)
    rows = [_row(row, f"{path}.rows[{i}]", position, i) for i, row in numbered(zone.rows)]
    return DraftSection(path=path, name=name, rows=rows, labels_repeat=True)


def _row(row: RowIn, path: str, zone: PositionIn, index: int) -> DraftRow:
    offset = row.position or PositionIn(0, 0)
    x, y = zone.x + offset.x, zone.y + offset.y
    seats = [
        DraftSeat(
            index=i,
            id=seat.seat_guid,
            number=_fill(row.seat_label, seat.seat_number),
            x=x + seat.position.x,
            y=y + seat.position.y,
            category=seat.category.strip(),
            flags=0,
        )
        for i, seat in numbered(row.seats)
    ]
    label = _fill(row.row_label, row.row_number or "")
    return DraftRow(path=path, label=label, order=index, seats=seats)


def _fill(template: str | None, value: str) -> str:
    """The name that people see: ``template`` with ``%s`` filled in, or else the plain value."""
    return template.replace("%s", value).strip() if template else value.strip()


def _decoration(zone: ZoneIn, area: AreaIn) -> Decoration | None:
    origin, offset = zone.position or PositionIn(0, 0), area.position or PositionIn(0, 0)
    frame = _Frame(origin.x + offset.x, origin.y + offset.y, area.rotation)
    shape = _shape(area, frame)
    text = _text(area, frame)
    if shape is None and text is None:
        return None
    return Decoration(
        kind=_kind(text, shape),
        shape=shape,
        text=text,
        color=plain_color(area.color),
        border_color=plain_color(area.border_color),
    )


def _kind(text: Text | None, shape: Shape | None) -> DecorationKind:
    if shape is None:
        return "text"
    if text is not None and _STAGE.search(text.text):
        return "stage"
    if text is not None and _FIELD.search(text.text):
        return "field"
    return "other"


def _text(area: AreaIn, frame: _Frame) -> Text | None:
    text = TextIn(area.text) if isinstance(area.text, str) else area.text
    words = "" if text is None else _plain(text.text, _TEXT_LENGTH_MAX, _CONTROL_BUT_LINE)
    if text is None or not words:
        return None
    place = text.position or _middle(area)
    x, y = frame.place(place.x, place.y)
    return Text(
        words,
        coordinate(x),
        coordinate(y),
        coordinate(text.size),
        plain_color(text.color),
        coordinate(frame.rotation),
    )


def _middle(area: AreaIn) -> PositionIn:
    """Of the shape, in its own coordinates."""
    if area.polygon is not None:
        points = area.polygon.points
        return PositionIn(
            sum(point.x for point in points) / len(points),
            sum(point.y for point in points) / len(points),
        )
    if area.rectangle is not None:
        return PositionIn(area.rectangle.width / 2, area.rectangle.height / 2)
    return PositionIn((area.width or 0) / 2, (area.height or 0) / 2)


def _shape(area: AreaIn, frame: _Frame) -> Shape | None:
    match area.shape:
        case "polygon" if area.polygon:
            return _polygon(frame, [(point.x, point.y) for point in area.polygon.points])
        case "rectangle" if area.rectangle:
            return _rectangle(frame, area.rectangle.width, area.rectangle.height)
        case "ellipse" if area.ellipse:
            return _ellipse(frame, area.ellipse.radius.x, area.ellipse.radius.y)
        case "circle" if area.circle:
            return _ellipse(frame, area.circle.radius, area.circle.radius)
        case None if area.width and area.height:
            return _rectangle(frame, area.width, area.height)
    return None


def _polygon(frame: _Frame, points: list[tuple[float, float]]) -> Polygon:
    placed = (frame.place(x, y) for x, y in points)
    return Polygon(tuple((coordinate(x), coordinate(y)) for x, y in placed))


def _rectangle(frame: _Frame, width: float, height: float) -> Shape:
    if frame.rotation % 360:
        return _polygon(frame, [(0, 0), (width, 0), (width, height), (0, height)])
    return Rectangle(
        coordinate(frame.x), coordinate(frame.y), coordinate(width), coordinate(height)
    )


def _ellipse(frame: _Frame, rx: float, ry: float) -> Ellipse:
    rotation = 0.0 if rx == ry else frame.rotation % 180
    return Ellipse(
        coordinate(frame.x),
        coordinate(frame.y),
        coordinate(rx),
        coordinate(ry),
        coordinate(rotation),
    )
