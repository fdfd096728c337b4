"""The page in German: for German readers, for events in German, and for readers whose browser names no language."""

import json
import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from engine.catalog.model import EventPatch
from engine.live.public_reasons import for_buyers
from engine.pricing import sentences
from engine.runtime import Runtime
from tests.conftest import House, Stack
from tests.seatmap.test_texts import CATALOGUES, Phrase
from tests.support.pages import OpenPage, Visit

pytestmark = pytest.mark.browser

#: All visible text, and all names of things, one string for each.
_WORDS = """() => {
  const found = [document.title];
  const read = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) read(element.shadowRoot);
      if (!element.checkVisibility() || element.matches("script, style, noscript")) continue;
      for (const node of element.childNodes) if (node instanceof Text) found.push(node.data);
      for (const name of ["aria-label", "placeholder", "title", "alt"]) found.push(element.getAttribute(name) ?? "");
    }
  };
  read(document);
  return found.map((words) => words.trim()).filter(Boolean);
}"""
#: Categories of the small house, whose names are the organiser's.
_HOUSE = ("Front", "Back", "Floor")
_BAD_TAGS = [
    ["en-US@posix"],
    ["en_US"],
    ["C"],
    ["POSIX"],
    ["", "x"],
    ["de_DE.UTF-8"],
    [None, 5],
    [],
]


def _pattern(phrase: Phrase) -> list[str]:
    forms = [phrase] if isinstance(phrase, str) else [v for k, v in phrase.items() if k != "type"]
    return [re.sub(r"\\\{\w+\\\}", ".+", re.escape(form)) for form in forms]


def _only_english() -> re.Pattern[str]:
    """Matches what the English catalogue says and the German one does not."""
    german = {words for phrase in CATALOGUES["de"].values() for words in _pattern(phrase)}
    english = {words for phrase in CATALOGUES["en"].values() for words in _pattern(phrase)}
    return re.compile("|".join(sorted(w for w in english - german if re.search(r"[A-Za-z]{2}", w))))


async def _is_german(page: Page) -> None:
    words: list[str] = await page.evaluate(_WORDS)
    english = _only_english()
    assert [each for each in words if english.fullmatch(each) and each not in _HOUSE] == []
    assert not [each for each in words if re.search(r"\{\w+\}|, (row|seat) \S+$", each)]
    unknown = {key for key in CATALOGUES["en"] if key in words and "." in key}
    assert unknown == set()


