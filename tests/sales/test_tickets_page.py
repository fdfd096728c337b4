"""My tickets, and the pages of mailed links: in the browser that bought, and in another one."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from engine.base.model import new_id
from engine.waitlist.model import EntryStatus
from tests.conftest import MakeHouse, Stack
from tests.seatmap.test_accessibility_page import inspect_both_themes
from tests.support.pages import Come, OpenPage, SellOut, Visit, settled

pytestmark = pytest.mark.browser

_FINE: dict[str, list[str]] = {"light": [], "dark": []}
_PHONE: Any = {"width": 390, "height": 844}
#: A folder for screenshots, for people who want to look at them.
_PICTURES = os.environ.get("FRONTROW_TEST_PICTURES")


async def look(page: Page, name: str) -> dict[str, list[str]]:
    """Faults of the page as it stands, on a desktop and on a phone."""
    desk = page.viewport_size
    assert desk is not None
    found: dict[str, list[str]] = {"light": [], "dark": []}
    for size in (desk, _PHONE):
        await page.set_viewport_size(size)
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        for scheme, wrong in (await inspect_both_themes(page)).items():
            found[scheme] += wrong + (["it is wider than the window"] if wide > 0 else [])
            if _PICTURES:
                await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # of two words
                path = Path(_PICTURES) / f"{name}-{size['width']}-{scheme}.png"
                await page.screenshot(path=path, full_page=True)
        await page.emulate_media(color_scheme="light")
    await page.set_viewport_size(desk)
    return found


async def test_my_tickets_lists_the_bookings_of_this_browser(
    visit: Visit, make_house: MakeHouse
) -> None:
    house = await make_house(name="The Tempest <b>")
    ada = await visit(house.event_id)
    page = ada.page
    await page.get_by_role("link", name="My tickets").click()
    await expect(page.locator("#said")).to_have_text("Nothing was bought in this browser yet.")
    found = {"nothing": await look(page, "nothing")}
    await page.go_back()
    await settled(page)
    await ada.hold(3, 4)
    await ada.pay("tok_visa")
    await ada.ticket_labels()
    await expect(page.locator("#done-text")).to_contain_text("mailed to ada@example.com")
    found["done"] = await look(page, "done")
    await page.get_by_role("button", name="Back to the seat map").click()
    await ada.hold(7)
    await ada.pay("tok_3ds")
    await page.wait_for_selector("#pending-link:not([hidden])")

    await page.get_by_role("link", name="My tickets").click()
    cards = page.locator("#bookings > li")
    await expect(cards).to_have_count(2)
    await expect(cards.nth(0).get_by_text("Waiting for your bank")).to_be_visible()
    await expect(cards.nth(0).get_by_role("link", name="Continue to your bank")).to_be_visible()
    await expect(cards.nth(1).get_by_role("link", name="The Tempest <b>")).to_be_visible()
    # Only what is bought for certain goes into a calendar.
    calendar = cards.get_by_role("link", name="Add to calendar")
    await expect(calendar).to_have_count(1)
    assert house.event_id in (await calendar.get_attribute("href") or "")
    await cards.nth(1).get_by_role("button", name="Show tickets").click()
    await expect(cards.nth(1).locator(".ticket img")).to_have_count(2)
    found["shown"] = await look(page, "shown")

    await cards.nth(1).get_by_role("button", name=re.compile("^Cancel booking")).click()
    ask = page.locator("dialog[open]")
    await expect(ask).to_contain_text("€100 go back")
    found["asked"] = await look(page, "asked")
    await page.keyboard.press("Escape")
    await expect(cards.nth(1).locator(".ticket img")).to_have_count(2)
    await cards.nth(1).get_by_role("button", name=re.compile("^Cancel booking")).press("Enter")
    await ask.get_by_role("button", name="Cancel the booking").click()
    await expect(page.locator("#said")).to_have_text("The booking is cancelled.")
    await expect(cards.nth(1).get_by_text("Cancelled")).to_be_visible()

    await page.fill("#email", f"{new_id()}@links.example")
    await page.keyboard.press("Enter")
    await expect(page.locator("#mailed")).to_contain_text("on their way")
    found["looked up"] = await look(page, "looked-up")
    await cards.nth(0).get_by_role("link", name="Continue to your bank").click()
    await page.click("button[value=true]")
    assert await ada.ticket_labels() == ["Stalls, row R1, seat 8"]
    assert found == dict.fromkeys(found, _FINE)


async def test_a_mailed_booking_link_works_on_another_device(
    stack: Stack, open_page: OpenPage, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house(name="The Tempest <b>")
    booking = (await house.book(buyer, await house.hold(buyer, 3, 4, floor=2))).booking
    url = await house.runtime.people.links.url("booking", booking.booking_id, booking.buyer.email)
    page = await open_page()
    await page.goto(f"{stack.api_url}/b/{url.rpartition('/')[2]}")
    await expect(page.locator(".ticket img")).to_have_count(4)
    drawn = "[...document.images].every((i) => i.complete && i.naturalWidth > 0)"
    assert await page.evaluate(drawn)
    await expect(page.get_by_role("button", name="Print tickets")).to_be_visible()
    found = {"booking": await look(page, "link-booking")}
    await page.emulate_media(media="print")
    await expect(page.locator(".ticket").first).to_be_visible()
    await expect(page.get_by_role("button", name="Print tickets")).to_be_hidden()
    await page.emulate_media(media="screen")
    # By the keyboard alone, and without a script.
    await page.locator("summary").press("Enter")
    found["asked"] = await look(page, "link-asked")
    await page.get_by_role("button", name="Cancel this booking").press("Enter")
    await expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
    await expect(page.locator(".ticket img")).to_have_count(0)
    found["cancelled"] = await look(page, "link-cancelled")
    await page.goto(f"{stack.api_url}/b/wrong")
    await expect(page.get_by_role("heading", name="This link is not one of ours")).to_be_visible()
    found["wrong"] = await look(page, "link-wrong")
    await page.fill("#lookup-email", f"{new_id()}@links.example")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Check your mailbox")).to_be_visible()
    assert found == dict.fromkeys(found, _FINE)


async def test_a_mailed_offer_link_works_on_another_device(
    sell_out: SellOut, come: Come, stack: Stack, open_page: OpenPage
) -> None:
    crowd = await sell_out(name="The Tempest <b>")
    home = await come(crowd.event_id)
    await home.click("#invite-go")
    await home.get_by_role("checkbox", name="Front").check()
    await home.fill("#wait-email", "ada@example.com")
    await home.fill("#wait-name", "Ada Lovelace")
    await home.click("#wait-send")
    await home.wait_for_selector("#line:not([hidden])")
    entry = await crowd.entry(home)
    url = await crowd.runtime.people.links.url("entry", entry.entry_id, "ada@example.com")
    path = f"{stack.api_url}/w/{url.rpartition('/')[2]}"
    phone = await open_page(viewport=_PHONE)
    await phone.goto(path)
    await expect(phone.get_by_text("Number 1 of 1 in line")).to_be_visible()
    found = {"in line": await look(phone, "place-waiting")}
    await crowd.give_back(4)
    await crowd.until(home, EntryStatus.OFFERED)
    await phone.reload()
    await expect(phone.get_by_text("Seats for you")).to_be_visible()
    found["offered"] = await look(phone, "place-offered")

    await phone.get_by_role("button", name="Accept and pay").click()
    await phone.wait_for_selector("#step-held:not([hidden])")
    assert "#" not in phone.url
    await phone.fill("#name", "Ada Lovelace")
    await phone.fill("#email", "ada@example.com")
    await phone.click("#pay-button")
    await phone.wait_for_selector(".ticket")
    await phone.goto(f"{stack.api_url}/tickets")
    await expect(phone.get_by_text("Confirmed", exact=True)).to_be_visible()
    await phone.goto(path)
    found["accepted"] = await look(phone, "place-accepted")
    # Paid for in this browser: the tickets are shown.
    await phone.get_by_role("button", name="Pay on this device").click()
    await phone.wait_for_selector(".ticket")
    # In the other browser the link's page shows the outcome.
    await home.goto(path)
    await home.get_by_role("button", name="Pay on this device").click()
    await home.wait_for_url(path)
    await expect(home.get_by_text("The offer was accepted.")).to_be_visible()
    assert found == dict.fromkeys(found, _FINE)
