"""The list of events in a browser: searching, finding, and coming back."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.async_api import Error, Page, Route, expect

from engine.base.model import new_id
from engine.runtime import Runtime
from tests.conftest import Stack, small_house
from tests.support.http import publish_event
from tests.support.pages import OpenPage

pytestmark = pytest.mark.browser

Programme = dict[str, str]


@pytest.fixture(scope="module")
async def programme(town_runtime: Runtime, stack: Stack) -> Programme:
    """Events by name, in two cities of their own; ``mark`` is a word that finds all of them."""
    mark = f"m{new_id()[-8:]}"
    now = datetime.now(UTC)
    found: Programme = {"mark": mark}
    for city in ("Erfurt", "Weimar"):
        venue, _ = await town_runtime.catalog.venues.import_plan(
            small_house(rows=1, floor=2),
            name="Hall",
            city=f"{city} {mark}",
            latitude=50.98,
            longitude=11.03 if city == "Erfurt" else 31.0,
            timezone="Asia/Tokyo",
        )
        found[city] = f"{city} {mark}"
        for n, name in enumerate(("Free", "Nearly full", "Full", "Paused")):
            found[f"{city} {name}"] = await publish_event(
                town_runtime,
                venue.venue_id,
                name=f"{name} in {city}",
                category=f"{'Jazz' if n < 2 else 'Opera'} {mark}",
                starts_at=now + timedelta(days=400 + n),
                buyer_limit=100,
            )
        for name, seats in {"Nearly full": 10, "Full": 10}.items():
            await town_runtime.holds.place(
                found[f"{city} {name}"],
                new_id(),
                seats=range(seats),
                areas={0: 1 if name == "Nearly full" else 2},
            )
        await town_runtime.events.publishing.pause(found[f"{city} Paused"])
    await _counted(stack, {found["Erfurt"], found["Weimar"]})
    return found


async def _counted(stack: Stack, cities: set[str]) -> None:
    """Wait until the API's facets, which are some seconds old, have the cities."""
    async with httpx.AsyncClient(base_url=stack.api_url) as http, asyncio.timeout(60):
        while not cities <= {
            f["name"] for f in (await http.get("/v1/events/facets")).json()["cities"]
        }:
            await asyncio.sleep(0.2)


ListEvents = Callable[..., Awaitable[Page]]


@pytest.fixture
def list_events(stack: Stack, open_page: OpenPage) -> ListEvents:
    """A new person on the list, once it has loaded."""

    async def go(query: str = "", **options: object) -> Page:
        page = await open_page(**options)
        await page.goto(f"{stack.api_url}/{query}")
        await page.wait_for_selector("body[data-list]")
        return page

    return go


async def names(page: Page) -> list[str]:
    await page.wait_for_selector("#events:not([aria-busy])")
    return await page.locator(".event h2").all_inner_texts()


async def test_a_card_states_availability_in_words(
    list_events: ListEvents, programme: Programme, runtime: Runtime
) -> None:
    page = await list_events(f"?q={programme['mark']}+erfurt")
    await expect(page.locator("#count")).to_have_text(f"4 events for “{programme['mark']} erfurt”")
    cards = page.locator(".event")
    await expect(cards.locator(".left")).to_have_text(
        ["12 places left", "Only 1 left", "Sold out", "The sale is paused"]
    )
    await expect(cards.locator(".flag")).to_have_text(["", "Few left", "Sold out", "Sale paused"])
    await expect(cards.locator(".price:visible")).to_have_text(["from €30", "from €30"])
    # The day on the clock of the venue, whatever the visitor's.
    event = await runtime.catalog.event(programme["Erfurt Free"])
    there = event.starts_at + timedelta(hours=9)
    await expect(cards.first.locator(".day b")).to_have_text(str(there.day))
    await expect(cards.first.locator(".day")).to_contain_text(str(there.year))
    await cards.first.get_by_role("link", name="Free in Erfurt").click()
    await page.wait_for_url(f"**/events/{programme['Erfurt Free']}")


