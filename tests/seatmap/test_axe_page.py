"""axe-core on every screen and at every step: WCAG 2.2 AA and best practices; desktop and phone, light and dark.

``make node-tools`` installs it. Without npm these tests are skipped, except in CI, where that is an error.
"""

import os
from collections.abc import Callable, Coroutine
from typing import Any, Final

import pytest
from playwright.async_api import Page, expect

from engine.base.signing import dev_mail_key
from engine.runtime import Runtime
from tests.conftest import REPO, MakeHouse, Stack
from tests.support.pages import Come, SellOut, settled

pytestmark = pytest.mark.browser

_AXE: Final = REPO / "node_modules" / "axe-core" / "axe.min.js"
_RUN: Final = """async () => {
  const { violations } = await axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    resultTypes: ["violations"],
    preload: false,
  });
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, html }) =>
    `${id} (${help}): ${[target].flat(3).join(" ")} ${html.slice(0, 120)}`));
}"""
_DESKTOP: Final[Any] = {"width": 1280, "height": 860}
_PHONE: Final[Any] = {"width": 390, "height": 844}
_SETTINGS: Final = ((_DESKTOP, "light"), (_DESKTOP, "dark"), (_PHONE, "light"), (_PHONE, "dark"))

Inspect = Callable[[Page, str], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def axe() -> str:
    if not _AXE.exists():
        reason = "no axe-core; `make node-tools` installs it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return _AXE.read_text()


class Inspector:
    """Looks at pages as they stand, in every setting, and collects what is wrong."""

    def __init__(self, axe: str) -> None:
        self._axe = axe
        self.found: list[str] = []

    async def __call__(self, page: Page, name: str) -> None:
        for size, scheme in _SETTINGS:
            await page.set_viewport_size(size)
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # of two words
            # The page has its new layout and colours.
            await page.evaluate(
                "new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(f)))"
            )
            if not await page.evaluate("'axe' in window"):
                await page.evaluate(self._axe)
            wrong = await page.evaluate(_RUN)
            self.found += [f"{name}, {size['width']} px, {scheme}: {each}" for each in wrong]

    def check(self) -> None:
        assert not self.found, "\n".join(self.found)


@pytest.fixture
def inspect(axe: str) -> Inspector:
    return Inspector(axe)


async def test_a_way_to_tickets_is_accessible(
    come: Come, make_house: MakeHouse, stack: Stack, inspect: Inspector
) -> None:
    house = await make_house()
    # axe measures with styles of its own, which the pages' policy forbids.
    page = await come(house.event_id, bypass_csp=True)
    await inspect(page, "choose")
    await page.evaluate("document.getElementById('map').choose([0, 1])")
    for summary in ("More choices", "Choose from a list instead"):
        if await page.get_by_text(summary).is_visible():
            await page.get_by_text(summary).click()
    await inspect(page, "chosen")
    await page.click("#hold")
    await page.wait_for_selector("#step-held:not([hidden])")
    await page.click("#pay-button")
    await expect(page.locator("#name-error")).to_be_visible()
    await inspect(page, "held")
    await page.fill("#name", "Ada Lovelace")
    await page.fill("#email", "ada@example.com")
    await page.select_option("#card", "tok_3ds")
    await page.click("#pay-button")
    await page.wait_for_selector("#pending-link:not([hidden])")
    await inspect(page, "pending")
    await page.click("#pending-link")
    await inspect(page, "the bank")
    await page.click("button[value=true]")
    await expect(page.locator(".ticket img")).to_have_count(2)
    await inspect(page, "tickets bought")
    await page.goto(f"{stack.api_url}/tickets")
    await page.get_by_role("button", name="Show tickets").click()
    await expect(page.locator(".ticket img")).to_have_count(2)
    await inspect(page, "my tickets")
    await page.get_by_role("button", name="Cancel booking").click()
    await inspect(page, "cancelling")
    inspect.check()


async def test_the_waitlist_is_accessible(
    sell_out: SellOut, come: Come, stack: Stack, inspect: Inspector
) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id, bypass_csp=True)
    await inspect(page, "sold out")
    await page.click("#invite-go")
    await page.fill("#wait-email", "ada")
    await page.click("#wait-send")
    await expect(page.locator("#wait-email-error")).to_be_visible()
    await inspect(page, "joining")
    await page.fill("#wait-email", "ada@example.com")
    await page.fill("#wait-name", "Ada Lovelace")
    await page.click("#wait-send")
    await expect(page.locator("#line")).to_be_visible()
    await inspect(page, "in line")
    entry = await crowd.entry(page)
    url = await crowd.runtime.people.links.url("entry", entry.entry_id, "ada@example.com")
    await crowd.give_back(4)
    await expect(page.locator("#offer")).to_be_visible()
    await inspect(page, "offered")
    await page.click("#decline")
    await inspect(page, "declining")
    await page.goto(f"{stack.api_url}/w/{url.rpartition('/')[2]}")
    await inspect(page, "a mailed offer")
    inspect.check()


async def test_lists_and_single_pages_are_accessible(
    stack: Stack,
    runtime: Runtime,
    come: Come,
    make_house: MakeHouse,
    buyer: str,
    inspect: Inspector,
) -> None:
    house = await make_house()
    booking = (await house.book(buyer, await house.hold(buyer, 3, 4))).booking
    url = await runtime.people.links.url("booking", booking.booking_id, booking.buyer.email)
    page = await come(house.event_id, bypass_csp=True)
    for path, ready in {
        "/": ".event:not(.waiting)",
        "/?when=dates&q=nothing-of-this-name": "#nothing-title:not(:empty)",
        "/tickets": "#said:not(:empty)",
        f"/b/{url.rpartition('/')[2]}": ".ticket",
        "/b/unknown": "h1, h2",
        "/verify/unknown": "h1, h2",
        "/mail/unsubscribe/unknown": "h1, h2",
        "/nothing-here": "h1",
        f"/events/{buyer}": "#message",
        f"/dev/mail?key={dev_mail_key(runtime.settings)}": "h1",
    }.items():
        await page.goto(stack.api_url + path)
        await page.wait_for_selector(ready)
        await inspect(page, path[:20])
    inspect.check()


async def test_a_map_that_reaches_its_ends_is_accessible(
    come: Come, make_house: MakeHouse, inspect: Inspector
) -> None:
    """Messages that stand over the map, and a cancelled event."""
    house = await make_house()
    page = await come(house.event_id, bypass_csp=True)
    await page.context.set_offline(True)
    await page.evaluate("dispatchEvent(new Event('offline'))")
    await expect(page.locator("#stale")).to_be_visible()
    await inspect(page, "offline")
    await page.context.set_offline(False)
    await settled(page)
    await house.runtime.events.publishing.cancel(house.event_id)
    await page.reload()
    await expect(page.locator("h1")).to_have_text("A play")
    await inspect(page, "cancelled")
    inspect.check()
