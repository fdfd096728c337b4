"""The form accepts what the server accepts, and refuses what most people mistype."""

from pathlib import Path

import pytest
from playwright.async_api import Route

from tests.base.test_mail_addresses import REFUSED, VALID
from tests.support.pages import OpenPage

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
