"""From a draft to a Layout: checks that need all parts together.

Categories exist, ids and labels are unique, seats are not on top of each other, and the whole is neither
empty nor absurdly large; the drawing holds all that is sold. The work grows linearly with the number of
seats, for any document.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from engine.layout.blocks import split_blocks
from engine.layout.draft import Draft, DraftRow, DraftSeat, DraftSection, coordinate
from engine.layout.extent import bounding_box, fit_drawing, refuse_outside
from engine.layout.model import (
    Area,
    Category,
    Layout,
    Point,
    Row,
    Seats,
    Section,
    Size,
    compose_label,
)
from engine.layout.report import Report, quote, quote_all
from engine.layout.spacing import too_near, usual_pitch

SEATS_MAX: Final = 250_000
#: A category is one byte per seat, and 255 stays free for "none".
CATEGORIES_MAX: Final = 255
ROWS_MAX: Final = 25_000
AREAS_MAX: Final = 1_000
#: Seats nearer to each other than this (drawing units) are at the same place.
SAME_PLACE_DISTANCE: Final = 1.0
#: Coordinates that differ at all differ by this.
LEAST_DISTANCE: Final = 0.1
#: Seats nearer than this share of the usual distance to a neighbour are drawn over each other.
CROWDED_SHARE: Final = 0.4


def assemble(draft: Draft, report: Report) -> tuple[Layout, list[str]]:
    """The layout and its seats' ids in ``seat_no`` order; LayoutRejected with every problem."""
    rows = list(_rows(draft))
    _check_count("$", "seats", sum(len(row.seats) for row in rows), SEATS_MAX, report)
    _check_count("$", "rows", len(rows), ROWS_MAX, report)
    _check_count("areas", "areas", len(draft.areas), AREAS_MAX, report)
    _check_count("categories", "categories", len(draft.categories), CATEGORIES_MAX, report)
    _round_places(rows)
    categories = _check_categories(draft, report)
    if draft.categories_known:
        _check_seat_categories(draft, categories, report)
        _check_area_categories(draft, categories, report)
    _check_areas(draft, report)
    if not (draft.drawn_freely or report.lenient):
        refuse_outside(draft, report)
    _check_same_place(draft, report)
    _check_numbers(draft, report)
    _check_ids(draft, report)
    sections = _tell_apart(draft, report)
    if report.clean and not sections and not draft.areas:
        report.fatal("$", "no seats and no areas: nothing to sell")
    if report.clean:
        _check_labels(sections, report)
    if not report.clean:
        report.reject()
    size = fit_drawing(draft, report)
    ids = [seat.id for section in sections for row in section.rows for seat in row.seats]
    return _layout(draft, size, sections, categories), ids


def _check_count(path: str, what: str, count: int, count_max: int, report: Report) -> None:
    """Refuse an absurd size at once: further checks would take long and add nothing."""
    if count > count_max:
        report.fatal(path, f"{count} {what} are too many; at most {count_max} are possible")
        report.reject()


def _round_places(rows: list[DraftRow]) -> None:
    """As they are kept, before they are compared with anything."""
    for row in rows:
        for seat in row.seats:
            seat.x, seat.y = coordinate(seat.x), coordinate(seat.y)


def _rows(draft: Draft) -> Iterator[DraftRow]:
    return (row for section in draft.sections for row in section.rows)


def _path(row: DraftRow, seat: DraftSeat) -> str:
    return f"{row.path}.seats[{seat.index}]"


def _fresh(base: str, used: set[str], counts: Counter[str], pattern: str = "{}-{}") -> str:
    """An unused variant of ``base``; ``counts`` keeps the last number tried."""
    name = base
    while name in used:
        counts[base] += 1
        name = pattern.format(base, counts[base] + 1)
    used.add(name)
    return name


def _check_categories(draft: Draft, report: Report) -> dict[str, int]:
    categories: dict[str, int] = {}
    kept: list[Category] = []
    for i, category in enumerate(draft.categories):
        if category.name in categories:
            problem = f"duplicate category name {quote(category.name)}"
            # In a pretix plan the second one differs in colour only.
            heard = report.of_drawing() if draft.drawn_freely else report
            heard.droppable(f"categories[{i}].name", problem, "left out")
            continue
        categories[category.name] = len(kept)
        kept.append(category)
    draft.categories = kept
    if not kept and report.clean:
        report.fatal("categories", "at least one category is needed")
    return categories


def _unknown_category(name: str, path: str, known: list[str], report: Report) -> None:
    problem = f"unknown category {quote(name)}; known are {quote_all(known)}"
    report.droppable(f"{path}.category", problem, f"given the first one, {quote(known[0])}")


