"""Pricing over HTTP: what buyers see, and the organiser's side."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from engine.base.model import new_id
from tests.conftest import House
from tests.support.http import ORGANISER, Buyer, Json, problem_of

pytestmark = pytest.mark.contract

RULE: Json = {
    "base_minor": 5000,
    "floor_minor": 4000,
    "ceiling_minor": 9000,
    "sold_weight": 1.0,
    "velocity_weight": 0,
    "demand_weight": 0,
    # The worker must not change prices during a test.
    "dead_band": 1.0,
}


class PriceDesk:
    """The organiser's routes for the prices of one event."""

    def __init__(self, http: httpx.AsyncClient, event_id: str) -> None:
        self.http = http
        self.event_id = event_id
        self.root = f"/v1/events/{event_id}/pricing"

    async def get(self, path: str = "", **params: Any) -> httpx.Response:
        return await self.http.get(self.root + path, params=params, headers=ORGANISER)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(self.root + path, json=body, headers=ORGANISER | named)

    async def patch(self, body: Json, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.patch(self.root, json=body, headers=ORGANISER | named)

    async def rule(self, category: str = "Front", **changes: Any) -> Json:
        response = await self.post("/rules", {"category": category, "rule": RULE | changes})
        assert response.status_code == 201, response.text
        made: Json = response.json()
        return made

    async def in_force(self, category: str = "Front", **changes: Any) -> Json:
        made = await self.rule(category, **changes)
        response = await self.post(f"/rules/{made['rule_id']}/activate", {})
        assert response.status_code == 200, response.text
        active: Json = response.json()
        return active


@pytest.fixture
def desk(http: httpx.AsyncClient, house: House) -> PriceDesk:
    return PriceDesk(http, house.event_id)


async def prices(http: httpx.AsyncClient, event_id: str) -> list[Json]:
    response = await http.get(f"/v1/events/{event_id}/prices")
    assert response.status_code == 200, response.text
    found: list[Json] = response.json()["prices"]
    return found


def euros(amount: int) -> Json:
    return {"amount": amount, "currency": "EUR"}


# Access


NOBODYS = "01980000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("GET", "/rules"),
        ("POST", "/rules"),
        ("GET", f"/rules/{NOBODYS}"),
        ("POST", f"/rules/{NOBODYS}/activate"),
        ("POST", f"/rules/{NOBODYS}/retire"),
        *(("POST", f"/categories/0/{command}") for command in ("override", "freeze", "release")),
        ("POST", "/preview"),
        ("POST", "/simulate"),
        ("POST", "/simulate-set"),
    ],
)
async def test_only_the_organiser_may_use_these_routes(
    desk: PriceDesk, ada: Buyer, method: str, path: str
) -> None:
    address = desk.root + path
    problem_of(await desk.http.request(method, address), 401, "not-authenticated")
    problem_of(await desk.http.request(method, address, headers=ada.auth), 403, "not-allowed")


# What buyers see


async def test_a_fixed_price_has_no_explanation(desk: PriceDesk) -> None:
    assert await prices(desk.http, desk.event_id) == [
        {"category_no": 0, "category": "Front", "price": euros(5000)},
        {"category_no": 1, "category": "Back", "price": euros(3000)},
    ]
    page = (await desk.http.get(f"/v1/events/{desk.event_id}")).json()
    assert page["pricing"] == {"dynamic": False, "history_public": True, "range_public": False}


async def test_a_changed_price_says_what_it_was_and_why(desk: PriceDesk) -> None:
    body = {"amount_minor": 4500, "reason": "Early birds"}
    assert (await desk.post("/categories/0/override", body)).status_code == 200
    front, back = await prices(desk.http, desk.event_id)
    changed_at = datetime.fromisoformat(front.pop("changed_at"))
    assert abs(datetime.now(UTC) - changed_at) < timedelta(minutes=1)
    assert front == {
        "category_no": 0,
        "category": "Front",
        "price": euros(4500),
        "was": euros(5000),
        "reason": "Early birds",
    }
    assert "was" not in back
    page = (await desk.http.get(f"/v1/events/{desk.event_id}")).json()
    assert page["prices"] == await prices(desk.http, desk.event_id)
    assert page["prices_from"] == euros(3000)


