"""The price of a category: a pure function of its rule, the signals, and the present price.

::

    progress = share sold − share expected by now          (without a plan: share sold)
    needed   = places left / days left
    pace     = (velocity − needed) / (velocity + needed)   −1 … 1
    demand   = wanted / (wanted + places left)              0 … 1
    wanted   = held + waiting + watcher_share · watchers

    target   = base · (1 + sold_weight · progress + velocity_weight · confidence · pace
                         + demand_weight · demand),  rounded, within floor … ceiling

The same input gives the same output on every machine: all arithmetic is exact, on fractions, with one
conversion to an integer by the rule's rounding. More sold, more velocity or more demand never lowers
the target. The price moves towards the target by a bounded step: not before the interval is over, not
for a difference within the dead band, and not in the opposite direction until ``reversal_s`` is over.
So signals that jitter within the band move nothing, and constant ones lead to a price that stays.
docs/pricing.md has the reasons and the sources.
"""

import math
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from engine.live.public_reasons import for_buyers
from engine.pricing.rule import Rule, highest_price, lowest_price
from engine.pricing.sentences import say_move, say_stay

_DAY_S: Final = 86_400
#: The least time over which the remaining places are spread, so that the last minutes do not turn wild.
_LEFT_MIN_S: Final = 3600

Why = Literal["moved", "range", "steady", "interval", "reversal", "sold-out", "over"]


class Signals(Struct, frozen=True, kw_only=True):
    """The measured signals of a category at one moment. Raises ValueError for impossible values."""

    capacity: Annotated[int, Meta(description="Places that are or were for sale.")]
    taken: Annotated[int, Meta(description="Places sold, or being paid for.")]
    left_s: Annotated[float, Meta(description="Seconds to the event; negative when it has begun.")]
    held: Annotated[int, Meta(description="Places in somebody's hold.")] = 0
    watchers: Annotated[
        int, Meta(description="This category's part of the people watching the map.")
    ] = 0
    waiting: Annotated[
        float, Meta(description="Places of this category that the waitlist wants.")
    ] = 0.0
    velocity: Annotated[float, Meta(description="Places sold per day, recently.")] = 0.0
    confidence: Annotated[
        float, Meta(description="0 to 1: how much of its memory the velocity has seen.")
    ] = 0.0

    def __post_init__(self) -> None:
        counts = (self.capacity, self.taken, self.held, self.watchers, self.waiting, self.velocity)
        if not all(math.isfinite(number) and number >= 0 for number in counts):
            raise ValueError("signals are counts: finite and not negative")
        if not math.isfinite(self.left_s) or not 0 <= self.confidence <= 1:
            raise ValueError("left_s must be finite, confidence 0 to 1")


class Current(Struct, frozen=True, kw_only=True):
    """A price in force, and its latest change."""

    price_minor: int
    #: Time since its latest change by anybody; None: it has never changed.
    changed_s: float | None = None
    #: Direction of the latest change: +1 up, −1 down; 0 if no rule made it.
    direction: int = 0


class Factors(Struct, frozen=True, kw_only=True):
    """The numbers behind a decision, as shares of 1."""

    share: Annotated[float, Meta(description="Sold.")]
    expected: Annotated[float | None, Meta(description="The share that should be sold by now.")]
    progress: float
    velocity: Annotated[float, Meta(description="Places per day.")]
    needed: Annotated[float, Meta(description="Places per day that would sell the house out.")]
    pace: float
    demand: float
    from_progress: Annotated[
        float, Meta(description="Its addition to the base price, as a share of it.")
    ]
    from_pace: float
    from_demand: float
    target_minor: Annotated[int, Meta(description="The target price.")]


class Decision(Struct, frozen=True, kw_only=True):
    """A price, the reason in words for the organiser and for buyers, and the numbers."""

    price_minor: int
    why: Annotated[Why, Meta(description="`moved`, or the cause that keeps the price where it is.")]
    reason: Annotated[str, Meta(examples=["30 % sold, 6 days left: places are selling slowly"])]
    public_reason: Annotated[str, Meta(examples=["a lower price for now"])]
    factors: Factors


class _Weighed(Struct, frozen=True):
    """The factors, exact."""

    share: Fraction
    expected: Fraction | None
    needed: Fraction
    pace: Fraction
    demand: Fraction
    parts: tuple[Fraction, Fraction, Fraction]

    @property
    def progress(self) -> Fraction:
        return self.share - (self.expected or 0)

    @property
    def multiplier(self) -> Fraction:
        return sum(self.parts, Fraction(1))


def decide(rule: Rule, signals: Signals, current: Current) -> Decision:
    """The price that ``rule`` sets now. Total: every rule, signals and current price has a result."""
    weighed = _weigh(rule, signals)
    target = _target(rule, weighed.multiplier)
    price, why = _move(rule, signals, current, target)
    factors = _factors(signals, weighed, target)
    reason = _reason(signals, current, price, why, factors)
    return Decision(
        price_minor=price,
        why=why,
        reason=reason,
        public_reason=for_buyers(reason),
        factors=factors,
    )


