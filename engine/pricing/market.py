"""Buyers for a simulation: synthetic by a documented formula, or as recorded.

A market gives the number of buyers who want a place in an interval at a price::

    synthetic   λ(t, p) = demand · seats / days · shape(x) · (p / base)^(−elasticity)
    recorded    λ(t, p) = sold then / its length · (p / price then)^(−elasticity)

with x from 0 (on sale) to 1 (the event). ``shape`` integrates to 1 over 0 … 1; its parts are
``k e^(−k x) / (1 − e^(−k))`` (the rush, which dies away), 1 (the slow middle) and
``k e^(−k (1 − x)) / (1 − e^(−k))`` (the last week, which grows). Buyers come independently of each
other: their number in an interval is Poisson distributed, and the price thins the process. (G. Gallego
and G. van Ryzin, Optimal Dynamic Pricing of Inventories with Stochastic Demand over Finite Horizons,
1994; constant elasticity: K. Talluri and G. van Ryzin, The Theory and Practice of Revenue
Management, 2004, chapter 7.) Each interval has one random number for all prices, so two policies have
the same luck.
"""

import bisect
import math
import random
from collections.abc import Sequence
from statistics import NormalDist
from typing import Annotated, Final, Literal, Protocol

from msgspec import Meta, Struct

from engine.base.model import Uuid

DAY_S: Final = 86_400
#: Above this mean a Poisson distribution is close to a normal one, and summing it takes long.
_POISSON_EXACT_MAX: Final = 200.0
#: A price below this share of the usual one brings no more buyers.
_CHEAPEST_SHARE: Final = 0.1
#: The days in which the rush dies away, and the last days in which sales grow.
_RUSH_DAYS: Final = 1.5
_LAST_DAYS: Final = 4.0
_NORMAL: Final = NormalDist()

Shape = Literal["rush", "steady", "late"]
#: The shares of all sales in the rush, the middle and the last week.
_PARTS: Final[dict[Shape, tuple[float, float, float]]] = {
    "rush": (0.40, 0.35, 0.25),
    "steady": (0.05, 0.90, 0.05),
    "late": (0.10, 0.40, 0.50),
}

Elasticity = Annotated[
    float,
    Meta(ge=0, le=5, description="Per cent of the buyers lost by a price 1 % higher."),
]


class Synthetic(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="synthetic"):
    """A synthetic sale. The same parameters and seed give the same sale."""

    shape: Annotated[
        Shape, Meta(description="`rush`: on-sale rush, slow middle, last week; `steady`; `late`.")
    ] = "rush"
    seats: Annotated[
        Annotated[int, Meta(ge=1, le=200_000)] | None, Meta(description="Default: the category's.")
    ] = None
    days: Annotated[
        Annotated[float, Meta(ge=0.05, le=730)] | None,
        Meta(description="Days from on-sale to the event. Default: the time left to it."),
    ] = None
    demand: Annotated[
        float,
        Meta(gt=0, le=20, description="Buyers at the base price, as a share of the seats."),
    ] = 1.2
    elasticity: Elasticity = 1.2
    seed: Annotated[int, Meta(ge=0, le=2**32)] = 1


class Recorded(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="recorded"):
    """A recorded sale: this event's, or another one's."""

    event_id: Annotated[Uuid | None, Meta(description="Default: this event.")] = None
    category: Annotated[
        Annotated[str, Meta(max_length=200)] | None,
        Meta(description="A category of that event. Default: all."),
    ] = None
    elasticity: Elasticity = 1.2


Curve = Synthetic | Recorded


class Market(Protocol):
    """The demand over one sale of ``days``."""

    seats: int
    days: float

    def buyers(self, step: int, steps: int, price_minor: int) -> int:
        """The number of buyers at this price in one of ``steps`` equal intervals."""

    def rate(self, step: int, steps: int, price_minor: int) -> float:
        """The expected buyers per day in that interval."""


