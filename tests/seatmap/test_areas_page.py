"""Events of areas alone: a club, a fair. Nothing on the page may need a numbered seat."""

from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from engine.base.model import new_id
from tests.conftest import MakeHouse, Stack
from tests.support.http import Buyer, problem_of
from tests.support.pages import OpenPage

pytestmark = pytest.mark.browser


def club(*, names: tuple[str, ...] = ("Floor", "Balcony")) -> dict[str, Any]:
    return {
        "format": "frontrow/1",
        "name": "Club",
        "size": {"width": 600, "height": 400},
        "categories": [{"name": "Front"}, {"name": "Back"}],
        "areas": [
            {
                "name": name,
                "category": ("Front", "Back")[i % 2],
                "capacity": 50,
                "shape": {"type": "rectangle", "x": 0, "y": 200 * i, "width": 600, "height": 180},
            }
            for i, name in enumerate(names)
        ],
    }


async def live(page: Page) -> None:
    await page.wait_for_selector("#live[data-status=live]")
    await page.wait_for_function(
        """() => {
          const drawing = document.getElementById("map").shadowRoot.getElementById("drawing");
          return drawing.isTrue && drawing.frame === 0 && drawing.next === null;
        }"""
    )


#: The page announces changes some time after them; here at once, and counted.
_AT_ONCE = """
  window.announced = 0;
  const later = window.setTimeout;
  window.setTimeout = (what, ms, ...more) => later(ms === 2000 ? () => { announced++; what(); } : what, ms === 2000 ? 0 : ms, ...more);
"""


async def opened(page: Page, url: str) -> None:
    await page.add_init_script(_AT_ONCE)
    await page.goto(url)
    await live(page)
    await page.wait_for_function("announced > 0")


@pytest.mark.parametrize("width", [360, 1280])
async def test_an_event_of_areas_is_shown_and_sold(
    stack: Stack, make_house: MakeHouse, open_page: OpenPage, width: int
) -> None:
    house = await make_house(layout=club())
    page = await open_page(viewport={"width": width, "height": 860})
    await opened(page, f"{stack.api_url}/events/{house.event_id}")
    await expect(page.locator("#list")).to_be_hidden()
    await expect(page.locator("#finder")).to_be_hidden()
    await page.get_by_role("button", name="Zoom in").click()
    await page.get_by_role("button", name="Show everything").click()
    await page.get_by_role("button", name="One more").first.click()
    await house.hold(new_id(), floor=3)
    await expect(page.locator("#panel")).to_contain_text("47 left")
    await page.click("#hold")
    await page.wait_for_selector("#step-held:not([hidden])")
    await expect(page.locator("#step-held")).to_contain_text("Floor")
    await page.reload()
    await page.wait_for_selector("#step-held:not([hidden])")
    await live(page)


async def test_places_that_are_gone_are_told(
    stack: Stack, make_house: MakeHouse, open_page: OpenPage
) -> None:
    house = await make_house(layout=club(names=("Floor",)))
    for _ in range(5):
        await house.hold(new_id(), floor=10)
    page = await open_page()
    await opened(page, f"{stack.api_url}/events/{house.event_id}")
    await expect(page.locator("#panel")).to_contain_text("sold out", ignore_case=True)


async def test_best_seats_of_an_event_without_seats_are_refused(
    http: httpx.AsyncClient, make_house: MakeHouse, ada: Buyer
) -> None:
    house = await make_house(layout=club())
    path = f"/v1/events/{house.event_id}"
    best = await http.post(f"{path}/holds", json={"best": {"quantity": 2}}, headers=ada.auth)
    assert "areas" in problem_of(best, 400, "no-seats")["detail"]
    seats = await http.get(f"{path}/seats")
    assert seats.status_code == 200
    held = await http.post(f"{path}/holds", json={"areas": {"0": 2}}, headers=ada.auth)
    assert held.status_code == 201, held.text
