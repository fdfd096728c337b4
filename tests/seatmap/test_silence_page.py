"""A connection that is open and delivers nothing: the page notices, says so, and reads the map another way."""

import signal
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from engine.base.model import new_id
from tests.conftest import House, MakeHouse, Stack
from tests.support.pages import Branch, OpenPage, Visitor, settled
from tests.support.site import until

pytestmark = pytest.mark.browser

#: More than two and a half beats; more than the time for an answer.
_BEATS, _ANSWER = "00:40", "00:06"


async def open_with_clock(open_page: OpenPage, url: str) -> Visitor:
    """A page whose time the test can move, monotonic clock and timers included."""
    page = await open_page()
    await page.clock.install()
    await page.goto(url)
    await settled(page)
    return Visitor(page)


@pytest.fixture
def frozen(branch: Branch) -> Iterator[None]:
    """Whatever a test does to the gateway, it runs again afterwards."""
    yield
    branch.processes["live"].send_signal(signal.SIGCONT)


@pytest.mark.usefixtures("frozen")
async def test_a_frozen_gateway_is_not_called_live(
    branch: Branch, open_page: OpenPage, make_house: MakeHouse
) -> None:
    house = await make_house()
    ada = await open_with_clock(open_page, f"{branch.api_url}/events/{house.event_id}")
    badge = ada.page.locator("#live")
    await expect(badge).to_have_text("Live")
    branch.processes["live"].send_signal(signal.SIGSTOP)
    await house.hold(new_id(), 5)
    await ada.page.clock.fast_forward(_BEATS)
    await ada.page.clock.fast_forward(_ANSWER)
    await expect(badge).to_have_text("Reconnecting")
    # Read over HTTP meanwhile.
    await ada.until_seat(5, 1)
    branch.processes["live"].send_signal(signal.SIGCONT)
    await expect(badge).to_have_text("Live")


class Line:
    """The page's way to the gateway, which can swallow everything."""

    def __init__(self) -> None:
        self.is_cut = False
        self.asked: list[str | bytes] = []

    def handle(self, near: WebSocketRoute) -> None:
        far = near.connect_to_server()

        def up(message: str | bytes) -> None:
            self.asked.append(message)
            if not self.is_cut:
                far.send(message)

        def down(message: str | bytes) -> None:
            if not self.is_cut:
                near.send(message)

        near.on_message(up)
        far.on_message(down)


async def open_on_line(stack: Stack, open_page: OpenPage, house: House) -> tuple[Page, Line]:
    page, line = await open_page(), Line()
    await page.clock.install()
    await page.route_web_socket("**/v1/live/**", line.handle)
    await page.goto(f"{stack.api_url}/events/{house.event_id}")
    await settled(page)
    return page, line


async def test_a_path_that_swallows_everything_is_noticed_when_somebody_looks(
    stack: Stack, open_page: OpenPage, house: House
) -> None:
    """Also where new connections open, and then deliver nothing."""
    page, line = await open_on_line(stack, open_page, house)
    line.is_cut = True
    await page.clock.fast_forward("00:02")
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await until(lambda: line.asked != [])
    assert line.asked == ['{"type":"snapshot"}']
    await page.clock.fast_forward(_ANSWER)
    await expect(page.locator("#live")).to_have_text("Reconnecting")
    # Neither way in: the map is as old as the last word.
    await page.route("**/seats", lambda route: route.abort())
    await page.clock.fast_forward("00:20")
    await expect(page.locator("#live")).to_have_text("Reconnecting")
    await expect(page.locator("#stale")).to_contain_text("The map shows how it was at")
    line.is_cut = False
    await page.clock.fast_forward("00:30")
    await expect(page.locator("#live")).to_have_text("Live")
    await expect(page.locator("#stale")).to_be_hidden()


async def test_a_quiet_event_stays_live_by_its_beats(
    stack: Stack, open_page: OpenPage, house: House
) -> None:
    page, line = await open_on_line(stack, open_page, house)
    line.asked.clear()
    for _ in range(4):
        await page.clock.fast_forward("00:20")
        await page.evaluate(
            """() => { const { socket } = document.getElementById('map').showing.live;
              const body = new TextEncoder().encode('{"type":"beat","every_ms":15000}');
              const frame = new Uint8Array(8 + body.length); frame[0] = 3; frame.set(body, 8);
              socket.onmessage({ data: frame.buffer }); }"""
        )
    assert line.asked == []
    await expect(page.locator("#live")).to_have_text("Live")
