"""Drafts over HTTP: their organiser prepares and reads them; to everybody else they do not exist."""

import httpx
import pytest

from engine.base.config import Settings
from engine.events.previews import Previews
from engine.runtime import Runtime
from tests.conftest import make_event, small_house
from tests.support.http import ORGANISER, Buyer, problem_of

pytestmark = pytest.mark.contract

PARTS = ("", "/layout", "/seats", "/prices")


@pytest.fixture
async def draft(runtime: Runtime) -> str:
    return "/v1/events/" + await make_event(runtime, publish=False)


async def test_the_organiser_reads_the_layout_the_map_and_the_prices_of_a_draft(
    http: httpx.AsyncClient, draft: str
) -> None:
    blocked = await http.post(
        draft + "/block", json={"seats": [0, 2], "areas": {"0": 2}}, headers=ORGANISER
    )
    assert blocked.status_code == 200, blocked.text
    page, layout, seats, prices = [await http.get(draft + p, headers=ORGANISER) for p in PARTS]
    assert {r.headers["cache-control"] for r in (page, layout, seats)} == {"no-store"}
    assert page.json()["status"] == "draft"
    assert len(layout.json()["seats"]["x"]) == 50
    assert seats.json()["states"] == "303" + "0" * 47
    assert seats.json()["areas"] == {"0": {"available": 4}}
    assert [p["price"]["amount"] for p in prices.json()["prices"]] == [5000, 3000]
    assert prices.json()["prices"] == page.json()["prices"]
    frame = await http.get(
        draft + "/seats", headers=ORGANISER | {"Accept": "application/octet-stream"}
    )
    assert frame.content[0] == 1

    changed = await http.patch(
        draft,
        json={"prices": {"Back": 3500}},
        headers=ORGANISER | {"If-Match": page.headers["etag"]},
    )
    assert changed.status_code == 200, changed.text
    prices = await http.get(draft + "/prices", headers=ORGANISER)
    assert [p["price"]["amount"] for p in prices.json()["prices"]] == [5000, 3500]


async def test_prices_are_numbered_by_the_layout_whatever_their_order(
    http: httpx.AsyncClient, runtime: Runtime
) -> None:
    venue, _ = await runtime.catalog.venues.import_plan(small_house())
    body = {
        "name": "A play",
        "venue_id": venue.venue_id,
        "starts_at": "2031-05-01T20:00:00Z",
        "currency": "EUR",
        "prices": {"Back": 3000, "Front": 5000},
    }
    made = await http.post("/v1/events", json=body, headers=ORGANISER)
    prices = (await http.get(f"{made.headers['location']}/prices", headers=ORGANISER)).json()[
        "prices"
    ]
    assert [(p["category_no"], p["category"]) for p in prices] == [(0, "Front"), (1, "Back")]


async def test_a_stranger_learns_nothing_of_a_draft(
    http: httpx.AsyncClient, draft: str, ada: Buyer
) -> None:
    nowhere = "/v1/events/01980000-0000-7000-8000-000000000000"
    strangers: tuple[dict[str, str], ...] = ({}, ada.auth, {"Authorization": "Bearer not-the-key"})
    for headers in strangers:
        for part in PARTS:
            known = problem_of(
                await http.get(draft + part, headers=headers), 404, "event-not-found"
            )
            other = problem_of(
                await http.get(nowhere + part, headers=headers), 404, "event-not-found"
            )
            at = draft.rpartition("/")[2]
            assert known["detail"].replace(at, "") == other["detail"].replace(
                nowhere.rpartition("/")[2], ""
            )
    for command in ("block", "unblock"):
        answer = await http.post(f"{draft}/{command}", json={"seats": [1]}, headers=ada.auth)
        problem_of(answer, 403, "not-allowed")


