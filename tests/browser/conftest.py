"""A real Chromium on the real product. Every page is watched: a script error fails its test.

Without a Chromium these tests skip, except in CI, where that is an error.
"""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from tests.conftest import Stack

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: For a machine that is busy with the rest of the suite; nothing waits this long when all is well.
_PATIENCE_MS = 20_000
expect.set_options(timeout=_PATIENCE_MS)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def _chromium() -> str:
    found = next((path for path in map(shutil.which, _NAMES) if path), None)
    path = os.environ.get("FRONTROW_TEST_CHROMIUM", found)
    if path is None:
        reason = "no Chromium; set FRONTROW_TEST_CHROMIUM to one, or install it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = _chromium()
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield running
        await running.close()


OpenPage = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens pages, each in a browser profile of its own: another person."""
    contexts = []
    wrongs: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        # Chromium itself reports every 4xx of a fetch; refusals are answers here, and shown.
        refusal = "Failed to load resource: the server responded with a status of 4"
        if message.type in ("error", "warning") and not message.text.startswith(refusal):
            wrongs.append(message.text)

    async def open_one(**options: Any) -> Page:
        options = {"viewport": {"width": 1280, "height": 860}, "reduced_motion": "reduce"} | options
        context = await browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(_PATIENCE_MS)
        page = await context.new_page()
        page.on("console", on_console)
        page.on("pageerror", lambda error: wrongs.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        await context.close()
    assert wrongs == []


@dataclass
class Visitor:
    """A person on the page of one event."""

    page: Page

    async def tap_seat(self, *seats: int) -> None:
        """On the drawing, where the seat is."""
        for seat_no in seats:
            point = await self.page.evaluate(
                "n => document.getElementById('map').clientPoint(n)", seat_no
            )
            await self.page.mouse.click(point["x"], point["y"])

    async def hold(self, *seats: int) -> None:
        await self.tap_seat(*seats)
        await self.page.click("#hold")
        await self.page.wait_for_selector("#step-held:not([hidden])")

    async def pay(self, token: str) -> None:
        await self.page.fill("#name", "Ada Lovelace")
        await self.page.fill("#email", "ada@example.com")
        await self.page.select_option("#card", token)
        await self.page.click("#pay-button")

    async def ticket_labels(self) -> list[str]:
        await self.page.wait_for_selector(".ticket")
        return await self.page.locator(".ticket h3").all_inner_texts()

    async def notice(self, words: str) -> str:
        """The message shown, once it has ``words`` in it."""
        found = self.page.locator("#notice", has_text=words)
        await found.wait_for()
        return await found.inner_text()

    async def until_seat(self, seat_no: int, state: int) -> None:
        """Until this person's map shows ``state`` (0 free, 1 held, 2 sold) for the seat."""
        await self.page.wait_for_function(
            "([n, s]) => document.getElementById('map').seats[n] === s", arg=[seat_no, state]
        )

    async def map_digits(self) -> str:
        digits: str = await self.page.evaluate("document.getElementById('map').seats.join('')")
        return digits


Visit = Callable[..., Awaitable[Visitor]]


@pytest.fixture
def visit(stack: Stack, open_page: OpenPage) -> Visit:
    """A new person, on the page of an event, with the live map running."""

    async def visit_event(event_id: str, **options: Any) -> Visitor:
        page = await open_page(**options)
        await page.goto(f"{stack.api_url}/events/{event_id}")
        await page.wait_for_selector("#live[data-status=live]")
        # Live, and the whole venue shown: nothing moves under the pointer any more.
        await page.wait_for_function("document.getElementById('map').seats.includes(0)")
        return Visitor(page)

    return visit_event