async def test_filters_are_kept_in_the_address(
    list_events: ListEvents, programme: Programme, stack: Stack, open_page: OpenPage
) -> None:
    page = await list_events(f"?q={programme['mark']}")
    await expect(page.locator(".event")).to_have_count(8)
    await page.select_option("[name=city]", programme["Weimar"])
    await expect(page.locator(".event")).to_have_count(4)
    await page.get_by_text(f"Jazz {programme['mark']}").click()
    await expect(page.locator(".event")).to_have_count(2)
    await page.get_by_text("Free places only").click()
    await page.select_option("[name=when]", "month")
    await expect(page.locator("#nothing-title")).to_contain_text("this month with free places")

    other = await open_page()
    await other.goto(page.url)
    await expect(other.locator("#nothing-title")).to_have_text(
        await page.locator("#nothing-title").inner_text()
    )
    await expect(other.locator("[name=when]")).to_have_value("month")
    await expect(other.locator("[name=available]")).to_be_checked()

    await page.get_by_role("button", name="Any date").click()
    assert await names(page) == ["Free in Weimar", "Nearly full in Weimar"]
    for count, choice in ((0, "month"), (2, ""), (2, ""), (4, "")):
        await page.go_back()
        await expect(page.locator(".event")).to_have_count(count)
        await expect(page.locator("[name=when]")).to_have_value(choice)
    await page.go_forward()
    await expect(page.locator(".event")).to_have_count(2)
    await page.click("#clear")
    await expect(page).to_have_url(f"{stack.api_url}/")
    await expect(page.locator("#clear")).to_be_hidden()


async def test_typing_sends_one_request_and_the_last_answer_is_shown(
    list_events: ListEvents, programme: Programme
) -> None:
    page = await list_events(f"?city={quote(programme['Erfurt'])}")
    # With the test's own clock: a slow machine does not create pauses in the typing.
    await page.clock.install()
    await page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answering = asyncio.Event()

    async def slowly(route: Route) -> None:
        await answering.wait()
        # A superseded request may have been cancelled.
        with suppress(Error):
            await route.continue_()

    await page.route("**/v1/events?*q=paused*", slowly)
    async with page.expect_request("**/v1/events?*q=paused*"):
        for letter in "paused":
            await page.locator("[name=q]").press_sequentially(letter)
            await page.clock.run_for(100)
        assert not any("/v1/events?" in url for url in asked)
        await page.clock.run_for(1000)
    async with page.expect_event("requestfailed"):
        await page.locator("[name=q]").fill("nearly")
        await page.clock.run_for(1000)
    answering.set()
    await expect(page.locator(".event h2")).to_have_text(["Nearly full in Erfurt"])
    assert len([url for url in asked if "/v1/events?" in url]) == 2
    await expect(page).to_have_url(re.compile("q=nearly"))
    # The whole typing is one step in the history.
    await page.go_back()
    await expect(page.locator("[name=q]")).to_have_value("")
    await expect(page.locator(".event")).to_have_count(4)


async def test_events_are_filtered_by_calendar_date(
    list_events: ListEvents, programme: Programme
) -> None:
    page = await list_events(f"?q={programme['mark']}+erfurt&when=dates", timezone_id="UTC")
    day = (datetime.now(UTC) + timedelta(days=401)).strftime("%Y-%m-%d")
    await page.fill("[name=from]", day)
    await expect(page.locator(".event")).to_have_count(3)
    await page.fill("[name=to]", day)
    assert await names(page) == ["Nearly full in Erfurt"]
    await expect(page).to_have_url(re.compile(f"from={day}&to={day}"))


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [
        ("2027-03-03T12:00:00Z", "2027-03-05T17:00", "2027-03-08T00:00"),
        ("2027-03-05T21:00:00Z", "2027-03-05T17:00", "2027-03-08T00:00"),
        ("2027-03-06T09:00:00Z", "2027-03-06T00:00", "2027-03-08T00:00"),
        ("2027-03-07T23:30:00Z", "2027-03-07T00:00", "2027-03-08T00:00"),
    ],
    ids=["Wednesday", "Friday evening", "Saturday", "late on Sunday"],
)
async def test_this_weekend_is_asked_for_by_its_dates(
    open_page: OpenPage, stack: Stack, today: str, first: str, last: str
) -> None:
    page = await open_page(timezone_id="UTC")
    await page.clock.set_fixed_time(today)
    async with page.expect_request("**/v1/events?*") as asked:
        await page.goto(f"{stack.api_url}/?when=weekend")
    url = (await asked.value).url
    assert f"from={first}".replace(":", "%3A") in url
    assert f"to={last}".replace(":", "%3A") in url


