"""The page of a cancelled event: it says so, says what happens with the money, and sells nothing."""

import pytest
from playwright.async_api import Page, expect

from tests.conftest import House, MakeHouse, Stack
from tests.support.http import Buyer, problem_of
from tests.support.pages import OpenPage, Visit

pytestmark = pytest.mark.browser


async def says_that_it_is_off(page: Page) -> None:
    await expect(page.locator("#title-cancelled")).to_be_visible()
    await expect(page.locator("#step-cancelled")).to_contain_text("all that you paid goes back")
    for id_ in ("stage", "step-choose", "step-held", "hold", "pay-button"):
        await expect(page.locator(f"#{id_}")).to_be_hidden()


async def test_a_cancelled_event_is_found_and_sells_nothing(
    stack: Stack, open_page: OpenPage, make_house: MakeHouse, ada: Buyer
) -> None:
    house = await make_house(name="The Winter's Tale")
    await house.runtime.events.publishing.cancel(house.event_id)
    page = await open_page()
    await page.goto(f"{stack.api_url}/?q=winter's+tale")
    card = page.locator(".event", has=page.locator(f"a[href='/events/{house.event_id}']"))
    await expect(card.locator(".left")).to_have_text("Cancelled")
    await expect(card.locator(".price")).to_be_hidden()
    await card.get_by_role("link").click()
    await says_that_it_is_off(page)
    await expect(page.locator("#event-name")).to_have_text("The Winter's Tale")
    await page.get_by_role("link", name="See all events").click()
    await expect(page.locator("#events")).to_be_visible()
    problem_of(await ada.hold(house.event_id, 4), 409, "event-not-on-sale")


@pytest.mark.parametrize("step", ["choosing", "holding"])
async def test_an_open_page_learns_that_the_event_is_off(
    visit: Visit, house: House, step: str
) -> None:
    ada = await visit(house.event_id)
    await ada.tap_seat(4)
    if step == "holding":
        await ada.page.click("#hold")
        await ada.page.wait_for_selector("#step-held:not([hidden])")
    await house.runtime.events.publishing.cancel(house.event_id)
    await says_that_it_is_off(ada.page)


async def test_tickets_of_a_cancelled_event_are_shown_as_refunded(
    visit: Visit, house: House
) -> None:
    ada = await visit(house.event_id)
    await ada.hold(4)
    await ada.pay("tok_visa")
    await ada.ticket_labels()
    await house.runtime.events.publishing.cancel(house.event_id)
    await expect(ada.page.locator("#title-done")).to_have_text("This booking was cancelled")
    await expect(ada.page.locator("#done-text")).to_contain_text("€50 were refunded")
