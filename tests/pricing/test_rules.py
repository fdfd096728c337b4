"""Invariants of prices, for any rule, sale and luck."""

import math
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.pricing.decision import Current, Decision, Signals, decide
from engine.pricing.market import (
    RecordedMarket,
    Sale,
    Shape,
    Synthetic,
    SyntheticMarket,
    poisson,
    shape_until,
)
from engine.pricing.rule import Expected, Rule, complete, highest_price, lowest_price
from engine.pricing.simulation import simulate
from engine.pricing.velocity import Velocity

pytestmark = pytest.mark.property

DAY_S = 86_400


@st.composite
def plans(draw: st.DrawFn) -> list[Expected]:
    days = sorted(draw(st.sets(st.integers(0, 400), max_size=5)), reverse=True)
    shares = sorted(draw(st.lists(st.floats(0, 1), min_size=len(days), max_size=len(days))))
    return [Expected(day, share) for day, share in zip(days, shares, strict=True)]


@st.composite
def rules(draw: st.DrawFn, /, **fixed: Any) -> Rule:
    grid = draw(st.sampled_from([1, 5, 50, 99, 100, 250, 1000]))
    ending = draw(st.integers(0, grid - 1))
    floor = draw(st.integers(0, 20_000))
    ceiling = floor + draw(st.integers(grid, 60_000))
    fields: dict[str, Any] = {
        "base_minor": draw(st.integers(floor, ceiling)),
        "floor_minor": floor,
        "ceiling_minor": ceiling,
        "sold_weight": draw(st.floats(0, 4)),
        "velocity_weight": draw(st.floats(0, 4)),
        "demand_weight": draw(st.floats(0, 4)),
        "watcher_share": draw(st.floats(0, 1)),
        "expected": draw(plans()),
        "max_step": draw(st.floats(0.001, 1)),
        "min_interval_s": draw(st.integers(0, 7200)),
        "dead_band": draw(st.floats(0, 0.2)),
        "reversal_s": draw(st.integers(0, DAY_S)),
        "round_to_minor": grid,
        "ending_minor": ending,
    }
    return Rule(**{**fields, **fixed})


@st.composite
def signals(draw: st.DrawFn) -> Signals:
    capacity = draw(st.integers(0, 5000))
    return Signals(
        capacity=capacity,
        taken=draw(st.integers(0, capacity + 10)),
        left_s=draw(st.floats(-1e6, 4e7)),
        held=draw(st.integers(0, 500)),
        watchers=draw(st.integers(0, 20_000)),
        waiting=draw(st.floats(0, 5000)),
        velocity=draw(st.floats(0, 1e6)),
        confidence=draw(st.floats(0, 1)),
    )


@st.composite
def currents(draw: st.DrawFn) -> Current:
    return Current(
        price_minor=draw(st.integers(0, 100_000)),
        changed_s=draw(st.none() | st.floats(0, 2 * DAY_S)),
        direction=draw(st.sampled_from([-1, 0, 1])),
    )


def within(rule: Rule, data: st.DataObject) -> int:
    return data.draw(st.integers(rule.floor_minor, rule.ceiling_minor), "price")


def is_rounded(rule: Rule, price: int) -> bool:
    return (price - rule.ending_minor) % (rule.round_to_minor or 1) == 0


def grid_of(rule: Rule) -> int:
    return rule.round_to_minor or 1


# One decision


@settings(deadline=None)
@given(rules(), signals(), currents())
def test_a_price_stays_within_floor_and_ceiling_and_has_a_reason(
    rule: Rule, seen: Signals, current: Current
) -> None:
    decision = decide(rule, seen, current)
    assert rule.floor_minor <= decision.price_minor <= rule.ceiling_minor
    assert rule.floor_minor <= decision.factors.target_minor <= rule.ceiling_minor
    assert is_rounded(rule, decision.factors.target_minor)
    if decision.price_minor != current.price_minor:
        assert is_rounded(rule, decision.price_minor)
        assert decision.why in ("moved", "range")
    assert decision.reason
    assert decision == decide(rule, seen, current)


@settings(deadline=None)
@given(rules(), signals(), currents(), st.data())
def test_steps_intervals_and_the_dead_band_are_respected(
    rule: Rule, seen: Signals, current: Current, data: st.DataObject
) -> None:
    price = within(rule, data)
    current = msgspec.structs.replace(current, price_minor=price)
    decision = decide(rule, seen, current)
    move = decision.price_minor - price
    wanted = decision.factors.target_minor - price
    if move == 0:
        return
    assert decision.why == "moved"
    # Towards the target, not beyond it, and by one step at most (or the smallest possible one).
    assert move * wanted > 0
    assert abs(move) <= abs(wanted)
    assert abs(move) <= max(rule.max_step * price * (1 + 1e-9), grid_of(rule))
    assert abs(wanted) > rule.dead_band * price * (1 - 1e-9)
    if current.changed_s is not None:
        assert current.changed_s >= rule.min_interval_s
        if current.direction * move < 0:
            assert current.changed_s >= rule.reversal_s
    assert seen.left_s > 0
    assert seen.taken < seen.capacity