def _weigh(rule: Rule, signals: Signals) -> _Weighed:
    left = max(0, signals.capacity - signals.taken)
    share = Fraction(signals.capacity - left, signals.capacity) if signals.capacity else Fraction(0)
    left_s = _measured(signals.left_s)
    expected = _expected(rule, left_s / _DAY_S)
    needed = left * _DAY_S / max(left_s, Fraction(_LEFT_MIN_S))
    velocity = _measured(signals.velocity)
    pace = _ratio(velocity - needed, velocity + needed)
    wanted = (
        signals.held + _measured(signals.waiting) + _exact(rule.watcher_share) * signals.watchers
    )
    demand = _ratio(wanted, wanted + left)
    return _Weighed(
        share,
        expected,
        needed,
        pace,
        demand,
        (
            _exact(rule.sold_weight) * (share - (expected or 0)),
            _exact(rule.velocity_weight) * _measured(signals.confidence) * pace,
            _exact(rule.demand_weight) * demand,
        ),
    )


@lru_cache(maxsize=4096)
def _exact(number: float) -> Fraction:
    """A person's number, exactly: 0.1 is a tenth."""
    return Fraction(repr(number))


def _measured(number: float) -> Fraction:
    """A measured number, rounded to a millionth: it is not more exact, and short fractions are quick."""
    return Fraction(round(Fraction(number) * 1_000_000), 1_000_000)


def _ratio(part: Fraction, whole: Fraction) -> Fraction:
    return part / whole if whole else Fraction(0)


def _expected(rule: Rule, days_left: Fraction) -> Fraction | None:
    """The planned share at this moment: linear between two points, constant outside them."""
    plan = rule.expected
    if not plan:
        return None
    if days_left >= _exact(plan[0].days_left):
        return _exact(plan[0].share)
    for earlier, later in pairwise(plan):
        start, end = _exact(earlier.days_left), _exact(later.days_left)
        if days_left >= end:
            gone = (start - days_left) / (start - end)
            return _exact(earlier.share) + gone * (_exact(later.share) - _exact(earlier.share))
    return _exact(plan[-1].share)


def _target(rule: Rule, multiplier: Fraction) -> int:
    """The nearest rounded price within floor and ceiling; half-way is up."""
    grid = rule.round_to_minor or 1
    steps = (rule.base_minor * multiplier - rule.ending_minor) / grid
    nearest = rule.ending_minor + grid * math.floor(steps + Fraction(1, 2))
    return min(max(nearest, lowest_price(rule)), highest_price(rule))


def _move(rule: Rule, signals: Signals, current: Current, target: int) -> tuple[int, Why]:
    price = current.price_minor
    if not rule.floor_minor <= price <= rule.ceiling_minor:
        return (lowest_price(rule) if price < rule.floor_minor else highest_price(rule)), "range"
    if stays := _what_keeps_it(rule, signals, current, target):
        return price, stays
    return (_step_up if target > price else _step_down)(rule, price, target), "moved"


def _what_keeps_it(rule: Rule, signals: Signals, current: Current, target: int) -> Why | None:
    price, since_s = current.price_minor, current.changed_s
    if signals.left_s <= 0:
        return "over"
    if signals.taken >= signals.capacity:
        return "sold-out"
    if abs(target - price) <= _exact(rule.dead_band) * price:
        return "steady"
    if since_s is not None and since_s < rule.min_interval_s:
        return "interval"
    turns_back = current.direction * (target - price) < 0
    if turns_back and since_s is not None and since_s < rule.reversal_s:
        return "reversal"
    return None


def _step_up(rule: Rule, price: int, target: int) -> int:
    """The price after one step towards ``target``; if a step is less than the rounding, one unit of rounding."""
    grid, ending = rule.round_to_minor or 1, rule.ending_minor
    reach = math.floor(price * (1 + _exact(rule.max_step)))
    reach -= (reach - ending) % grid
    return min(target, reach if reach > price else price + grid - (price - ending) % grid)


def _step_down(rule: Rule, price: int, target: int) -> int:
    grid, ending = rule.round_to_minor or 1, rule.ending_minor
    reach = math.ceil(price * (1 - _exact(rule.max_step)))
    reach += (ending - reach) % grid
    return max(target, reach if reach < price else price - grid + (ending - price) % grid)


def _factors(signals: Signals, weighed: _Weighed, target: int) -> Factors:
    from_progress, from_pace, from_demand = (round(float(part), 6) for part in weighed.parts)
    return Factors(
        share=round(float(weighed.share), 6),
        expected=None if weighed.expected is None else round(float(weighed.expected), 6),
        progress=round(float(weighed.progress), 6),
        velocity=round(signals.velocity, 6),
        needed=round(float(weighed.needed), 6),
        pace=round(float(weighed.pace), 6),
        demand=round(float(weighed.demand), 6),
        from_progress=from_progress,
        from_pace=from_pace,
        from_demand=from_demand,
        target_minor=target,
    )


def _reason(signals: Signals, current: Current, price: int, why: Why, factors: Factors) -> str:
    if why not in ("moved", "range"):
        return say_stay(why)
    return say_move(
        rises=price > current.price_minor,
        because={
            "range": 0.0 if why == "moved" else 1.0,
            "progress": factors.from_progress,
            "pace": factors.from_pace,
            "demand": factors.from_demand,
        },
        share=factors.share,
        planned=factors.expected is not None,
        left_s=signals.left_s,
    )
