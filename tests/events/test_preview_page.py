"""The preview of a draft, in a browser: the page that buyers will see, and nothing to hold."""

import httpx
import pytest
from playwright.async_api import expect

from engine.runtime import Runtime
from tests.conftest import Stack, make_event
from tests.support.http import ORGANISER
from tests.support.pages import OpenPage

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [360, 1280])
async def test_a_draft_is_shown_as_buyers_will_see_it(
    open_page: OpenPage, stack: Stack, runtime: Runtime, width: int
) -> None:
    event_id = await make_event(runtime, publish=False)
    async with httpx.AsyncClient(base_url=stack.api_url, headers=ORGANISER) as http:
        path = f"/v1/events/{event_id}"
        blocked = await http.post(path + "/block", json={"seats": [0], "areas": {"0": 2}})
        assert blocked.status_code == 200, blocked.text
        token = (await http.post(path + "/preview")).json()["token"]
    page = await open_page(viewport={"width": width, "height": 844})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    page.on("websocket", lambda socket: asked.append(f"WS {socket.url}"))
    await page.goto(f"{stack.api_url}/events/{event_id}/preview#{token}")
    await expect(page.locator("#preview")).to_contain_text("Preview: not on sale")
    await expect(page.get_by_role("heading", name="A play")).to_be_visible()
    await expect(page.get_by_text("This event is not on sale yet.")).to_be_visible()
    await expect(page.locator("#drawing")).to_be_visible()
    await expect(page.locator("#live")).to_be_hidden()
    await expect(page.get_by_role("button", name="Find the best 2")).to_be_disabled()
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    # Nothing was sent that could hold a seat, and the token is in no address.
    assert not [line for line in asked if not line.startswith("GET ")]
    assert not [line for line in asked if token in line]

    # Once it is published the link leads to the page itself.
    await runtime.events.publishing.publish(event_id)
    await page.reload()
    await page.wait_for_url(f"{stack.api_url}/events/{event_id}")
    await expect(page.locator("#preview")).to_be_hidden()


async def test_a_preview_that_is_over_shows_no_event(
    open_page: OpenPage, stack: Stack, runtime: Runtime
) -> None:
    event_id = await make_event(runtime, publish=False)
    page = await open_page()
    await page.goto(f"{stack.api_url}/events/{event_id}/preview#over")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.locator("#preview")).to_be_hidden()
