"""Prices that change are explained where they are shown."""

import re

import pytest
from playwright.async_api import expect

from engine.base.actor import ORGANISER
from engine.pricing.model import Override, RuleDraft, TermsPatch
from engine.pricing.rule import Rule
from tests.conftest import House, MakeHouse
from tests.support.pages import Visit

pytestmark = pytest.mark.browser


async def reprice(house: House, amount: int, reason: str) -> None:
    await house.runtime.events.publishing.reprice(
        house.event_id, {"Front": amount}, reason=reason, actor=ORGANISER
    )


async def test_a_price_shows_its_earlier_value_and_the_reason(
    visit: Visit, make_house: MakeHouse
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    front = ada.page.locator("#categories li", has_text="Front")
    await expect(front.locator("small")).to_be_empty()
    histories = ada.page.get_by_role("button", name="Price history of")
    await expect(histories).to_have_count(0)
    await reprice(house, 6000, "82 % sold, 6 days left")
    # Only where a price has moved.
    await expect(histories).to_have_count(1)
    note = re.compile(r"^Up from €50 since \d+:\d\d( [AP]M)? UTC: 82 % sold, 6 days left$")
    await expect(front.locator("small")).to_have_text(note)
    await expect(front.locator("strong")).to_have_text("€60")
    await reprice(house, 4500, "few are looking")
    await expect(front.locator("small")).to_have_text(
        re.compile("^Down from €60 since .*: few are")
    )
    # Also for a new visitor, and not for the other category.
    await ada.page.reload()
    await expect(front.locator("small")).to_have_text(re.compile("^Down from €60"))
    await expect(ada.page.locator("#categories li small").nth(1)).to_be_empty()


async def test_the_history_of_a_price_is_shown(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house()
    await reprice(house, 6000, "82 % sold")
    await reprice(house, 5500, "a quiet hour")
    ada = await visit(house.event_id)
    page = ada.page
    button = page.get_by_role("button", name="Price history of Front")
    await expect(button).to_have_attribute("aria-expanded", "false")
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(button).to_have_attribute("aria-expanded", "true")
    table = page.get_by_role("table", name="Price of Front")
    await table.wait_for()
    rows = await table.get_by_role("row").all_inner_texts()
    assert [row.split("\t")[1:] for row in rows[:3]] == [
        ["Price", "Why"],
        ["€55", "a quiet hour"],
        ["€60", "82 % sold"],
    ]
    path = page.locator(".chart path")
    assert re.fullmatch(r"M0 80(H[\d.]+V[\d.]+){2}H300", await path.get_attribute("d") or ""), (
        await path.get_attribute("d")
    )
    box = await path.bounding_box()
    assert box is not None
    assert box["width"] > 100
    assert box["height"] > 40
    await expect(page.locator(".chart span")).to_have_text(["€60", "€50"])
    # The filter beside it is another button.
    assert await page.locator("#categories [aria-pressed=true]").count() == 0
    await button.click()
    await expect(table).to_be_hidden()


async def test_floor_and_ceiling_are_shown_where_the_organiser_allows_it(
    visit: Visit, make_house: MakeHouse
) -> None:
    house = await make_house()
    office = house.runtime.pricing.admin
    rule = Rule(base_minor=5000, floor_minor=4000, ceiling_minor=9000)
    draft = RuleDraft(category="Front", rule=rule)
    made = await office.make_rule(house.event_id, draft, actor=ORGANISER)
    await office.activate(house.event_id, made.rule_id, actor=ORGANISER)
    by_hand = Override(amount_minor=6500, reason="a gala")
    await office.override(house.event_id, 0, by_hand, actor=ORGANISER)
    page = (await visit(house.event_id)).page
    button = page.get_by_role("button", name="Price history of Front")
    band = page.locator(".chart rect")
    said = page.get_by_text("Never below €40 or above €90.")
    await button.click()
    await expect(page.locator(".chart span")).to_have_text(["€65", "€50"])
    await expect(band).to_have_count(0)
    await expect(said).to_have_count(0)

    state = await office.state(house.event_id)
    shown = TermsPatch(range_public=True)
    await office.set_terms(house.event_id, shown, version=state.version)
    await page.reload()
    await button.click()
    await expect(said).to_be_visible()
    # Lines for ceiling and floor, with the price between them.
    await expect(page.locator(".chart span")).to_have_text(["€90", "€40"])
    assert [await band.get_attribute(name) for name in ("y", "height")] == ["0", "80"]
    path = await page.locator(".chart path").get_attribute("d") or ""
    assert re.fullmatch(r"M0 64H[\d.]+V40H300", path), path
    box = await band.bounding_box()
    assert box is not None
    assert box["height"] > 30
