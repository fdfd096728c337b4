"""The demonstration: plausible, sound and the same everywhere."""

import re
import time
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from engine.layout import Imported, SeatFlag, import_layout
from engine.local.demo.events import demo_events, demo_places, demo_venues, poster_svg, sold_seats
from tests.support.layouts import check_invariants

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def imported() -> dict[str, Imported]:
    return {key: import_layout(document) for key, document in demo_venues().items()}


@pytest.mark.parametrize(
    ("key", "seat_count"), [("arena", 20_000), ("theatre", 1_300), ("club", 120)]
)
def test_venues_import_without_warnings(
    imported: dict[str, Imported], key: str, seat_count: int
) -> None:
    check_invariants(imported[key])
    assert imported[key].warnings == []
    assert imported[key].layout.seat_count == seat_count


def test_the_arena_has_a_standing_floor_and_is_imported_quickly() -> None:
    document = demo_venues()["arena"]
    began = time.process_time()
    layout = import_layout(document).layout
    assert time.process_time() - began < 10
    assert sum(area.capacity for area in layout.areas) == 4_500
    assert len(layout.to_json()) < 700_000


def test_venues_have_every_kind_of_seat(imported: dict[str, Imported]) -> None:
    for key, venue in imported.items():
        flags = Counter(flag for value in venue.layout.seats.flags for flag in SeatFlag(value))
        assert all(flags[flag] > 0 for flag in SeatFlag), key
        assert flags[SeatFlag.COMPANION] == flags[SeatFlag.WHEELCHAIR]


def test_lettered_rows_skip_i_and_o(imported: dict[str, Imported]) -> None:
    labels = {row.label for venue in imported.values() for row in venue.layout.rows}
    assert not labels & {"I", "O"}


def test_events_are_complete(imported: dict[str, Imported]) -> None:
    events = demo_events(NOW)
    places = {place.key: place for place in demo_places()}
    assert len(events) == len({event.event_id for event in events}) == 6
    uuid7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    assert all(uuid7.fullmatch(place.venue_id) for place in places.values())
    for event in events:
        assert uuid7.fullmatch(event.event_id)
        layout = imported[event.venue].layout
        assert places[event.venue].name == layout.name
        assert set(event.prices) == {category.name for category in layout.categories}
        assert all(amount > 0 for amount in event.prices.values())
        assert NOW + timedelta(days=1) < event.starts_at < NOW + timedelta(days=60)
        assert event.metadata["accent"]
    assert [event.sold_share for event in events if event.sold_share > 0.9] == [0.97]


@pytest.mark.parametrize("day", range(7))
def test_a_sunday_matinee_is_on_a_sunday(day: int) -> None:
    events = demo_events(NOW + timedelta(days=day))
    matinee = next(event for event in events if event.name.startswith("Sunday"))
    assert matinee.starts_at.weekday() == 6


def test_the_demo_is_the_same_every_time() -> None:
    assert demo_venues() == demo_venues()
    assert demo_events(NOW) == demo_events(NOW)


@pytest.mark.parametrize("share", [0.0, 0.37, 0.97, 1.0])
def test_sold_seats_look_like_sales(imported: dict[str, Imported], share: float) -> None:
    layout = imported["arena"].layout
    sold = sold_seats(layout, share, 1)
    assert sold == sold_seats(layout, share, 1) == sorted(set(sold))
    assert len(sold) == round(share * 20_000)
    assert all(0 <= seat_no < layout.seat_count for seat_no in sold)
    if share == 0.37:
        beside = sum(
            b == a + 1 and layout.seats.row[a] == layout.seats.row[b] for a, b in pairwise(sold)
        )
        assert beside > len(sold) / 2
        premium = {i for i, number in enumerate(layout.seats.category) if number == 2}
        assert len(premium & set(sold)) / len(premium) > share


def test_posters_are_small_wordless_svg() -> None:
    for number in range(1, 7):
        svg = poster_svg(number, "#000000", "#888888", "#ffffff")
        root = ET.fromstring(svg)  # noqa: S314 - our own text
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(svg) < 10_000
        assert not root.findall(".//{http://www.w3.org/2000/svg}text")