def shape_until(shape: Shape, days: float, x: float) -> float:
    """The share of all buyers until ``x`` (0 to 1): the integral of the shape."""
    rush, middle, last = _PARTS[shape]
    return (
        rush * _decay_until(days / _RUSH_DAYS, x)
        + middle * x
        + last * (1 - _decay_until(days / _LAST_DAYS, 1 - x))
    )


def _decay_until(k: float, x: float) -> float:
    return math.expm1(-k * x) / math.expm1(-k)


def willing(price_minor: int, usual_minor: int, elasticity: float) -> float:
    """The factor of buyers at this price compared with the usual one."""
    if usual_minor <= 0:
        return 1.0
    share = max(price_minor / usual_minor, _CHEAPEST_SHARE)
    return float(share**-elasticity)


class SyntheticMarket:
    def __init__(self, curve: Synthetic, *, seats: int, days: float, base_minor: int) -> None:
        self.seats = seats
        self.days = days
        self._curve = curve
        self._base_minor = base_minor

    def rate(self, step: int, steps: int, price_minor: int) -> float:
        return self._mean(step, steps, price_minor) * steps / self.days

    def buyers(self, step: int, steps: int, price_minor: int) -> int:
        # Must be repeatable; not used for security. A generator for each step, so that a step's number does
        # not depend on earlier calls.
        luck = random.Random(f"{self._curve.seed}:{step}").random()  # noqa: S311
        return poisson(self._mean(step, steps, price_minor), luck)

    def _mean(self, step: int, steps: int, price_minor: int) -> float:
        curve = self._curve
        coming = shape_until(curve.shape, self.days, (step + 1) / steps) - shape_until(
            curve.shape, self.days, step / steps
        )
        return (
            curve.demand
            * self.seats
            * coming
            * willing(price_minor, self._base_minor, curve.elasticity)
        )


def poisson(mean: float, luck: float) -> int:
    """The Poisson distribution's quantile at ``luck`` (0 to 1): more luck or a larger mean, never less.

    Above a mean of 200 that of the normal distribution of the same mean and variance.
    """
    if mean > _POISSON_EXACT_MAX:
        deviate = _NORMAL.inv_cdf(min(max(luck, 1e-12), 1 - 1e-12))
        return max(0, round(mean + math.sqrt(mean) * deviate))
    term = below = math.exp(-mean)
    count = 0
    # The sum may end a hair below 1.
    while below < luck and term > 1e-300 and count < 2000:
        count += 1
        term *= mean / count
        below += term
    return count


class Sale(Struct, frozen=True):
    """Places sold together, ``at`` (0 to 1) between on-sale and the event, with the price of each."""

    at: float
    places: int
    amount_minor: int


class RecordedMarket:
    """Recorded sales. The effect of a price above or below the recorded one is an estimate."""

    def __init__(
        self, sales: Sequence[Sale], *, seats: int, days: float, scale: float, elasticity: float
    ) -> None:
        self.seats = seats
        self.days = days
        self._sales = sorted(sales, key=lambda sale: sale.at)
        self._times = [sale.at for sale in self._sales]
        self._scale = scale
        self._elasticity = elasticity

    def rate(self, step: int, steps: int, price_minor: int) -> float:
        return self._mean(step, steps, price_minor) * steps / self.days

    def buyers(self, step: int, steps: int, price_minor: int) -> int:
        whole = self._mean(step, steps, price_minor)
        # Random rounding of each step, so that fractions of a place even out over the sale.
        return math.floor(whole + random.Random(f"recorded:{step}").random())  # noqa: S311

    def _mean(self, step: int, steps: int, price_minor: int) -> float:
        first = bisect.bisect_left(self._times, step / steps)
        end = (
            len(self._times)
            if step + 1 == steps
            else bisect.bisect_left(self._times, (step + 1) / steps)
        )
        return self._scale * sum(
            sale.places * willing(price_minor, sale.amount_minor, self._elasticity)
            for sale in self._sales[first:end]
        )
