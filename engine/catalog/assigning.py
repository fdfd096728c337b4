"""Price categories of one event: its own bands over a venue's plan, which stays as it is.

The plan gives every place a category. An event may have categories of its own, and says by assignments which
places are in which. They apply in order, so a later one narrows an earlier one: the whole section first, then
its front row, then two seats of it.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from engine.base.errors import InvalidInput
from engine.base.model import SeatNo
from engine.base.texts import VISIBLE_LINE
from engine.layout import Layout
from engine.layout.model import Category

CATEGORIES_MAX: Final = 100
ASSIGNMENTS_MAX: Final = 2000
#: Names that a message lists.
_SHOWN: Final = 12
_Label = Annotated[str, Meta(max_length=200)]
_Numbers = Annotated[
    list[_Label],
    Meta(min_length=1, max_length=5000, description="Of the row's seats.", examples=[["1", "2"]]),
]
_Seats = Annotated[list[SeatNo], Meta(min_length=1, max_length=5000)]


class EventCategory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price band of one event; its price stands in ``prices``."""

    name: Annotated[str, Meta(min_length=1, max_length=100, examples=["Premium"])]
    color: Annotated[
        str,
        Meta(pattern=r"^#[0-9a-fA-F]{6}$(?!\n)", description="On the map.", examples=["#d55e00"]),
    ]


class Assignment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Places and the category that they get. Exactly one of ``plan_category``, ``section``, ``area`` and
    ``seats`` names the places; ``row`` narrows a section, ``numbers`` a row.
    """

    category: Annotated[
        str, Meta(max_length=100, description="Of the event.", examples=["Premium"])
    ]
    plan_category: Annotated[
        _Label | None, Meta(description="All places that the plan has in this category.")
    ] = None
    section: Annotated[_Label | None, Meta(examples=["Stalls"])] = None
    row: Annotated[_Label | None, Meta(description="Of the section.", examples=["A"])] = None
    numbers: _Numbers | None = None
    area: Annotated[_Label | None, Meta(description="An area's name.")] = None
    seats: _Seats | None = None


Categories = Annotated[
    list[EventCategory],
    Meta(
        max_length=CATEGORIES_MAX,
        description="The event's own price categories, in order. Empty: the plan's. Fixed by publishing.",
    ),
]
Assignments = Annotated[
    list[Assignment],
    Meta(
        max_length=ASSIGNMENTS_MAX,
        description="Which places are in which category; later ones win. Places that no assignment names "
        "keep the plan's category, if the event has one of that name. Fixed by publishing.",
    ),
]


def assigned_id(
    layout_id: str, categories: Sequence[EventCategory], assignments: Sequence[Assignment]
) -> str:
    """The id of the drawing with these categories: another one wherever a place's category differs."""
    if not (categories or assignments):
        return layout_id
    said = msgspec.json.encode([categories, assignments])
    return f"{layout_id}.{hashlib.sha256(said).hexdigest()[:16]}"


def assigned(
    plan: Layout, categories: Sequence[EventCategory], assignments: Sequence[Assignment]
) -> Layout:
    """The plan with an event's categories. Raises InvalidInput with a sentence for what does not fit it."""
    if not (categories or assignments):
        return plan
    bands = tuple(Category(c.name, c.color) for c in categories) or plan.categories
    names = _numbers([band.name for band in bands])
    found = [names.get(category.name, -1) for category in plan.categories]
    seats = [found[no] for no in plan.seats.category]
    areas = [found[area.category] for area in plan.areas]
    places = _Places(plan)
    for index, assignment in enumerate(assignments):
        where = f"assignments[{index}]"
        if assignment.category not in names:
            raise _wrong(f"{where}.category", "category", assignment.category, names)
        chosen, chosen_areas = places.named(assignment, where)
        for seat in chosen:
            seats[seat] = names[assignment.category]
        for area in chosen_areas:
            areas[area] = names[assignment.category]
    _check_complete(plan, seats, areas)
    return msgspec.structs.replace(
        plan,
        categories=bands,
        seats=msgspec.structs.replace(plan.seats, category=tuple(seats)),
        areas=tuple(
            msgspec.structs.replace(area, category=no)
            for area, no in zip(plan.areas, areas, strict=True)
        ),
    )


def _numbers(names: list[str]) -> dict[str, int]:
    for name in names:
        if name != name.strip() or not re.search(VISIBLE_LINE, name):
            raise _refused(
                f"categories: {name!r} is not a name; one line without blanks at its ends."
            )
    numbers = {name: no for no, name in enumerate(names)}
    if len(numbers) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise _refused(f"categories: {twice!r} stands there twice.")
    return numbers


