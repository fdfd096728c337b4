"""How far a drawing reaches: it is a picture of what is sold, so it grows to hold all of that.

What is stated as its size is the least that is shown. Coordinates below zero, and those so far out that
they must be measured from elsewhere (the middle of the earth, say), move the whole drawing.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from engine.layout.draft import Draft, DraftRow, coordinate
from engine.layout.model import Ellipse, Point, Polygon, Rectangle, Shape, Size, Text
from engine.layout.report import Report
from engine.layout.spacing import usual_pitch

_Placed = TypeVar("_Placed", Rectangle, Ellipse, Text, Point)
#: Left, top, right, bottom.
Box = tuple[float, float, float, float]

#: Room around the seats on a side that grows, in drawing units, and in usual distances between seats.
_MARGIN_MAX: Final = 40.0
_MARGIN_PITCHES: Final = 1.6
#: Nothing is drawn this far from its corner: the drawing begins elsewhere.
_FAR: Final = 1_000_000


def fit_drawing(draft: Draft, report: Report) -> Size:
    """The size of a drawing that holds all seats and areas; moves everything where it must be moved.

    One warning says what was changed. The distances between things stay as they are.
    """
    stated = draft.size
    within = (0.0, 0.0, 0.0, 0.0) if stated is None else (0.0, 0.0, stated.width, stated.height)
    rows = [row for section in draft.sections for row in section.rows]
    outside = list(_outside(draft, within))
    if stated is not None and not outside:
        return stated
    sold = _sold_box(draft, rows)
    if stated is None:
        sold = _with_decorations(draft, sold)
    margin = min(_MARGIN_MAX, max(1.0, _MARGIN_PITCHES * usual_pitch(rows)))
    x, width = _side(sold[0], sold[2], within[2], margin, is_stated=stated is not None)
    y, height = _side(sold[1], sold[3], within[3], margin, is_stated=stated is not None)
    size = Size(coordinate(width), coordinate(height))
    _move(draft, rows, -x, -y)
    measures = f"{size.width} × {size.height}"
    if stated is None:
        problem = f"missing or unusable; {measures} holds all seats"
    else:
        problem = (
            f"{len(outside)} of the seats and areas lie outside the drawing "
            f"({stated.width} × {stated.height}), the first one at {outside[0][0]}; "
            f"it is now {measures}"
        )
    moved = f", and everything is moved by ({-x}, {-y})" if x or y else ""
    report.warn("size", problem + moved)
    return size


def refuse_outside(draft: Draft, report: Report) -> None:
    """Report each seat and area that the stated size does not hold: in our own format it is a mistake."""
    if draft.size is None:
        return
    width, height = draft.size.width, draft.size.height
    for path, place in _outside(draft, (0.0, 0.0, width, height)):
        report.fatal(path, f"{place}outside the drawing ({width} × {height})")


def _outside(draft: Draft, within: Box) -> Iterator[tuple[str, str]]:
    """The path of each seat and area that is not in the box, and where a seat is."""
    left, top, right, bottom = within
    for row in (row for section in draft.sections for row in section.rows):
        for seat in row.seats:
            if not (left <= seat.x <= right and top <= seat.y <= bottom):
                yield f"{row.path}.seats[{seat.index}]", f"at ({seat.x}, {seat.y}), "
    for area in draft.areas:
        if not _overlap(bounding_box(area.area.shape), within):
            yield f"{area.path}.shape", ""


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and a[1] < b[3] and a[2] > b[0] and a[3] > b[1]


def _sold_box(draft: Draft, rows: list[DraftRow]) -> Box:
    seats = [(seat.x, seat.y, seat.x, seat.y) for row in rows for seat in row.seats]
    return _around([*seats, *(bounding_box(area.area.shape) for area in draft.areas)])


def _with_decorations(draft: Draft, sold: Box) -> Box:
    """With what is drawn near, but not with what strayed far away."""
    reach = 2 * max(sold[2] - sold[0], sold[3] - sold[1], _MARGIN_MAX)
    near = (sold[0] - reach, sold[1] - reach, sold[2] + reach, sold[3] + reach)
    boxes = [bounding_box(d.shape) for d in draft.decorations if d.shape is not None]
    return _around([sold, *(box for box in boxes if _around([box, near]) == near)])


def _around(boxes: Iterable[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _side(
    low: float, high: float, stated: float, margin: float, *, is_stated: bool
) -> tuple[int, float]:
    """Where the drawing begins on one axis, and how long it is."""
    is_far = max(abs(low), abs(high)) > _FAR
    begin = math.floor(low - margin) if low < 0 or is_far else 0
    if is_far:
        return begin, math.ceil(high + margin) - begin
    end = stated if is_stated and high <= stated else high + margin
    return begin, end - begin


def _move(draft: Draft, rows: list[DraftRow], dx: int, dy: int) -> None:
    if not (dx or dy):
        return
    for row in rows:
        for seat in row.seats:
            seat.x, seat.y = seat.x + dx, seat.y + dy
    for area in draft.areas:
        area.area = msgspec.structs.replace(area.area, shape=_moved_shape(area.area.shape, dx, dy))
    draft.decorations = [
        msgspec.structs.replace(
            decoration,
            shape=decoration.shape and _moved_shape(decoration.shape, dx, dy),
            text=decoration.text and _moved(decoration.text, dx, dy),
        )
        for decoration in draft.decorations
    ]
    if draft.focal_point is not None:
        draft.focal_point = _moved(draft.focal_point, dx, dy)


def _moved_shape(shape: Shape, dx: int, dy: int) -> Shape:
    match shape:
        case Polygon():
            points = ((coordinate(x + dx), coordinate(y + dy)) for x, y in shape.points)
            return Polygon(tuple(points))
        case Rectangle():
            return _moved(shape, dx, dy)
        case Ellipse():
            return _moved(shape, dx, dy)


def _moved(thing: _Placed, dx: int, dy: int) -> _Placed:
    return msgspec.structs.replace(thing, x=coordinate(thing.x + dx), y=coordinate(thing.y + dy))


def bounding_box(shape: Shape) -> Box:
    """Left, top, right, bottom; a rotated ellipse counts as a circle around it."""
    match shape:
        case Polygon():
            xs, ys = zip(*shape.points, strict=True)
            return min(xs), min(ys), max(xs), max(ys)
        case Rectangle():
            return shape.x, shape.y, shape.x + shape.width, shape.y + shape.height
        case Ellipse():
            rx, ry = shape.rx, shape.ry
            if shape.rotation:
                rx = ry = max(rx, ry)
            return shape.x - rx, shape.y - ry, shape.x + rx, shape.y + ry
