"""Drafts over HTTP: their organiser prepares and reads them; to everybody else they do not exist."""

import httpx
import pytest

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