async def test_prices_from_names_the_lowest_price_in_force(desk: PriceDesk) -> None:
    body = {"amount_minor": 1000, "reason": "Last call"}
    await desk.post("/categories/1/override", body)
    found = await desk.http.get("/v1/events/availability", params={"id": desk.event_id})
    assert found.json()["items"][0]["prices_from"] == euros(1000)


async def test_the_price_range_is_shown_if_the_organiser_allows_it(desk: PriceDesk) -> None:
    await desk.in_force()
    tag = (await desk.get()).headers["etag"]
    assert "floor" not in (await prices(desk.http, desk.event_id))[0]
    response = await desk.patch({"range_public": True}, if_match=tag)
    assert response.status_code == 200
    front, back = await prices(desk.http, desk.event_id)
    assert (front["floor"], front["ceiling"]) == (euros(4000), euros(9000))
    assert "floor" not in back
    page = (await desk.http.get(f"/v1/events/{desk.event_id}")).json()
    assert page["pricing"] == {"dynamic": True, "history_public": True, "range_public": True}
    problem_of(await desk.patch({"range_public": False}, if_match=tag), 412, "precondition-failed")
    problem_of(await desk.patch({"range_public": False}), 428, "precondition-required")


async def test_the_price_history_is_public_unless_switched_off(desk: PriceDesk, ada: Buyer) -> None:
    await desk.post("/categories/0/override", {"amount_minor": 4500, "reason": "Early birds"})
    path = f"/v1/events/{desk.event_id}/prices/history"
    shown = await ada.get(path)
    assert shown.status_code == 200
    assert shown.json()["items"][0]["reason"] == "Early birds"
    assert "inputs" not in shown.json()["items"][0]
    tag = (await desk.get()).headers["etag"]
    assert (await desk.patch({"history_public": False}, if_match=tag)).status_code == 200
    problem_of(await ada.get(path), 403, "history-not-public")
    assert (await desk.http.get(path, headers=ORGANISER)).status_code == 200
    page = (await desk.http.get(f"/v1/events/{desk.event_id}")).json()
    assert not page["pricing"]["history_public"]
    # The latest change still has its reason.
    assert (await prices(desk.http, desk.event_id))[0]["reason"] == "Early birds"


async def test_the_organiser_sees_the_signals_of_each_decision(
    desk: PriceDesk, house: House, ada: Buyer
) -> None:
    await desk.in_force(dead_band=0, max_step=1, min_interval_s=0, reversal_s=0, round_to_minor=1)
    held = (await ada.hold(house.event_id, *range(8))).json()
    await ada.book(held["hold_id"])
    await house.runtime.pricing.repricer.reprice(house.event_id)
    path = f"/v1/events/{desk.event_id}/prices/history"
    change = (await desk.http.get(path, headers=ORGANISER)).json()["items"][0]
    assert (change["actor"], change["old"], change["new"]) == (
        "pricing:1",
        euros(5000),
        euros(7000),
    )
    assert change["inputs"]["signals"]["taken"] == 8
    public = (await ada.get(path)).json()["items"][0]
    assert public["reason"] == change["reason"]
    assert public["reason"].startswith("40 % sold, ")


async def test_buyers_do_not_read_that_a_house_does_not_sell(
    desk: PriceDesk, house: House, ada: Buyer
) -> None:
    """All seats are left at an expected share of a half: the price falls by one step."""
    await desk.in_force(
        dead_band=0,
        max_step=1,
        min_interval_s=0,
        reversal_s=0,
        round_to_minor=1,
        expected=[{"days_left": 30, "share": 0.5}, {"days_left": 0, "share": 1.0}],
    )
    await house.runtime.pricing.repricer.reprice(house.event_id)
    path = f"/v1/events/{desk.event_id}/prices/history"
    change = (await desk.http.get(path, headers=ORGANISER)).json()["items"][0]
    assert change["new"]["amount"] < change["old"]["amount"]
    assert change["reason"] == "0 % sold, 8 days left: more places are left than expected"
    said = "a lower price for now"
    assert (await ada.get(path)).json()["items"][0]["reason"] == said
    assert (await prices(desk.http, desk.event_id))[0]["reason"] == said
    page = (await ada.get(f"/v1/events/{desk.event_id}")).json()
    assert page["prices"][0]["reason"] == said


