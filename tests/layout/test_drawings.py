"""The drawing holds all that is sold, and what is only drawn never keeps a pretix plan from being sold."""

import copy
import json
import math
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from engine.layout import Imported, LayoutRejected, import_layout
from engine.layout.model import Ellipse, Point, Rectangle
from tests.support.layouts import Document, check_invariants, native, pretix

Place = tuple[float, float]


def pretix_plan(places: list[Place], size: Any = None) -> Document:
    seats = [
        {
            "seat_guid": f"g{i}",
            "seat_number": str(i),
            "position": {"x": x, "y": y},
            "category": "A",
        }
        for i, (x, y) in enumerate(places)
    ]
    rows = [{"row_number": "1", "position": {"x": 0, "y": 0}, "seats": seats}]
    zones = [{"name": "Z", "position": {"x": 0, "y": 0}, "rows": rows, "areas": []}]
    plan = {"name": "Plan", "categories": [{"name": "A"}], "zones": zones}
    return plan if size is None else plan | {"size": size}


def native_plan(places: list[Place], size: Any) -> Document:
    seats = [{"number": str(i), "x": x, "y": y, "category": "A"} for i, (x, y) in enumerate(places)]
    return {
        "name": "Plan",
        "size": size,
        "categories": [{"name": "A"}],
        "sections": [{"name": "Z", "rows": [{"label": "1", "seats": seats}]}],
    }


def sound(document: Any) -> Imported:
    """Imported as it is or, where the native format must be asked for it, leniently."""
    is_native = isinstance(document, dict) and "zones" not in document
    imported = import_layout(document, lenient=is_native)
    check_invariants(imported)
    return imported


def said(document: object) -> dict[str, str]:
    return {warning.path: warning.problem for warning in sound(document).warnings}


SIZE = {"width": 100, "height": 100}
MAKERS = pytest.mark.parametrize("make", [pretix_plan, native_plan])


class TestGrowing:
    @MAKERS
    def test_a_drawing_grows_to_hold_its_seats_and_says_so_once(
        self, make: Callable[..., Document]
    ) -> None:
        places = [(10, 10), (35, 10), (60, 10), (85, 10), (110, 10), (135, 235)]
        imported = sound(make(places, SIZE))
        layout = imported.layout
        assert list(zip(layout.seats.x, layout.seats.y, strict=True)) == places
        assert (layout.size.width, layout.size.height) == (175, 275)
        assert [w.path for w in imported.warnings] == ["size"]
        words = imported.warnings[0].problem
        assert "2 of the seats and areas lie outside the drawing (100 × 100)" in words
        assert "rows[0].seats[4]; it is now 175 × 275" in words
        assert "moved" not in words

    @MAKERS
    def test_coordinates_below_zero_move_everything(self, make: Callable[..., Document]) -> None:
        imported = sound(make([(-25, 50), (0, 50), (25, 50)], SIZE))
        assert imported.layout.seats.x == (40, 65, 90)
        assert imported.layout.seats.y == (50, 50, 50)
        assert (imported.layout.size.width, imported.layout.size.height) == (165, 100)
        assert len(imported.warnings) == 1
        assert imported.warnings[0].problem.endswith("everything is moved by (65, 0)")

    def test_areas_decorations_and_the_focal_point_move_along(self) -> None:
        document = native()
        document["sections"][0]["position"]["x"] = -100
        document["focal_point"] = {"x": 7, "y": 8}
        document["decorations"].append(
            {"shape": {"type": "ellipse", "x": 1, "y": 2, "rx": 3, "ry": 4, "rotation": 5}}
        )
        before = import_layout(native()).layout
        layout = sound(document).layout
        dx = 120
        assert layout.seats.x == tuple(x - 110 + dx for x in before.seats.x)
        assert layout.areas[0].shape == msgspec_moved(before.areas[0].shape, dx)
        assert layout.decorations[0].shape == Rectangle(100 + dx, 10, 200, 40)
        assert layout.decorations[0].text is not None
        assert layout.decorations[0].text.x == 200 + dx
        assert layout.decorations[1].shape == Ellipse(1 + dx, 2, 3, 4, 5)
        assert layout.focal_point == Point(7 + dx, 8)

    def test_an_area_outside_is_held_too(self) -> None:
        document = native()
        document["areas"][0]["shape"] = {
            "type": "rectangle",
            "x": 500,
            "y": -90,
            "width": 50,
            "height": 40,
        }
        layout = sound(document).layout
        shape = layout.areas[0].shape
        assert isinstance(shape, Rectangle)
        assert shape.x + shape.width <= layout.size.width
        assert shape.y >= 0
        assert "areas[0].shape" in said(document)["size"]

    @MAKERS
    def test_places_are_rounded_before_they_are_compared(
        self, make: Callable[..., Document]
    ) -> None:
        imported = sound(make([(-0.04, 0), (100.04, 100)], SIZE))
        assert imported.layout.seats.x == (0, 100)
        assert imported.warnings == []
        grown = sound(make([(0, 0), (100.06, 100)], SIZE))
        assert [w.path for w in grown.warnings] == ["size"]

    def test_a_plan_without_size_holds_its_seats_and_the_stage_beside_them(self) -> None:
        plan = pretix_plan([(-25, 10), (0, 10), (25, 10)])
        stage = {"shape": "rectangle", "rectangle": {"width": 80, "height": 30}}
        stray = copy.deepcopy(stage) | {"position": {"x": 90_000, "y": 0}}
        plan["zones"][0]["areas"] = [stage | {"position": {"x": -40, "y": -60}}, stray]
        imported = sound(plan)
        assert [w.path for w in imported.warnings] == ["size"]
        shape = imported.layout.decorations[0].shape
        assert isinstance(shape, Rectangle)
        assert shape.x >= 0
        assert shape.y >= 0
        assert imported.layout.size.width < 500

    def test_coordinates_of_the_earth_are_brought_near(self) -> None:
        layout = sound(pretix_plan([(691_000.5, 5_334_000), (691_025.5, 5_334_000)], SIZE)).layout
        assert layout.seats.x[1] - layout.seats.x[0] == 25
        assert layout.size.width < 700_000
        assert layout.size.height == 80

    @MAKERS
    @given(st.data())
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_no_seat_is_lost_and_distances_are_kept(
        self, make: Callable[..., Document], data: st.DataObject
    ) -> None:
        reach = data.draw(st.sampled_from([150.0, 5_000.0, 900_000.0]))
        number = st.floats(-reach, reach) | st.integers(-int(reach), int(reach))
        places = data.draw(st.lists(st.tuples(number, number), min_size=1, max_size=12))
        if make is native_plan:  # where two seats at one place are a mistake
            places = [
                place
                for i, place in enumerate(places)
                if all(math.dist(place, other) > 2 for other in places[:i])
            ]
        size = {"width": data.draw(st.integers(1, 5000)), "height": data.draw(st.integers(1, 5000))}
        imported = sound(make(places, size))
        seats = imported.layout.seats
        assert len(seats.x) == len(places)
        for column, axis in ((seats.x, 0), (seats.y, 1)):
            moved = [now - round(was[axis], 1) for now, was in zip(column, places, strict=True)]
            assert max(moved) - min(moved) < 0.01
        inside = all(
            0 <= round(x, 1) <= size["width"] and 0 <= round(y, 1) <= size["height"]
            for x, y in places
        )
        assert [w.path for w in imported.warnings].count("size") == (0 if inside else 1)