async def test_near_me_asks_for_the_position_which_may_be_refused(
    list_events: ListEvents, programme: Programme
) -> None:
    query = f"?q={programme['mark']}"
    page = await list_events(
        query, geolocation={"latitude": 50.9812, "longitude": 11.0312}, permissions=["geolocation"]
    )
    await expect(page.locator(".event")).to_have_count(8)
    near = page.get_by_role("button", name="Near me")
    await near.click()
    await expect(near).to_have_attribute("aria-pressed", "true")
    await expect(page.locator(".event")).to_have_count(4)
    await expect(page).to_have_url(re.compile("near=50.98%2C11.03"))
    await near.click()
    await expect(page.locator(".event")).to_have_count(8)

    refused = await list_events(query, permissions=[])
    await refused.evaluate(
        "() => { navigator.geolocation.getCurrentPosition = (yes, no) => no(new Error('denied')); }"
    )
    await refused.get_by_role("button", name="Near me").click()
    await expect(refused.locator("#count")).to_contain_text("choose a city instead")
    await expect(refused.locator(".event")).to_have_count(8)


async def test_loading_more_events_keeps_scroll_position_and_focus(
    list_events: ListEvents, runtime: Runtime
) -> None:
    mark = f"many{new_id()[-8:]}"
    venue, _ = await runtime.catalog.venues.import_plan(small_house(rows=1), name=mark, city="Gera")
    for n in range(26):
        await publish_event(
            runtime,
            venue.venue_id,
            name=f"Night {n}",
            starts_at=datetime(2046, 1, 1, tzinfo=UTC) + timedelta(days=n),
        )
    page = await list_events(f"?q={mark}")
    await expect(page.locator("#count")).to_have_text(f"The first 24 events for “{mark}”")
    await page.locator("#more").focus()
    above = await page.evaluate("scrollY")
    await page.keyboard.press("Enter")
    await expect(page.locator(".event")).to_have_count(26)
    await expect(page.get_by_role("link", name="Night 24")).to_be_focused()
    assert await page.evaluate("scrollY") == above
    await expect(page.locator("#more")).to_be_hidden()
    assert await names(page) == [f"Night {n}" for n in range(26)]

    await page.keyboard.press("Enter")
    await page.wait_for_url("**/events/**")
    await page.go_back()
    await expect(page.locator(".event")).to_have_count(26)
    await page.evaluate(
        "y => new Promise((done) => { const look = () =>"
        " scrollY === y ? done() : requestAnimationFrame(look); look(); })",
        above,
    )


async def test_cards_are_updated_while_they_are_shown(
    open_page: OpenPage, stack: Stack, runtime: Runtime
) -> None:
    mark = f"stay{new_id()[-8:]}"
    venue, _ = await runtime.catalog.venues.import_plan(small_house(rows=1, floor=2), name=mark)
    selling, ending = [
        await publish_event(runtime, venue.venue_id, name=name) for name in ("Selling", "Ending")
    ]
    page = await open_page()
    await page.clock.install()
    await page.goto(f"{stack.api_url}/?q={mark}")
    cards = page.locator(".event")
    await expect(cards.locator(".left")).to_have_text(["12 places left"] * 2)
    await runtime.holds.place(selling, new_id(), seats=range(10))
    await runtime.events.publishing.cancel(ending)
    async with asyncio.timeout(60):
        # The API's answer may be a second old, and the page asks every twenty seconds.
        while await cards.locator(".left").all_inner_texts() != ["2 places left", "Cancelled"]:
            await page.clock.fast_forward(21_000)
            await asyncio.sleep(0.1)
    await expect(cards.locator(".price:visible")).to_have_count(1)