@settings(deadline=None)
@given(rules(), signals(), currents(), st.data())
def test_a_price_outside_its_range_returns_at_once(
    rule: Rule, seen: Signals, current: Current, data: st.DataObject
) -> None:
    assume(not rule.floor_minor <= current.price_minor <= rule.ceiling_minor)
    decision = decide(rule, seen, current)
    below = current.price_minor < rule.floor_minor
    assert decision.price_minor == (lowest_price(rule) if below else highest_price(rule))
    assert decision.why == "range"


@settings(deadline=None)
@given(rules(), signals(), st.data())
def test_more_of_anything_never_lowers_the_target(
    rule: Rule, seen: Signals, data: st.DataObject
) -> None:
    more = {
        "taken": seen.taken + data.draw(st.integers(0, 2000)),
        "held": seen.held + data.draw(st.integers(0, 500)),
        "watchers": seen.watchers + data.draw(st.integers(0, 500)),
        "waiting": seen.waiting + data.draw(st.floats(0, 500)),
        "velocity": seen.velocity + data.draw(st.floats(0, 1000)),
    }
    chosen = data.draw(st.sets(st.sampled_from(sorted(more)), min_size=1))
    current = Current(price_minor=rule.base_minor)
    before = decide(rule, seen, current).factors.target_minor
    raised = msgspec.structs.replace(seen, **{name: more[name] for name in chosen})
    assert decide(rule, raised, current).factors.target_minor >= before


@pytest.mark.parametrize("what", ["taken", "held", "watchers", "waiting", "velocity"])
@settings(deadline=None)
@given(seen=signals(), more=st.integers(1, 500), weight=st.floats(0.1, 4))
def test_more_of_each_raises_the_target_where_nothing_limits_it(
    what: str, seen: Signals, more: int, weight: float
) -> None:
    rule = Rule(
        base_minor=10**8,
        floor_minor=0,
        ceiling_minor=10**12,
        sold_weight=weight,
        # Pace can lower the target by less than the base.
        velocity_weight=min(weight, 0.9),
        demand_weight=weight,
        watcher_share=0.5,
        round_to_minor=1,
    )
    seen = msgspec.structs.replace(
        seen,
        capacity=6000,
        velocity=min(seen.velocity, 1000.0),
        confidence=max(0.1, seen.confidence),
        left_s=max(DAY_S, seen.left_s),
    )
    current = Current(price_minor=rule.base_minor)
    before = decide(rule, seen, current).factors.target_minor
    raised = msgspec.structs.replace(seen, **{what: getattr(seen, what) + more})
    assert decide(rule, raised, current).factors.target_minor > before


@settings(deadline=None)
@given(rules(), signals(), st.data())
def test_a_higher_base_never_lowers_the_target(
    rule: Rule, seen: Signals, data: st.DataObject
) -> None:
    higher = msgspec.structs.replace(
        rule, base_minor=data.draw(st.integers(rule.base_minor, rule.ceiling_minor))
    )
    current = Current(price_minor=rule.base_minor)
    low, high = decide(rule, seen, current), decide(higher, seen, current)
    if 1 + low.factors.from_progress + low.factors.from_pace + low.factors.from_demand >= 0:
        assert high.factors.target_minor >= low.factors.target_minor


# Many


def follow(rule: Rule, path: list[Signals], price: int, every_s: float) -> list[int]:
    """The prices, in order, of a worker that decides at a fixed interval."""
    prices, changed_s, direction = [price], None, 0
    for seen in path:
        changed_s = None if changed_s is None else changed_s + every_s
        current = Current(price_minor=price, changed_s=changed_s, direction=direction)
        decision: Decision = decide(rule, seen, current)
        if decision.price_minor != price:
            direction = 1 if decision.price_minor > price else -1
            price, changed_s = decision.price_minor, 0.0
        prices.append(price)
    return prices


def turns(prices: list[int]) -> int:
    """How often the price changes direction."""
    moves = [b - a for a, b in pairwise(prices) if a != b]
    return sum(1 for a, b in pairwise(moves) if a * b < 0)