def msgspec_moved(shape: Any, dx: float) -> Any:
    return type(shape)(tuple((x + dx, y) for x, y in shape.points))


#: What people's files hold where something is drawn.
ODDITIES: list[Any] = [
    None,
    True,
    0,
    -1,
    -7.5,
    1e300,
    math.nan,
    math.inf,
    "",
    "12",
    "1,5",
    "red",
    "rgb(1, 2, 3)",
    "#12345",
    "a\x00b\ttext",
    "\ud800",
    "x" * 3000,
    [],
    {},
    [None],
    {"x": 1},
    {"x": "1", "y": None},
]

AREA = {
    "shape": "polygon",
    "color": "#CBEEB3",
    "border_color": "transparent",
    "rotation": 10,
    "uuid": "a1",
    "position": {"x": 100, "y": 5},
    "text": {"position": {"x": 50, "y": 20}, "color": "#333333", "text": "Stage", "size": 12},
    "rectangle": {"width": 100, "height": 40},
    "circle": {"radius": 7},
    "ellipse": {"radius": {"x": 7, "y": 8}},
    "polygon": {"points": [{"x": 0, "y": 0}, {"x": 9, "y": 0}, {"x": 9, "y": 9}]},
}


def parts(value: Any) -> list[tuple[Any, Any]]:
    own = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    found = [(value, key) for key, _ in own]
    for _, inner in own:
        if isinstance(inner, dict | list):
            found += parts(inner)
    return found


