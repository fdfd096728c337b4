"""Every text that an organiser or a buyer writes fits into every window, on every page and at every step.

Two worlds: one of ordinary texts, a little long, and one of words without blanks.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect

from engine.base.model import new_id
from engine.base.signing import dev_mail_key
from engine.catalog.model import EventDraft
from engine.runtime import Runtime
from tests.conftest import House, Stack, let_it_be_over
from tests.support.pages import Crowd, OpenPage, settled
from tests.support.widths import too_wide

pytestmark = pytest.mark.browser

_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


@dataclass(frozen=True)
class Texts:
    """What an organiser writes, and a buyer's name."""

    event: str
    venue: str
    city: str
    tagline: str
    description: str
    kind: str
    section: str
    row: str
    category: str
    area: str
    buyer: str


_ORDINARY = Texts(
    event="An Evening of Chamber Music with the Northern",
    venue="The Royal Northern College of Music, Concert Hall",
    city="Saint-Germain-en-Laye",
    tagline="Five pieces by five composers, played by five friends from five countries.",
    description="Please come early: the doors close at eight. " * 6,
    kind="Contemporary chamber music",
    section="Upper gallery, left of the organ",
    row="Gallery AA",
    category="Restricted view, standing behind the pillar",
    area="Standing places behind the last row",
    buyer="Maria-Theresia von Waldburg-Zeil-Hohenems",
)
_UNBROKEN = Texts(
    event=_WORD,
    venue=_WORD,
    city=_WORD,
    tagline=_WORD * 2,
    description=f"https://example.com/{_WORD * 3}",
    kind=_WORD[:60],
    section=_WORD,
    row=_WORD[:20],
    category=_WORD,
    area=_WORD,
    buyer=_WORD,
)


def _house(texts: Texts) -> dict[str, Any]:
    """Two rows, one in each category, and an area."""
    rows = [
        {
            "label": f"{texts.row}{row}",
            "seats": [
                {
                    "number": f"{seat + 1}",
                    "x": 30 + 30 * seat,
                    "y": 30 + 30 * row,
                    "category": texts.category if row == 0 else "Back",
                    "properties": ["restricted_view"] if seat == 9 else [],
                }
                for seat in range(10)
            ],
        }
        for row in range(2)
    ]
    shape = {"type": "rectangle", "x": 20, "y": 100, "width": 300, "height": 80}
    return {
        "format": "frontrow/1",
        "name": texts.venue,
        "size": {"width": 350, "height": 220},
        "categories": [{"name": texts.category}, {"name": "Back"}],
        "sections": [
            {"name": texts.section, "rows": rows[:1]},
            {"name": f"{texts.section} II", "rows": rows[1:]},
        ],
        "areas": [{"name": texts.area, "category": "Back", "capacity": 6, "shape": shape}],
    }


async def _publish(runtime: Runtime, texts: Texts) -> House:
    venue, _ = await runtime.catalog.venues.import_plan(_house(texts), city=texts.city)
    event = await runtime.catalog.create_event(
        EventDraft(
            name=texts.event,
            venue_id=venue.venue_id,
            starts_at=datetime.now(UTC) + timedelta(days=9),
            currency="EUR",
            prices={texts.category: 1_234_500, "Back": 123_400},
            description=texts.description,
            category=texts.kind,
            metadata={"tagline": texts.tagline},
        )
    )
    await runtime.events.publishing.publish(event.event_id)
    return House(runtime, event.event_id)


@pytest.fixture(params=[_ORDINARY, _UNBROKEN], ids=["ordinary", "unbroken"])
def texts(request: pytest.FixtureRequest) -> Texts:
    given: Texts = request.param
    return given


async def test_every_page_fits_into_every_window(
    runtime: Runtime, stack: Stack, open_page: OpenPage, texts: Texts
) -> None:
    house = await _publish(runtime, texts)
    page = await open_page()
    found: list[str] = []

    async def measure(name: str) -> None:
        found.extend(f"{name}: {wrong}" for wrong in await too_wide(page))

    await page.goto(f"{stack.api_url}/?q={texts.event}")
    await expect(page.locator(".event:not(.waiting)")).to_have_count(1)
    await measure("list")
    await page.goto(
        f"{stack.api_url}/?q={texts.event}&category={texts.kind}&city={texts.city}&when=dates"
    )
    await expect(page.locator(".event:not(.waiting)")).to_have_count(1)
    await measure("list, filtered")
    await page.goto(f"{stack.api_url}/?q={'Nowhere' * 25}")
    await expect(page.locator("#nothing-title")).to_be_visible()
    await measure("nothing found")

    await _buy(page, f"{stack.api_url}/events/{house.event_id}", texts, measure)
    await page.goto(f"{stack.api_url}/tickets")
    await expect(page.locator("#bookings > li")).to_have_count(1)
    await page.get_by_role("button", name="Show tickets").click()
    await expect(page.locator(".ticket img")).to_have_count(4)
    await measure("my tickets")
    await page.get_by_role("button", name="Cancel booking").click()
    await expect(page.locator("dialog[open]")).to_be_visible()
    await measure("my tickets, cancelling")
    await _follow_links(page, house, stack, measure)
    await let_it_be_over(runtime, [house.event_id])
    assert not found, "\n".join(found)


