"""The canvas: sweeping along rows, zooming, whole sections, the minimap; and what is redrawn when."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from engine.base.model import new_id
from tests.conftest import House, MakeHouse, small_house
from tests.support.pages import Visit, Visitor

pytestmark = pytest.mark.browser

_DRAWING = "document.getElementById('map').shadowRoot.getElementById('drawing')"
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}


def arena(*, sections: int = 20, rows: int = 25, seats_per_row: int = 40) -> dict[str, Any]:
    """Blocks side by side in two tiers; in each the first rows are more expensive."""
    across = sections // 2

    def row(section: int, number: int) -> dict[str, Any]:
        left = (section % across) * (seats_per_row + 4) * 10 + 10
        top = (section // across) * (rows + 4) * 12 + 200
        return {
            "label": str(number + 1),
            "seats": [
                {
                    "number": str(seat + 1),
                    "x": left + seat * 10,
                    "y": top + number * 12,
                    "category": "Front" if number < rows // 3 else "Back",
                }
                for seat in range(seats_per_row)
            ],
        }

    return {
        "format": "frontrow/1",
        "name": "Arena",
        "size": {
            "width": across * (seats_per_row + 4) * 10 + 20,
            "height": 2 * (rows + 4) * 12 + 220,
        },
        "categories": [{"name": "Front", "color": "#0072b2"}, {"name": "Back", "color": "#e69f00"}],
        "sections": [
            {
                "name": f"Block {101 + section}",
                "rows": [row(section, number) for number in range(rows)],
            }
            for section in range(sections)
        ],
    }


async def ask(page: Page, expression: str, argument: Any = None) -> Any:
    """Evaluate with ``d``, the drawing, and ``x``, the argument."""
    return await page.evaluate(
        f"x => {{ {_PIXELS} const d = {_DRAWING}; return {expression}; }}", argument
    )


#: Pixels of a square of the drawing, through a canvas that is made for reading.
_PIXELS = """const pixels = (d, x, y, side) => {
  const copy = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
  copy.drawImage(d.canvas, Math.round(-x * d.ratio), Math.round(-y * d.ratio));
  return copy.getImageData(0, 0, side, side).data.join();
};"""


async def until(page: Page, expression: str, argument: Any = None) -> None:
    body = f"x => {{ const d = {_DRAWING}; return {expression}; }}"
    await page.wait_for_function(body, arg=argument)


async def until_drawn(page: Page) -> None:
    """Wait until nothing is left to draw."""
    await until(page, "d.isTrue && d.frame === 0 && d.next === null && !d.moving")


async def point_of(page: Page, seat_no: int) -> tuple[float, float]:
    point = await page.evaluate("n => document.getElementById('map').clientPoint(n)", seat_no)
    return point["x"], point["y"]


async def chosen(visitor: Visitor) -> list[int]:
    seats: list[int] = await visitor.page.evaluate("document.getElementById('map').selection.seats")
    return seats


async def until_chosen(visitor: Visitor, *seats: int) -> None:
    """Wait until these seats are chosen: the page may get the last pointer move a frame later."""
    await visitor.page.wait_for_function(
        "seats => document.getElementById('map').selection.seats.join() === seats.join()",
        arg=list(seats),
    )


async def until_at(page: Page, seat_no: int, x: float, y: float) -> None:
    """Wait until this seat is there, to a pixel."""
    await page.wait_for_function(
        """([n, x, y]) => {
          const at = document.getElementById('map').clientPoint(n);
          return Math.hypot(at.x - x, at.y - y) < 1;
        }""",
        arg=[seat_no, x, y],
    )


async def drag(page: Page, *points: tuple[float, float]) -> None:
    """Press at the first point and move to the last with the button down."""
    await page.mouse.move(*points[0])
    await page.mouse.down()
    for point in points[1:]:
        await page.mouse.move(*point, steps=4)


async def test_a_sweep_chooses_the_free_seats_of_one_row(
    visit: Visit, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house()
    await house.hold(buyer, 14)
    ada = await visit(house.event_id)
    page = ada.page
    await ada.until_seat(14, 1)
    first, last = await point_of(page, 12), await point_of(page, 16)
    # The sweep ends below its row: the row counts, not the path of the pointer.
    await drag(page, first, (last[0], last[1] + 50))
    await until(page, "d.sweep?.seats.join() === '12,13,15,16'")
    assert await chosen(ada) == []
    await page.mouse.up()
    await until_chosen(ada, 12, 13, 15, 16)

    await drag(page, await point_of(page, 26), await point_of(page, 24))
    await until(page, "d.sweep?.seats.length === 3")
    await page.keyboard.press("Escape")
    await page.mouse.up()
    await until(page, "d.sweep === null")
    assert await chosen(ada) == [12, 13, 15, 16]

    await drag(page, await point_of(page, 16), await point_of(page, 13))
    await page.mouse.up()
    await until_chosen(ada, 12)


async def test_a_drag_from_between_seats_moves_the_map(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house(layout=small_house(seats_per_row=40))
    ada = await visit(house.event_id)
    page = ada.page
    await ask(page, "d.showSeat(12)")
    await ask(page, "d.zoomBy(2.2)")
    await until_drawn(page)
    x, y = await point_of(page, 12)
    right = (await point_of(page, 13))[0]
    gap = ((x + right) / 2, y + (right - x) / 2)
    await drag(page, gap, (gap[0] + 60, gap[1] + 40))
    await page.mouse.up()
    await until_at(page, 12, x + 60, y + 40)
    assert await chosen(ada) == []


async def test_a_long_press_begins_a_sweep_by_touch(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house()
    ada = await visit(house.event_id, **PHONE)
    page = ada.page
    await ask(page, "d.zoomBy(1.5)")
    await ask(page, "d.showSeat(14)")
    await until_drawn(page)
    (x, y), (to_x, _) = await point_of(page, 14), await point_of(page, 16)
    cdp = await page.context.new_cdp_session(page)

    async def touch(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": x, "y": y} for x, y in points]
        await cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    # Without a pause, which would make it a long press.
    await asyncio.gather(
        touch("touchStart", (x, y)), touch("touchMove", (x + 40, y)), touch("touchEnd")
    )
    await until_at(page, 14, x + 40, y)
    assert await chosen(ada) == []

    x, to_x = x + 40, to_x + 40
    await touch("touchStart", (x, y))
    await until(page, "d.sweep?.seats.length === 1")
    await touch("touchMove", (to_x, y))
    await touch("touchEnd")
    await until_chosen(ada, 14, 15, 16)
    assert (await point_of(page, 14))[0] == pytest.approx(x, abs=1)


async def test_a_double_tap_beside_seats_zooms_in(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house(layout=small_house(seats_per_row=40))
    ada = await visit(house.event_id)
    page = ada.page
    x, y = await point_of(page, 12)
    right = (await point_of(page, 13))[0]
    gap = ((x + right) / 2, y + (right - x) / 2)
    before = await ask(page, "d.radiusPx")
    await page.mouse.dblclick(*gap)
    await until(page, "d.radiusPx > x", before * 1.1)
    after = await ask(page, "d.radiusPx")
    moved_x, moved_y = await point_of(page, 12)
    stretch = after / before
    assert moved_x == pytest.approx(gap[0] + (x - gap[0]) * stretch, abs=1)
    assert moved_y == pytest.approx(gap[1] + (y - gap[1]) * stretch, abs=1)
    # On a seat each tap counts immediately.
    await page.mouse.dblclick(moved_x, moved_y)
    assert await chosen(ada) == []
    await page.mouse.click(moved_x, moved_y)
    await until_chosen(ada, 12)


@pytest_asyncio.fixture
async def big_house(make_house: MakeHouse) -> House:
    return await make_house(layout=arena())


_COLLECT_WORDS = """() => {
  const { fillText } = CanvasRenderingContext2D.prototype;
  window.words = [];
  CanvasRenderingContext2D.prototype.fillText = function (text, ...at) {
    window.words.push(text);
    return fillText.call(this, text, ...at);
  };
}"""


async def words_drawn(page: Page) -> list[str]:
    await until_drawn(page)
    await ask(page, "(window.words = [], d.invalidate())")
    await until_drawn(page)
    words: list[str] = await page.evaluate("window.words")
    return words


async def test_sections_say_how_full_they_are(visit: Visit, big_house: House, buyer: str) -> None:
    ada = await visit(big_house.event_id)
    page = ada.page
    await page.evaluate(_COLLECT_WORDS)
    assert (await words_drawn(page)).count("1,000 left") >= 20
    painted = await ask(page, "d.painted")

    await take(big_house, range(1000, 1740))
    await until(page, "d.seats[1739] === 1")
    words = await words_drawn(page)
    assert words[words.index("102") + 1] == "260 left"
    after = await ask(page, "d.painted")
    # Only the section is painted, once per step of its tint, and no seat that cannot be seen.
    assert painted["sections"] < after["sections"] <= painted["sections"] + 8
    assert after["all"] == painted["all"] == 0

    await take(big_house, range(1740, 1990))
    await until(page, "d.seats[1989] === 1")
    words = await words_drawn(page)
    assert words[words.index("102") + 1] == "10 left"
    counted = await page.evaluate(
        """async () => {
          const { fullness } = await import("/web/bodies.js");
          const d = """
        + _DRAWING
        + """;
          const { free, total } = fullness(d.shown, d.seats, new Set([0]));
          return [free[1], total[1], free[0], total[0]];
        }"""
    )
    states = await big_house.states()
    assert counted == [states[1000:1320].count("0"), 320, 320, 320]

    # A tap on a section zooms in far enough to choose.
    x, y = await point_of(page, 520)
    await page.mouse.click(x, y)
    await until(page, "d.radiusPx > 3.5")
    await until_drawn(page)
    assert await chosen(ada) == []
    await ada.tap_seat(520)
    await until_chosen(ada, 520)


async def take(house: House, seats: range) -> None:
    """Hold seats in the name of as many people as needed."""
    for first in range(seats.start, seats.stop, 10):
        await house.hold(new_id(), *range(first, min(first + 10, seats.stop)))


async def test_the_minimap_moves_the_view(visit: Visit, big_house: House) -> None:
    ada = await visit(big_house.event_id)
    page = ada.page
    minimap = page.locator(".minimap")
    await expect(minimap).to_be_hidden()
    await ask(page, "d.showSeat(0)")
    await expect(minimap).to_be_visible()
    await until_drawn(page)
    far_away = await point_of(page, 19_999)
    box = await minimap.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 10, box["y"] + 10)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] - 9, box["y"] + box["height"] - 9, steps=3)
    await page.mouse.up()
    await page.wait_for_function(
        "x => document.getElementById('map').clientPoint(19999).x !== x", arg=far_away[0]
    )
    await until_drawn(page)
    at = await point_of(page, 19_999)
    stage = await page.locator("seat-map-drawing").bounding_box()
    assert stage is not None
    assert stage["x"] < at[0] < stage["x"] + stage["width"]
    assert stage["y"] < at[1] < stage["y"] + stage["height"]
    assert await chosen(ada) == []
    await ask(page, "d.fit()")
    await expect(minimap).to_be_hidden()


_COLOUR_AT = """((n) => {
  const { x, y } = d.seatPoint(n);
  return pixels(d, x, y - d.radiusPx * 0.7, 1);
})(x)"""


async def test_a_filter_dims_the_other_seats(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    page = ada.page
    await until_drawn(page)
    front, back = await ask(page, _COLOUR_AT, 12), await ask(page, _COLOUR_AT, 32)
    await ask(page, "d.setFilter(new Set([1]))")
    await until_drawn(page)
    assert await ask(page, _COLOUR_AT, 32) == back
    assert await ask(page, _COLOUR_AT, 12) != front
    await page.mouse.move(*await point_of(page, 12))
    tip = page.locator(".tip.shown")
    await expect(tip).to_contain_text("Not in your filter")
    await expect(tip).to_contain_text("Row R2, seat 3")
    await page.mouse.move(*await point_of(page, 32))
    await expect(tip).to_contain_text("€30")
    await expect(tip).not_to_contain_text("filter")
    await ask(page, "d.setFilter(null)")
    await until_drawn(page)
    assert await ask(page, _COLOUR_AT, 12) == front


async def test_only_what_changed_is_redrawn(
    visit: Visit, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await until_drawn(ada.page)
    before, colour = await ask(ada.page, "d.painted"), await ask(ada.page, _COLOUR_AT, 8)
    untouched = await ask(ada.page, _COLOUR_AT, 20)
    await house.hold(buyer, 7, 8, 9)
    await ada.until_seat(9, 1)
    await until_drawn(ada.page)
    after = await ask(ada.page, "d.painted")
    assert after == {**before, "seats": before["seats"] + 3}
    assert await ask(ada.page, _COLOUR_AT, 8) != colour
    assert await ask(ada.page, _COLOUR_AT, 20) == untouched


async def test_suggested_seats_are_marked(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    beside = """((n) => {
      const { x, y } = d.seatPoint(n);
      // Beside the seat itself, which is drawn again.
      return pixels(d, x + d.radiusPx * 1.08, y - d.radiusPx / 4, Math.ceil(d.radiusPx / 2));
    })(x)"""
    await until_drawn(ada.page)
    before = await ask(ada.page, beside, 22)
    await ask(ada.page, "d.setSuggested([22])")
    await until_drawn(ada.page)
    assert await ask(ada.page, beside, 22) != before
    await ask(ada.page, "d.setSuggested([])")
    await until_drawn(ada.page)
    assert await ask(ada.page, beside, 22) == before


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
async def test_reduced_motion_is_respected(
    visit: Visit, make_house: MakeHouse, motion: str
) -> None:
    house = await make_house(layout=small_house(seats_per_row=40))
    ada = await visit(house.event_id, reduced_motion=motion)
    await until_drawn(ada.page)
    at_once = await ask(
        ada.page, "((before) => (d.zoomBy(1.5), d.radiusPx !== before))(d.radiusPx)"
    )
    assert at_once == (motion == "reduce")
    await until_drawn(ada.page)


async def test_a_map_of_twenty_thousand_seats_stays_responsive(
    visit: Visit, big_house: House
) -> None:
    """300 seats change per second while the map is moved; the whole map is not repainted for them."""
    ada = await visit(big_house.event_id)
    page = ada.page
    await ask(page, "d.setView({ ...d.view, scale: 4 / d.shown.radius })")
    await until_drawn(page)
    await page.evaluate(
        """window.longest = 0;
        new PerformanceObserver((list) => {
          for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
        }).observe({ type: "longtask" });"""
    )
    before = await ask(page, "d.painted")
    holds = []
    for burst in range(30):
        # Scattered over the whole house, so that seats on the screen change too.
        due = asyncio.create_task(asyncio.sleep(0.1))
        for buyer_no in range(3):
            first = (burst * 3 + buyer_no) * 220
            buyer = new_id()
            hold = await big_house.hold(buyer, *range(first, first + 10))
            holds.append((buyer, hold.hold_id))
        await due
    # A page that is behind would get some of the changes once instead of twice.
    await shows(page, await big_house.states())
    for buyer, hold_id in holds[::2]:
        await big_house.runtime.holds.release(hold_id, buyer)
    truth = await big_house.states()
    assert truth.count("1") == 450
    await shows(page, truth)
    assert await ask(page, "d.seats.join('')") == truth
    await until_drawn(page)
    after = await ask(page, "d.painted")
    assert after["seats"] - before["seats"] >= 900 + 450
    assert after["all"] == before["all"]
    # A frame is 17 ms; this limit only separates, on any machine, a map that follows from one that freezes.
    assert await page.evaluate("window.longest") < 15_000


async def shows(page: Page, truth: str) -> None:
    await page.wait_for_function(
        "truth => document.getElementById('map').seats.join('') === truth", arg=truth
    )
