"""An event's own price categories over a venue's plan."""

from typing import Any

import msgspec
import pytest

from engine.base.errors import InvalidInput
from engine.catalog.assigning import Assignment, EventCategory, assigned, assigned_id
from engine.layout import Layout, import_layout
from tests.conftest import small_house

#: Rows R1 and R2 are Front, R3 to R5 and the floor are Back; ten seats in each row.
PLAN = import_layout(small_house()).layout
PREMIUM, REGULAR = (
    EventCategory(name="Premium", color="#d55e00"),
    EventCategory(name="Regular", color="#0072b2"),
)
BANDS = [PREMIUM, REGULAR]


def bands(*assignments: dict[str, Any], categories: list[EventCategory] = BANDS) -> Layout:
    return assigned(PLAN, categories, msgspec.convert(list(assignments), list[Assignment]))


def test_later_assignments_narrow_earlier_ones() -> None:
    layout = bands(
        {"category": "Regular", "section": "Stalls"},
        {"category": "Premium", "section": "Stalls", "row": "R2"},
        {"category": "Regular", "section": "Stalls", "row": "R2", "numbers": ["1", "10"]},
        {"category": "Premium", "seats": [49]},
        {"category": "Premium", "area": "Floor"},
    )
    assert [category.name for category in layout.categories] == ["Premium", "Regular"]
    assert layout.categories[0].color == "#d55e00"
    assert layout.category_numbers() == bytes([1] * 11 + [0] * 8 + [1] * 30 + [0])
    assert layout.areas[0].category == 0
    # Nothing else of the drawing changes.
    assert (layout.seats.x, layout.rows, layout.decorations) == (
        PLAN.seats.x,
        PLAN.rows,
        PLAN.decorations,
    )


def test_a_plans_categories_are_renamed_by_assigning_them() -> None:
    layout = bands(
        {"category": "Premium", "plan_category": "Front"},
        {"category": "Regular", "plan_category": "Back"},
    )
    assert layout.category_numbers() == bytes([0] * 20 + [1] * 30)
    assert layout.areas[0].category == 1


def test_places_keep_a_category_of_the_same_name() -> None:
    kept = EventCategory(name="Back", color="#123456")
    layout = bands({"category": "Premium", "plan_category": "Front"}, categories=[PREMIUM, kept])
    assert layout.category_numbers() == bytes([0] * 20 + [1] * 30)
    assert layout.categories[1].color == "#123456"


def test_without_categories_assignments_move_places_between_the_plans() -> None:
    layout = bands({"category": "Back", "section": "Stalls", "row": "R1"}, categories=[])
    assert [category.name for category in layout.categories] == ["Front", "Back"]
    assert layout.category_numbers() == bytes([1] * 10 + [0] * 10 + [1] * 30)


def test_nothing_given_is_the_plan_itself() -> None:
    assert bands(categories=[]) is PLAN
    assert assigned_id("plan", [], []) == "plan"


def test_every_drawing_has_its_own_id() -> None:
    other = EventCategory(name="Regular", color="#0072b3")
    moved = [Assignment(category="Regular", seats=[1])]
    ids = {
        assigned_id("plan", BANDS, []),
        assigned_id("plan", BANDS, moved),
        assigned_id("plan", [PREMIUM, other], []),
        assigned_id("other", BANDS, []),
        "plan",
    }
    assert len(ids) == 5
    assert assigned_id("plan", BANDS, moved) == assigned_id("plan", list(BANDS), list(moved))


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ({"category": "Gold", "section": "Stalls"}, "assignments[0].category: there is no category 'Gold'; there are Premium, Regular"),
        ({"category": "Premium"}, "exactly one of"),
        ({"category": "Premium", "section": "Stalls", "seats": [1]}, "exactly one of"),
        ({"category": "Premium", "section": "Balcony"}, "there are Stalls"),
        ({"category": "Premium", "section": "Stalls", "row": "Z"}, "there are R1, R2, R3, R4, R5"),
        ({"category": "Premium", "row": "R1", "area": "Floor"}, "a row needs its section"),
        ({"category": "Premium", "section": "Stalls", "numbers": ["1"]}, "numbers need their row"),
        ({"category": "Premium", "section": "Stalls", "row": "R1", "numbers": ["11"]}, "there is no seat '11'"),
        ({"category": "Premium", "area": "Bar"}, "there are Floor"),
        ({"category": "Premium", "plan_category": "Balcony"}, "there are Front, Back"),
        ({"category": "Premium", "seats": [50]}, "there is no seat 50"),
        ({"category": "Premium", "seats": [-1]}, "there is no seat -1"),
        ({"category": "Premium", "plan_category": "Front"}, "30 seats and 1 areas have no category of the event, for example Stalls, row R3, seat 1"),
        ({"category": "Premium", "section": "Stalls"}, "0 seats and 1 areas have no category of the event, for example Floor"),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_the_plan_is_refused_with_a_sentence(
    assignment: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        bands(assignment)
    assert said in refused.value.detail
    assert refused.value.code == "categories-mismatch"


def test_a_name_may_need_a_joiner() -> None:
    name = "\u0646\u06cc\u0645\u200c\u0637\u0628\u0642\u0647"
    layout = assigned(
        PLAN,
        [EventCategory(name=name, color="#000000")],
        [Assignment(category=name, plan_category=plan) for plan in ("Front", "Back")],
    )
    assert layout.categories[0].name == name


@pytest.mark.parametrize("names", [["A", "A"], [" A"], ["A\n"], ["A\u2028B"], ["\u200b"], [" "]])
def test_categories_have_names_of_their_own(names: list[str]) -> None:
    made = [EventCategory(name=name, color="#000000") for name in names]
    with pytest.raises(InvalidInput, match=r"^categories: "):
        bands(categories=made)