async def test_a_list_that_did_not_load_can_be_tried_again(
    list_events: ListEvents, programme: Programme
) -> None:
    page = await list_events(f"?q={programme['mark']}")
    await page.route("**/v1/events?*", lambda route: route.fulfill(status=418))
    await page.select_option("[name=city]", programme["Erfurt"])
    await expect(page.get_by_role("alert")).to_contain_text("The programme did not load")
    await expect(page.locator("#count")).to_have_text("")
    await page.unroute("**/v1/events?*")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".event")).to_have_count(4)
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_the_list_recovers_after_being_offline(
    list_events: ListEvents, programme: Programme
) -> None:
    page = await list_events(f"?q={programme['mark']}")
    # To the page a missing answer is the same as no network, and it leaves no error in the console.
    await page.evaluate(
        "() => { window.fetched = fetch; window.fetch = () => Promise.reject(new TypeError()); }"
    )
    await page.evaluate(
        "Object.defineProperty(navigator, 'onLine', { get: () => fetch === fetched })"
    )
    await page.select_option("[name=city]", programme["Erfurt"])
    await expect(page.get_by_role("alert")).to_contain_text("You are offline")
    await page.evaluate("() => { window.fetch = fetched; }")
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(page.locator(".event")).to_have_count(4)


async def test_a_missing_or_broken_picture_is_replaced(
    list_events: ListEvents, runtime: Runtime
) -> None:
    mark = f"pic{new_id()[-8:]}"
    venue, _ = await runtime.catalog.venues.import_plan(small_house(rows=1), name=mark)
    drawn = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'><rect width='1' height='1'/></svg>"
    pictures: dict[str, dict[str, Any]] = {
        "None": {},
        "Own": {"image_url": "https://img.example/own.svg"},
        "Broken": {"image_url": "https://img.example/broken.svg"},
        "Script": {"metadata": {"image_url": "javascript:alert(1)"}},
        "Drawn": {"metadata": {"poster_svg": drawn}},
    }
    for name, fields in pictures.items():
        await publish_event(runtime, venue.venue_id, name=name, **fields)
    page = await list_events()
    await page.route(
        "https://img.example/own.svg",
        lambda route: route.fulfill(body=drawn, content_type="image/svg+xml"),
    )
    await page.route("https://img.example/broken.svg", lambda route: route.abort())
    await page.goto(f"{page.url}?q={mark}")
    for name, images in {"None": 0, "Own": 1, "Broken": 0, "Script": 0, "Drawn": 1}.items():
        host = page.locator(".event", has=page.get_by_role("link", name=name))
        await expect(host.locator("img")).to_have_count(images)
    await page.wait_for_function(
        """() => [...document.querySelectorAll(".event img")].every(
          (image) => image.complete && image.naturalWidth > 0)"""
    )


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_the_layout_neither_shifts_nor_overflows(
    open_page: OpenPage, stack: Stack, programme: Programme, width: int
) -> None:
    page = await open_page(viewport={"width": width, "height": 844})
    await page.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => {"
        " for (const e of list.getEntries()) if (!e.hadRecentInput) window.shift += e.value;"
        "}).observe({ type: 'layout-shift', buffered: true });"
    )
    await page.goto(f"{stack.api_url}/?q={programme['mark']}")
    await expect(page.locator(".event")).to_have_count(8)
    assert await page.evaluate("shift") < 0.05
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