@settings(deadline=None, max_examples=60)
@given(rules(min_interval_s=0, max_step=0.5), signals(), st.data())
def test_constant_signals_end_in_a_price_that_stays(
    rule: Rule, seen: Signals, data: st.DataObject
) -> None:
    assume(seen.left_s > 0 and seen.taken < seen.capacity)
    start = within(rule, data)
    prices = follow(rule, [seen] * 60, start, every_s=1e6)
    assert turns(prices) == 0
    target = decide(rule, seen, Current(price_minor=start)).factors.target_minor
    assert abs(prices[-1] - target) <= rule.dead_band * prices[-1] * (1 + 1e-9)
    assert prices[-1] == prices[-2]


@settings(deadline=None, max_examples=60)
@given(rules(reversal_s=0, min_interval_s=0, max_step=0.5), signals(), st.data())
def test_signals_that_jitter_within_the_dead_band_end_in_a_price_that_stays(
    rule: Rule, seen: Signals, data: st.DataObject
) -> None:
    """With any such signals the price moves in one direction, and then stays."""
    assume(seen.left_s > 0 and seen.taken < seen.capacity)
    changes = st.builds(
        lambda held, velocity: msgspec.structs.replace(
            seen, held=seen.held + held, velocity=seen.velocity * (1 + velocity)
        ),
        st.integers(0, 20),
        st.floats(-0.1, 0.1),
    )
    wishes = data.draw(st.lists(changes, min_size=2, max_size=6))
    start = within(rule, data)
    targets = [decide(rule, w, Current(price_minor=start)).factors.target_minor for w in wishes]
    lowest = min(*targets, start)
    assume(max(targets) - min(targets) <= rule.dead_band * lowest)
    prices = follow(rule, wishes * 12, start, every_s=1e6)
    assert turns(prices) == 0
    settled = next(
        (n for n, p in enumerate(prices) if p in range(min(targets), max(targets) + 1)), None
    )
    if settled is not None:
        assert len(set(prices[settled:])) == 1


@settings(deadline=None)
@given(rules(), st.lists(signals(), min_size=1, max_size=30), st.data())
def test_no_price_turns_back_before_its_time(
    rule: Rule, path: list[Signals], data: st.DataObject
) -> None:
    every_s = data.draw(st.floats(1, 7200))
    start = within(rule, data)
    prices = follow(rule, path, start, every_s)
    moved = [(n, b - a) for n, (a, b) in enumerate(pairwise(prices)) if a != b]
    for (earlier, one), (later, other) in pairwise(moved):
        gap_s = (later - earlier) * every_s
        assert gap_s >= rule.min_interval_s - 1e-6
        if one * other < 0:
            assert gap_s >= rule.reversal_s - 1e-6


# Rounding


@settings(deadline=None)
@given(
    st.sampled_from(["EUR", "USD", "GBP", "JPY", "KRW", "KWD", "BHD", "CHF", "HUF", "ISK"]),
    st.integers(0, 10**7),
    st.integers(0, 10**7),
    st.floats(0, 1),
    signals(),
)
def test_every_currency_has_prices_within_any_range(
    currency: str, floor: int, width: int, part: float, seen: Signals
) -> None:
    rule = complete(
        Rule(base_minor=floor + int(width * part), floor_minor=floor, ceiling_minor=floor + width),
        currency,
    )
    decision = decide(rule, seen, Current(price_minor=rule.base_minor))
    assert floor <= decision.factors.target_minor <= floor + width
    assert decision.factors.target_minor % (rule.round_to_minor or 1) == 0


# Velocity


@settings(deadline=None)
@given(
    st.floats(60, 30 * DAY_S),
    st.lists(st.floats(0.01, 5 * DAY_S), min_size=1, max_size=40),
    st.integers(0, 500),
)
def test_a_constant_rate_is_found_from_irregular_observations(
    half_life_s: float, looks_s: list[float], per_hour: int
) -> None:
    velocity = Velocity()
    for elapsed_s in looks_s:
        # Fractions of a place, because the formula is tested, not the counting.
        velocity = velocity.after(per_hour * elapsed_s / 3600, elapsed_s, half_life_s)  # type: ignore[arg-type]  # as above
    assert math.isclose(velocity.per_day, per_hour * 24, rel_tol=1e-6, abs_tol=1e-9)
    assert 0 < velocity.confidence(half_life_s) <= 1


@settings(deadline=None)
@given(
    st.floats(60, 30 * DAY_S),
    st.integers(0, 100),
    st.floats(1, DAY_S),
    st.integers(2, 6),
    st.integers(0, 50),
    st.floats(1, DAY_S),
)
def test_splitting_an_interval_does_not_change_the_velocity(
    half_life_s: float, sold: int, elapsed_s: float, pieces: int, before: int, before_s: float
) -> None:
    known = Velocity().after(before, before_s, half_life_s)
    whole = known.after(sold * pieces, elapsed_s, half_life_s)
    cut = known
    for _ in range(pieces):
        cut = cut.after(sold, elapsed_s / pieces, half_life_s)
    assert math.isclose(whole.places, cut.places, rel_tol=1e-9, abs_tol=1e-9)
    assert math.isclose(whole.days, cut.days, rel_tol=1e-9)


