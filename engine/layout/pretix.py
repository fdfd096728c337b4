"""The seating-plan format of pretix (its JSON schema 0.0.1, and keys of earlier versions).

Zones become sections; a seat's place is zone + row + seat position. Areas of that format are
drawings without a capacity, so they become decorations. Keys that only serve its editor are accepted
and ignored.
"""

import math
import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from engine.layout.draft import (
    Draft,
    DraftRow,
    DraftSeat,
    DraftSection,
    Words,
    coordinate,
    default_color,
    plain_color,
)
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
    EXPENDABLE,
    Color,
    Container,
    Label,
    Length,
    Lines,
    Name,
    Number,
    SeatId,
    Strict,
    is_complete,
    numbered,
    read_document,
)
from engine.layout.report import Report

WORDS: Final = Words(seat_id="seat_guid", seat_number="seat_number", row_label="row_number")
#: Room left around the seats when the file does not say how large the drawing is.
_MARGIN: Final = 40
_STAGE = re.compile(r"stage|bühne|buehne|podium|scène|scene|escenario|palco|screen|leinwand", re.I)
_FIELD = re.compile(r"field|pitch|court|spielfeld|terrain|campo|\bice\b", re.I)

#: Colours of decorations may be words ("transparent"), have an alpha, or be empty.
_Paint = Annotated[
    str,
    Meta(pattern=r"^(#([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})|[A-Za-z]{0,30})\Z"),
    EXPENDABLE,
]
_Ignored = Annotated[object, EXPENDABLE]


class PositionIn(Strict):
    x: Number
    y: Number


class SizeIn(Strict):
    width: Length
    height: Length


class CategoryIn(Strict):
    name: Name
    color: Annotated[Color | None, EXPENDABLE] = None


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
    text: Lines
    position: PositionIn
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
    text: TextIn | Lines | None = None
    uuid: _Ignored = None
    width: Length | None = None
    height: Length | None = None


class ZoneIn(Container):
    position: PositionIn
    rows: list[RowIn]
    name: Annotated[str, Meta(max_length=200)] = ""
    areas: Annotated[list[AreaIn], EXPENDABLE] = msgspec.field(default_factory=list)
    zone_id: _Ignored = None
    uuid: _Ignored = None
    displayed: _Ignored = None


class DocumentIn(Container):
    name: Name
    categories: list[CategoryIn]
    zones: list[ZoneIn]
    size: SizeIn | None = None


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
        name=source.name,
        size=_size(document, source, sections, report),
        focal_point=None,
        categories=[
            Category(c.name.strip(), plain_color(c.color) or default_color(i))
            for i, c in numbered(source.categories)
        ],
        categories_known=bool(source.categories) and is_complete(source.categories),
        sections=sections,
        areas=[],
        decorations=decorations,
        words=WORDS,
    )


def _size(
    document: dict[str, object], source: DocumentIn, sections: list[DraftSection], report: Report
) -> Size | None:
    if source.size is not None:
        return Size(coordinate(source.size.width), coordinate(source.size.height))
    if document.get("size") is not None:
        return None
    seats = [seat for section in sections for row in section.rows for seat in row.seats]
    width = max((seat.x for seat in seats), default=0.0) + _MARGIN
    height = max((seat.y for seat in seats), default=0.0) + _MARGIN
    size = Size(coordinate(max(width, _MARGIN)), coordinate(max(height, _MARGIN)))
    report.warn("size", f"missing; {size.width} × {size.height} holds all seats")
    return size


def _section(zone: ZoneIn, path: str, index: int, report: Report) -> DraftSection | None:
    if not zone.rows:
        if not zone.areas:
            report.warn(path, "neither rows nor areas; left out")
        return None
    zone_id = zone.zone_id if isinstance(zone.zone_id, str) else ""
    name = zone.name.strip() or zone_id.strip() or f"Zone {index + 1}"
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
    text = area.text
    if isinstance(text, str):
        middle = PositionIn((area.width or 0) / 2, (area.height or 0) / 2)
        text = TextIn(text, middle)
    if text is None or not text.text.strip():
        return None
    x, y = frame.place(text.position.x, text.position.y)
    return Text(
        text.text.strip(),
        coordinate(x),
        coordinate(y),
        coordinate(text.size),
        plain_color(text.color),
        coordinate(frame.rotation),
    )


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