# Rules


async def test_a_rule_is_created_read_and_activated(desk: PriceDesk) -> None:
    made = await desk.post("/rules", {"category": "Front", "rule": RULE, "note": "bolder"})
    assert made.status_code == 201
    rule = made.json()
    assert (rule["rule_no"], rule["status"], rule["note"]) == (1, "draft", "bolder")
    assert (rule["made_by"], rule["valid_from"]) == ("organiser", None)
    # Defaults chosen by the server are returned.
    assert rule["rule"]["round_to_minor"] == 50
    assert made.headers["location"] == f"{desk.root}/rules/{rule['rule_id']}"
    read = await desk.get(f"/rules/{rule['rule_id']}")
    assert read.json() == rule
    assert read.headers["etag"] == made.headers["etag"]
    path = f"/rules/{rule['rule_id']}/activate"
    problem_of(await desk.post(path, {}, if_match='"9"'), 412, "precondition-failed")
    active = await desk.post(path, {}, if_match=read.headers["etag"])
    assert active.json()["status"] == "active"
    assert active.headers["etag"] != read.headers["etag"]
    state = (await desk.get()).json()
    assert [category["mode"] for category in state["categories"]] == ["rule", "fixed"]
    assert state["categories"][0]["rule"] == active.json()
    retired = await desk.post(f"/rules/{rule['rule_id']}/retire")
    assert retired.json()["status"] == "retired"
    problem_of(await desk.post(path, {}), 409, "pricing-rule-retired")
    assert (await desk.get()).json()["categories"][0]["mode"] == "fixed"


async def test_a_rule_can_be_scheduled(desk: PriceDesk) -> None:
    rule = await desk.rule()
    moment = "2031-01-01T10:00:00Z"
    body = {"valid_from": moment}
    scheduled = (await desk.post(f"/rules/{rule['rule_id']}/activate", body)).json()
    assert (scheduled["status"], scheduled["valid_from"]) == ("scheduled", moment)
    assert (await desk.get()).json()["categories"][0]["scheduled_for"] == moment


async def test_rules_are_listed_in_pages(desk: PriceDesk) -> None:
    made = [(await desk.rule(category))["rule_id"] for category in ("Front", "Back", "Front")]
    await desk.post(f"/rules/{made[1]}/activate", {})
    first = (await desk.get("/rules", limit=2)).json()
    assert [rule["rule_id"] for rule in first["items"]] == [made[2], made[1]]
    rest = (await desk.get("/rules", limit=2, cursor=first["next_cursor"])).json()
    assert [rule["rule_id"] for rule in rest["items"]] == [made[0]]
    assert rest["next_cursor"] is None
    fronts = (await desk.get("/rules", category="Front")).json()["items"]
    assert [rule["rule_no"] for rule in fronts] == [2, 1]
    active = (await desk.get("/rules", status="active")).json()["items"]
    assert [rule["rule_id"] for rule in active] == [made[1]]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"floor_minor": 6000}, "floor_minor <= base_minor <= ceiling_minor"),
        ({"ceiling_minor": 4999}, "floor_minor <= base_minor <= ceiling_minor"),
        ({"round_to_minor": 100_000}, "rounded"),
        ({"round_to_minor": 100, "ending_minor": 100}, "ending_minor"),
        (
            {"expected": [{"days_left": 5, "share": 0.5}, {"days_left": 9, "share": 0.9}]},
            "expected",
        ),
        (
            {"expected": [{"days_left": 9, "share": 0.5}, {"days_left": 5, "share": 0.4}]},
            "expected",
        ),
        ({"sold_weight": -1}, "sold_weight"),
        ({"half_life_s": 0}, "half_life_s"),
        ({"max_step": 0}, "max_step"),
        ({"colour": "red"}, "colour"),
    ],
    ids=str,
)
async def test_a_rule_that_contradicts_itself_is_refused(
    desk: PriceDesk, changes: Json, said: str
) -> None:
    response = await desk.post("/rules", {"category": "Front", "rule": RULE | changes})
    assert said in problem_of(response, 400, "invalid-request")["detail"]


