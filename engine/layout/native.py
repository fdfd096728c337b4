"""The native format, ``frontrow/1``; ``docs/layouts.md`` tells organisers how to write it."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from engine.layout.colors import default_color, plain_color
from engine.layout.draft import (
    Draft,
    DraftArea,
    DraftRow,
    DraftSeat,
    DraftSection,
    Words,
    coordinate,
)
from engine.layout.model import (
    Area,
    Category,
    Decoration,
    DecorationKind,
    Ellipse,
    Point,
    Polygon,
    Rectangle,
    SeatFlag,
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

FORMAT: Final = "frontrow/1"
WORDS: Final = Words(seat_id="id", seat_number="number", row_label="label")
CAPACITY_MAX: Final = 1_000_000

Property = Literal["wheelchair", "companion", "restricted_view", "aisle"]
_FLAGS: dict[str, int] = {
    "wheelchair": SeatFlag.WHEELCHAIR.value,
    "companion": SeatFlag.COMPANION.value,
    "restricted_view": SeatFlag.RESTRICTED_VIEW.value,
    "aisle": SeatFlag.AISLE.value,
}


class PointIn(Strict):
    x: Number
    y: Number


class SizeIn(Strict):
    width: Length
    height: Length


class CategoryIn(Strict):
    name: Name
    color: Annotated[Color | None, EXPENDABLE] = None


class SeatIn(Strict):
    number: Label
    x: Number
    y: Number
    category: str
    properties: Annotated[list[Property], EXPENDABLE] = msgspec.field(default_factory=list)
    id: SeatId | None = None


class RowIn(Container):
    seats: list[SeatIn]
    label: Label = ""
    order: Number | None = None
    position: PointIn | None = None


class SectionIn(Container):
    name: Name
    rows: list[RowIn]
    position: PointIn | None = None


class PolygonIn(Strict, tag_field="type", tag="polygon"):
    points: Annotated[list[tuple[Number, Number]], Meta(min_length=3, max_length=10_000)]


class RectangleIn(Strict, tag_field="type", tag="rectangle"):
    x: Number
    y: Number
    width: Length
    height: Length


class EllipseIn(Strict, tag_field="type", tag="ellipse"):
    x: Number
    y: Number
    rx: Length
    ry: Length
    rotation: Number = 0


ShapeIn = PolygonIn | RectangleIn | EllipseIn


class AreaIn(Strict):
    name: Name
    category: str
    capacity: Annotated[int, Meta(ge=1, le=CAPACITY_MAX)]
    shape: ShapeIn


class TextIn(Strict):
    text: Lines
    x: Number
    y: Number
    size: Length = 16
    color: Annotated[Color | None, EXPENDABLE] = None
    rotation: Number = 0


class DecorationIn(Strict):
    kind: DecorationKind = "other"
    shape: ShapeIn | None = None
    text: TextIn | None = None
    color: Annotated[Color | None, EXPENDABLE] = None
    border_color: Annotated[Color | None, EXPENDABLE] = None


class DocumentIn(Container):
    name: Name
    size: SizeIn
    categories: list[CategoryIn]
    format: Literal["frontrow/1"] = "frontrow/1"
    focal_point: PointIn | None = None
    sections: list[SectionIn] = msgspec.field(default_factory=list)
    areas: list[AreaIn] = msgspec.field(default_factory=list)
    decorations: Annotated[list[DecorationIn], EXPENDABLE] = msgspec.field(default_factory=list)


def read_native(document: dict[str, object], report: Report) -> Draft | None:
    """The document as a draft; None when no part could be read. Problems go to ``report``."""
    source = read_document(document, DocumentIn, report)
    if source is None:
        return None
    return Draft(
        name=source.name,
        size=_size(source.size),
        focal_point=_point(source.focal_point),
        categories=[
            Category(c.name.strip(), plain_color(c.color) or default_color(i))
            for i, c in numbered(source.categories)
        ],
        categories_known=bool(source.categories) and is_complete(source.categories),
        sections=[_section(s, f"sections[{i}]") for i, s in numbered(source.sections)],
        areas=[_area(a, f"areas[{i}]") for i, a in numbered(source.areas)],
        decorations=[_decoration(d) for d in source.decorations],
        words=WORDS,
    )


def _size(size: SizeIn | None) -> Size | None:
    return None if size is None else Size(coordinate(size.width), coordinate(size.height))


def _point(point: PointIn | None) -> Point | None:
    return None if point is None else Point(coordinate(point.x), coordinate(point.y))


def _section(section: SectionIn, path: str) -> DraftSection:
    x, y = _offset(section.position)
    rows = [_row(row, f"{path}.rows[{i}]", x, y, i) for i, row in numbered(section.rows)]
    return DraftSection(path=path, name=(section.name or path).strip(), rows=rows)


def _row(row: RowIn, path: str, section_x: float, section_y: float, index: int) -> DraftRow:
    x, y = _offset(row.position)
    x, y = section_x + x, section_y + y
    seats = [
        DraftSeat(
            index=i,
            id=seat.id or "",
            number=seat.number.strip(),
            x=x + seat.x,
            y=y + seat.y,
            category=seat.category.strip(),
            flags=_flags(seat.properties),
        )
        for i, seat in numbered(row.seats)
    ]
    order = float(index) if row.order is None else row.order
    return DraftRow(path=path, label=row.label.strip(), order=order, seats=seats)


def _offset(position: PointIn | None) -> tuple[float, float]:
    return (0.0, 0.0) if position is None else (position.x, position.y)


def _flags(properties: list[Property]) -> int:
    flags = 0
    for name in properties:
        flags |= _FLAGS[name]
    return flags


def _area(area: AreaIn, path: str) -> DraftArea:
    made = Area(area.name.strip(), 0, area.capacity, _shape(area.shape))
    return DraftArea(path=path, category=area.category.strip(), area=made)


def _shape(shape: ShapeIn) -> Shape:
    match shape:
        case PolygonIn():
            return Polygon(tuple((coordinate(x), coordinate(y)) for x, y in shape.points))
        case RectangleIn():
            return Rectangle(
                coordinate(shape.x),
                coordinate(shape.y),
                coordinate(shape.width),
                coordinate(shape.height),
            )
        case EllipseIn():
            return Ellipse(
                coordinate(shape.x),
                coordinate(shape.y),
                coordinate(shape.rx),
                coordinate(shape.ry),
                coordinate(shape.rotation),
            )


def _decoration(source: DecorationIn) -> Decoration:
    return Decoration(
        kind=source.kind,
        shape=None if source.shape is None else _shape(source.shape),
        text=None if source.text is None else _text(source.text),
        color=plain_color(source.color),
        border_color=plain_color(source.border_color),
    )


def _text(text: TextIn) -> Text:
    return Text(
        text.text,
        coordinate(text.x),
        coordinate(text.y),
        coordinate(text.size),
        plain_color(text.color),
        coordinate(text.rotation),
    )