@pytest.mark.parametrize("width", [360, 1280])
async def test_a_german_reader_buys_in_german(
    visit: Visit, house: House, stack: Stack, width: int
) -> None:
    view = {"width": width, "height": 860}
    ada = await visit(house.event_id, locale="de-DE", viewport=view)
    page = ada.page
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await expect(page.locator("#title-choose")).to_have_text("Wählen Sie Ihre Plätze")
    await _is_german(page)
    await page.locator("#list summary").click()
    await expect(page.locator("#list label", has_text="Reihe").last).to_be_visible()
    await _is_german(page)
    await page.evaluate("document.getElementById('map').choose([0, 1])")
    await expect(page.locator("#hold")).to_have_text("Diese Plätze reservieren")
    await _is_german(page)
    await page.locator("#hold").click()
    await expect(page.locator("#title-held")).to_have_text("Für Sie reserviert")
    await expect(page.locator("#held li").first).to_contain_text(
        re.compile(r", Reihe \S+, Platz \S+")
    )
    await expect(page.locator("#pay-button")).to_have_text(re.compile(r"^\d+\s€ bezahlen$"))
    await page.locator("#pay-button").click()
    await expect(page.locator("#name-error")).to_have_text("Für wen sind die Tickets?")
    await _is_german(page)
    await ada.pay("tok_declined")
    await ada.notice("Die Bank hat die Karte abgelehnt.")
    await _is_german(page)
    await ada.pay("tok_visa")
    assert (await ada.ticket_labels())[0].endswith("Platz 1")
    await expect(page.locator("#title-done")).to_have_text("Sie sind dabei")
    await _is_german(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width

    await page.goto(f"{stack.api_url}/tickets")
    await page.get_by_role("button", name="Tickets anzeigen").click()
    await expect(page.locator(".ticket h3").first).to_have_text(re.compile("Reihe .*Platz"))
    await _is_german(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width

    await page.goto(f"{stack.api_url}/?q=nichtsdergleichen")
    await expect(page.locator("#nothing-title")).to_have_text(
        "Nichts gefunden für „nichtsdergleichen“"
    )
    await _is_german(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_a_refusal_is_a_german_sentence(visit: Visit, house: House) -> None:
    ada = await visit(house.event_id, locale="de-AT")
    problem = {
        "type": "https://frontrow.example/problems/limit-reached",
        "title": "Limit reached",
        "status": 409,
        "detail": "That is too much.",
    }
    await ada.page.route(
        "**/holds",
        lambda route: route.fulfill(
            status=409, content_type="application/problem+json", body=json.dumps(problem)
        ),
    )
    await ada.page.evaluate("document.getElementById('map').choose([0])")
    await ada.page.locator("#hold").click()
    await ada.notice("Damit wäre die Höchstzahl für eine Person überschritten.")
    await _is_german(ada.page)


async def test_an_event_in_german_is_sold_in_german_unless_english_is_asked_for(
    open_page: OpenPage, house: House, runtime: Runtime, stack: Stack
) -> None:
    event = await runtime.catalog.event(house.event_id)
    patch = EventPatch(language="de-AT")
    await runtime.catalog.patch_event(house.event_id, patch, version=event.version)
    page = await open_page(locale="en-GB")
    await page.goto(f"{stack.api_url}/events/{house.event_id}")
    await expect(page.locator("#title-choose")).to_have_text("Wählen Sie Ihre Plätze")
    await page.goto(f"{stack.api_url}/events/{house.event_id}?lang=en")
    await expect(page.locator("#title-choose")).to_have_text("Choose your places")
    # And later, without the address.
    await page.goto(f"{stack.api_url}/events/{house.event_id}")
    await expect(page.locator("#title-choose")).to_have_text("Choose your places")
    await expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.parametrize(
    ("locale", "event_language", "spoken"),
    [("de-CH", "en", "de"), ("en-GB", "de", "de"), ("en-GB", "en", "en"), ("fr-FR", "it", "en")],
)
async def test_german_is_spoken_if_the_reader_or_the_event_is_german(
    open_page: OpenPage,
    house: House,
    runtime: Runtime,
    stack: Stack,
    locale: str,
    event_language: str,
    spoken: str,
) -> None:
    event = await runtime.catalog.event(house.event_id)
    patch = EventPatch(language=event_language)
    await runtime.catalog.patch_event(house.event_id, patch, version=event.version)
    page = await open_page(locale=locale)
    await page.goto(f"{stack.api_url}/events/{house.event_id}")
    title = {"de": "Wählen Sie Ihre Plätze", "en": "Choose your places"}[spoken]
    await expect(page.locator("#title-choose")).to_have_text(title)
    await expect(page.locator(".languages [aria-current]")).to_have_attribute("lang", spoken)


async def _speaks(page: Page, url: str, there: str, language: str) -> None:
    await page.goto(url)
    await expect(page.locator(".languages [aria-current=true]")).to_have_attribute("lang", language)
    await expect(page.locator("html")).to_have_attribute("lang", language)
    await expect(page.locator(there)).not_to_be_empty()


@pytest.mark.parametrize("width", [360, 1280])
async def test_the_reader_changes_the_language_and_it_stays(
    open_page: OpenPage, house: House, stack: Stack, width: int
) -> None:
    page = await open_page(locale="de-DE", viewport={"width": width, "height": 860})
    paths = {"/?q=nichts": "#nothing-title", f"/events/{house.event_id}": "#title-choose"}
    for path, there in ({"/tickets": "#lost"} | paths).items():
        await _speaks(page, f"{stack.api_url}{path}", there, "de")
        switch = page.get_by_role("navigation", name="Sprache")
        await expect(switch.get_by_role("link")).to_have_text(["Deutsch", "English"])
        await expect(switch.locator("[aria-current=true]")).to_have_text("Deutsch")
        for link in await switch.get_by_role("link").all():
            box = await link.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44
            assert 0 <= box["x"] <= width - box["width"]
        english = switch.get_by_role("link", name="English")
        await english.focus()
        await page.keyboard.press("Enter")
        # The markup is in English before any script has run: the switch shows that the page has.
        await expect(page.locator(".languages [aria-current=true]")).to_have_text("English")
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        # What the address said besides is still said.
        separator = "&" if "?" in path else "?"
        await expect(page).to_have_url(f"{stack.api_url}{path}{separator}lang=en")
        await _speaks(page, f"{stack.api_url}{path}", there, "en")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.get_by_role("link", name="Deutsch").click()
        await expect(page.locator(".languages [aria-current=true]")).to_have_text("Deutsch")
        await expect(page.locator("html")).to_have_attribute("lang", "de")


@pytest.mark.parametrize("tags", _BAD_TAGS, ids=str)
async def test_languages_that_are_none_blank_no_page(
    open_page: OpenPage, house: House, stack: Stack, tags: list[Any]
) -> None:
    page = await open_page()
    await page.add_init_script(
        f"""Object.defineProperty(navigator, "languages", {{ get: () => {json.dumps(tags)} }});
        Object.defineProperty(navigator, "language", {{ get: () => {json.dumps(tags[0] if tags else "")} }});"""
    )
    await page.goto(f"{stack.api_url}/events/{house.event_id}")
    title = "Wählen Sie Ihre Plätze" if tags == ["de_DE.UTF-8"] else "Choose your places"
    await expect(page.locator("#title-choose")).to_have_text(title)
    await page.goto(f"{stack.api_url}/")
    await expect(page.locator("#events h2").first).to_be_visible()


async def test_a_reader_loads_the_texts_of_one_language(visit: Visit, house: House) -> None:
    for locale, code in (("de-CH", "de"), ("fr-FR", "en")):
        ada = await visit(house.event_id, locale=locale)
        loaded = await ada.page.evaluate(
            "performance.getEntriesByType('resource').map(r => r.name)"
        )
        files = [name.rsplit("/", 1)[1] for name in loaded if re.search(r"/texts\.\w+\.js$", name)]
        assert set(files) == {f"texts.{code}.js"}


async def test_prices_reasons_are_german(open_page: OpenPage, stack: Stack) -> None:
    page = await open_page(locale="de-DE")
    await page.goto(f"{stack.api_url}/tickets")
    await expect(page.locator("h1")).to_have_text("Meine Tickets")
    parts = ("progress", "pace", "demand")
    reasons = {
        for_buyers(
            sentences.say_move(
                rises=rises,
                because={"range": 0.0} | {p: (1.0 if p == name else 0.0) * sign for p in parts},
                share=share,
                planned=planned,
                left_s=left_s,
            )
        )
        for rises in (True, False)
        for name in parts
        for sign in (1, -1)
        for share in (0.2, 0.8)
        for planned in (True, False)
        for left_s in (3600.0, 50 * 3600.0, 30 * 3600.0, 9 * 86_400.0)
    }
    said = await page.evaluate(
        """async (reasons) => {
          const { reasonText } = await import("/web/told.js");
          return reasons.map(reasonText);
        }""",
        sorted(reasons),
    )
    assert len(said) > 10
    for reason in said:
        assert re.match(
            r"\d+ % verkauft, (noch \d+ (Tage|Stunden)|die letzten Stunden): \w|vorerst|zurück",
            reason,
        )
        assert not re.search(r"\b(the|places|sold|left|price|people)\b", reason), reason