class _Places:
    """The places of a plan by the names that assignments use."""

    def __init__(self, plan: Layout) -> None:
        self._plan = plan
        self._categories = [category.name for category in plan.categories]
        self._sections = {section.name: section for section in plan.sections}
        self._areas = {area.name: no for no, area in enumerate(plan.areas)}

    def named(self, wanted: Assignment, where: str) -> tuple[Iterable[int], Iterable[int]]:
        """Seats and areas. Raises InvalidInput."""
        kinds: dict[str, tuple[Any, Callable[[Assignment, str], Any]]] = {
            "plan_category": (wanted.plan_category, self._of_category),
            "section": (wanted.section, self._of_section),
            "area": (wanted.area, self._of_area),
            "seats": (wanted.seats, self._of_numbers),
        }
        given = [kind for kind, (value, _) in kinds.items() if value is not None]
        if len(given) != 1:
            raise _refused(f"{where}: name places by exactly one of {', '.join(kinds)}.")
        if wanted.row is not None and wanted.section is None:
            raise _refused(f"{where}: a row needs its section.")
        if wanted.numbers is not None and wanted.row is None:
            raise _refused(f"{where}: numbers need their row.")
        found: tuple[Iterable[int], Iterable[int]] = kinds[given[0]][1](wanted, where)
        return found

    def _of_category(self, wanted: Assignment, where: str) -> tuple[list[int], list[int]]:
        name = wanted.plan_category
        if name not in self._categories:
            raise _wrong(f"{where}.plan_category", "category", name, self._categories)
        no = self._categories.index(name)
        seats = [seat for seat, category in enumerate(self._plan.seats.category) if category == no]
        return seats, [area for area, a in enumerate(self._plan.areas) if a.category == no]

    def _of_section(self, wanted: Assignment, where: str) -> tuple[Iterable[int], list[int]]:
        section = self._sections.get(wanted.section or "")
        if section is None:
            raise _wrong(f"{where}.section", "section", wanted.section, self._sections)
        rows = self._plan.rows[section.first_row : section.first_row + section.row_count]
        if wanted.row is not None:
            by_label = {row.label: row for row in rows}
            if wanted.row not in by_label:
                raise _wrong(f"{where}.row", "row", wanted.row, by_label)
            rows = (by_label[wanted.row],)
        seats = [n for row in rows for n in range(row.first_seat, row.first_seat + row.seat_count)]
        if wanted.numbers is None:
            return seats, []
        by_number = {self._plan.seats.number[n]: n for n in seats}
        for number in wanted.numbers:
            if number not in by_number:
                raise _wrong(f"{where}.numbers", "seat", number, by_number)
        return [by_number[number] for number in wanted.numbers], []

    def _of_area(self, wanted: Assignment, where: str) -> tuple[list[int], list[int]]:
        if wanted.area not in self._areas:
            raise _wrong(f"{where}.area", "area", wanted.area, self._areas)
        return [], [self._areas[wanted.area]]

    def _of_numbers(self, wanted: Assignment, where: str) -> tuple[list[int], list[int]]:
        seats, count = wanted.seats or [], self._plan.seat_count
        unknown = next((n for n in seats if not 0 <= n < count), None)
        if unknown is not None:
            raise _refused(
                f"{where}.seats: there is no seat {unknown}; the plan has {count}, numbered from 0."
            )
        return seats, []


def _check_complete(plan: Layout, seats: list[int], areas: list[int]) -> None:
    left = [n for n, no in enumerate(seats) if no < 0]
    left_areas = [n for n, no in enumerate(areas) if no < 0]
    if not (left or left_areas):
        return
    label = plan.seat_label(left[0]) if left else plan.area_label(left_areas[0])
    no = plan.seats.category[left[0]] if left else plan.areas[left_areas[0]].category
    raise _refused(
        f"{len(left)} seats and {len(left_areas)} areas have no category of the event, for example "
        f'{label}. Assign them, for example with {{"plan_category": "{plan.categories[no].name}", '
        '"category": "…"}.'
    )


def _wrong(path: str, kind: str, name: str | None, known: Iterable[str]) -> InvalidInput:
    names = list(known)
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return _refused(f"{path}: there is no {kind} {name!r}; there are {shown or 'none'}.")


def _refused(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, code="categories-mismatch")