async def test_the_list_is_usable_by_keyboard_alone(
    list_events: ListEvents, programme: Programme
) -> None:
    page = await list_events()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the events")).to_be_focused()
    for _ in range(3):
        await page.keyboard.press("Tab")
    await expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    await page.keyboard.type(f"{programme['mark']} erfurt")
    await expect(page.get_by_role("status")).to_have_text(re.compile("^4 events"))
    for name in ("When", "City"):
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("combobox", name=name)).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await expect(page.locator(".event")).to_have_count(3)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Clear filters")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Free in Erfurt")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/events/{programme['Erfurt Free']}")


@pytest.mark.parametrize(
    ("value", "checked"),
    [("false", False), ("0", False), ("true", True), ("1", True)],
)
async def test_free_places_only_is_read_from_the_address(
    list_events: ListEvents, programme: Programme, value: str, *, checked: bool
) -> None:
    page = await list_events(f"?q={programme['mark']}+erfurt&available={value}")
    await expect(page.locator(".event")).to_have_count(3 if checked else 4)
    await expect(page.locator("[name=available]")).to_be_checked(checked=checked)
    await expect(page.locator("#left-out")).to_be_hidden()


@pytest.mark.parametrize(
    "bad",
    [
        *("near=abc", "near=91,0", "near=1,181", "near=1", "near=52.5,13.4,7"),
        *("radius_km=abc", "radius_km=0", "radius_km=-5", "radius_km=90000"),
        *("when=dates&from=abc", "when=dates&to=2027-02-30", "when=dates&from=12027-01-01"),
        *("when=dates&from=0001-01-01", "when=sometime", "available=perhaps"),
        *(f"category={'x' * 61}", f"city={'x' * 101}"),
    ],
)
async def test_what_is_wrong_in_the_address_is_left_out_and_said(
    list_events: ListEvents, programme: Programme, bad: str
) -> None:
    page = await list_events(f"?q={programme['mark']}+erfurt&{bad}")
    await expect(page.locator(".event")).to_have_count(4)
    await expect(page.locator("#left-out")).to_have_text(
        "Part of the address could not be read and was left out."
    )
    await expect(page.locator("#left-out")).to_be_visible()
    # The reader's own search is another matter.
    await page.get_by_text("Free places only").click()
    await expect(page.locator(".event")).to_have_count(3)
    await expect(page.locator("#left-out")).to_be_hidden()


async def test_an_address_may_say_how_near(list_events: ListEvents, programme: Programme) -> None:
    # Erfurt is 20 degrees from the other hall.
    near = f"?q={programme['mark']}&near=50.98,11.04"
    page = await list_events(near)
    await expect(page.locator(".event")).to_have_count(4)
    await page.goto(f"{page.url}&radius_km=3000")
    await expect(page.locator(".event")).to_have_count(8)
    await expect(page.locator("#left-out")).to_be_hidden()


async def test_too_many_words_find_nothing(list_events: ListEvents) -> None:
    page = await list_events(f"?q={'+'.join(f'w{n}' for n in range(40))}")
    await expect(page.locator("#nothing-title")).to_be_visible()
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_a_cancelled_event_is_found_until_a_day_after_its_start(
    list_events: ListEvents, runtime: Runtime
) -> None:
    mark = f"off{new_id()[-8:]}"
    venue, _ = await runtime.catalog.venues.import_plan(small_house(rows=1), name=mark)
    for name, hours in {"Long ago": -25, "Yesterday": -23}.items():
        event_id = await publish_event(
            runtime,
            venue.venue_id,
            name=name,
            starts_at=datetime.now(UTC) + timedelta(hours=hours),
        )
        await runtime.events.publishing.cancel(event_id)
    page = await list_events(f"?q={mark}", timezone_id="UTC")
    assert await names(page) == ["Yesterday"]
    await expect(page.locator(".event .left")).to_have_text("Cancelled")
    # Who asks for today gets today.
    await page.select_option("[name=when]", "week")
    await expect(page.locator(".event")).to_have_count(int(datetime.now(UTC).hour >= 23))
