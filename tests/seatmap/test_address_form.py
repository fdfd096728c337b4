"""The form accepts what the server accepts, and refuses what most people mistype."""

from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from tests.base.test_mail_addresses import REFUSED, VALID
from tests.conftest import House
from tests.support.pages import OpenPage, Visit

pytestmark = pytest.mark.browser

WEB = Path(__file__).resolve().parents[2] / "seatmap" / "web"
#: Only the server counts octets, knows IDNA and encoded words.
_SERVERS_OWN = {
    "ada\u200b@example.com",
    "ada@☃.example",
    "ada@xn--a.example",
    "=?utf-8?q?ada?=@example.com",
    *(address for address in REFUSED if len(address) > 40),
}


async def test_the_form_and_the_server_agree(open_page: OpenPage) -> None:
    async def serve(route: Route) -> None:
        name = route.request.url.rsplit("/", 1)[1]
        if name:
            await route.fulfill(path=WEB / name)
        else:
            await route.fulfill(body="<!doctype html>", content_type="text/html")

    page = await open_page()
    await page.route("http://form.test/**", serve)
    await page.goto("http://form.test/")
    check = """async (all) => { const { isAddress } = await import("/address.js"); return all.filter(isAddress); }"""
    accepted = set(await page.evaluate(check, [*VALID, *REFUSED]))
    assert set(VALID) <= accepted
    assert accepted - set(VALID) <= _SERVERS_OWN


async def test_an_internationalised_address_reaches_the_server_as_it_was_typed(
    visit: Visit, house: House
) -> None:
    """A field of the type ``email`` would hand on ``strasse.example``, which is somebody else's domain."""
    ada = await visit(house.event_id)
    await ada.hold(3)
    await ada.page.fill("#name", "Ada")
    await ada.page.fill("#email", "ada@straße.example")
    await ada.page.click("#pay-button")
    await expect(ada.page.locator("#done-text")).to_contain_text("ada@straße.example")


@pytest.mark.parametrize(
    "path", ["seatmap/web/seat-map.html", "seatmap/web/tickets.html", "api/page_texts/parts.html"]
)
def test_no_field_leaves_the_domain_to_the_browser(path: str) -> None:
    text = (WEB.parents[1] / path).read_text()
    assert 'autocomplete="email"' in text
    assert 'type="email"' not in text