def _check_seat_categories(draft: Draft, categories: dict[str, int], report: Report) -> None:
    known = list(categories)
    for row in _rows(draft):
        for seat in row.seats:
            if seat.category not in categories:
                _unknown_category(seat.category, _path(row, seat), known, report)
                seat.category = known[0]


def _check_area_categories(draft: Draft, categories: dict[str, int], report: Report) -> None:
    known = list(categories)
    for area in draft.areas:
        if area.category not in categories:
            _unknown_category(area.category, area.path, known, report)
            area.category = known[0]


def _check_areas(draft: Draft, report: Report) -> None:
    used: set[str] = set()
    counts: Counter[str] = Counter()
    for area in draft.areas:
        name = _fresh(area.area.name, used, counts, "{} ({})")
        if name != area.area.name:
            problem = f"duplicate area name {quote(area.area.name)}"
            report.ambiguous(f"{area.path}.name", problem, f"renamed {quote(name)}")
            area.area = msgspec.structs.replace(area.area, name=name)


def _check_same_place(draft: Draft, report: Report) -> None:
    """Report seats at the same place, and (once per row) seats that overlap others."""
    rows = list(_rows(draft))
    least = LEAST_DISTANCE if draft.drawn_freely else SAME_PLACE_DISTANCE
    crowded_distance = max(least, CROWDED_SHARE * usual_pitch(rows))
    crowded = list(too_near(rows, crowded_distance))
    if not crowded:
        return
    piled: set[int] = set()
    apart = [] if draft.drawn_freely else too_near(rows, SAME_PLACE_DISTANCE)
    for (row, seat), (other_row, other) in apart:
        piled.add(id(seat))
        problem = f"on top of {_path(other_row, other)}"
        report.droppable(_path(row, seat), problem, "left out")
    counts = Counter(
        (row.path, other_row.path)
        for (row, seat), (other_row, _) in crowded
        if id(seat) not in piled
    )
    for (path, other_path), count in counts.items():
        report.warn(path, f"{count} seats are drawn over those of {other_path}")
    for row in rows:
        row.seats = [seat for seat in row.seats if id(seat) not in piled]


def _check_numbers(draft: Draft, report: Report) -> None:
    """Report seats of a row without a number or with the same one."""
    key = draft.words.seat_number
    for row in _rows(draft):
        if len({seat.number for seat in row.seats} - {""}) == len(row.seats):
            continue
        used: set[str] = set()
        counts: Counter[str] = Counter()
        for seat in (seat for seat in row.seats if seat.number):
            number = _fresh(seat.number, used, counts)
            if number != seat.number:
                problem = f"duplicate seat number {quote(seat.number)} in this row"
                report.ambiguous(f"{_path(row, seat)}.{key}", problem, f"now {quote(number)}")
                seat.number = number
        for seat in (seat for seat in row.seats if not seat.number):
            seat.number = _fresh(str(seat.index + 1), used, counts)
            problem = "a seat needs a number"
            report.droppable(f"{_path(row, seat)}.{key}", problem, f"now {quote(seat.number)}")


def _check_ids(draft: Draft, report: Report) -> None:
    """Give every seat a unique id; seats without one get one silently."""
    key = draft.words.seat_id
    first: dict[str, str] = {}
    nameless, repeated = [], []
    for row in _rows(draft):
        for seat in row.seats:
            if not seat.id:
                nameless.append((row, seat))
            elif seat.id in first:
                repeated.append((row, seat))
            else:
                first[seat.id] = _path(row, seat)
    used = set(first)
    counts: Counter[str] = Counter()
    for row, seat in repeated:
        fresh = _fresh(seat.id, used, counts)
        problem = f"duplicate {key} {quote(seat.id)}, first used by {first[seat.id]}"
        report.ambiguous(f"{_path(row, seat)}.{key}", problem, f"now {quote(fresh)}")
        seat.id = fresh
    for row, seat in nameless:
        seat.id = _fresh(f"{row.path}.{seat.number}", used, counts)


def _tell_apart(draft: Draft, report: Report) -> list[DraftSection]:
    """Give sections unique names and, in each section, rows unique labels."""
    pitch = usual_pitch(list(_rows(draft)))
    used: set[str] = set()
    counts: Counter[str] = Counter()
    sections = []
    for section in draft.sections:
        name = _fresh(section.name, used, counts, "{} ({})")
        if name != section.name:
            problem = f"duplicate section name {quote(section.name)}"
            _repeated(section, f"{section.path}.name", problem, f"renamed {quote(name)}", report)
            section.name = name
        rows = _sorted_rows(section, report)
        for made in _blocks(section, rows, pitch, draft.words.row_label, report):
            if made.name != section.name:
                made.name = _fresh(made.name, used, counts, "{} ({})")
            sections.append(made)
    return sections