async def test_unknown_categories_rules_and_events_are_refused(desk: PriceDesk) -> None:
    body = {"category": "Box", "rule": RULE}
    problem_of(await desk.post("/rules", body), 400, "no-such-category")
    problem_of(await desk.get(f"/rules/{NOBODYS}"), 404, "pricing-rule-not-found")
    freeze = {"reason": "x"}
    problem_of(await desk.post("/categories/2/freeze", freeze), 404, "category-not-found")
    problem_of(await desk.post("/categories/99999999999/freeze", freeze), 404, "category-not-found")
    nowhere = PriceDesk(desk.http, new_id())
    problem_of(await nowhere.get(), 404, "event-not-found")
    path, body = f"/rules/{(await desk.rule())['rule_id']}/activate", {}
    for moment in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"):
        body = {"valid_from": moment}
        problem_of(await desk.post(path, body), 400, "invalid-request")
    problem_of(await desk.post(path, {"valid_from": "2031-01-01T10:00:00"}), 400, "invalid-request")


@pytest.fixture
async def unborn(house: House, desk: PriceDesk) -> PriceDesk:
    """The prices of an event that is not published."""
    page = await house.runtime.catalog.event(house.event_id)
    draft = {
        "name": "A play",
        "venue_id": page.venue.venue_id,
        "starts_at": "2031-05-01T20:00:00Z",
        "currency": "EUR",
        "prices": {"Front": 5000, "Back": 3000},
    }
    made = await desk.http.post("/v1/events", json=draft, headers=ORGANISER)
    return PriceDesk(desk.http, made.json()["event_id"])


async def test_prices_in_force_are_managed_once_there_are_any(unborn: PriceDesk) -> None:
    problem_of(await unborn.get(), 409, "event-not-published")
    freeze = await unborn.post("/categories/0/freeze", {"reason": "x"})
    problem_of(freeze, 409, "event-not-published")


async def _published(desk: PriceDesk) -> httpx.Response:
    return await desk.http.post(f"/v1/events/{desk.event_id}/publish", headers=ORGANISER)


async def test_rules_of_a_draft_event_come_into_force_with_publishing(unborn: PriceDesk) -> None:
    first, second = await unborn.rule(), await unborn.rule(base_minor=6000)
    later = await unborn.rule("Back", base_minor=4000)
    unused = await unborn.rule("Back", base_minor=4500)
    assert [rule["rule_no"] for rule in (first, second, later, unused)] == [1, 2, 1, 2]
    for rule in (first, second):
        active = await unborn.post(f"/rules/{rule['rule_id']}/activate", {})
        assert (active.json()["status"], active.json()["valid_from"]) == ("scheduled", None)
    moment = "2031-01-01T10:00:00Z"
    await unborn.post(f"/rules/{later['rule_id']}/activate", {"valid_from": moment})
    before = (await unborn.get("/rules")).json()["items"]
    assert [(rule["rule_id"], rule["status"]) for rule in before] == [
        (unused["rule_id"], "draft"),
        (later["rule_id"], "scheduled"),
        (second["rule_id"], "scheduled"),
        (first["rule_id"], "retired"),
    ]

    assert (await _published(unborn)).status_code == 200
    front, back = (await unborn.get()).json()["categories"]
    assert (front["mode"], front["rule"]["rule_id"]) == ("rule", second["rule_id"])
    assert (front["price"], back["mode"]) == (euros(5000), "fixed")
    after = (await unborn.get("/rules")).json()["items"]
    assert [(rule["rule_id"], rule["rule_no"], rule["rule"]) for rule in after] == [
        (rule["rule_id"], rule["rule_no"], rule["rule"]) for rule in before
    ]
    assert [rule["status"] for rule in after] == ["draft", "scheduled", "active", "retired"]
    assert after[1]["valid_from"] == moment


