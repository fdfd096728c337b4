"""One buyer in several windows: each shows all that is held, and calls none of it somebody else's."""

import re

import pytest
from playwright.async_api import Page, expect

from engine.base.model import new_id
from tests.conftest import House, MakeHouse, Stack
from tests.support.pages import OpenPage, Visitor, settled

pytestmark = pytest.mark.browser

#: A browser whose windows cannot talk to each other.
_DEAF = "delete globalThis.BroadcastChannel;"
#: What the map's element says of this buyer's holds: their seats.
_HOLDS = "document.getElementById('map').holds?.map((h) => h.seats.map((s) => s.seat_no).join())"


async def open_windows(
    stack: Stack, open_page: OpenPage, house: House, *, deaf: bool = False
) -> tuple[Visitor, Visitor]:
    first = await open_page()
    if deaf:
        await first.context.add_init_script(_DEAF)
    second = await first.context.new_page()
    for page in (first, second):
        await page.goto(f"{stack.api_url}/events/{house.event_id}")
        await settled(page)
    return Visitor(first), Visitor(second)


async def until_held(page: Page, *holds: str) -> None:
    """Wait until the page knows these holds: "4,5" is one of two seats."""
    await page.wait_for_function(
        f"(all) => {_HOLDS}?.sort().join('|') === all", arg="|".join(holds)
    )


async def choose_and_hold(page: Page, *seats: int) -> None:
    await page.evaluate(
        "async (s) => { const m = document.getElementById('map'); m.choose(s); await m.hold(); }",
        list(seats),
    )


@pytest.mark.parametrize("deaf", [False, True], ids=["told", "asks"])
async def test_every_window_shows_every_hold(
    stack: Stack, open_page: OpenPage, house: House, deaf: bool
) -> None:
    first, second = await open_windows(stack, open_page, house, deaf=deaf)
    await choose_and_hold(first.page, 4, 5)
    if deaf:
        await second.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await until_held(second.page, "4,5")
    await expect(second.page.locator("#title-held")).to_be_visible()

    # More in the second window: what it holds already stays held.
    await choose_and_hold(second.page, 8)
    await until_held(second.page, "4,5", "8")
    await first.page.reload()
    await until_held(first.page, "4,5", "8")
    other = first.page.locator("#other-holds li")
    await expect(other).to_have_count(1)
    await expect(other.locator(".kind")).to_have_text(re.compile(r"^(5:00|4:\d\d) left$"))

    # Each is paid for, in any window.
    await first.pay("tok_visa")
    await expect(first.page.locator("#title-done")).to_be_visible()
    await other.get_by_role("button").click()
    await first.pay("tok_visa")
    await expect(first.page.locator("#title-done")).to_be_visible()
    states = await house.states()
    assert [states[n] for n in (4, 5, 8)] == ["2"] * 3


async def test_a_window_that_held_in_the_same_moment_can_give_back(
    stack: Stack, open_page: OpenPage, house: House
) -> None:
    """The second hold does not make the first one unreachable."""
    first, second = await open_windows(stack, open_page, house, deaf=True)
    await choose_and_hold(first.page, 4, 5)
    await choose_and_hold(second.page, 8)
    await first.page.reload()
    await until_held(first.page, "4,5", "8")
    await first.page.click("#release")
    await until_held(first.page, "4,5")
    await first.page.click("#other-holds button")
    await expect(first.page.locator("#title-held")).to_be_visible()
    await first.page.click("#release")
    await until_held(first.page)
    assert "1" not in await house.states()


async def test_what_another_window_holds_is_not_somebody_elses(
    stack: Stack, open_page: OpenPage, house: House
) -> None:
    first, second = await open_windows(stack, open_page, house, deaf=True)
    await second.tap_seat(4, 20)
    await choose_and_hold(first.page, 4, 5)
    await second.notice("You have Stalls, row R1, seat 5 already.")
    await expect(second.page.locator("#chosen .place")).to_contain_text(["row R3, seat 1"])
    await until_held(second.page, "4,5")
    await second.tap_seat(5)
    await second.notice("You hold Stalls, row R1, seat 6 already")
    # Bought there, it is still this buyer's.
    await second.tap_seat(6)
    await choose_and_hold(first.page, 6)
    await first.pay("tok_visa")
    await expect(first.page.locator("#title-done")).to_be_visible()
    assert "someone else" not in await second.page.locator("#notice").inner_text()


