"""Simulates a rule, or a whole rule set, on a sale: with the worker's ``decide``, step by step."""

import math
from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta, Struct

from engine.pricing.decision import Current, Signals, decide
from engine.pricing.market import DAY_S, Market
from engine.pricing.rule import Rule
from engine.pricing.velocity import Velocity

#: The number of steps of a sale; each is at least a minute.
STEPS: Final = 1440
_STEP_MIN_S: Final = 60.0
#: The most points of a returned series.
POINTS_MAX: Final = 240
#: How long a simulated buyer holds places, and the number of people who only watch.
_HOLD_S: Final = 300.0
_LOOKERS: Final = 10


class Outcome(Struct, frozen=True, kw_only=True):
    """How a sale ended. Money is minor units."""

    revenue_minor: int
    sold: int
    sell_through: Annotated[float, Meta(description="Sold, as a share of the places.")]
    average_minor: Annotated[int, Meta(description="The average price of sold places.")]
    final_minor: Annotated[int, Meta(description="The price at the end.")]
    changes: Annotated[int, Meta(description="How often the price moved.")]
    sold_out_days_left: Annotated[
        float | None, Meta(description="Days before the event; null: never.")
    ] = None


class SimulationPoint(Struct, frozen=True, kw_only=True):
    """The sale at one moment; ``fixed_…`` is the same sale at the fixed price."""

    days_left: float
    price_minor: int
    sold: int
    revenue_minor: int
    fixed_sold: int
    fixed_revenue_minor: int


class PriceMove(Struct, frozen=True, kw_only=True):
    """A change of the price, and the reason that buyers would have read."""

    days_left: float
    price_minor: int
    reason: str


class Simulation(Struct, frozen=True, kw_only=True):
    """A rule against a fixed price on the same sale."""

    seats: int
    days: float
    currency: str
    fixed_minor: Annotated[int, Meta(description="The fixed price it is compared with.")]
    rule: Outcome
    fixed: Outcome
    points: list[SimulationPoint]
    moves: list[PriceMove]


class Total(Struct, frozen=True, kw_only=True):
    """The total result of a sale of several categories."""

    revenue_minor: int
    sold: int
    sell_through: Annotated[float, Meta(description="Sold, as a share of the places.")]


class SetPoint(Struct, frozen=True, kw_only=True):
    """All categories at one moment."""

    days_left: float
    sold: int
    revenue_minor: int
    fixed_sold: int
    fixed_revenue_minor: int


class CategorySimulation(Struct, frozen=True, kw_only=True):
    """A category's part in a rule set's simulation."""

    category: str
    follows_rule: Annotated[bool, Meta(description="False: its price stays as it is.")]
    simulation: Simulation


class SetSimulation(Struct, frozen=True, kw_only=True):
    """A whole rule set against fixed prices on the same sale."""

    seats: int
    days: float
    currency: str
    rule: Total
    fixed: Total
    points: list[SetPoint]
    categories: list[CategorySimulation]


class Part(Struct, frozen=True, kw_only=True):
    """A simulated category; without a rule its price stays at ``fixed_minor``."""

    category: str
    rule: Rule | None
    market: Market
    fixed_minor: int


