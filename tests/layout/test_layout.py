"""Importing venues: what is read, what is refused and how it is explained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import InvalidInput
from engine.layout import LayoutRejected, SeatFlag, import_layout
from engine.layout.model import Ellipse, Point, Polygon, Rectangle
from tests.support.layouts import (
    Document,
    check_invariants,
    native,
    native_row,
    pretix,
    pretix_row,
    venue_file,
)


def problems(document: object, **how: bool) -> dict[str, str]:
    """The refusal of ``document`` as problem by path."""
    with pytest.raises(LayoutRejected) as caught:
        import_layout(document, **how)
    errors = caught.value.extra["errors"]
    assert errors
    assert errors[0]["path"] in caught.value.detail
    return {error["path"]: error["problem"] for error in errors}


def warnings(document: object, **how: bool) -> dict[str, str]:
    imported = import_layout(document, **how)
    check_invariants(imported)
    return {warning.path: warning.problem for warning in imported.warnings}


class TestNative:
    def test_every_part_of_a_document_is_read(self) -> None:
        document = native()
        document["sections"][0]["rows"][0]["seats"][0]["properties"] = ["wheelchair", "aisle"]
        imported = import_layout(document)
        check_invariants(imported)
        layout = imported.layout
        assert imported.warnings == []
        assert imported.seat_ids == ("A0", "A1", "A2", "A3", "B0", "B1", "B2", "B3")
        assert layout.seat_count == 8
        assert (layout.seats.x[1], layout.seats.y[1]) == (55, 100)
        assert layout.seats.flags[:2] == (SeatFlag.WHEELCHAIR | SeatFlag.AISLE, 0)
        assert layout.category_numbers() == bytes([0, 0, 0, 0, 1, 1, 1, 1])
        assert [category.color for category in layout.categories] == ["#aa0000", "#e69f00"]
        assert layout.seat_label(5) == "Stalls, row B, seat 2"
        assert layout.area_label(0) == "Floor"
        assert (layout.areas[0].category, layout.areas[0].capacity) == (1, 50)
        assert isinstance(layout.areas[0].shape, Polygon)

    def test_rows_follow_their_order_and_not_the_files(self) -> None:
        document = native()
        document["sections"][0]["rows"][0]["order"] = 2
        document["sections"][0]["rows"][1]["order"] = 1
        assert [row.label for row in import_layout(document).layout.rows] == ["B", "A"]

    def test_the_focal_point_is_given_or_the_stage_or_the_upper_edge(self) -> None:
        document = native()
        assert import_layout(document).layout.focal_point == Point(200, 30)
        document["decorations"] = []
        assert import_layout(document).layout.focal_point == Point(200, 0)
        document["focal_point"] = {"x": 7.25, "y": -3}
        assert import_layout(document).layout.focal_point == Point(7.2, -3)

    def test_labels_of_several_words_stand_for_themselves(self) -> None:
        document = native()
        first, second = document["sections"][0]["rows"]
        first["label"], second["label"] = "Table 3", ""
        second["seats"][0]["number"] = "stool 1"
        layout = import_layout(document).layout
        assert layout.seat_label(0) == "Stalls, Table 3, seat 1"
        assert layout.seat_label(4) == "Stalls, stool 1"

    def test_areas_alone_are_a_venue(self) -> None:
        document = native()
        document["sections"] = []
        imported = import_layout(document)
        check_invariants(imported)
        assert imported.layout.seat_count == 0

    def test_coordinates_are_rounded_and_written_compactly(self) -> None:
        document = native()
        document["sections"][0]["rows"][0]["seats"][0]["x"] = 20.04
        assert b'"x":[30,55,80,105,30,' in import_layout(document).layout.to_json()

    @pytest.mark.parametrize("make", [native, pretix])
    @pytest.mark.parametrize(
        "encoding",
        [
            "utf-8",
            "utf-8-sig",
            "utf-16",
            "utf-16-le",
            "utf-16-be",
            "utf-32",
            "utf-32-le",
            "utf-32-be",
        ],
    )
    def test_every_unicode_encoding_is_read_with_or_without_a_mark(
        self, encoding: str, make: Callable[[], Document]
    ) -> None:
        document = make() | {"name": "Köln 😀"}
        text = json.dumps(document, ensure_ascii=False)
        layout = import_layout(document).layout
        assert layout.name == "Köln 😀"
        assert import_layout(text.encode(encoding)).layout == layout
        assert import_layout(("\ufeff" + text).encode(encoding)).layout == layout
        assert import_layout(text).layout == layout


def at(document: Document, *path: str | int) -> Any:
    found: Any = document
    for key in path:
        found = found[key]
    return found


ROW = ("sections", 0, "rows", 1)
SEAT = (*ROW, "seats", 2)


@pytest.mark.parametrize(
    ("where", "key", "value", "path", "says"),
    [
        ((), "name", ..., "name", "missing"),
        ((), "name", 5, "name", "expected text, got a whole number"),
        ((), "size", [1, 2], "size", "expected an object, got a list"),
        ((), "sections", {}, "sections", "expected a list, got an object"),
        ((), "categories", [], "categories", "at least one category"),
        ((), "format", "frontrow/9", "format", "frontrow/1"),
        (("size",), "width", -5, "size.width", "> 0"),
        (("size",), "width", float("inf"), "size.width", "not a finite number"),
        (("categories", 1), "color", "teal", "categories[1].color", "not a color"),
        (("categories",), 1, {"name": 7}, "categories[1].name", "expected text"),
        (ROW, "label", "A", "sections[0].rows[1].label", "first used by sections[0].rows[0]"),
        (ROW, "lable", "B", "sections[0].rows[1].lable", 'did you mean "label"?'),
        (ROW, "label", "B\x00", "sections[0].rows[1].label", "control character"),
        (ROW, "seats", None, "sections[0].rows[1].seats", "expected a list, got null"),
        (SEAT, "x", "12", "sections[0].rows[1].seats[2].x", "expected a number, got text"),
        (SEAT, "x", float("nan"), "sections[0].rows[1].seats[2].x", "not a finite number"),
        (SEAT, "x", ..., "sections[0].rows[1].seats[2].x", "missing"),
        (SEAT, "x", 391, "sections[0].rows[1].seats[2]", "at (401, 125), outside the drawing (400"),
        (SEAT, "x", 45.5, "sections[0].rows[1].seats[2]", "on top of sections[0].rows[1].seats[1]"),
        (SEAT, "id", "A0", "sections[0].rows[1].seats[2].id", "by sections[0].rows[0].seats[0]"),
        (SEAT, "number", "4", "sections[0].rows[1].seats[3].number", "duplicate seat number"),
        (SEAT, "number", "", "sections[0].rows[1].seats[2].number", "needs a number"),
        (SEAT, "number", 3, "sections[0].rows[1].seats[2].number", "expected text"),
        (SEAT, "category", "Middle", "sections[0].rows[1].seats[2].category", '"Front", "Rear"'),
        (
            SEAT,
            "properties",
            ["window"],
            "sections[0].rows[1].seats[2].properties[0]",
            "wheelchair",
        ),
        (("areas", 0), "capacity", 0, "areas[0].capacity", ">= 1"),
        (("areas", 0), "capacity", 1.5, "areas[0].capacity", "expected a whole number"),
        (("areas", 0), "category", "?", "areas[0].category", "unknown category"),
        (("areas", 0, "shape"), "type", "blob", "areas[0].shape.type", "polygon"),
        (("areas", 0, "shape"), "points", [[1, 2], [3], [4, 5]], "areas[0].shape.points[1]", "2"),
        (("areas", 0, "shape", "points"), 0, [None, 3], "areas[0].shape.points[0][0]", "number"),
        (("decorations", 0), "kind", "stgae", "decorations[0].kind", '"stage"'),
    ],
)
def test_a_wrong_value_is_named_by_its_path(
    where: tuple[str | int, ...], key: str | int, value: Any, path: str, says: str
) -> None:
    document = native()
    holder = at(document, *where)
    if value is ...:
        del holder[key]
    else:
        holder[key] = value
    found = problems(document)
    assert list(found) == [path]
    assert says in found[path]


def test_every_problem_is_reported_in_one_reading() -> None:
    document = native()
    del document["name"]
    document["size"]["depth"] = 3
    seats = document["sections"][0]["rows"][0]["seats"]
    seats[0]["x"], seats[1]["category"], seats[2]["number"] = None, "Gold", " "
    document["sections"][0]["rows"][1]["seats"][0]["id"] = "A3"
    document["areas"][0]["capacity"] = -1
    assert set(problems(document)) == {
        "name",
        "size.depth",
        "sections[0].rows[0].seats[0].x",
        "sections[0].rows[0].seats[1].category",
        "sections[0].rows[0].seats[2].number",
        "sections[0].rows[1].seats[0].id",
        "areas[0].capacity",
    }


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (None, "expected an object"),
        ([], "expected an object, got a list"),
        ("{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"\xff\xfe{\x00\x00\xd8", "not JSON: byte 4 is not UTF-16"),
        ('{"name": "Köln"}'.encode("latin-1"), "not JSON: byte 11 is not UTF-8"),
        ("[" * 100_000, "not JSON"),
        ({}, "neither a pretix plan"),
    ],
)
def test_input_that_is_no_document_is_refused(document: object, says: str) -> None:
    assert says in problems(document)["$"]


def test_the_refusal_is_invalid_input_with_a_stable_code() -> None:
    with pytest.raises(InvalidInput) as caught:
        import_layout(native() | {"sections": [], "areas": []})
    assert caught.value.code == "invalid-layout"
    assert "nothing to sell" in caught.value.detail


def test_a_flood_of_problems_is_bounded() -> None:
    document = native()
    document["sections"][0]["rows"] = [
        {"label": str(i), "seats": [{"colour": "red"}] * 20} for i in range(1000)
    ]
    found = problems(document)
    assert len(found) == 10_001
    assert "too many problems" in found["$"]


def test_absurd_sizes_are_refused_at_once() -> None:
    document = native()
    document["categories"] += [{"name": str(i)} for i in range(255)]
    assert "at most 255" in problems(document)["categories"]
    seat = document["sections"][0]["rows"][0]["seats"][0]
    document["sections"][0]["rows"] = [{"seats": [seat] * 50_001}] * 5
    assert "at most 250000" in problems(document)["$"]


class TestLenient:
    """Drops or replaces what can be spared, and says so."""

    @pytest.mark.parametrize(
        ("change", "path", "remedy"),
        [
            (lambda d: d.update(author="me"), "author", "left out"),
            (lambda d: at(d, *SEAT).update(category="Gold"), "{seat}.category", '"Front"'),
            (lambda d: at(d, *SEAT).update(x=900), "size", "is now 950 × 300"),
            (lambda d: at(d, *SEAT).update(x=45), "{seat}", "left out"),
            (lambda d: at(d, *SEAT).update(number=3), "{seat}.number", "read as text"),
            (lambda d: at(d, *SEAT).update(number=" "), "{seat}.number", 'now "3"'),
            (lambda d: at(d, *SEAT).update(properties=7), "{seat}.properties", "left out"),
            (lambda d: at(d, "categories", 0).update(color="x"), "categories[0].color", "left out"),
            (lambda d: d["categories"].append({"name": "Rear"}), "categories[2].name", "left out"),
            (lambda d: d["decorations"].append(3), "decorations[1]", "left out"),
        ],
    )
    def test_repairable_problems_become_warnings(
        self, change: Callable[[Document], None], path: str, remedy: str
    ) -> None:
        document = native()
        change(document)
        path = path.format(seat="sections[0].rows[1].seats[2]")
        where = "sections[0].rows[1].seats[2]" if path == "size" else path
        assert where in problems(document)
        assert where in problems(document, renumber=True)
        found = warnings(document, lenient=True)
        assert list(found) == [path]
        assert remedy in found[path]

    @pytest.mark.parametrize(
        "change",
        [
            lambda d: at(d, *SEAT).pop("x"),
            lambda d: at(d, *SEAT).update(id="A0"),
            lambda d: at(d, "areas", 0).update(capacity=0),
            lambda d: at(d, *ROW).update(label="A"),
            lambda d: d.update(size=None),
            lambda d: d.update(categories=[]),
            lambda d: at(d, *ROW).update(position={"x": 1}),
        ],
    )
    def test_problems_without_a_safe_repair_are_refused(
        self, change: Callable[[Document], None]
    ) -> None:
        document = native()
        change(document)
        assert problems(document, lenient=True)

    def test_a_document_with_nothing_to_sell_is_refused(self) -> None:
        document = native()
        del document["areas"]
        document["sections"][0]["rows"] = []
        assert "nothing to sell" in problems(document, lenient=True)["$"]


class TestRenumber:
    """Gives fresh names to what must be unique, and says so."""

    def test_duplicate_ids_numbers_and_names_are_replaced(self) -> None:
        document = native()
        document["sections"].append(
            {
                "name": "Stalls",
                "position": {"x": 200, "y": 0},
                "rows": [native_row("A", 100, "Rear")],
            }
        )
        document["sections"][0]["rows"][1]["seats"][3]["number"] = "1"
        document["areas"].append(document["areas"][0])
        assert len(problems(document)) == 7
        imported = import_layout(document, renumber=True)
        check_invariants(imported)
        assert len(imported.warnings) == 7
        assert imported.seat_ids[8:] == ("A0-2", "A1-2", "A2-2", "A3-2")
        assert imported.layout.seat_label(7) == "Stalls, row B, seat 1-2"
        assert imported.layout.seat_label(8) == "Stalls (2), row A, seat 1"
        assert imported.layout.area_label(1) == "Floor (2)"

    def test_fresh_names_avoid_those_in_use(self) -> None:
        document = native()
        first, second = document["sections"][0]["rows"]
        first["seats"][0]["id"], second["seats"][1]["id"] = "B0", "B0-2"
        ids = import_layout(document, renumber=True).seat_ids
        assert (ids[0], ids[4], ids[5]) == ("B0", "B0-3", "B0-2")

    def test_repeated_row_labels_become_blocks(self) -> None:
        document = native()
        rows = document["sections"][0]["rows"]
        for label, y in (("A", 100), ("B", 125)):
            row = native_row(label, y, "Rear")
            row["position"]["x"] = 200
            row["seats"] = [seat | {"id": f"R{label}{i}"} for i, seat in enumerate(row["seats"])]
            rows.append(row)
        assert list(problems(document)) == [
            "sections[0].rows[2].label",
            "sections[0].rows[3].label",
        ]
        layout = import_layout(document, renumber=True).layout
        assert [section.name for section in layout.sections] == [
            "Stalls, block 1",
            "Stalls, block 2",
        ]
        assert layout.seat_label(8) == "Stalls, block 2, row A, seat 1"


class TestPretix:
    def test_zones_rows_seats_and_areas_are_read(self) -> None:
        imported = import_layout(pretix())
        check_invariants(imported)
        layout = imported.layout
        assert layout.seat_count == 20
        assert (layout.seats.x[5], layout.seats.y[5]) == (35, 145)
        assert [category.color for category in layout.categories] == ["#aabbcc", "#e69f00"]
        assert layout.areas == ()
        stage = layout.decorations[0]
        assert stage.kind == "stage"
        assert stage.shape == Rectangle(110, 25, 100, 40)
        assert stage.border_color == "transparent"
        assert layout.focal_point == Point(160, 45)
        assert layout.seat_label(16) == "Balcony, Table 1, seat 1"

    def test_repeated_row_labels_become_blocks_with_one_warning(self) -> None:
        imported = import_layout(pretix())
        assert [warning.path for warning in imported.warnings] == ["zones[0]"]
        assert imported.layout.seat_label(0) == "Ground, block 1, row 1, seat 1"
        assert imported.layout.seat_label(8) == "Ground, block 2, row 1, seat 1"

    def test_blocks_are_found_whatever_the_order_of_rows(self) -> None:
        document = pretix()
        rows = document["zones"][0]["rows"]
        rows[1], rows[2] = rows[2], rows[1]
        layout = import_layout(document).layout
        assert [section.row_count for section in layout.sections] == [2, 2, 1]
        assert set(layout.seats.category[:8]) == {0}

    def test_older_files_without_size_and_with_plain_areas_are_read(self) -> None:
        document = pretix()
        del document["size"]
        document["zones"][1]["displayed"] = True
        document["zones"][1]["rows"][0] |= {"number_of_seats": 4, "seats_spacing": 25}
        document["zones"][1]["areas"] = [
            {"width": 50, "height": 20, "position": {"x": 0, "y": 0}, "text": "Bar"}
        ]
        imported = import_layout(document)
        check_invariants(imported)
        assert {warning.path for warning in imported.warnings} == {"size", "zones[0]"}
        assert imported.layout.decorations[1].shape == Rectangle(10, 200, 50, 20)

    def test_rotated_shapes_are_read(self) -> None:
        document = pretix()
        area = document["zones"][0]["areas"][0]
        area["rotation"] = 90
        round_area = {"shape": "circle", "circle": {"radius": 9}, "position": {"x": 1, "y": 2}}
        oval = {
            "shape": "ellipse",
            "ellipse": {"radius": {"x": 9, "y": 5}},
            "position": {"x": 1, "y": 2},
            "rotation": 45,
        }
        words = {"shape": "text", "text": {"text": "Exit", "position": {"x": 0, "y": 0}}}
        document["zones"][0]["areas"] += [round_area, oval, words]
        turned, circle, ellipse, text = import_layout(document).layout.decorations
        assert turned.shape == Polygon(((110, 25), (110, 125), (70, 125), (70, 25)))
        assert turned.text is not None
        assert (turned.text.x, turned.text.y, turned.text.rotation) == (90, 75, 90)
        assert circle.shape == Ellipse(11, 22, 9, 9)
        assert ellipse.shape == Ellipse(11, 22, 9, 5, 45)
        assert (text.kind, text.shape) == ("text", None)

    def test_problems_speak_the_words_of_the_format(self) -> None:
        document = pretix()
        rows = document["zones"][0]["rows"]
        rows[3]["seats"][2]["category"] = "Kategorie X"
        rows[1]["seats"][0]["seat_guid"] = rows[0]["seats"][0]["seat_guid"]
        rows[0]["seats"][3]["position"]["x"] = "far"
        del rows[2]["row_number"]
        found = problems(document)
        assert found["zones[0].rows[3].seats[2].category"] == (
            'unknown category "Kategorie X"; known are "I", "II"'
        )
        assert "zones[0].rows[0].seats[0]" in found["zones[0].rows[1].seats[0].seat_guid"]
        assert found["zones[0].rows[0].seats[3].position.x"] == "expected a number, got text"
        assert found["zones[0].rows[2].row_number"] == "missing"

    def test_seats_drawn_over_others_are_a_warning(self) -> None:
        document = pretix()
        row = pretix_row("1", 3, 100, "I")
        row["seats"] = row["seats"][:3]
        document["zones"].append({"name": "Upper", "position": {"x": 10, "y": 20}, "rows": [row]})
        assert warnings(document)["zones[2].rows[0]"] == (
            "3 seats are drawn over those of zones[0].rows[0]"
        )


class TestRealVenues:
    def test_erfurt_imports(self) -> None:
        imported = import_layout(venue_file("erfurt-760.pretix.json"))
        check_invariants(imported)
        assert imported.layout.seat_count == 760
        assert len(imported.layout.rows) == 57
        assert [warning.path for warning in imported.warnings] == ["zones[0]"]
        assert [section.row_count for section in imported.layout.sections] == [8, 8, 8, 11, 11, 11]

    def test_stadium_is_refused_naming_its_duplicates(self) -> None:
        found = problems(venue_file("stadium-738.json"))
        assert len(found) == 738 - 318
        assert all("duplicate seat_guid" in problem for problem in found.values())
        assert "Groundfloor-A-1" in found["zones[0].rows[6].seats[0].seat_guid"]

    def test_stadium_imports_renumbered(self) -> None:
        imported = import_layout(venue_file("stadium-738.json"), renumber=True)
        check_invariants(imported)
        assert imported.layout.seat_count == 738
        assert sum("duplicate seat_guid" in w.problem for w in imported.warnings) == 420


def test_the_documented_example_imports_as_it_stands() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/layouts.md").read_text()
    imported = import_layout(page.partition("```json\n")[2].partition("```")[0])
    check_invariants(imported)
    assert imported.warnings == []
    assert imported.layout.seat_label(3) == "Stalls, row B, seat 1"