def _sorted_rows(section: DraftSection, report: Report) -> list[DraftRow]:
    for row in section.rows:
        if not row.seats and report.clean:
            report.warn(row.path, "no seats; left out")
    return sorted((row for row in section.rows if row.seats), key=lambda row: row.order)


def _repeated(section: DraftSection, path: str, problem: str, remedy: str, report: Report) -> None:
    if section.labels_repeat:
        report.warn(path, f"{problem}; {remedy}")
    else:
        report.ambiguous(path, problem, remedy)


def _blocks(
    section: DraftSection, rows: list[DraftRow], pitch: float, key: str, report: Report
) -> list[DraftSection]:
    """The section, or, where row labels repeat, one section per block of unlike rows."""
    first: dict[str, DraftRow] = {}
    repeated = [row for row in rows if first.setdefault(row.label, row) is not row]
    if not rows:
        return []
    if not repeated:
        return [DraftSection(section.path, section.name, rows)]
    blocks = split_blocks(rows, pitch)
    remedy = f"now {len(blocks)} sections, {quote(f'{section.name}, block 1')} and so on"
    if section.labels_repeat:
        labels = list(dict.fromkeys(row.label for row in repeated))
        report.warn(section.path, f"row labels {quote_all(labels)} repeat; {remedy}")
    else:
        for row in repeated:
            problem = (
                f"duplicate row label {quote(row.label)}, first used by {first[row.label].path}"
            )
            report.ambiguous(f"{row.path}.{key}", problem, remedy)
    return [
        DraftSection(section.path, f"{section.name}, block {i}", block)
        for i, block in enumerate(blocks, start=1)
    ]


def _check_labels(sections: list[DraftSection], report: Report) -> None:
    """Refuse equal labels, which unique parts can still make ("A, row 1" + "2", "A" + "row 1, …")."""
    placed = [
        (compose_label(section.name, row.label, seat.number), row, seat)
        for section in sections
        for row in section.rows
        for seat in row.seats
    ]
    if len({label for label, _, _ in placed}) == len(placed):
        return
    first: dict[str, str] = {}
    for label, row, seat in placed:
        path = _path(row, seat)
        other = first.setdefault(label, path)
        if other != path:
            report.fatal(path, f"its label {quote(label)} is also that of {other}")


def _layout(
    draft: Draft, size: Size, sections: list[DraftSection], categories: dict[str, int]
) -> Layout:
    rows: list[Row] = []
    placed: list[tuple[int, DraftSeat]] = []
    made_sections: list[Section] = []
    for section_no, section in enumerate(sections):
        made_sections.append(Section(section.name, len(rows), len(section.rows)))
        for row in section.rows:
            placed += [(len(rows), seat) for seat in row.seats]
            first_seat = len(placed) - len(row.seats)
            order = coordinate(row.order)
            rows.append(Row(row.label, section_no, first_seat, len(row.seats), order))
    return Layout(
        name=draft.name,
        size=size,
        focal_point=draft.focal_point or _focal_point(draft, size),
        categories=tuple(draft.categories),
        sections=tuple(made_sections),
        rows=tuple(rows),
        seats=Seats(
            x=tuple(coordinate(seat.x) for _, seat in placed),
            y=tuple(coordinate(seat.y) for _, seat in placed),
            row=tuple(row_no for row_no, _ in placed),
            number=tuple(seat.number for _, seat in placed),
            category=tuple(categories[seat.category] for _, seat in placed),
            flags=tuple(seat.flags for _, seat in placed),
        ),
        areas=tuple(_area(area.area, categories[area.category]) for area in draft.areas),
        decorations=tuple(draft.decorations),
    )


def _area(area: Area, category: int) -> Area:
    return msgspec.structs.replace(area, category=category)


def _focal_point(draft: Draft, size: Size) -> Point:
    """The middle of the stage (or field), or else of the upper edge."""
    for kind in ("stage", "field"):
        for decoration in draft.decorations:
            if decoration.kind == kind and decoration.shape is not None:
                left, top, right, bottom = bounding_box(decoration.shape)
                return Point(coordinate((left + right) / 2), coordinate((top + bottom) / 2))
    return Point(coordinate(size.width / 2), 0)
