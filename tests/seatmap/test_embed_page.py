"""<seat-map> in a foreign page: another origin, a strict policy, its own use of the element."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, WebSocket, expect

from tests.conftest import MakeHouse
from tests.support.pages import Branch, OpenPage, Visitor, settled

pytestmark = pytest.mark.browser

_LISTEN = """
window.happened = [];
for (const name of ["load", "livechange", "selectionchange", "hold", "release", "expire",
                    "bookingchange", "booked", "error"]) {
  document.addEventListener(name, (event) => {
    if (event instanceof CustomEvent) window.happened.push([event.target.id, name, event.detail]);
  }, true);
}
"""


def _element(event_id: str, id_: str = "map", more: str = "") -> str:
    return f'<seat-map id="{id_}" event="{event_id}" {more}></seat-map>'


def _script(branch: Branch) -> str:
    return f'<script type="module" src="{branch.api_url}/web/seat-map.js"></script>'


async def _open(open_page: OpenPage, url: str) -> Page:
    page = await open_page()
    await page.add_init_script(_LISTEN)
    await page.goto(url)
    await settled(page)
    return page


async def _names(page: Page, id_: str = "map") -> list[str]:
    happened: list[list[Any]] = await page.evaluate("window.happened")
    return [name for target, name, _ in happened if target == id_]


async def test_an_embedding_page_of_another_origin_sells(
    branch: Branch, open_page: OpenPage, make_house: MakeHouse
) -> None:
    house = await make_house()
    url = branch.put_up("sells", _script(branch) + _element(house.event_id))
    page = await _open(open_page, url)
    shopper = Visitor(page)
    await shopper.hold(12, 13)
    await shopper.pay("tok_visa")
    assert await shopper.ticket_labels() == ["Stalls, row R2, seat 3", "Stalls, row R2, seat 4"]
    assert (await house.states())[12:14] == "22"

    names = await _names(page)
    wanted = ["load", "livechange", "selectionchange", "hold", "bookingchange", "booked"]
    assert [name for name in names if name in wanted and names.count(name) == 1] == [
        name for name in wanted if names.count(name) == 1
    ]
    assert set(wanted) <= set(names)
    assert "error" not in names
    details = {name: detail for _, name, detail in await page.evaluate("window.happened")}
    assert details["hold"]["hold"]["total"] == {"amount": 10_000, "currency": "EUR"}
    assert details["booked"]["booking"]["status"] == "confirmed"

    assert page.url == url
    await page.reload()
    await expect(page.locator(".ticket")).to_have_count(2)
    await page.click("#again")
    await page.reload()
    await expect(page.locator("#title-choose")).to_be_visible()
    assert page.url == url


async def test_two_maps_on_one_page_are_independent(
    branch: Branch, open_page: OpenPage, make_house: MakeHouse
) -> None:
    houses = [await make_house(), await make_house()]
    body = "".join(
        _element(house.event_id, id_)
        for house, id_ in zip(houses, ("first", "second"), strict=True)
    )
    url = branch.put_up("two", _script(branch) + body)
    page = await open_page()
    sockets: list[WebSocket] = []

    def opened(socket: WebSocket) -> None:
        sockets.append(socket)

    page.on("websocket", opened)
    await page.goto(url)
    await expect(page.locator("#live[data-status=live]")).to_have_count(2)
    await page.wait_for_function(
        "() => [...document.querySelectorAll('seat-map')].every((map) => map.seats.includes(0))"
    )
    await page.evaluate("first.choose([3]); second.choose([7, 8])")
    await page.evaluate("Promise.all([first.hold(), second.hold()])")
    assert (await houses[0].states())[:10] == "0001000000"
    assert (await houses[1].states())[:10] == "0000000110"

    gone = next(socket for socket in sockets if houses[0].event_id in socket.url)
    async with gone.expect_event("close"):
        await page.evaluate("first.remove()")
    await page.evaluate("second.release()")
    await page.wait_for_function("() => second.seats[7] === 0")
    assert (await houses[0].states())[3] == "1"
    assert [s.is_closed() for s in sockets if houses[1].event_id in s.url] == [False]


async def test_the_host_page_can_control_the_element(
    branch: Branch, open_page: OpenPage, make_house: MakeHouse
) -> None:
    house = await make_house()
    url = branch.put_up("drives", _script(branch) + _element(house.event_id, more="panel=none"))
    page = await _open(open_page, url)
    await expect(page.locator("#panel")).to_be_hidden()

    async def refusal(call: str) -> str:
        code: str = await page.evaluate(f"map.{call}.then(() => 'done', (error) => error.code)")
        return code

    assert await page.evaluate("map.eventPage.name") == "A play"
    assert await refusal("release()") == "wrong-step"
    assert await refusal("hold()") == "nothing-held"
    assert await page.evaluate("map.choose([1, 2])") == [1, 2]
    selection = await page.evaluate("map.selection")
    assert selection == {
        "seats": [1, 2],
        "areas": {},
        "total": {"amount": 10_000, "currency": "EUR"},
    }
    hold = await page.evaluate("map.hold()")
    assert [seat["seat_no"] for seat in hold["seats"]] == [1, 2]
    assert (await page.evaluate("map.extend()"))["hold_id"] == hold["hold_id"]
    await page.evaluate("map.release()")
    assert await page.evaluate("map.currentHold") is None

    await page.evaluate("map.clear()")
    best = await page.evaluate("map.holdBest({ quantity: 3, category: 'Back' })")
    assert {seat["category"] for seat in best["seats"]} == {"Back"}
    assert await refusal("book({ name: 'Ada', email: 'ada@example.com' }, 'tok_declined')") == (
        "payment-declined"
    )
    booking = await page.evaluate("map.book({ name: 'Ada', email: 'ada@example.com' }, 'tok_visa')")
    assert booking["status"] == "confirmed"
    assert (await page.evaluate("map.booking"))["reference"] == booking["reference"]
    names = await _names(page)
    assert [n for n in names if n in ("hold", "release", "booked", "error")] == [
        "hold",
        "release",
        "hold",
        "error",
        "booked",
    ]
    await expect(page.locator("#drawing")).to_be_visible()


async def test_the_host_page_learns_that_a_seat_was_taken(
    branch: Branch, open_page: OpenPage, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house()
    url = branch.put_up("quicker", _script(branch) + _element(house.event_id, more="panel=none"))
    page = await _open(open_page, url)
    await page.evaluate("map.choose([5])")

    async def be_quicker(route: Any) -> None:
        await house.hold(buyer, 5)
        await route.continue_()

    await page.route("**/holds", be_quicker)
    code = await page.evaluate("map.hold().then(() => 'held', (error) => error.code)")
    assert code == "seat-unavailable"
    errors = [detail for _, name, detail in await page.evaluate("happened") if name == "error"]
    assert [error["code"] for error in errors] == ["seat-unavailable"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_the_host_page_sets_the_colours(
    branch: Branch, open_page: OpenPage, make_house: MakeHouse, when: str
) -> None:
    house = await make_house()
    url = branch.put_up("colours", _script(branch) + _element(house.event_id))
    page = await open_page()
    paint = (
        "document.documentElement.style.setProperty('--seat-map-background', 'hsl(210 50% 20%)')"
    )
    if when == "before":
        await page.add_init_script(f"addEventListener('DOMContentLoaded', () => {paint})")
    await page.goto(url)
    await page.wait_for_selector("#live[data-status=live]")
    if when == "after":
        await page.evaluate(paint)
    await page.wait_for_function(
        """() => {
          const { canvas } = document.querySelector("seat-map").shadowRoot.getElementById("drawing");
          const context = new OffscreenCanvas(1, 1).getContext("2d");
          context.drawImage(canvas, -2, -2);
          return context.getImageData(0, 0, 1, 1).data.join() === "26,51,77,255";
        }"""
    )


async def test_the_element_can_show_another_event(
    branch: Branch, open_page: OpenPage, make_house: MakeHouse
) -> None:
    houses = [await make_house(), await make_house()]
    url = branch.put_up("another", _script(branch) + _element(houses[0].event_id))
    page = await _open(open_page, url)
    await Visitor(page).tap_seat(3)
    await expect(page.locator("#chosen li")).to_have_count(1)
    await page.evaluate("id => map.setAttribute('event', id)", houses[1].event_id)
    await page.wait_for_function("id => map.eventPage?.event_id === id", arg=houses[1].event_id)
    await expect(page.locator("#chosen li")).to_have_count(0)
    await settled(page)
    await Visitor(page).hold(4)
    assert (await houses[0].states())[3] == "0"
    assert (await houses[1].states())[4] == "1"


async def test_a_page_that_is_not_allowed_learns_which_setting_allows_it(
    branch: Branch, browser: Browser, make_house: MakeHouse
) -> None:
    house = await make_house()
    url = branch.put_up("refused", _script(branch) + _element(house.event_id))
    context = await browser.new_context()
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    # The same server under a name that is not in the list.
    await page.goto(url.replace("localhost", "127.0.0.1"))
    await expect(page.locator("#message")).to_contain_text("may not be shown on this page")
    (ours,) = [text for text in said if text.startswith("<seat-map>")]
    assert "FRONTROW_ALLOWED_ORIGINS" in ours
    assert "http://127.0.0.1:" in ours
    await context.close()


async def test_the_host_page_replaces_texts(
    branch: Branch, open_page: OpenPage, make_house: MakeHouse
) -> None:
    house = await make_house()
    url = branch.put_up("words", _script(branch) + _element(house.event_id))
    page = await open_page()
    # Before the element's own script, as a page's script may.
    await page.add_init_script(
        """new MutationObserver((_, watch) => {
          const map = document.querySelector("seat-map");
          if (!map) return;
          watch.disconnect();
          map.texts = { holdPlaces: { one: "Keep this chair", other: "Keep {count} chairs" } };
        }).observe(document, { childList: true, subtree: true });"""
    )
    await page.goto(url)
    await settled(page)
    await page.evaluate("map.choose([3])")
    await expect(page.locator("#hold")).to_have_text("Keep this chair")
    await page.evaluate("map.choose([4])")
    await expect(page.locator("#hold")).to_have_text("Keep 2 chairs")
    # What is not given stays ours.
    await expect(page.locator("#title-choose")).to_have_text("Choose your places")

    # Given later, they replace what was given before, and the element shows itself anew.
    await page.evaluate("map.texts = { seat: 'chair {number}' }")
    await settled(page)
    await page.evaluate("map.choose([3])")
    await expect(page.locator("#chosen")).to_contain_text("chair 4")
    await expect(page.locator("#hold")).to_have_text(re.compile("^Hold th"))