class _Run:
    """One policy's run over the market. Without a rule the price stays."""

    def __init__(self, market: Market, rule: Rule | None, price_minor: int, steps: int) -> None:
        self.market = market
        self.rule = rule
        self.price_minor = price_minor
        self.steps = steps
        self.step_s = market.days * DAY_S / steps
        self.sold = 0
        self.revenue_minor = 0
        self.sold_out_days_left: float | None = None
        self.moves: list[PriceMove] = []
        self._changed_at: float | None = None
        self._direction = 0
        self._velocity = Velocity()

    def take(self, step: int) -> None:
        """Reprice, then sell: buyers in a step pay the price decided at its beginning."""
        if self.rule is not None:
            self._reprice(self.rule, step)
        left = self.market.seats - self.sold
        sold = min(left, self.market.buyers(step, self.steps, self.price_minor))
        self.sold += sold
        self.revenue_minor += sold * self.price_minor
        if left and sold == left:
            self.sold_out_days_left = self._days_left(step + 1)
        if self.rule is not None:
            self._velocity = self._velocity.after(sold, self.step_s, self.rule.half_life_s)

    def _days_left(self, step: int) -> float:
        return self.market.days * (self.steps - step) / self.steps

    def _reprice(self, rule: Rule, step: int) -> None:
        now_s = step * self.step_s
        rate = self.market.rate(step, self.steps, self.price_minor)
        left = self.market.seats - self.sold
        held = min(left, math.floor(rate * _HOLD_S / DAY_S))
        signals = Signals(
            capacity=self.market.seats,
            taken=self.sold,
            left_s=self._days_left(step) * DAY_S,
            held=held,
            watchers=held * _LOOKERS,
            velocity=self._velocity.per_day,
            confidence=self._velocity.confidence(rule.half_life_s),
        )
        current = Current(
            price_minor=self.price_minor,
            changed_s=None if self._changed_at is None else now_s - self._changed_at,
            direction=self._direction,
        )
        decision = decide(rule, signals, current)
        if decision.price_minor == self.price_minor:
            return
        self._direction = 1 if decision.price_minor > self.price_minor else -1
        self._changed_at = now_s
        self.price_minor = decision.price_minor
        self.moves.append(
            PriceMove(
                days_left=round(self._days_left(step), 4),
                price_minor=decision.price_minor,
                reason=decision.public_reason,
            )
        )

    def outcome(self) -> Outcome:
        return Outcome(
            revenue_minor=self.revenue_minor,
            sold=self.sold,
            sell_through=round(self.sold / self.market.seats, 6),
            average_minor=round(self.revenue_minor / self.sold) if self.sold else 0,
            final_minor=self.price_minor,
            changes=len(self.moves),
            sold_out_days_left=self.sold_out_days_left,
        )


def simulate(
    rule: Rule, market: Market, *, currency: str, fixed_minor: int | None = None
) -> Simulation:
    """Simulate ``rule`` and a fixed price (default: its base) on the same market.

    Takes some tenths of a second, so it must not run on an event loop. Deterministic.
    """
    return _simulate(
        rule, market, currency, rule.base_minor if fixed_minor is None else fixed_minor
    )


def simulate_set(parts: Sequence[Part], *, currency: str) -> SetSimulation:
    """``simulate`` for every category of an event, with sales of equal length, and their total.

    Buyers do not change to another category when one becomes too expensive.
    """
    found = [
        CategorySimulation(
            category=part.category,
            follows_rule=part.rule is not None,
            simulation=_simulate(part.rule, part.market, currency, part.fixed_minor),
        )
        for part in parts
    ]
    seats = sum(one.simulation.seats for one in found)
    series = zip(*(one.simulation.points for one in found), strict=True)
    points = [
        SetPoint(
            days_left=at_once[0].days_left,
            sold=sum(p.sold for p in at_once),
            revenue_minor=sum(p.revenue_minor for p in at_once),
            fixed_sold=sum(p.fixed_sold for p in at_once),
            fixed_revenue_minor=sum(p.fixed_revenue_minor for p in at_once),
        )
        for at_once in series
    ]
    last = points[-1]
    return SetSimulation(
        seats=seats,
        days=found[0].simulation.days,
        currency=currency,
        rule=_total(last.revenue_minor, last.sold, seats),
        fixed=_total(last.fixed_revenue_minor, last.fixed_sold, seats),
        points=points,
        categories=found,
    )


def _total(revenue_minor: int, sold: int, seats: int) -> Total:
    return Total(revenue_minor=revenue_minor, sold=sold, sell_through=round(sold / seats, 6))


def _simulate(rule: Rule | None, market: Market, currency: str, fixed_minor: int) -> Simulation:
    steps = max(1, min(STEPS, math.floor(market.days * DAY_S / _STEP_MIN_S)))
    moving = _Run(market, rule, rule.base_minor if rule else fixed_minor, steps)
    fixed = _Run(market, None, fixed_minor, steps)
    points = [_point(moving, fixed, 0)]
    every = math.ceil(steps / POINTS_MAX)
    for step in range(steps):
        moving.take(step)
        fixed.take(step)
        if (step + 1) % every == 0 or step + 1 == steps:
            points.append(_point(moving, fixed, step + 1))
    return Simulation(
        seats=market.seats,
        days=market.days,
        currency=currency,
        fixed_minor=fixed_minor,
        rule=moving.outcome(),
        fixed=fixed.outcome(),
        points=points,
        moves=moving.moves,
    )


def _point(moving: _Run, fixed: _Run, step: int) -> SimulationPoint:
    return SimulationPoint(
        days_left=round(moving.market.days * (moving.steps - step) / moving.steps, 4),
        price_minor=moving.price_minor,
        sold=moving.sold,
        revenue_minor=moving.revenue_minor,
        fixed_sold=fixed.sold,
        fixed_revenue_minor=fixed.revenue_minor,
    )
