"""Finding seats without aiming at dots: the list, the filters, best seats, and replacements."""

import asyncio
import itertools
import math
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, Route, expect

from engine.base.model import new_id
from engine.catalog.model import EventDraft
from engine.local.demo.venues import arena
from engine.runtime import Runtime
from tests.conftest import House, MakeHouse, small_house
from tests.support.pages import OpenPage, Visit, Visitor

pytestmark = pytest.mark.browser

WEB = Path(__file__).resolve().parents[2] / "seatmap" / "web"
_PITCH = 25.0
_NARROW = 1.3
_AISLE, _RESTRICTED, _WHEELCHAIR = 8, 4, 1


async def open_list(person: Visitor) -> None:
    await person.page.click("#list summary")
    await person.page.wait_for_selector(".seat-buttons button")


def options(person: Visitor, label: str) -> Locator:
    select = person.page.locator("#list").get_by_role("combobox", name=label, exact=True)
    return select.locator("option")


async def focused(page: Page) -> str:
    name: str = await page.evaluate(
        """() => {
          let element = document.activeElement;
          while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
          return element.ariaLabel ?? element.textContent.trim();
        }"""
    )
    return name


# --- the list -------------------------------------------------------------------------------------


async def test_the_list_has_search_arrow_keys_and_full_names(
    visit: Visit, make_house: MakeHouse
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await open_list(ada)
    page = ada.page
    await page.get_by_label("Find a seat, row or section").fill("r3 4")
    await page.keyboard.press("Enter")
    assert await focused(page) == "Row R3, seat 4, Back, €30, free"
    for key, seat in [("ArrowRight", "R3, seat 5"), ("Home", "R3, seat 1"), ("End", "R3, seat 10")]:
        await page.keyboard.press(key)
        assert await focused(page) == f"Row {seat}, Back, €30, free"
    await page.keyboard.press("ArrowUp")
    assert await focused(page) == "Row R2, seat 10, Front, €50, free"
    await page.keyboard.press("Space")
    assert await focused(page) == "Row R2, seat 10, Front, €50, chosen"
    await expect(page.locator(".seat-buttons [aria-pressed=true]")).to_have_text("10")
    await expect(page.locator("#chosen .place")).to_contain_text("Stalls, row R2, seat 10")
    # Tab enters the row once, and then leaves it.
    await expect(page.locator(".seat-buttons [tabindex='0']")).to_have_count(1)

    await page.get_by_label("Find a seat, row or section").fill("row z")
    await page.keyboard.press("Enter")
    await expect(page.locator("#list [role=status]")).to_have_text(
        "No seat here is called “row z”."
    )


async def test_sold_out_rows_are_left_out_of_the_list(
    visit: Visit, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house()
    await house.hold(buyer, *range(10))
    ada = await visit(house.event_id)
    await open_list(ada)
    await expect(options(ada, "Section")).to_have_text(["Stalls, 40 free, from €30"])
    await expect(options(ada, "Row")).to_have_text(
        ["Row R2, 10 free, from €50"] + [f"Row R{n}, 10 free, from €30" for n in (3, 4, 5)]
    )
    await ada.page.get_by_label("List sold-out rows too").check()
    await expect(options(ada, "Row").first).to_have_text("Row R1, none free")
    await ada.page.get_by_label("Find a seat, row or section").fill("row r1")
    await ada.page.keyboard.press("Enter")
    assert await focused(ada.page) == "Row R1, seat 1, Front, €50, someone else is deciding"


async def test_changes_in_the_row_in_focus_are_announced_once(
    visit: Visit, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await open_list(ada)
    spoken = ada.page.locator("#list [role=status]")

    # The list has no focus, so nothing is announced.
    await house.hold(buyer, 9)
    await ada.until_seat(9, 1)
    await expect(ada.page.locator(".seat-buttons [aria-disabled=true]")).to_have_text("10")
    await expect(options(ada, "Row").first).to_have_text("Row R1, 9 free, from €50")
    await expect(spoken).to_have_text("")

    await ada.page.focus(".seat-buttons [tabindex='0']")
    await ada.page.keyboard.press("ArrowDown")
    # Changes of the row at once: changes further apart than the list's pause get two announcements.
    await asyncio.gather(house.hold(new_id(), 13, 14, 15), house.hold(new_id(), 30))
    await expect(spoken).to_have_text("3 seats in row R2 were taken.")
    hold = await house.hold(buyer, 16)
    await expect(spoken).to_have_text("Row R2, seat 7 is no longer available.")
    await house.runtime.holds.release(hold.hold_id, buyer)
    await expect(spoken).to_have_text("Row R2, seat 7 is free again.")

    # Seats that one has chosen are announced by the journey, once.
    await ada.page.get_by_role("button", name="Row R2, seat 8").press("Enter")
    await house.hold(buyer, 17, 18)
    await ada.notice("seat 8 was just taken")
    await expect(spoken).to_have_text("Row R2, seat 9 is no longer available.")


async def test_a_list_of_twenty_thousand_seats_has_few_nodes(
    visit: Visit, runtime: Runtime
) -> None:
    document = arena()
    prices = {c["name"]: 4000 + 500 * i for i, c in enumerate(document["categories"])}
    ada = await visit(await _event(runtime, document, prices))
    await open_list(ada)
    await ada.page.get_by_label("Find a seat, row or section").fill("block 217, row 12, seat 3")
    await ada.page.keyboard.press("Enter")
    assert re.match(r"Row 12, seat 3, Upper tier, €65, free", await focused(ada.page))
    nodes: int = await ada.page.evaluate(
        "document.getElementById('map').shadowRoot.querySelectorAll('*').length"
    )
    assert nodes < 600


# --- filters --------------------------------------------------------------------------------------


async def _event(runtime: Runtime, document: dict[str, Any], prices: dict[str, int]) -> str:
    venue, _ = await runtime.catalog.venues.import_plan(document, city="Erfurt")
    event = await runtime.catalog.create_event(
        EventDraft(
            name="A concert",
            venue_id=venue.venue_id,
            starts_at=datetime.now(UTC) + timedelta(days=9),
            currency="EUR",
            prices=prices,
            buyer_limit=6,
            hold_ttl_s=300,
        )
    )
    await runtime.events.publishing.publish(event.event_id)
    return event.event_id


def _three_prices() -> dict[str, Any]:
    document = small_house(floor=6)
    document["categories"].append({"name": "Last row", "color": "#009e73"})
    for seat in document["sections"][0]["rows"][4]["seats"]:
        seat["category"] = "Last row"
    return document


async def test_seats_are_filtered_by_category_and_price(
    visit: Visit, runtime: Runtime, buyer: str
) -> None:
    prices = {"Front": 5000, "Back": 3000, "Last row": 1500}
    house = House(runtime, await _event(runtime, _three_prices(), prices))
    ada = await visit(house.event_id)
    page = ada.page
    front, back, last = (page.locator("#categories li button:first-child").nth(i) for i in range(3))
    await expect(front).to_have_text(re.compile(r"Front\s*20 left\s*€50"))
    await open_list(ada)

    await back.click()
    await expect(back).to_have_attribute("aria-pressed", "true")
    await expect(options(ada, "Section")).to_have_text(["Stalls, 20 free, from €30"])
    await expect(options(ada, "Row")).to_have_count(2)
    await expect(page.locator("#finder summary")).to_have_text(re.compile("Back$"))

    await last.click()
    await expect(back).to_have_attribute("aria-pressed", "false")
    await expect(options(ada, "Row")).to_have_text(["Row R5, 10 free, from €15"])
    await page.get_by_role("button", name="Show all").click()
    await expect(page.get_by_role("button", name="Show all")).to_be_hidden()
    await expect(options(ada, "Row")).to_have_count(5)

    price = page.get_by_label("Highest price")
    await expect(price.locator("option")).to_have_text(["Any price", "Up to €15", "Up to €30"])
    await price.select_option("Up to €30")
    await expect(options(ada, "Section")).to_have_text(["Stalls, 30 free, from €15"])
    await expect(page.locator("#finder summary")).to_have_text(re.compile("up to €30$"))

    # The counts follow the sale.
    await house.hold(buyer, 20, 21)
    await expect(back).to_have_text(re.compile("18 left"))
    await expect(options(ada, "Section")).to_have_text(["Stalls, 28 free, from €15"])


# --- best seats -----------------------------------------------------------------------------------


async def test_best_seats_are_chosen_with_one_tap(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    page = ada.page
    await page.get_by_role("button", name="One seat more").click()
    await page.get_by_role("button", name="Find the best 3").click()
    await expect(page.locator("#title-held")).to_be_focused()
    await expect(page.locator("#held .place")).to_have_count(3)
    states = await house.states()
    assert "111" in states[:10]
    assert states.count("1") == 3

    await page.click("#release")
    # A manual choice replaces that of the finder.
    await expect(page.locator("#chosen li")).to_have_count(3)
    await expect(page.locator("#finder")).to_be_hidden()
    while await page.locator("#chosen button").count():
        await page.locator("#chosen button").first.click()
    await page.locator("#categories li button", has_text="Back").click()
    await page.get_by_role("button", name="Find the best 3").click()
    await expect(page.locator("#held .kind").first).to_have_text("Back")


async def test_the_page_says_what_best_seats_relaxed(
    visit: Visit, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house(layout=small_house(rows=2, seats_per_row=4), buyer_limit=8)
    await house.hold(buyer, 0, 3, 4, 7)
    ada = await visit(house.event_id)
    for _ in range(2):
        await ada.page.get_by_role("button", name="One seat more").click()
    await ada.page.get_by_role("button", name="Find the best 4").click()
    await expect(ada.page.locator("#held .place")).to_have_count(4)
    await ada.notice("neighbouring rows")


async def test_best_seats_need_no_scrolling_on_a_phone(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house()
    phone = {"width": 390, "height": 844}
    ada = await visit(house.event_id, viewport=phone, has_touch=True, is_mobile=True)
    find = ada.page.get_by_role("button", name="Find the best 2")
    await expect(find).to_be_in_viewport(ratio=1)
    box = await find.bounding_box()
    assert box is not None
    assert box["height"] >= 44


# --- replacements ---------------------------------------------------------------------------------

_NEAREST = """async (cases) => {
  const { nearestFree, Venue } = await import("/layout.js");
  return cases.map(({ layout, seats, lost, count }) =>
    nearestFree(new Venue(layout), Uint8Array.from(seats), lost, count));
}"""


def _hall(rows: list[list[float]], flags: dict[int, int], categories: list[int]) -> dict[str, Any]:
    """Columnar data of one section; each row lists the x of its seats."""
    firsts = [0, *itertools.accumulate(len(row) for row in rows)]
    count = firsts.pop()
    return {
        "name": "Hall",
        "size": {"width": 1000, "height": 1000},
        "focal_point": {"x": 0, "y": 0},
        "categories": [{"name": "A", "color": "#000"}, {"name": "B", "color": "#000"}],
        "sections": [{"name": "Hall", "first_row": 0, "row_count": len(rows)}],
        "rows": [
            {"label": str(i), "section": 0, "first_seat": first, "seat_count": len(row), "order": i}
            for i, (first, row) in enumerate(zip(firsts, rows, strict=True))
        ],
        "seats": {
            "x": [x for row in rows for x in row],
            "y": [i * _PITCH for i, row in enumerate(rows) for _ in row],
            "row": [i for i, row in enumerate(rows) for _ in row],
            "number": [str(n + 1) for row in rows for n in range(len(row))],
            "category": categories,
            "flags": [flags.get(n, 0) for n in range(count)],
        },
        "areas": [],
        "decorations": [],
    }


def _random_case(dice: random.Random) -> dict[str, Any]:
    rows: list[list[float]] = []
    flags: dict[int, int] = {}
    n = 0
    for _ in range(dice.randint(1, 5)):
        gap = dice.randint(2, 6)
        wider = dice.choice([_NARROW, 2.0])
        rows.append(
            [_PITCH * (i + (wider - 1 if i >= gap else 0)) for i in range(dice.randint(4, 9))]
        )
        if gap < len(rows[-1]) and dice.random() < 0.5:
            flags[n + gap - 1] = flags[n + gap] = _AISLE
        for seat in range(n, n + len(rows[-1])):
            flags[seat] = flags.get(seat, 0) | dice.choice([0] * 9 + [_WHEELCHAIR, _RESTRICTED])
        n += len(rows[-1])
    layout = _hall(rows, flags, [dice.choice([0, 0, 0, 1]) for _ in range(n)])
    seats = [dice.choice([0, 0, 1, 2]) for _ in range(n)]
    lost = sorted(dice.sample(range(n), dice.randint(1, 3)))
    for seat_no in lost:
        seats[seat_no] = 2
    return {"layout": layout, "seats": seats, "lost": lost, "count": dice.randint(1, 3)}


def _cost(case: dict[str, Any], block: tuple[int, ...]) -> tuple[float, float]:
    """The distance, and the distance as the rule counts it, in radii of a seat."""
    seats, lost = case["layout"]["seats"], case["lost"]

    def middle(along: str, of: Any) -> float:
        total: float = sum(seats[along][n] for n in of)
        return total / len(of)

    way = math.dist(
        (middle("x", block), middle("y", block)), (middle("x", lost), middle("y", lost))
    ) / (_PITCH * 0.42)
    unlike = [
        any(seats[what][n] not in {seats[what][m] for m in lost} for n in block)
        for what in ("row", "category")
    ]
    return way, way + 24 * unlike[0] + 48 * unlike[1]


def _brute_force(case: dict[str, Any]) -> float | None:
    """The lowest cost of all blocks; None if no block is near."""
    layout = case["layout"]
    x, row, flags = (layout["seats"][name] for name in ("x", "row", "flags"))
    kinds = {flags[n] & _WHEELCHAIR for n in case["lost"]}
    free = [n for n, s in enumerate(case["seats"]) if s == 0 and flags[n] & _WHEELCHAIR in kinds]
    costs = []
    for block in itertools.combinations(free, case["count"]):
        beside = all(
            b == a + 1
            and row[a] == row[b]
            # A small gap is an aisle only if the plan says so.
            and x[b] - x[a] < _PITCH * (1.05 if flags[a] & flags[b] & _AISLE else _NARROW + 0.05)
            for a, b in itertools.pairwise(block)
        )
        way, cost = _cost(case, block)
        if beside and way < 24:
            costs.append(cost)
    return min(costs, default=None)


async def _nearest(open_page: OpenPage, cases: list[dict[str, Any]]) -> list[list[int]]:
    async def serve(route: Route) -> None:
        name = route.request.url.rsplit("/", 1)[1]
        if name:
            await route.fulfill(path=WEB / name)
        else:
            await route.fulfill(body="<!doctype html>", content_type="text/html")

    page = await open_page()
    await page.route("http://nearest.test/**", serve)
    await page.goto("http://nearest.test/")
    found: list[list[int]] = await page.evaluate(_NEAREST, cases)
    return found


async def test_the_nearest_block_is_as_near_as_brute_force_finds(open_page: OpenPage) -> None:
    dice = random.Random(20_260)
    cases = [_random_case(dice) for _ in range(400)]
    answers = await _nearest(open_page, cases)
    blocks = singles = 0
    for case, answer in zip(cases, answers, strict=True):
        assert all(case["seats"][n] == 0 for n in answer)
        assert answer == sorted(set(answer))
        best = _brute_force(case)
        if best is not None:
            blocks += 1
            assert len(answer) == case["count"]
            assert math.isclose(_cost(case, tuple(answer))[1], best, abs_tol=1e-9)
            continue
        singles += 1
        flags = case["layout"]["seats"]["flags"]
        kinds = {flags[n] & _WHEELCHAIR for n in case["lost"]}
        costs = sorted(
            _cost(case, (n,))[1]
            for n, s in enumerate(case["seats"])
            if s == 0 and flags[n] & _WHEELCHAIR in kinds
        )
        own = sorted(_cost(case, (n,))[1] for n in answer)
        assert own == pytest.approx(costs[: case["count"]], abs=1e-9)
    assert blocks > 100
    assert singles > 20


async def test_a_replacement_is_suggested_for_two_lost_seats(
    visit: Visit, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await ada.tap_seat(20, 21)
    await house.hold(buyer, 20, 21)
    await expect(ada.page.locator("#instead-text")).to_contain_text(
        "row R3, seats 3 and 4 are free"
    )
    await ada.page.click("#take")
    await expect(ada.page.locator("#chosen .place")).to_have_count(2)