@settings(deadline=None)
@given(st.floats(60, 30 * DAY_S), st.floats(0, DAY_S), st.integers(0, 50), st.integers(0, 50))
def test_more_sales_never_lower_the_velocity(
    half_life_s: float, elapsed_s: float, sold: int, more: int
) -> None:
    known = Velocity().after(3, 3600, half_life_s)
    assert (
        known.after(sold + more, elapsed_s, half_life_s).per_day
        >= known.after(sold, elapsed_s, half_life_s).per_day
        >= 0
    )


# Simulation


@settings(deadline=None)
@given(st.sampled_from(["rush", "steady", "late"]), st.floats(0.5, 700), st.floats(0, 1))
def test_all_buyers_arrive_between_on_sale_and_event(shape: Shape, days: float, x: float) -> None:
    assert shape_until(shape, days, 0) == 0
    assert math.isclose(shape_until(shape, days, 1), 1)
    assert 0 <= shape_until(shape, days, x) <= 1 + 1e-9
    assert shape_until(shape, days, min(1, x + 0.1)) >= shape_until(shape, days, x) - 1e-12


@settings(deadline=None)
@given(st.floats(0, 3000), st.floats(0, 3000), st.floats(0, 0.999999), st.floats(0, 0.999999))
def test_more_buyers_or_more_luck_never_give_fewer_arrivals(
    mean: float, other: float, luck: float, other_luck: float
) -> None:
    low, high = sorted((mean, other))
    unlucky, lucky = sorted((luck, other_luck))
    # At the switch to the normal distribution a small difference is allowed.
    if low > 200 or high <= 200:
        assert poisson(low, luck) <= poisson(high, luck)
    assert poisson(mean, unlucky) <= poisson(mean, lucky)


@settings(deadline=None, max_examples=40)
@given(
    rules(min_interval_s=0),
    st.sampled_from(["rush", "steady", "late"]),
    st.integers(1, 3000),
    st.floats(0.02, 3),
    st.floats(0.1, 5),
    st.floats(0, 4),
    st.integers(0, 100),
)
def test_a_simulations_figures_are_consistent(
    rule: Rule, shape: Shape, seats: int, days: float, demand: float, elasticity: float, seed: int
) -> None:
    # A short sale, so that there are few steps.
    days = min(days, 0.05)
    curve = Synthetic(shape=shape, demand=demand, elasticity=elasticity, seed=seed)
    market = SyntheticMarket(curve, seats=seats, days=days, base_minor=rule.base_minor)
    result = simulate(rule, market, currency="EUR")
    again = simulate(rule, market, currency="EUR")
    assert result == again
    for outcome in (result.rule, result.fixed):
        assert 0 <= outcome.sold <= seats
        assert outcome.revenue_minor <= outcome.sold * rule.ceiling_minor
        assert outcome.revenue_minor >= outcome.sold * rule.floor_minor
    assert result.fixed.revenue_minor == result.fixed.sold * rule.base_minor
    prices = [rule.base_minor, *(move.price_minor for move in result.moves)]
    for before, after in pairwise(prices):
        assert rule.floor_minor <= after <= rule.ceiling_minor
        assert abs(after - before) <= max(rule.max_step * before * (1 + 1e-9), grid_of(rule))
    steps = [
        (move.days_left, move.price_minor - before)
        for before, move in zip(prices, result.moves, strict=False)
    ]
    for (earlier, one), (later, other) in pairwise(steps):
        if one * other < 0:
            assert (earlier - later) * DAY_S >= rule.reversal_s - 20
    assert all(
        a.sold <= b.sold and a.revenue_minor <= b.revenue_minor for a, b in pairwise(result.points)
    )
    assert result.points[-1].sold == result.rule.sold


@settings(deadline=None)
@given(
    st.lists(
        st.builds(Sale, st.floats(0, 1), st.integers(1, 4), st.integers(1000, 9000)), max_size=40
    )
)
def test_a_recorded_sale_at_its_own_prices_is_reproduced(sales: list[Sale]) -> None:
    market = RecordedMarket(sales, seats=500, days=0.02, scale=1.0, elasticity=0.0)
    rule = Rule(base_minor=5000, floor_minor=5000, ceiling_minor=5000, round_to_minor=1)
    result = simulate(rule, market, currency="EUR")
    assert result.rule.sold == result.fixed.sold == sum(sale.places for sale in sales)
