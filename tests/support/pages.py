"""A real Chromium on the real product. Every page is monitored: a script error fails its test.

Without a Chromium these tests are skipped, except in CI, where that is an error.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.waitlist.model import Contact, Entry, EntryStatus, Wanted
from tests.conftest import (
    House,
    MakeHouse,
    Stack,
    end_process,
    role_environment,
    start_role,
    until_ready,
)

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: For a machine that is busy with the rest of the suite; nothing takes this long if all is well.
_PATIENCE_MS = 40_000
expect.set_options(timeout=_PATIENCE_MS)
#: The map is there, with every seat's state, and the drawing has its final size: a click goes to the
#: right place. The style sheet loads separately, perhaps after the live connection.
_SETTLED = """() => {
  const map = document.getElementById("map") ?? document.querySelector("seat-map");
  const drawing = map?.shadowRoot.getElementById("drawing");
  if (!drawing || map.seats.length === 0) return false;
  const { width, height } = drawing.getBoundingClientRect();
  return drawing.canvas.checkVisibility() && drawing.size.width === width &&
    drawing.size.height === height && drawing.isTrue && drawing.frame === 0 &&
    drawing.next === null && !drawing.moving;
}"""
#: First the headless shell: the same engine, with a sixth of the CPU time per person.
_NAMES = (
    *("chromium-headless-shell", "chrome-headless-shell"),
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
)


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


async def settled(page: Page) -> None:
    """Wait until the page has a live map on which nothing moves any more."""
    await page.wait_for_selector("#live[data-status=live]")
    await page.wait_for_function(_SETTLED)


@pytest_asyncio.fixture
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens pages, each in a browser profile of its own, as another person."""
    contexts = []
    wrongs: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        # Chromium itself reports every 4xx of a fetch; here refusals are expected answers, and shown.
        # It also reports unreachable addresses; tests that cut the network check the page instead.
        refusal = "Failed to load resource: the server responded with a status of 4"
        expected = message.text.startswith(refusal) or "net::ERR_" in message.text
        if message.type in ("error", "warning") and not expected:
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
        """The message shown, once it contains ``words``."""
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

    async def visit_event(event_id: str, url: str = "", **options: Any) -> Visitor:
        page = await open_page(**options)
        await page.goto(url or f"{stack.api_url}/events/{event_id}")
        await settled(page)
        return Visitor(page)

    return visit_event


class Crowd:
    """Buyers who have all places of the small house, ten each; one row is given back at a time."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.runtime = house.runtime
        self.event_id = house.event_id
        self.holds: dict[int, tuple[str, str]] = {}

    async def take(self, *rows: int, floor: bool = False) -> None:
        for row in rows:
            for first in range(row * 10, row * 10 + 10, 2):
                buyer = new_id()
                hold = await self.house.hold(buyer, first, first + 1)
                self.holds[first] = (hold.hold_id, buyer)
        if floor:
            await self.house.hold(new_id(), floor=6)

    async def give_back(self, *firsts: int) -> None:
        """Give back pairs of seats, each named by its first seat."""
        for first in firsts:
            await self.runtime.holds.release(*self.holds[first])

    async def joins(self, quantity: int = 2, **wanted: Any) -> Entry:
        """Join as a person who is not looking at the page."""
        entry, _ = await self.runtime.waitlist.entries.join(
            self.event_id, new_id(), Wanted(quantity=quantity, **wanted), Contact()
        )
        return entry

    async def entry(self, page: Page) -> Entry:
        """The waitlist entry of the page's person, as the engine has it."""
        entry_id: str = await page.evaluate("document.getElementById('map').waitlistEntry.entry_id")
        return await self.runtime.waitlist.entries.read(entry_id)

    async def until(self, page: Page, status: EntryStatus) -> Entry:
        async with asyncio.timeout(_PATIENCE_MS / 1000):
            while True:
                entry = await self.entry(page)
                if entry.status == status:
                    return entry
                await asyncio.sleep(0.05)

    async def window(self, seconds: int) -> None:
        """Set the offer window for later offers."""
        desk = self.runtime.waitlist.admin
        summary = await desk.summary(self.event_id)
        await desk.set_terms(self.event_id, offer_window_s=seconds, version=summary.version)


SellOut = Callable[..., Awaitable[Crowd]]


@pytest.fixture
def sell_out(make_house: MakeHouse) -> SellOut:
    async def sold_out(**options: Any) -> Crowd:
        crowd = Crowd(await make_house(**options))
        await crowd.take(0, 1, 2, 3, 4, floor=True)
        return crowd

    return sold_out


Come = Callable[..., Awaitable[Page]]


@pytest.fixture
def come(stack: Stack, open_page: OpenPage) -> Come:
    """A new person on the page of an event that may be sold out."""

    async def come_to(event_id: str, more: str = "", **options: Any) -> Page:
        page = await open_page(**options)
        await page.goto(f"{stack.api_url}/events/{event_id}{more}")
        await settled(page)
        return page

    return come_to


@dataclass
class Branch:
    """Another API and gateway on the same stores, which allow the origin of a host page."""

    api_url: str
    host_url: str
    environment: dict[str, str]
    pages: dict[str, str]
    processes: dict[str, "subprocess.Popen[bytes]"]

    def put_up(self, name: str, body: str) -> str:
        """Publish a page at the other origin. Returns its address."""
        self.pages[f"/{name}"] = f"<!doctype html><html lang=en><title>Shop</title>{body}"
        return f"{self.host_url}/{name}"

    async def start(self, role: str) -> None:
        self.processes[role] = start_role(role, self.environment)
        await until_ready(f"http://127.0.0.1:{self.environment[f'FRONTROW_{role.upper()}_PORT']}")

    def kill(self, role: str) -> None:
        process = self.processes.pop(role)
        process.kill()
        process.wait()


@pytest_asyncio.fixture(scope="session")
async def branch(town: Settings, stores: StoreUrls, stack: Stack) -> AsyncIterator[Branch]:
    pages: dict[str, str] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        body = pages.get(path.partition("?")[0], "").encode()
        # A strict policy: our origin for scripts, styles and calls, and nothing inline.
        policy = f"default-src 'none'; script-src {api}; style-src {api}; connect-src {api} {live}; img-src data:"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        head += f"Content-Security-Policy: {policy}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host_url = f"http://localhost:{server.sockets[0].getsockname()[1]}"
    environment = role_environment(town, stores)
    api, live = environment["FRONTROW_PUBLIC_URL"], environment["FRONTROW_LIVE_PUBLIC_URL"]
    environment["FRONTROW_ALLOWED_ORIGINS"] += f",{host_url}"
    opened = Branch(api, host_url, environment, pages, {})
    try:
        await asyncio.gather(*map(opened.start, ("api", "live")))
        yield opened
    finally:
        for process in opened.processes.values():
            end_process(process)
        server.close()