async def test_what_another_window_bought_is_not_somebody_elses(
    stack: Stack, open_page: OpenPage, house: House
) -> None:
    first, second = await open_windows(stack, open_page, house, deaf=True)
    await second.tap_seat(4, 20)
    # The second window sleeps while the first one holds and buys.
    await second.page.context.set_offline(False)
    await second.page.evaluate("document.getElementById('map').showing.live.drop = () => {}")
    await second.page.evaluate(
        "(() => { const { live } = document.getElementById('map').showing;"
        " clearTimeout(live.timer); live.abandon(); })()"
    )
    await choose_and_hold(first.page, 4)
    await first.pay("tok_visa")
    await expect(first.page.locator("#title-done")).to_be_visible()
    await second.page.evaluate("document.getElementById('map').showing.live.open()")
    await second.notice("You have Stalls, row R1, seat 5 already.")


async def test_a_hold_that_another_window_gives_back_ends_here(
    stack: Stack, open_page: OpenPage, house: House
) -> None:
    first, second = await open_windows(stack, open_page, house)
    await choose_and_hold(first.page, 4, 5)
    await until_held(second.page, "4,5")
    await second.page.click("#release")
    await until_held(first.page)
    await first.notice("You gave these seats back")


async def test_seats_are_added_to_what_is_held(
    stack: Stack, open_page: OpenPage, make_house: MakeHouse
) -> None:
    house = await make_house(buyer_limit=3)
    first, _ = await open_windows(stack, open_page, house)
    await first.hold(4, 5)
    await first.page.click("#more")
    await expect(first.page.locator("#other-holds li")).to_have_count(1)
    await first.tap_seat(8, 9)
    await first.notice("One person can have up to 3 places")
    await first.page.click("#hold")
    await until_held(first.page, "4,5", "8")
    await expect(first.page.locator("#more")).to_be_visible()


async def test_the_list_of_events_shows_what_is_held(
    stack: Stack, open_page: OpenPage, make_house: MakeHouse
) -> None:
    house = await make_house(name="The Winter's Tale")
    first, second = await open_windows(stack, open_page, house)
    await second.page.goto(stack.api_url)
    mine = second.page.locator("#mine li")
    await expect(mine).to_have_count(0)
    await choose_and_hold(first.page, 4, 5)
    await expect(mine).to_contain_text("You hold 2 places for The Winter's Tale")
    await expect(mine.get_by_role("timer")).to_have_text(re.compile(r"^(5:00|4:\d\d)$"))
    await mine.get_by_role("link").click()
    await until_held(second.page, "4,5")
    await second.page.go_back()
    await first.page.click("#release")
    await expect(mine).to_have_count(0)


@pytest.mark.parametrize("hours", [-1, 1], ids=["back", "on"])
async def test_a_clock_that_is_set_keeps_no_lost_seat(
    stack: Stack, open_page: OpenPage, house: House, hours: int
) -> None:
    """The page judges what is recent by a clock that nobody sets."""
    first, _ = await open_windows(stack, open_page, house)
    page = first.page
    await first.hold(4, 5)
    await page.evaluate(
        "() => { const now = performance.now; performance.now = () => now.call(performance) + (window.ahead ?? 0); }"
    )
    await page.click("#release")
    await first.until_seat(4, 0)
    await page.evaluate(
        f"() => {{ const now = Date.now; Date.now = () => now() + {hours} * 3600e3; }}"
    )
    await page.evaluate("window.ahead = 4000")
    await house.hold(new_id(), 4)
    await first.notice("was just taken by someone else")
    await expect(page.locator("#chosen li")).to_have_count(1)
    await first.page.click("#hold")
    await expect(page.locator("#clock-left")).to_have_text(re.compile(r"^(5:00|4:\d\d)$"))
