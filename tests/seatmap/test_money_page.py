"""Prices as the page writes them, in browsers whose locale data differ from ISO 4217."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Route

from engine.base.currencies import DIGITS
from engine.base.model import Money
from tests.support.pages import OpenPage

pytestmark = pytest.mark.browser

WEB = Path(__file__).resolve().parents[2] / "seatmap" / "web"
_FORMAT = """async (values) => {
  const { digitsOf, money } = await import("/format.js");
  return values.map((value) => ({ digits: digitsOf(value.currency), written: money(value) }));
}"""
#: The dollars of others, which a narrow symbol would make "$".
_DOLLARS = ("CAD", "TWD", "COP", "AUD", "MXN", "ARS", "CLP", "HKD", "SGD", "NZD", "JMD")


async def _written(open_page: OpenPage, locale: str, values: list[Money]) -> list[Any]:
    async def serve(route: Route) -> None:
        name = route.request.url.rsplit("/", 1)[1]
        if name:
            await route.fulfill(path=WEB / name)
        else:
            await route.fulfill(body="<!doctype html>", content_type="text/html")

    page = await open_page(locale=locale)
    await page.route("http://money.test/**", serve)
    await page.goto("http://money.test/")
    sent = [{"amount": value.amount, "currency": value.currency} for value in values]
    seen: list[Any] = await page.evaluate(_FORMAT, sent)
    return seen


@pytest.mark.parametrize("locale", ["en-GB", "en-US", "en-IN"])
async def test_every_currency_is_written_with_the_standards_digits(
    open_page: OpenPage, locale: str
) -> None:
    values = [Money(1_234_567, code) for code in DIGITS]
    for value, seen in zip(values, await _written(open_page, locale, values), strict=True):
        number = "".join(c for c in seen["written"] if c.isdigit() or c == ".").strip(".")
        assert seen["digits"] == DIGITS[value.currency]
        assert float(number) == value.amount / 10 ** DIGITS[value.currency], value


async def test_whole_amounts_are_written_without_a_fraction(open_page: OpenPage) -> None:
    values = [Money(1_500_000, "HUF"), Money(1_500_050, "HUF"), Money(15_000, "KWD")]
    seen = await _written(open_page, "en-GB", values)
    assert [one["written"].replace("\u00a0", " ") for one in seen] == [
        "HUF 15,000",
        "HUF 15,000.50",
        "KWD 15",
    ]


@pytest.mark.parametrize("locale", ["en-GB", "en-US"])
async def test_another_countrys_dollars_are_not_mistaken_for_us_dollars(
    open_page: OpenPage, locale: str
) -> None:
    others = await _written(open_page, locale, [Money(4800, code) for code in _DOLLARS])
    for code, seen in zip(_DOLLARS, others, strict=True):
        assert not seen["written"].startswith("$"), (code, seen)
