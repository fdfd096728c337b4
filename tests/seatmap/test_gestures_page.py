"""Gestures on the map begin, and end on every path; and the map stays in sight, beside what lies over it."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.conftest import MakeHouse
from tests.seatmap.test_drawing_page import PHONE, ask, chosen, point_of, until_chosen
from tests.support.pages import Visit, Visitor, settled

pytestmark = pytest.mark.browser


async def tip(page: Page) -> str:
    """The tooltip's words; empty when none is shown."""
    words: str = await ask(page, "d.tip.classList.contains('shown') ? d.tip.innerText : ''")
    return words


async def over(page: Page, seat_no: int) -> str:
    """Move the mouse to a seat and read what the tooltip says."""
    await page.mouse.move(*await point_of(page, seat_no))
    return await tip(page)


async def test_tooltips_name_seats_after_a_click(visit: Visit, make_house: MakeHouse) -> None:
    ada = await visit((await make_house()).event_id)
    page = ada.page
    before = [await over(page, seat_no) for seat_no in (5, 6)]
    assert before[0].startswith("Row R1, seat 6")
    for moved in (0, 2):
        # Without moving, and with a hand that trembles.
        x, y = await point_of(page, 1)
        await page.mouse.move(x, y)
        await page.mouse.down()
        await page.mouse.move(x + moved, y)
        await page.mouse.up()
        assert [await over(page, seat_no) for seat_no in (5, 6)] == before
    # The second click gave the seat back.
    await until_chosen(ada)


_ENDS = {
    "the window loses the focus": "window.dispatchEvent(new Event('blur'))",
    "the browser takes the pointer": "d.canvas.dispatchEvent(new PointerEvent('pointercancel', { pointerId: 1 }))",
    "the capture is lost": "d.canvas.releasePointerCapture(1)",
    "the element is removed": "d.parentElement.insertBefore(d, d.nextSibling)",
}


@pytest.mark.parametrize("end", [*_ENDS, "Escape", "released unseen"])
async def test_a_gesture_that_is_cut_short_does_nothing(
    visit: Visit, make_house: MakeHouse, end: str
) -> None:
    ada = await visit((await make_house()).event_id)
    page = ada.page
    plain = await over(page, 25)
    x, y = await point_of(page, 2)
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(*await point_of(page, 4), steps=4)
    assert (await tip(page)).startswith("Choose 3 seats")
    if end == "Escape":
        await page.keyboard.press("Escape")
    elif end == "released unseen":
        await ask(
            page,
            "d.canvas.dispatchEvent(new PointerEvent('pointermove', { pointerId: 1, pointerType: 'mouse' }))",
        )
    else:
        await ask(page, _ENDS[end])
    # A lost capture is reported with the next movement.
    await page.mouse.move(*await point_of(page, 5))
    assert not (await tip(page)).startswith("Choose")
    await page.mouse.up()
    assert await over(page, 25) == plain
    assert await chosen(ada) == []
    # The next gesture is whole.
    await ada.tap_seat(2)
    await until_chosen(ada, 2)
    assert await over(page, 25) == plain


async def _swipe(page: Page, start: tuple[float, float], dy: float, dx: float = 0) -> None:
    """One finger, as the browser gets it from the screen."""
    client = await page.context.new_cdp_session(page)

    async def touch(kind: str, *points: Any) -> None:
        await client.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]},
        )

    x, y = start
    await touch("touchStart", (x, y))
    # It rests at its end: a finger that is lifted in motion lets the page scroll on.
    for i in (*range(1, 11), *[10] * 8):
        await touch("touchMove", (x + dx * i / 10, y + dy * i / 10 + (i == 10) * 0.1))
        await page.evaluate("new Promise(requestAnimationFrame)")
    await touch("touchEnd")


async def _view(visitor: Visitor) -> list[float]:
    view: list[float] = await ask(visitor.page, "[d.view.scale, d.view.x, d.view.y]")
    return view


