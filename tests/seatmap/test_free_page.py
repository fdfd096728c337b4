"""Places that cost nothing, on the page: no card is asked for."""

import pytest
from playwright.async_api import expect

from engine.base.actor import ORGANISER
from tests.conftest import MakeHouse
from tests.support.pages import Visit

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("locale", "said", "left"), [("en-GB", "Book", "to book"), ("de-DE", "Buchen", "zum Buchen")]
)
async def test_free_places_are_booked_without_a_card(
    visit: Visit, make_house: MakeHouse, locale: str, said: str, left: str
) -> None:
    house = await make_house()
    await house.runtime.events.publishing.reprice(
        house.event_id, {"Front": 0}, reason="a gift", actor=ORGANISER
    )
    ada = await visit(house.event_id, locale=locale)
    page = ada.page
    await ada.hold(3, 4)
    await expect(page.locator("#pay-button")).to_have_text(said)
    await expect(page.locator("#clock-what")).to_have_text(left)
    await expect(page.locator("#card")).to_be_hidden()
    await expect(page.locator("#pay-total")).to_contain_text("0")
    await page.fill("#name", "Ada Lovelace")
    await page.fill("#email", "ada@example.com")
    await page.click("#pay-button")
    await expect(page.locator(".ticket")).to_have_count(2)
    await expect(page.locator("#done-text")).not_to_contain_text("€")


async def test_the_card_is_asked_for_again_where_something_costs(
    visit: Visit, make_house: MakeHouse
) -> None:
    house = await make_house()
    await house.runtime.events.publishing.reprice(
        house.event_id, {"Front": 0}, reason="a gift", actor=ORGANISER
    )
    ada = await visit(house.event_id)
    await ada.hold(3)
    await expect(ada.page.locator("#card")).to_be_hidden()
    await ada.page.click("#release")
    # From the back, too.
    await ada.hold(25)
    await expect(ada.page.locator("#card")).to_be_visible()
    await expect(ada.page.locator("#pay-button")).to_have_text("Pay €30")