class TestWhatIsOnlyDrawn:
    @given(st.data())
    @settings(max_examples=500, deadline=None)
    def test_no_oddity_of_the_drawing_keeps_a_plan_from_being_sold(
        self, data: st.DataObject
    ) -> None:
        plan = pretix()
        for zone in plan["zones"]:
            zone["areas"] = [copy.deepcopy(AREA) for _ in range(2)]
        before = import_layout(plan)
        for _ in range(data.draw(st.integers(1, 8))):
            holders = [(plan, "size"), (plan["categories"][0], "color")]
            holders += [(zone, "areas") for zone in plan["zones"]]
            holders = [(holder, key) for holder, key in holders if key in holder]
            if not holders:
                break
            places = holders + [
                place
                for holder, key in holders
                if isinstance(holder[key], dict | list)
                for place in parts(holder[key])
            ]
            holder, key = data.draw(st.sampled_from(places))
            if data.draw(st.booleans()):
                holder[key] = copy.deepcopy(data.draw(st.sampled_from(ODDITIES)))
            else:
                del holder[key]
        imported = sound(plan)
        assert imported.seat_ids == before.seat_ids
        assert imported.layout.seats.category == before.layout.seats.category
        json.dumps([w.problem for w in imported.warnings], ensure_ascii=False).encode()

    @pytest.mark.parametrize(
        ("color", "becomes"),
        [
            ("red", "#ff0000"),
            ("RGB(1, 2,255)", "#0102ff"),
            ("rgba(255,0,0,.5)", "#ff0000"),
            ("#abcd", "#aabbcc"),
            ("#11223344", "#112233"),
            (" #112233 ", "#112233"),
            ("", "#0072b2"),
            (None, "#0072b2"),
        ],
    )
    def test_colours_are_read_in_every_usual_form(self, color: Any, becomes: str) -> None:
        plan = pretix()
        plan["categories"][0]["color"] = color
        assert sound(plan).layout.categories[0].color == becomes
        assert list(said(plan)) == ["zones[0]"]

    @pytest.mark.parametrize("color", ["reddish", "#12345", 7])
    def test_another_colour_is_told_and_replaced(self, color: Any) -> None:
        plan = pretix()
        plan["categories"][0]["color"] = color
        assert sound(plan).layout.categories[0].color == "#0072b2"
        assert "left out" in said(plan)["categories[0].color"]

    def test_a_text_without_a_place_stands_in_the_middle_of_its_shape(self) -> None:
        plan = pretix()
        del plan["zones"][0]["areas"][0]["text"]["position"]
        text = sound(plan).layout.decorations[0].text
        assert text is not None
        assert (text.x, text.y) == (160, 45)

    def test_seats_on_top_of_each_other_are_sold_and_told(self) -> None:
        plan = pretix_plan([(10, 10), (10, 10), (35, 10)], SIZE)
        assert sound(plan).layout.seat_count == 3
        assert said(plan) == {
            "zones[0].rows[0]": "1 seats are drawn over those of zones[0].rows[0]"
        }

    def test_a_plan_in_metres_is_read_as_it_is(self) -> None:
        plan = pretix_plan([(i * 0.5, 1) for i in range(8)], {"width": 10, "height": 10})
        imported = sound(plan)
        assert imported.layout.seats.x == (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5)
        assert imported.warnings == []

    def test_numbers_written_as_text_are_told_once(self) -> None:
        plan = pretix()
        for row in plan["zones"][0]["rows"]:
            for seat in row["seats"]:
                seat["position"]["x"] = str(seat["position"]["x"])
        assert sound(plan).layout.seats == sound(pretix()).layout.seats
        assert said(plan)["zones[0].rows[0].seats[0].position.x"] == (
            "expected a number, got text; read as a number; likewise at 15 more places"
        )

    def test_numbers_that_json_does_not_know_are_read_from_files(self) -> None:
        plan = pretix()
        plan["zones"][0]["areas"][0]["rotation"] = math.nan
        imported = sound(json.dumps(plan).encode())
        assert imported.layout.decorations[0].shape == Rectangle(110, 25, 100, 40)

    @pytest.mark.parametrize("name", ["", " ", "x" * 500, "a\nb"])
    def test_a_plan_is_sold_whatever_its_name(self, name: str) -> None:
        plan = pretix() | {"name": name}
        assert 1 <= len(sound(plan).layout.name) <= 200
        assert "name" in said(plan)

    def test_a_category_that_stands_twice_is_one(self) -> None:
        plan = pretix()
        plan["categories"].append({"name": "I", "color": "#123456"})
        assert len(sound(plan).layout.categories) == 2
        assert "left out" in said(plan)["categories[2].name"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda s: s.update(category="Gold"), "category"),
        (lambda s: s.update(seat_guid="0-100-I-1-0"), "seat_guid"),
        (lambda s: s.update(seat_number=""), "seat_number"),
        (lambda s: s["position"].update(x="far"), "position.x"),
        (lambda s: s["position"].update(x=None), "position.x"),
        (lambda s: s.pop("position"), "position"),
        (lambda s: s.pop("category"), "category"),
    ],
)
def test_what_is_sold_is_read_strictly(change: Callable[[Document], object], path: str) -> None:
    plan = pretix()
    change(plan["zones"][0]["rows"][1]["seats"][2])
    with pytest.raises(LayoutRejected) as caught:
        import_layout(plan)
    errors = [error["path"] for error in caught.value.extra["errors"]]
    assert errors == [f"zones[0].rows[1].seats[2].{path}"]