async def test_rules_of_a_draft_event_are_changed_as_others_are(unborn: PriceDesk) -> None:
    rule = await unborn.rule()
    path = f"/rules/{rule['rule_id']}"
    read = await unborn.get(path)
    assert (read.json(), read.headers["etag"]) == (rule, '"1"')
    stale = await unborn.post(f"{path}/retire", if_match='"7"')
    problem_of(stale, 412, "precondition-failed")
    assert (await unborn.post(f"{path}/activate", {})).json()["version"] == 2
    again = await unborn.post(f"{path}/activate", {})
    assert again.json()["version"] == 2, "repeating it has no effect"
    assert (await unborn.post(f"{path}/retire", if_match='"2"')).json()["status"] == "retired"
    assert (await unborn.post(f"{path}/retire")).json()["version"] == 3
    problem_of(await unborn.post(f"{path}/activate", {}), 409, "pricing-rule-retired")
    body = {"category": "Box", "rule": RULE}
    problem_of(await unborn.post("/rules", body), 400, "no-such-category")
    problem_of(await unborn.get(f"/rules/{NOBODYS}"), 404, "pricing-rule-not-found")
    assert (await unborn.get("/rules", status="draft")).json()["items"] == []
    assert (await _published(unborn)).status_code == 200
    assert (await unborn.get()).json()["categories"][0]["mode"] == "fixed"


async def test_a_rule_made_while_another_is_made_is_not_lost(unborn: PriceDesk) -> None:
    made = await asyncio.gather(*(unborn.rule() for _ in range(8)))
    assert sorted(rule["rule_no"] for rule in made) == list(range(1, 9))
    kept = (await unborn.get("/rules")).json()["items"]
    assert {rule["rule_id"] for rule in kept} == {rule["rule_id"] for rule in made}


# Overrides


async def test_a_price_can_be_overridden_and_released(desk: PriceDesk) -> None:
    await desk.in_force()
    body = {"amount_minor": 4500, "reason": "Early birds", "until": "2031-01-01T10:00:00Z"}
    response = await desk.post("/categories/0/override", body, if_match='"0"')
    assert response.status_code == 200, response.text
    state = response.json()
    assert (state["mode"], state["price"], state["until"]) == (
        "override",
        euros(4500),
        body["until"],
    )
    assert state["rule"]["status"] == "active"
    stale = await desk.post("/categories/0/freeze", {"reason": "x"}, if_match='"0"')
    problem_of(stale, 412, "precondition-failed")
    frozen = await desk.post(
        "/categories/0/freeze", {"reason": "press"}, if_match=response.headers["etag"]
    )
    assert (frozen.json()["mode"], frozen.json()["until"]) == ("frozen", None)
    released = await desk.post("/categories/0/release")
    assert (released.json()["mode"], released.json()["price"]) == ("rule", euros(4500))
    bad = {"amount_minor": 4500, "reason": "late", "until": "2020-01-01T00:00:00Z"}
    problem_of(await desk.post("/categories/0/override", bad), 400, "invalid-request")
    bad = {"amount_minor": 4500, "reason": "line\nbreak"}
    problem_of(await desk.post("/categories/0/override", bad), 400, "invalid-request")


async def test_a_key_overrides_a_price_once(desk: PriceDesk) -> None:
    key = new_id()
    body = {"amount_minor": 4500, "reason": "Early birds"}
    first = await desk.post("/categories/0/override", body, idempotency_key=key)
    again = await desk.post("/categories/0/override", body, idempotency_key=key)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


async def test_prices_of_a_cancelled_event_cannot_be_changed(desk: PriceDesk) -> None:
    rule = await desk.rule()
    await desk.http.post(f"/v1/events/{desk.event_id}/cancel", headers=ORGANISER)
    body = {"amount_minor": 4500, "reason": "x"}
    problem_of(await desk.post("/categories/0/override", body), 409, "event-cancelled")
    path = f"/rules/{rule['rule_id']}/activate"
    problem_of(await desk.post(path, {}), 409, "event-cancelled")


# Previews and simulations