async def test_a_cancelled_draft_is_never_shown(http: httpx.AsyncClient, draft: str) -> None:
    cancelled = await http.post(draft + "/cancel", headers=ORGANISER)
    assert cancelled.json()["status"] == "cancelled"
    for part in PARTS:
        problem_of(await http.get(draft + part), 404, "event-not-found")
    standing = await http.get("/v1/events/availability", params={"id": draft.rpartition("/")[2]})
    assert standing.json() == {"items": []}
    assert (await http.get(draft, headers=ORGANISER)).json()["status"] == "cancelled"


async def test_a_preview_opens_one_draft_until_it_is_published(
    http: httpx.AsyncClient, draft: str, runtime: Runtime
) -> None:
    made = await http.post(draft + "/preview", headers=ORGANISER)
    assert made.status_code == 201, made.text
    token, url = made.json()["token"], made.json()["url"]
    page_url, _, fragment = url.partition("#")
    assert fragment == token
    assert token not in page_url
    seen = {"Frontrow-Preview": token}
    for part in PARTS:
        answer = await http.get(draft + part, headers=seen)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
    # It reads this draft, and nothing else.
    other = "/v1/events/" + await make_event(runtime, publish=False)
    for path in (other, draft[:-1] + ("0" if draft[-1] != "0" else "1")):
        problem_of(await http.get(path, headers=seen), 404, "event-not-found")
    for bad in ("", "x", token[:-1], token + "A", "A" * 10_000):
        answer = await http.get(draft, headers={"Frontrow-Preview": bad})
        problem_of(answer, 404, "event-not-found")
    hold = await http.post(draft + "/holds", json={"seats": [1]}, headers=seen)
    problem_of(hold, 401, "not-authenticated")
    problem_of(await http.post(draft + "/publish", headers=seen), 401, "not-authenticated")

    published = await http.post(draft + "/publish", headers=ORGANISER)
    assert published.status_code == 200
    problem_of(await http.post(draft + "/preview", headers=ORGANISER), 409, "event-published")


async def test_nothing_of_a_draft_can_be_held(
    http: httpx.AsyncClient, draft: str, ada: Buyer
) -> None:
    token = (await http.post(draft + "/preview", headers=ORGANISER)).json()["token"]
    answer = await http.post(
        draft + "/holds", json={"seats": [1]}, headers=ada.auth | {"Frontrow-Preview": token}
    )
    problem_of(answer, 404, "event-not-found")


async def test_only_the_organiser_makes_previews(
    http: httpx.AsyncClient, draft: str, ada: Buyer
) -> None:
    problem_of(await http.post(draft + "/preview"), 401, "not-authenticated")
    problem_of(await http.post(draft + "/preview", headers=ada.auth), 403, "not-allowed")
    for body in ({"ttl_s": 59}, {"ttl_s": 86_401}, {"ttl_s": "60"}, {"for": "ever"}):
        refused = await http.post(draft + "/preview", json=body, headers=ORGANISER)
        problem_of(refused, 400, "invalid-request")
    await http.post(draft + "/cancel", headers=ORGANISER)
    problem_of(await http.post(draft + "/preview", headers=ORGANISER), 409, "event-cancelled")


async def test_the_preview_page_says_nothing_by_itself(http: httpx.AsyncClient, draft: str) -> None:
    pages = [
        await http.get(f"/events/{event_id}/preview")
        for event_id in (draft.rpartition("/")[2], "01980000-0000-7000-8000-000000000000")
    ]
    assert pages[0].text == pages[1].text
    for page in pages:
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-robots-tag"] == "noindex, nofollow"
        assert page.headers["referrer-policy"] == "no-referrer"


def test_a_preview_ends_with_its_time(settings: Settings) -> None:
    now = 1_800_000_000.0
    previews = Previews(settings, clock=lambda: now)
    event_id = "01980000-0000-7000-8000-000000000000"
    token, ends = previews.make(event_id, ttl_s=60)
    assert ends == now + 60
    now += 59
    assert previews.opens(token, event_id)
    assert not previews.opens(token, "01980000-0000-7000-8000-000000000001")
    now += 1
    assert not previews.opens(token, event_id)
