"""What programs read of an event's page; and what people see where there is no page."""

import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from api.event_pages import decimal
from engine.base.model import Money, new_id
from engine.catalog.model import EventDraft
from engine.runtime import Runtime
from tests.conftest import MakeHouse, let_it_be_over, small_house
from tests.support.http import problem_of

pytestmark = pytest.mark.contract

_BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
_NASTY = "</script><script>alert(1)</script> \"'&\u2028<!--"


class Head(HTMLParser):
    """What a crawler takes from a page: its title, metas, links and structured data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.metas: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.title = self.structured = ""
        self.scripts: list[str] = []
        self._within: str = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._within = tag if tag != "script" else given.get("type", "code")
        if tag == "meta":
            self.metas[given.get("property") or given.get("name", "")] = given.get("content", "")
        if tag == "link":
            self.links[given["rel"]] = given["href"]

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "title":
            self.title += data
        if self._within == "application/ld+json":
            self.structured += data
        if self._within in ("code", "module") and data.strip():
            self.scripts.append(data)

    @property
    def event(self) -> Any:
        return json.loads(self.structured)


async def _make(runtime: Runtime, *, publish: bool = True, **changes: Any) -> str:
    venue, _ = await runtime.catalog.venues.import_plan(
        small_house(), city=changes.pop("city", "Erfurt"), timezone=changes.pop("timezone", None)
    )
    usual: dict[str, Any] = {
        "name": "Hamlet",
        "venue_id": venue.venue_id,
        "starts_at": datetime(2037, 7, 1, 18, 30, tzinfo=UTC),
        "currency": "EUR",
        "prices": {"Front": 5000, "Back": 3050},
    }
    event = await runtime.catalog.create_event(EventDraft(**usual | changes))
    if publish:
        await runtime.events.publishing.publish(event.event_id)
    return event.event_id


async def _head(http: httpx.AsyncClient, event_id: str, status: int = 200) -> Head:
    response = await http.get(f"/events/{event_id}", headers=_BROWSER)
    assert response.status_code == status
    return Head(response.text)


async def test_an_event_names_itself_to_programs(http: httpx.AsyncClient, runtime: Runtime) -> None:
    event_id = await _make(
        runtime,
        timezone="Europe/Berlin",
        description="A prince\n\n  doubts. ",
        metadata={"image_url": "/web/icon.svg"},
    )
    head = await _head(http, event_id)
    assert head.title == "Hamlet · Wed, 1 Jul 2037 · Small house"
    url = head.links["canonical"]
    assert url.endswith(f"/events/{event_id}")
    site = url.removesuffix(f"/events/{event_id}")
    assert site.startswith("http://localhost:")
    shared = {name[3:]: text for name, text in head.metas.items() if name.startswith("og:")}
    assert shared == {
        "type": "website",
        "site_name": "Frontrow",
        "title": head.title,
        "description": "A prince doubts.",
        "url": url,
        "image": f"{site}/web/icon.svg",
    }
    event = head.event
    assert event["@type"] == "Event"
    assert event["startDate"] == "2037-07-01T20:30:00+02:00"
    assert event["eventStatus"] == "https://schema.org/EventScheduled"
    assert event["location"] == {
        "@type": "Place",
        "name": "Small house",
        "address": {"@type": "PostalAddress", "addressLocality": "Erfurt"},
    }
    assert event["image"] == [f"{site}/web/icon.svg"]
    offers = [
        (o["name"], o["price"], o["priceCurrency"], o["availability"]) for o in event["offers"]
    ]
    assert offers == [
        ("Front", "50.00", "EUR", "https://schema.org/InStock"),
        ("Back", "30.50", "EUR", "https://schema.org/InStock"),
    ]
    await let_it_be_over(runtime, [event_id])


async def test_no_text_leaves_its_place_in_the_head(
    http: httpx.AsyncClient, runtime: Runtime
) -> None:
    texts = {"tagline": _NASTY, "image_url": f"https://example.com/{_NASTY}", "language": [_NASTY]}
    # A city is one line.
    city = _NASTY.replace("\u2028", "")
    event_id = await _make(runtime, name=f"A{_NASTY}Z", city=city, metadata=texts)
    plain = (await http.get(f"/events/{event_id}", headers=_BROWSER)).text
    head = Head(plain)
    assert head.title.startswith(f"A{_NASTY}Z · ")
    assert head.event["name"] == f"A{_NASTY}Z"
    assert head.event["location"]["address"]["addressLocality"] == city
    assert "\u2028" not in plain[plain.index("ld+json") : plain.index("</script>")]
    # Nothing became a script, and an address with such characters is no picture.
    assert head.scripts == []
    assert "og:image" not in head.metas
    assert "inLanguage" not in head.event
    await let_it_be_over(runtime, [event_id])


async def test_offers_say_what_is_left(
    http: httpx.AsyncClient, runtime: Runtime, make_house: MakeHouse
) -> None:
    sold_out = await make_house(layout=small_house(rows=3, seats_per_row=2, floor=1))
    await sold_out.hold(new_id(), *range(6), floor=1)
    paused = await make_house()
    await runtime.events.publishing.pause(paused.event_id)
    for house, said in ((sold_out, "SoldOut"), (paused, "OutOfStock")):
        offers = (await _head(http, house.event_id)).event["offers"]
        assert {offer["availability"] for offer in offers} == {f"https://schema.org/{said}"}


async def test_a_cancelled_event_says_so(http: httpx.AsyncClient, make_house: MakeHouse) -> None:
    house = await make_house()
    await house.runtime.events.publishing.cancel(house.event_id)
    event = (await _head(http, house.event_id)).event
    assert event["eventStatus"] == "https://schema.org/EventCancelled"


async def test_a_draft_and_an_unknown_event_look_alike(
    http: httpx.AsyncClient, runtime: Runtime
) -> None:
    draft = await _make(runtime, publish=False, name="A secret")
    pages = [
        await http.get(f"/events/{event_id}", headers=_BROWSER) for event_id in (draft, new_id())
    ]
    assert [page.status_code for page in pages] == [404, 404]
    # Without a name; the page itself says that there is no such event.
    assert pages[0].content == pages[1].content
    assert "secret" not in pages[0].text


async def test_an_event_page_is_kept_by_its_tag_and_answers_head(
    http: httpx.AsyncClient, make_house: MakeHouse
) -> None:
    path = f"/events/{(await make_house()).event_id}"
    first = await http.get(path)
    again = await http.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = await http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        (4800, "EUR", "48.00"),
        (5, "EUR", "0.05"),
        (500, "JPY", "500"),
        (1250, "KWD", "1.250"),
        (0, "CLF", "0.0000"),
    ],
)
def test_prices_have_their_currencys_decimals(amount: int, currency: str, said: str) -> None:
    assert decimal(Money(amount, currency)) == said


# For programs, by a fixed name


async def test_robots_find_the_events(http: httpx.AsyncClient, runtime: Runtime) -> None:
    robots = await http.get("/robots.txt")
    assert robots.headers["content-type"].startswith("text/plain")
    assert "Disallow: /b/" in robots.text
    site = robots.text.rpartition("Sitemap: ")[2].strip().removesuffix("/sitemap.xml")
    # Written before the first request: a sitemap is kept for some minutes.
    event_id = await _make(runtime)
    sitemap = await http.get("/sitemap.xml")
    assert sitemap.headers["content-type"].startswith("application/xml")
    assert f"<loc>{site}/events/{event_id}</loc>" in sitemap.text
    icon = await http.get("/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")
    for path in ("/robots.txt", "/sitemap.xml", "/favicon.ico"):
        head = await http.head(path)
        assert (head.status_code, head.content) == (200, b"")
    await let_it_be_over(runtime, [event_id])


# Where there is no page


@pytest.mark.parametrize("path", ["/nothing", "/events/hamlet", "/tickets/of/mine", "/b"])
async def test_people_get_a_page_where_there_is_none(http: httpx.AsyncClient, path: str) -> None:
    response = await http.get(path, headers=_BROWSER)
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "<h1>This page does not exist</h1>" in response.text
    assert 'href="/"' in response.text
    german = await http.get(path, headers=_BROWSER | {"Accept-Language": "de-AT,en;q=0.5"})
    assert '<html lang="de">' in german.text
    assert "<h1>Diese Seite gibt es nicht</h1>" in german.text
    assert (await http.head(path, headers=_BROWSER)).status_code == 404


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html;q=0.1"])
async def test_programs_get_a_problem(http: httpx.AsyncClient, accept: str) -> None:
    problem_of(await http.get("/nothing", headers={"Accept": accept}), 404, "not-found")
    problem_of(await http.get("/v1/nothing", headers=_BROWSER), 404, "not-found")
    problem_of(await http.post("/nothing", headers=_BROWSER), 404, "not-found")
