"""Places of an event as a person names them on the command line."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.cli.shell import CommandRefused

if TYPE_CHECKING:
    from engine.layout import Layout
    from engine.layout.model import Section

_SEATS_MAX = 200_000


@dataclass(frozen=True, kw_only=True)
class NamedPlaces:
    """``numbers``: ``17,20-25``; ``rows``: ``SECTION/ROW``; ``areas``: ``AREA=PLACES``, by name or number."""

    numbers: str | None = None
    sections: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()

    def found(self, layout: "Layout") -> tuple[list[int], dict[int, int]]:
        """Seat numbers, and places by area number. Raises CommandRefused for what the layout does not have."""
        seats = _numbers(self.numbers) if self.numbers else []
        for name in self.sections:
            section = _section(layout, name)
            rows = range(section.first_row, section.first_row + section.row_count)
            seats += [seat for row in rows for seat in _row_seats(layout, row)]
        for text in self.rows:
            seats += _row_seats(layout, _row(layout, text))
        areas = dict(_area(layout, text) for text in self.areas)
        if not (seats or areas):
            raise CommandRefused("name places: --seats, --section, --row or --area")
        return seats, areas


def _numbers(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,7})(?:-(\d{1,7}))?\s*", part, re.ASCII)
        if match is None:
            raise CommandRefused(
                f"--seats {text!r}: write numbers and ranges, for example 17,20-25"
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first > _SEATS_MAX:
            raise CommandRefused(f"--seats: {part.strip()} is not a range")
        found += range(first, last + 1)
    return found


def _section(layout: "Layout", name: str) -> "Section":
    for section in layout.sections:
        if section.name == name:
            return section
    known = ", ".join(section.name for section in layout.sections) or "none"
    raise CommandRefused(f"there is no section {name!r}; there are {known}")


def _row(layout: "Layout", text: str) -> int:
    name, _, label = text.rpartition("/")
    section = _section(layout, name)
    rows = range(section.first_row, section.first_row + section.row_count)
    for row in rows:
        if layout.rows[row].label == label:
            return row
    known = ", ".join(layout.rows[row].label for row in rows)
    raise CommandRefused(f"section {name!r} has no row {label!r}; it has {known}")


def _row_seats(layout: "Layout", row: int) -> list[int]:
    first = layout.rows[row].first_seat
    return list(range(first, first + layout.rows[row].seat_count))


def _area(layout: "Layout", text: str) -> tuple[int, int]:
    name, equals, places = text.rpartition("=")
    if not equals or not re.fullmatch(r"[1-9]\d{0,6}", places, re.ASCII):
        raise CommandRefused(f"--area {text!r} is not AREA=PLACES, for example Floor=20")
    names = [area.name for area in layout.areas]
    if name in names:
        return names.index(name), int(places)
    if name.isdecimal() and int(name) < len(names):
        return int(name), int(places)
    raise CommandRefused(f"there is no area {name!r}; there are {', '.join(names) or 'none'}")