async def _buy(page: Page, url: str, texts: Texts, measure: Any) -> None:
    """All steps of buying four places."""
    await page.goto(url)
    await settled(page)
    await measure("choose, nothing chosen")
    await page.evaluate("document.getElementById('map').choose([0, 9, 12])")
    await page.get_by_role("button", name="one more", exact=False).first.click()
    for summary in ("More choices", "Choose from a list instead"):
        if await page.get_by_text(summary).first.is_visible():
            await page.get_by_text(summary).first.click()
    await measure("choose, all chosen")
    await page.click("#hold")
    await page.wait_for_selector("#step-held:not([hidden])")
    await page.click("#pay-button")
    await expect(page.locator("#name-error")).to_be_visible()
    await measure("held")
    await page.fill("#name", texts.buyer)
    await page.fill("#email", "ada@example.com")
    await page.select_option("#card", "tok_3ds")
    await page.click("#pay-button")
    await page.wait_for_selector("#pending-link:not([hidden])")
    await measure("pending")
    await page.click("#pending-link")
    await measure("the bank")
    await page.click("button[value=true]")
    await expect(page.locator(".ticket img")).to_have_count(4)
    await measure("done")


async def _follow_links(page: Page, house: House, stack: Stack, measure: Any) -> None:
    """The pages of mailed links, and of mails that are kept here."""
    buyer = new_id()
    booking = (await house.book(buyer, await house.hold(buyer, 3, 4, floor=2))).booking
    url = await house.runtime.people.links.url("booking", booking.booking_id, booking.buyer.email)
    await page.goto(f"{stack.api_url}/b/{url.rpartition('/')[2]}")
    await expect(page.locator(".ticket img")).to_have_count(4)
    await measure("a booking's link")
    for path in (
        f"/verify/{_WORD}",
        f"/b/{_WORD}",
        f"/w/{_WORD}",
        f"/mail/unsubscribe/{_WORD}",
    ):
        await page.goto(stack.api_url + path)
        await measure(path[:20])


async def test_the_waitlist_fits_into_every_window(
    runtime: Runtime, stack: Stack, open_page: OpenPage, texts: Texts
) -> None:
    crowd = Crowd(await _publish(runtime, texts))
    await crowd.take(0, 1, floor=True)
    page = await open_page()
    found: list[str] = []

    async def measure(name: str) -> None:
        found.extend(f"{name}: {wrong}" for wrong in await too_wide(page))

    await page.goto(f"{stack.api_url}/events/{crowd.event_id}")
    await settled(page)
    await measure("sold out")
    await page.click("#invite-go")
    await page.click("#wait-sections-all summary")
    await page.fill("#wait-email", "ada")
    await page.click("#wait-send")
    await expect(page.locator("#wait-email-error")).to_be_visible()
    await measure("the form")
    await page.fill("#wait-email", f"{_WORD[:40]}@example.com")
    await page.fill("#wait-name", texts.buyer)
    await page.get_by_role("checkbox", name=texts.category).first.check()
    await page.click("#wait-send")
    await expect(page.locator("#line")).to_be_visible()
    await page.get_by_text("What happens next").click()
    await measure("in line")
    entry = await crowd.entry(page)
    url = await runtime.people.links.url("entry", entry.entry_id, f"{_WORD[:40]}@example.com")
    await page.goto(f"{stack.api_url}/w/{url.rpartition('/')[2]}")
    await measure("a link, waiting")
    await page.goto(f"{stack.api_url}/events/{crowd.event_id}")
    await settled(page)
    await crowd.give_back(4)
    await expect(page.locator("#offer")).to_be_visible()
    await measure("an offer")
    await page.click("#decline")
    await measure("declining")
    await page.goto(f"{stack.api_url}/w/{url.rpartition('/')[2]}")
    await measure("a link, offered")
    await page.goto(f"{stack.api_url}/dev/mail?key={dev_mail_key(runtime.settings)}")
    await expect(page.locator(".list a").first).to_be_visible()
    await measure("mails")
    await page.locator(".list a").first.click()
    await expect(page.locator(".facts")).to_be_visible()
    await measure("a mail")
    await let_it_be_over(runtime, [crowd.event_id])
    assert not found, "\n".join(found)
