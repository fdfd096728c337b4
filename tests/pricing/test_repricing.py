"""Rules at work on real stores: measured, decided, written once, published, explained."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from engine.base.actor import ORGANISER
from engine.base.config import Settings
from engine.base.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from engine.base.model import Money, new_id
from engine.base.store_urls import StoreUrls
from engine.catalog.model import EventPatch
from engine.live.watcher_counts import WatcherCounts
from engine.pricing.market import Recorded, Synthetic
from engine.pricing.model import (
    Override,
    RuleDraft,
    RuleStatus,
    RuleVersion,
    SetSimulationRequest,
    SimulationRequest,
    TermsPatch,
)
from engine.pricing.repricer import Repricer
from engine.pricing.rule import Rule
from engine.runtime import Runtime, open_runtime
from engine.waitlist.model import Contact, Wanted
from tests.conftest import House, MakeHouse, small_house
from tests.support.live import gateway_of
from tests.support.worlds import as_redis_owner, make_world

pytestmark = pytest.mark.integration

FRONT, BACK = 0, 1
#: No pause between two decisions.
QUICK: dict[str, Any] = {"min_interval_s": 0, "reversal_s": 0, "max_step": 1.0, "round_to_minor": 1}
#: The price rises only with the share sold, from 5000 to 10000.
BY_SALES = Rule(
    base_minor=5000,
    floor_minor=4000,
    ceiling_minor=10_000,
    sold_weight=1.0,
    velocity_weight=0,
    demand_weight=0,
    **QUICK,
)
BY_DEMAND = Rule(
    base_minor=3000,
    floor_minor=3000,
    ceiling_minor=9000,
    sold_weight=0,
    velocity_weight=0,
    demand_weight=2.0,
    watcher_share=0.0,
    **QUICK,
)


@pytest_asyncio.fixture(scope="module")
async def runtime(settings: Settings, stores: StoreUrls) -> AsyncIterator[Runtime]:
    """Databases of their own: no worker of another process prices here."""
    world = await make_world(settings, stores, "pricing", redis_database=6)
    async with open_runtime(world, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


async def follow(
    house: House, rule: Rule = BY_SALES, category: str = "Front", **activation: Any
) -> RuleVersion:
    """Make a rule and activate it."""
    office = house.runtime.pricing.admin
    made = await office.make_rule(
        house.event_id, RuleDraft(category=category, rule=rule), actor=ORGANISER
    )
    return await office.activate(house.event_id, made.rule_id, actor=ORGANISER, **activation)


async def sell(house: House, *seats: int) -> None:
    buyer = new_id()
    await house.book(buyer, await house.hold(buyer, *seats))


async def look(house: House) -> int:
    """Reprice this event now, as a worker does when it is due."""
    return await house.runtime.pricing.repricer.reprice(house.event_id)


async def prices(house: House) -> list[int]:
    snapshot = await house.runtime.live.reading.snapshot(house.event_id)
    return [price.price.amount for price in snapshot.prices]


async def history(house: House) -> list[asyncpg.Record]:
    return await house.runtime.stores.view.fetch(
        "inventory.price_history", house.event_id, None, None, None, 100
    )


# A rule at work


async def test_sales_move_the_price_with_a_reason(house: House) -> None:
    rule = await follow(house)
    assert await look(house) == 0
    await sell(house, *range(8))
    assert await look(house) == 1
    # 8 of the 20 places of the category.
    assert await prices(house) == [7000, 3000]
    front, back = (await house.runtime.live.reading.snapshot(house.event_id)).prices
    assert front.was == Money(5000, "EUR")
    assert front.reason == "40 % sold, 8 days left: the fewer places are left, the more they cost"
    assert front.changed_at is not None
    assert datetime.now(UTC) - front.changed_at < timedelta(minutes=1)
    assert (back.was, back.reason, back.changed_at) == (None, None, None)
    change = (await history(house))[0]
    assert (change["old_amount_minor"], change["new_amount_minor"]) == (5000, 7000)
    assert change["reason"] == front.reason
    assert change["actor"] == "pricing:1"
    assert change["inputs"]["rule_id"] == rule.rule_id
    assert change["inputs"]["signals"]["taken"] == 8
    assert change["inputs"]["signals"]["capacity"] == 20
    assert change["inputs"]["factors"]["share"] == 0.4
    assert await look(house) == 0


async def test_a_held_seat_keeps_its_quote_whatever_the_price_does(
    house: House, buyer: str
) -> None:
    await follow(house)
    hold = await house.hold(buyer, 12, 13)
    await sell(house, *range(8))
    assert await look(house) == 1
    assert await prices(house) == [7000, 3000]
    assert (await house.runtime.holds.read(hold.hold_id, buyer)).total.amount == 10_000
    booking = (await house.book(buyer, hold)).booking
    assert booking.total.amount == 10_000
    assert (await house.hold(new_id(), 14)).total.amount == 7000


async def test_demand_counts_holds_and_waiting_people_against_places_left(house: House) -> None:
    await follow(house, BY_DEMAND, "Back")
    preview = await house.runtime.pricing.admin.preview(house.event_id, "Back")
    # 30 seats and 6 places of the floor.
    assert (preview.signals.capacity, preview.signals.held) == (36, 0)
    await house.hold(new_id(), 30, 31, 32, floor=6)
    preview = await house.runtime.pricing.admin.preview(house.event_id, "Back")
    assert preview.signals.held == 9
    # 9 wanted and 36 left: 9 / 45, doubled.
    assert preview.decision.price_minor == 4200
    assert await look(house) == 1
    assert (await prices(house))[BACK] == 4200


async def test_watchers_are_counted_across_all_gateways(house: House) -> None:
    await follow(house)
    async with gateway_of(house.runtime) as gateway, gateway.viewer(house.event_id) as viewer:
        await viewer.greeted()
        elsewhere = WatcherCounts(house.runtime.stores.redis)
        await elsewhere.report(house.event_id, 55)
        preview = await house.runtime.pricing.admin.preview(house.event_id, "Front")
        # Another process reports 55 and the gateway 1; the category has 20 of 56 places.
        assert preview.signals.watchers == 20
        await elsewhere.report(house.event_id, 0)


async def test_an_open_map_gets_a_new_price_within_a_tick(house: House) -> None:
    await follow(house)
    async with gateway_of(house.runtime) as gateway, gateway.viewer(house.event_id) as viewer:
        await viewer.greeted()
        before = viewer.messages["prices"]["prices"][FRONT]
        assert before == {
            "category_no": 0,
            "category": "Front",
            "price": {"amount": 5000, "currency": "EUR"},
        }
        await sell(house, *range(8))
        viewer.heard.clear()
        await look(house)
        line = (await viewer.hears("prices"))["prices"][FRONT]
        assert line["price"] == {"amount": 7000, "currency": "EUR"}
        assert line["was"] == {"amount": 5000, "currency": "EUR"}
        assert line["reason"].startswith("40 % sold")
        assert "floor" not in line
        # A map opened now is greeted with the same message.
        async with gateway.viewer(house.event_id) as late:
            await late.greeted()
            assert late.messages["prices"]["prices"][FRONT] == line
        # The shown range changes without the price: maps get that, too.
        await house.runtime.pricing.admin.set_terms(
            house.event_id, TermsPatch(range_public=True), version=1
        )
        line = (await viewer.hears("prices"))["prices"][FRONT]
        assert line["floor"] == {"amount": 4000, "currency": "EUR"}


async def test_published_prices_survive_the_loss_of_redis(house: House) -> None:
    await follow(house)
    await house.runtime.pricing.admin.set_terms(
        house.event_id, TermsPatch(range_public=True), version=1
    )
    await sell(house, *range(8))
    await look(house)
    before = await house.runtime.live.reading.snapshot(house.event_id)
    assert before.pricing.dynamic
    assert before.prices[FRONT].ceiling is not None
    await as_redis_owner(house.runtime, "FLUSHDB")
    after = await house.runtime.live.reading.snapshot(house.event_id)
    assert after.prices == before.prices
    assert after.pricing == before.pricing


async def test_the_range_is_published_only_if_it_is_public(house: House) -> None:
    await follow(house)
    office = house.runtime.pricing.admin
    hidden = await house.runtime.live.reading.snapshot(house.event_id)
    assert hidden.pricing.dynamic
    assert hidden.prices[FRONT].floor is None
    state = await office.set_terms(house.event_id, TermsPatch(range_public=True), version=1)
    shown = (await house.runtime.live.reading.snapshot(house.event_id)).prices
    assert shown[FRONT].floor == Money(4000, "EUR")
    assert shown[FRONT].ceiling == Money(10_000, "EUR")
    # A fixed price has no range.
    assert shown[BACK].floor is None
    with pytest.raises(PreconditionFailed):
        await office.set_terms(house.event_id, TermsPatch(range_public=False), version=1)
    await office.set_terms(house.event_id, TermsPatch(range_public=False), version=state.version)
    assert (await house.runtime.live.reading.snapshot(house.event_id)).prices[FRONT].floor is None


async def test_a_paused_event_is_left_alone(house: House) -> None:
    await follow(house)
    await sell(house, *range(8))
    await house.runtime.events.publishing.pause(house.event_id)
    assert await look(house) == 0
    assert await prices(house) == [5000, 3000]
    await house.runtime.events.publishing.resume(house.event_id)
    assert await look(house) == 1


async def test_blocked_places_do_not_count_as_for_sale(house: House) -> None:
    await follow(house)
    await house.runtime.events.blocks.block(house.event_id, list(range(10, 20)), actor=ORGANISER)
    await sell(house, *range(4))
    await look(house)
    # 4 of 10, not of 20.
    assert (await prices(house))[FRONT] == 7000


# Turns and races


async def test_each_event_is_repriced_once_per_interval(house: House) -> None:
    runtime = house.runtime
    await follow(house)
    await sell(house, *range(8))
    one, other = (
        Repricer(
            runtime.stores.view, runtime.live, runtime.pricing.repricer._measuring, interval_s=3600
        )
        for _ in range(2)
    )
    # Events of earlier tests are due too.
    await asyncio.gather(one.run_once(), other.run_once())
    assert await prices(house) == [7000, 3000]
    assert len([row for row in await history(house) if row["actor"] == "pricing:1"]) == 1
    await sell(house, 8, 9)
    await one.run_once()
    assert await prices(house) == [7000, 3000], "it is due again in an hour"


async def test_of_two_workers_that_decide_at_once_one_writes(house: House) -> None:
    await follow(house)
    await look(house)
    await sell(house, *range(8))
    changed = await asyncio.gather(*(look(house) for _ in range(4)))
    assert sum(changed) == 1
    rows = [row for row in await history(house) if row["actor"] == "pricing:1"]
    assert [(row["old_amount_minor"], row["new_amount_minor"]) for row in rows] == [(5000, 7000)]
    velocity = await house.runtime.stores.view.fetch("pricing.workload", house.event_id, None)
    # Each sale is counted once, whichever worker counts it.
    assert velocity[0]["known_taken"] == 8


async def test_an_override_between_decision_and_writing_wins(house: House) -> None:
    """The rule has decided; before the decision is written, the organiser freezes the price."""
    runtime = house.runtime
    await follow(house)
    await sell(house, *range(8))
    (row,) = await runtime.stores.view.fetch("pricing.workload", house.event_id, None)
    seen = (await runtime.pricing.repricer._measuring.seen(house.event_id))[FRONT]
    await runtime.pricing.admin.freeze(house.event_id, FRONT, "press night", actor=ORGANISER)
    assert (
        await runtime.pricing.repricer._reprice_category(house.event_id, row, seen, 86_400.0) == 0
    )
    assert await prices(house) == [5000, 3000]


async def test_velocity_is_kept_between_rounds_and_across_workers(house: House) -> None:
    runtime = house.runtime
    await follow(house)
    await look(house)
    await runtime.stores.view.fetch("pricing.workload", house.event_id, None)
    async with runtime.stores.view.connection() as connection:
        # Let the last decision be a day old.
        await connection.execute(
            "UPDATE pricing_velocity SET measured_at = measured_at - interval '1 day'"
            " WHERE event_id = $1",
            house.event_id,
        )
    await sell(house, *range(6))
    async with open_runtime(runtime.settings, role="test") as other:
        await other.pricing.repricer.reprice(house.event_id)
        preview = await other.pricing.admin.preview(house.event_id, "Front")
    assert preview.signals.velocity == pytest.approx(6, rel=0.01)
    assert preview.signals.confidence == pytest.approx(0.5, rel=0.01)


# Overrides by the organiser


async def test_an_override_holds_until_it_is_released(house: House) -> None:
    office = house.runtime.pricing.admin
    await follow(house)
    state = await office.override(
        house.event_id, FRONT, Override(amount_minor=4500, reason="Early birds"), actor=ORGANISER
    )
    assert (state.mode, state.price.amount, state.reason) == ("override", 4500, "Early birds")
    await sell(house, *range(8))
    assert await look(house) == 0
    assert await prices(house) == [4500, 3000]
    change = (await history(house))[0]
    assert (change["reason"], change["actor"], change["inputs"]) == (
        "Early birds",
        ORGANISER.label,
        None,
    )
    assert (await office.release(house.event_id, FRONT, actor=ORGANISER)).mode == "rule"
    assert await look(house) == 1
    assert await prices(house) == [7000, 3000]


async def test_an_override_ends_at_its_end_time(house: House) -> None:
    office = house.runtime.pricing.admin
    await follow(house)
    until = datetime.now(UTC) + timedelta(hours=1)
    wanted = Override(amount_minor=4500, reason="Early birds", until=until)
    assert (await office.override(house.event_id, FRONT, wanted, actor=ORGANISER)).until == until
    # A rule that takes effect meanwhile does not end it earlier.
    await follow(house)
    state = (await office.state(house.event_id)).categories[FRONT]
    assert (state.mode, state.until) == ("override", until)
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE pricing_controls SET until = now() WHERE event_id = $1", house.event_id
        )
    await house.runtime.pricing.repricer.run_once()
    assert (await office.state(house.event_id)).categories[FRONT].mode == "rule"
    with pytest.raises(InvalidInput):
        await office.override(
            house.event_id,
            FRONT,
            Override(amount_minor=1, reason="late", until=datetime.now(UTC)),
            actor=ORGANISER,
        )


async def test_a_frozen_price_never_moves(house: House) -> None:
    office = house.runtime.pricing.admin
    await follow(house)
    frozen = await office.freeze(house.event_id, FRONT, "press night", actor=ORGANISER)
    assert (frozen.mode, frozen.price.amount) == ("frozen", 5000)
    await follow(house)
    await sell(house, *range(8))
    assert await look(house) == 0
    assert await prices(house) == [5000, 3000]
    with pytest.raises(PreconditionFailed):
        await office.release(house.event_id, FRONT, version=frozen.version + 1, actor=ORGANISER)
    await office.release(house.event_id, FRONT, version=frozen.version, actor=ORGANISER)
    assert await look(house) == 1


async def test_a_price_set_by_an_event_edit_is_an_override_until_the_next_rule(
    house: House,
) -> None:
    runtime, office = house.runtime, house.runtime.pricing.admin
    await follow(house)
    page = await runtime.catalog.event(house.event_id)
    await runtime.events.publishing.patch(
        house.event_id, EventPatch(prices={"Front": 6000}), version=page.version
    )
    state = (await office.state(house.event_id)).categories
    assert (state[FRONT].mode, state[FRONT].price.amount, state[FRONT].actor) == (
        "override",
        6000,
        ORGANISER.label,
    )
    assert state[BACK].mode == "fixed"
    await sell(house, *range(8))
    assert await look(house) == 0
    await follow(house)
    assert (await office.state(house.event_id)).categories[FRONT].mode == "rule"
    assert await look(house) == 1
    assert await prices(house) == [7000, 3000]


async def test_an_edit_of_another_field_leaves_a_rules_price(house: House) -> None:
    runtime = house.runtime
    await follow(house)
    await sell(house, *range(8))
    await look(house)
    page = await runtime.catalog.event(house.event_id)
    await runtime.events.publishing.patch(
        house.event_id, EventPatch(buyer_limit=3, prices={"Back": 3500}), version=page.version
    )
    assert await prices(house) == [7000, 3500]
    assert (await runtime.pricing.admin.state(house.event_id)).categories[FRONT].mode == "rule"


# The life of a rule


async def test_each_version_of_a_rule_supersedes_the_one_before(house: House) -> None:
    office = house.runtime.pricing.admin
    first, second = await follow(house), await follow(house)
    assert (first.rule_no, second.rule_no) == (1, 2)
    rules = await office.rules(house.event_id)
    assert [(rule.rule_no, rule.status) for rule in rules] == [(2, "active"), (1, "retired")]
    with pytest.raises(Conflict) as refused:
        await office.activate(house.event_id, first.rule_id, actor=ORGANISER)
    assert refused.value.code == "pricing-rule-retired"
    other = await follow(house, BY_DEMAND, "Back")
    assert other.rule_no == 1
    assert [r.rule_no for r in await office.rules(house.event_id, category="Front")] == [2, 1]
    active = await office.rules(house.event_id, status=RuleStatus.ACTIVE)
    assert {rule.rule_id for rule in active} == {second.rule_id, other.rule_id}
    page = await office.rules(house.event_id, after=other.rule_id, limit=1)
    assert [rule.rule_id for rule in page] == [second.rule_id]


async def test_a_scheduled_rule_takes_effect_at_its_time(house: House) -> None:
    office = house.runtime.pricing.admin
    first = await follow(house)
    moment = datetime.now(UTC) + timedelta(hours=1)
    second = await follow(house, valid_from=moment)
    assert (second.status, second.valid_from) == (RuleStatus.SCHEDULED, moment)
    state = (await office.state(house.event_id)).categories[FRONT]
    assert state.rule is not None
    assert (state.rule.rule_id, state.scheduled_for) == (first.rule_id, moment)
    await house.runtime.pricing.repricer.run_once()
    assert (await office.rule(house.event_id, second.rule_id)).status == RuleStatus.SCHEDULED
    again = await office.activate(
        house.event_id,
        second.rule_id,
        valid_from=datetime.now(UTC) + timedelta(hours=2),
        actor=ORGANISER,
    )
    assert again.status == RuleStatus.SCHEDULED
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE pricing_rules SET valid_from = now() WHERE event_id = $1 AND status = 'scheduled'",
            house.event_id,
        )
    await house.runtime.pricing.repricer.run_once()
    statuses = {r.rule_id: r.status for r in await office.rules(house.event_id)}
    assert statuses == {first.rule_id: RuleStatus.RETIRED, second.rule_id: RuleStatus.ACTIVE}


async def test_a_price_without_its_rule_stays_and_is_fixed(house: House) -> None:
    office = house.runtime.pricing.admin
    rule = await follow(house)
    await sell(house, *range(8))
    await look(house)
    retired = await office.retire(
        house.event_id, rule.rule_id, version=rule.version, actor=ORGANISER
    )
    assert retired.status == RuleStatus.RETIRED
    assert await office.retire(house.event_id, rule.rule_id, actor=ORGANISER) == retired
    snapshot = await house.runtime.live.reading.snapshot(house.event_id)
    assert not snapshot.pricing.dynamic
    assert snapshot.prices[FRONT].price.amount == 7000
    await sell(house, 8, 9)
    assert await look(house) == 0


async def test_a_new_range_moves_a_price_into_it_at_once(house: House) -> None:
    await follow(house)
    dearer = Rule(base_minor=12_000, floor_minor=11_000, ceiling_minor=15_000)
    await follow(house, dearer)
    assert await look(house) == 1
    assert (await prices(house))[FRONT] == 11_000
    assert (await history(house))[0]["reason"] == "a new price range"


async def test_the_database_refuses_to_change_a_rule(house: House) -> None:
    first, _ = await follow(house), await follow(house)
    async with house.runtime.stores.view.connection() as connection:
        for change, constraint in (
            ("rule = '{}'", "pricing_rules_immutable_check"),
            ("rule_no = 7", "pricing_rules_immutable_check"),
            ("status = 'active', retired_at = NULL", "pricing_rules_transition_check"),
        ):
            with pytest.raises(asyncpg.CheckViolationError) as refused:
                await connection.execute(
                    f"UPDATE pricing_rules SET {change} WHERE event_id = $1 AND rule_id = $2",  # noqa: S608  # ours
                    house.event_id,
                    first.rule_id,
                )
            assert refused.value.constraint_name == constraint
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(
                "INSERT INTO pricing_rules (event_id, rule_id, category_no, rule_no, rule, made_by,"
                " status, valid_from, activated_at)"
                " VALUES ($1, $2, 0, 9, '{}', 'x', 'active', now(), now())",
                house.event_id,
                new_id(),
            )


async def test_unknown_events_rules_and_categories_are_refused(
    house: House, make_house: MakeHouse
) -> None:
    office = house.runtime.pricing.admin
    draft = await make_house(publish=False)
    with pytest.raises(Conflict) as refused:
        await office.state(draft.event_id)
    assert refused.value.code == "event-not-published"
    with pytest.raises(NotFound):
        await office.state(new_id())
    with pytest.raises(NotFound):
        await office.rule(house.event_id, new_id())
    with pytest.raises(NotFound):
        await office.freeze(house.event_id, 2, "x", actor=ORGANISER)
    with pytest.raises(InvalidInput):
        await office.preview(house.event_id, "Box", rule=BY_SALES)
    with pytest.raises(Conflict) as refused:
        await office.preview(house.event_id, "Front")
    assert refused.value.code == "no-pricing-rule"


# Previews and simulations


async def test_a_preview_changes_nothing(house: House) -> None:
    await sell(house, *range(8))
    preview = await house.runtime.pricing.admin.preview(house.event_id, "Front", rule=BY_SALES)
    assert preview.price.amount == 5000
    assert preview.decision.price_minor == 7000
    assert preview.decision.factors.from_progress == 0.4
    assert await prices(house) == [5000, 3000]
    assert len(await history(house)) == 2


async def test_a_rule_is_simulated_on_a_synthetic_sale(house: House) -> None:
    request = SimulationRequest(
        category="Front", rule=BY_SALES, curve=Synthetic(demand=3.0, seats=500, days=10)
    )
    result = await house.runtime.pricing.admin.simulate(house.event_id, request)
    assert (result.seats, result.days, result.currency) == (500, 10, "EUR")
    assert result.rule.sold == result.fixed.sold == 500
    assert result.rule.revenue_minor > result.fixed.revenue_minor == 500 * 5000


async def test_a_rule_is_simulated_on_a_recorded_sale(make_house: MakeHouse) -> None:
    sold = await make_house(layout=small_house(rows=4), buyer_limit=40)
    for seat in range(0, 20, 2):
        await sell(sold, seat, seat + 1)
    fresh = await make_house()
    office = fresh.runtime.pricing.admin
    with pytest.raises(Conflict) as refused:
        await office.simulate(
            fresh.event_id,
            SimulationRequest(category="Front", rule=BY_SALES, curve=Recorded()),
        )
    assert refused.value.code == "nothing-recorded"
    request = SimulationRequest(
        category="Front",
        rule=BY_SALES,
        curve=Recorded(event_id=sold.event_id, category="Front", elasticity=0),
    )
    result = await office.simulate(fresh.event_id, request)
    # All front rows of the other house; this house has as many.
    assert (result.seats, result.fixed.sold) == (20, 20)
    assert result.days == pytest.approx(9, abs=0.1)
    assert result.fixed.revenue_minor == 20 * 5000


async def test_a_rule_set_is_simulated_on_each_categorys_own_sales(make_house: MakeHouse) -> None:
    sold = await make_house(layout=small_house(rows=4), buyer_limit=40)
    for seat in range(0, 20, 2):
        await sell(sold, seat, seat + 1)
    request = SetSimulationRequest(rules={"Front": BY_SALES}, curve=Recorded(elasticity=0))
    found = await sold.runtime.pricing.admin.simulate_set(sold.event_id, request)
    assert [part.category for part in found.categories] == ["Front", "Back"]
    # Nobody bought any of the others.
    assert [part.simulation.fixed.sold for part in found.categories] == [20, 0]
    assert found.fixed.revenue_minor == 20 * 5000
    assert found.rule.revenue_minor == found.categories[0].simulation.rule.revenue_minor


async def test_people_waiting_for_a_section_are_demand_for_its_categories(
    make_house: MakeHouse,
) -> None:
    house = await make_house(buyer_limit=50)
    await house.hold(new_id(), *range(50))
    runtime = house.runtime
    wanted = Wanted(quantity=2, sections=["Stalls"])
    await runtime.waitlist.entries.join(house.event_id, new_id(), wanted, Contact())
    await house.hold(new_id(), floor=6)
    floor = Wanted(quantity=4, sections=["Floor"])
    await runtime.waitlist.entries.join(house.event_id, new_id(), floor, Contact())
    seen = await runtime.pricing.admin._measuring.seen(house.event_id)
    # The floor has the category of the back rows.
    assert [seen[number].waiting for number in (0, 1)] == [1.0, 1.0 + 4.0]