async def test_a_finger_on_the_whole_map_scrolls_the_page(
    visit: Visit, make_house: MakeHouse
) -> None:
    ada = await visit((await make_house()).event_id, **PHONE)
    page = ada.page
    before = await _view(ada)
    await _swipe(page, (180, 420), -250)
    await page.wait_for_function("scrollY > 150")
    await page.evaluate("scrollTo(0, 0)")
    await _swipe(page, (180, 300), 0, dx=150)
    assert await _view(ada) == before
    assert await ask(page, "d.fitted")

    # Near seats, the finger moves the map, and the page stays.
    await ask(page, "d.zoomBy(2)")
    await settled(page)
    before = await _view(ada)
    await _swipe(page, (180, 300), -60)
    await page.wait_for_function("document.getElementById('map').clientPoint(0).y < 1000")
    after = await _view(ada)
    assert after[0] == before[0]
    assert after[2] > before[2]
    assert await page.evaluate("scrollY") == 0


@pytest.mark.parametrize("zoom", [1, 1.3, 2, 5])
async def test_the_map_cannot_be_dragged_out_of_sight(
    visit: Visit, make_house: MakeHouse, zoom: float
) -> None:
    ada = await visit((await make_house()).event_id)
    page = ada.page
    await ask(page, "d.zoomBy(x)", zoom)
    for dx, dy in ((3000, 0), (0, 3000), (-3000, 0), (0, -3000)):
        await ask(page, "d.moveTo({ ...d.view, x: d.view.x + x[0], y: d.view.y + x[1] })", [dx, dy])
        # The middle of the window shows a part of the house, or its rim.
        inside = await ask(
            page,
            """(() => {
              const { x, y } = d.toDrawing({ x: d.size.width / 2, y: d.size.height / 2 });
              const { x0, y0, x1, y1 } = d.shown.box;
              const slack = 60;
              return x > x0 - slack && x < x1 + slack && y > y0 - slack && y < y1 + slack;
            })()""",
        )
        assert inside
    if zoom == 1:
        assert await ask(page, "d.fitted")


def _full(columns: int, rows: int) -> dict[str, Any]:
    """Seats in every corner."""
    return {
        "format": "frontrow/1",
        "name": "Full",
        "size": {"width": 30 * columns, "height": 30 * rows},
        "categories": [{"name": "Front"}, {"name": "Back"}],
        "sections": [
            {
                "name": "Stalls",
                "rows": [
                    {
                        "label": str(row + 1),
                        "seats": [
                            {
                                "number": str(seat + 1),
                                "x": 15 + 30 * seat,
                                "y": 15 + 30 * row,
                                "category": "Front" if row < 2 else "Back",
                            }
                            for seat in range(columns)
                        ],
                    }
                    for row in range(rows)
                ],
            }
        ],
    }


_COVERED = """() => {
  const map = document.getElementById("map");
  const drawing = map.shadowRoot.getElementById("drawing");
  const boxes = [drawing.shadowRoot.querySelector(".zoom"), map.shadowRoot.querySelector(".badge")].map((e) => e.getBoundingClientRect());
  const frame = drawing.getBoundingClientRect();
  const found = [];
  for (let s = 0; s < map.seats.length; s++) {
    const { x, y, radius } = map.clientPoint(s);
    const near = (a, b, at) => at + radius > a && at - radius < b;
    if (boxes.some((b) => near(b.left, b.right, x) && near(b.top, b.bottom, y))) found.push(s);
    if (x - radius < frame.left || x + radius > frame.right || y - radius < frame.top || y + radius > frame.bottom) found.push(`${s} outside`);
  }
  return found;
}"""


@pytest.mark.parametrize("shape", [(6, 5), (20, 20), (60, 8), (8, 60)])
async def test_nothing_over_the_map_covers_seats(
    visit: Visit, make_house: MakeHouse, shape: tuple[int, int]
) -> None:
    ada = await visit((await make_house(layout=_full(*shape))).event_id)
    page = ada.page
    for width, height in ((320, 700), (390, 844), (820, 1180), (1280, 720), (1920, 1000)):
        await page.set_viewport_size({"width": width, "height": height})
        await settled(page)
        assert await page.evaluate(_COVERED) == [], (width, height)
    # A longer status does not cover them either, nor move the map.
    await page.evaluate(
        "map.shadowRoot.getElementById('watching').textContent = '1,234 people looking'"
    )
    assert await page.evaluate(_COVERED) == []
    await expect(page.locator("#live")).to_have_text("Live")
