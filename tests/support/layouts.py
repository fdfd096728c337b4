"""Documents that layout tests start from, and the invariants of every layout."""

import os
from pathlib import Path
from typing import Any

import pytest

from engine.layout import Imported, Layout

Document = dict[str, Any]
VENUES_DIR = Path(
    os.environ.get(
        "FRONTROW_VENUES_DIR", Path(__file__).resolve().parents[2].parent / "shared/venues"
    )
)


def venue_file(name: str) -> bytes:
    """A real plan, kept outside the repository; skips the test if it is missing."""
    path = VENUES_DIR / name
    if not path.is_file():
        pytest.skip(f"{path} is not here; set FRONTROW_VENUES_DIR")
    return path.read_bytes()


def native() -> Document:
    """Two rows of four seats in front of a stage, and a standing area. Valid."""
    return {
        "format": "frontrow/1",
        "name": "Test Hall",
        "size": {"width": 400, "height": 300},
        "categories": [{"name": "Front", "color": "#AA0000"}, {"name": "Rear"}],
        "sections": [
            {
                "name": "Stalls",
                "position": {"x": 10, "y": 0},
                "rows": [
                    native_row("A", 100, "Front"),
                    native_row("B", 125, "Rear"),
                ],
            }
        ],
        "areas": [
            {
                "name": "Floor",
                "category": "Rear",
                "capacity": 50,
                "shape": {"type": "polygon", "points": [[50, 200], [350, 200], [200, 290]]},
            }
        ],
        "decorations": [
            {
                "kind": "stage",
                "shape": {"type": "rectangle", "x": 100, "y": 10, "width": 200, "height": 40},
                "text": {"text": "Stage", "x": 200, "y": 30},
            }
        ],
    }


def native_row(label: str, y: float, category: str) -> Document:
    seats = [
        {"number": str(i + 1), "x": 20 + 25 * i, "y": 0, "category": category, "id": f"{label}{i}"}
        for i in range(4)
    ]
    return {"label": label, "position": {"x": 0, "y": y}, "seats": seats}


def pretix() -> Document:
    """Two zones; the first has two blocks that share row labels, and a stage. Valid."""
    return {
        "name": "Test Hall",
        "size": {"width": 600, "height": 400},
        "categories": [{"name": "I", "color": "#abc"}, {"name": "II"}],
        "zones": [
            {
                "name": "Ground",
                "zone_id": "ground",
                "uuid": "z1",
                "position": {"x": 10, "y": 20},
                "rows": [
                    pretix_row("1", 0, 100, "I"),
                    pretix_row("2", 0, 125, "I"),
                    pretix_row("1", 300, 100, "II"),
                    pretix_row("2", 300, 125, "II"),
                ],
                "areas": [
                    {
                        "shape": "rectangle",
                        "color": "#CBEEB3",
                        "border_color": "transparent",
                        "rotation": 0,
                        "uuid": "a1",
                        "position": {"x": 100, "y": 5},
                        "text": {
                            "position": {"x": 50, "y": 20},
                            "color": "#333333",
                            "text": "Stage",
                        },
                        "rectangle": {"width": 100, "height": 40},
                    }
                ],
            },
            {
                "name": "Balcony",
                "position": {"x": 10, "y": 200},
                "rows": [pretix_row("1", 0, 100, "II") | {"row_label": "Table %s"}],
            },
        ],
    }


def pretix_row(number: str, x: float, y: float, category: str) -> Document:
    seats = [
        {
            "seat_number": str(i + 1),
            "seat_guid": f"{x}-{y}-{category}-{number}-{i}",
            "uuid": "u",
            "radius": 10,
            "start_direction": "<>",
            "position": {"x": 25 * i, "y": 0},
            "category": category,
        }
        for i in range(4)
    ]
    return {
        "row_number": number,
        "row_number_position": "both",
        "uuid": "r",
        "position": {"x": x, "y": y},
        "seats": seats,
    }


def check_invariants(imported: Imported) -> None:
    """Check what all other code relies on."""
    layout = imported.layout
    seats, count = layout.seats, layout.seat_count
    columns = (seats.x, seats.y, seats.row, seats.number, seats.category, seats.flags)
    assert all(len(column) == count for column in columns)
    assert count or layout.areas
    assert len(set(imported.seat_ids)) == len(imported.seat_ids) == count

    next_seat = next_row = 0
    for section_no, section in enumerate(layout.sections):
        assert section.first_row == next_row
        assert section.row_count > 0
        next_row += section.row_count
        rows = layout.rows[section.first_row : next_row]
        assert [row.order for row in rows] == sorted(row.order for row in rows)
        assert len({row.label for row in rows}) == len(rows)
        for row_no, row in enumerate(rows, start=section.first_row):
            assert row.section == section_no
            assert row.first_seat == next_seat
            assert row.seat_count > 0
            next_seat += row.seat_count
            assert set(seats.row[row.first_seat : next_seat]) == {row_no}
    assert next_row == len(layout.rows)
    assert next_seat == count

    assert len({layout.seat_label(seat_no) for seat_no in range(count)}) == count
    names = [section.name for section in layout.sections]
    assert len(set(names)) == len(names)
    assert len({layout.area_label(i) for i in range(len(layout.areas))}) == len(layout.areas)
    assert 0 < len(layout.categories) <= 255
    assert len({category.name for category in layout.categories}) == len(layout.categories)
    assert list(layout.category_numbers()) == list(seats.category)
    assert all(0 <= number < len(layout.categories) for number in seats.category)
    assert all(0 <= area.category < len(layout.categories) for area in layout.areas)
    assert all(area.capacity >= 1 for area in layout.areas)
    assert all(0 <= x <= layout.size.width for x in seats.x)
    assert all(0 <= y <= layout.size.height for y in seats.y)
    assert Layout.from_json(layout.to_json()) == layout