async def test_a_preview_says_what_a_rule_would_do(desk: PriceDesk, ada: Buyer) -> None:
    held = (await ada.hold(desk.event_id, *range(8))).json()
    await ada.book(held["hold_id"])
    body = {"category": "Front", "rule": RULE | {"dead_band": 0}}
    response = await desk.post("/preview", body)
    assert response.status_code == 200, response.text
    preview = response.json()
    assert preview["signals"]["taken"] == 8
    assert preview["decision"]["factors"]["target_minor"] == 7000
    # A step at a time.
    assert preview["decision"]["price_minor"] == 5500
    assert preview["decision"]["why"] == "moved"
    assert (await prices(desk.http, desk.event_id))[0]["price"] == euros(5000)
    problem_of(await desk.post("/preview", {"category": "Front"}), 409, "no-pricing-rule")
    rule = await desk.rule()
    by_id = {"category": "Front", "rule_id": rule["rule_id"]}
    assert (await desk.post("/preview", by_id)).json()["decision"]["why"] == "steady"
    await desk.post(f"/rules/{rule['rule_id']}/activate", {})
    assert (await desk.post("/preview", {"category": "Front"})).status_code == 200


async def test_a_simulation_is_returned_as_numbers_or_as_a_picture(desk: PriceDesk) -> None:
    body = {
        "category": "Front",
        "rule": RULE | {"dead_band": 0.02},
        "curve": {"type": "synthetic", "shape": "late", "seats": 300, "days": 2, "demand": 2},
    }
    response = await desk.post("/simulate", body)
    assert response.status_code == 200, response.text
    simulation = response.json()
    assert (simulation["seats"], simulation["days"]) == (300, 2)
    assert simulation["fixed"]["revenue_minor"] == simulation["fixed"]["sold"] * 5000
    assert simulation["points"][-1]["sold"] == simulation["rule"]["sold"] <= 300
    assert simulation["moves"][0]["reason"]
    assert response.json() == (await desk.post("/simulate", body)).json()
    picture = await desk.post("/simulate", body, accept="image/svg+xml")
    assert picture.headers["content-type"].startswith("image/svg+xml")
    drawing = ElementTree.fromstring(picture.text)  # noqa: S314  # our own
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    recorded = {"category": "Front", "rule": RULE, "curve": {"type": "recorded"}}
    problem_of(await desk.post("/simulate", recorded), 409, "nothing-recorded")
    wild = body | {"curve": {"type": "synthetic", "elasticity": 9}}
    problem_of(await desk.post("/simulate", wild), 400, "invalid-request")


async def test_a_rule_set_is_simulated_over_all_categories(desk: PriceDesk) -> None:
    body = {
        "rules": {"Front": RULE | {"dead_band": 0.02}},
        "curve": {"type": "synthetic", "seats": 400, "days": 2, "demand": 2},
    }
    response = await desk.post("/simulate-set", body)
    assert response.status_code == 200, response.text
    found = response.json()
    parts = {part["category"]: part for part in found["categories"]}
    assert parts["Front"]["follows_rule"]
    assert not parts["Back"]["follows_rule"]
    # At its own price, which is not that of the rule.
    assert parts["Back"]["simulation"]["fixed_minor"] == 3000
    assert found["seats"] == sum(p["simulation"]["seats"] for p in parts.values())
    assert found["seats"] == pytest.approx(400, abs=3)
    sums = [p["simulation"]["rule"]["revenue_minor"] for p in parts.values()]
    assert found["rule"]["revenue_minor"] == sum(sums)
    picture = await desk.post("/simulate-set", body, accept="image/svg+xml")
    drawing = ElementTree.fromstring(picture.text)  # noqa: S314  # our own
    assert {"Front", "Back"} <= {
        text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")
    }
    problem_of(await desk.post("/simulate-set", {"rules": {"Loge": RULE}}), 400, "no-such-category")
    # Categories without a rule in the request follow the rule in force.
    rule = await desk.rule()
    await desk.post(f"/rules/{rule['rule_id']}/activate", {})
    again = (await desk.post("/simulate-set", {"curve": body["curve"]})).json()
    assert [part["follows_rule"] for part in again["categories"]][:2] == [True, False]
    # The time until the event is the same for each.
    assert (await desk.post("/simulate-set", {})).status_code == 200
    recorded = {"curve": {"type": "recorded"}}
    problem_of(await desk.post("/simulate-set", recorded), 409, "nothing-recorded")
