"""An organiser's rule for a category's price, checked as a whole when it is made."""

from itertools import pairwise
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from engine.base.currencies import minor_digits

#: Usual rounding of prices in minor units, where it does not follow from the currency's digits.
_ROUND_TO_MINOR: Final = {
    "JPY": 100,
    "KRW": 1_000,
    "VND": 10_000,
    "CLP": 500,
    "ISK": 100,
    "CZK": 1_000,
    "HUF": 10_000,
    "IDR": 500_000,
    "INR": 1_000,
    "SEK": 500,
    "NOK": 500,
    "DKK": 500,
}
#: By the currency's digits: 50 cents for two; 100 for none; a quarter for three.
_ROUND_TO_MINOR_BY_DIGITS: Final = {0: 100, 2: 50, 3: 250}

Amount = Annotated[int, Meta(ge=0, le=10**12)]
Share = Annotated[float, Meta(ge=0, le=1)]
Weight = Annotated[float, Meta(ge=0, le=10)]


class Expected(Struct, frozen=True, forbid_unknown_fields=True):
    """The share that should be sold at a time before the event."""

    days_left: Annotated[float, Meta(ge=0, le=3650, examples=[30])]
    share: Annotated[float, Meta(ge=0, le=1, examples=[0.4])]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a category's price moves. Amounts are minor units, times seconds, shares 0 to 1.

    Raises ValueError for a rule that contradicts itself.
    """

    base_minor: Annotated[Amount, Meta(description="The price while no signal changes it.")]
    floor_minor: Annotated[Amount, Meta(description="Never below.")]
    ceiling_minor: Annotated[Amount, Meta(description="Never above.")]
    sold_weight: Annotated[
        Weight, Meta(description="Rise when all is sold, as a share of the base price.")
    ] = 0.5
    expected: Annotated[
        list[Expected],
        Meta(
            max_length=100,
            description="The planned sales, earliest first; linear between two points. "
            "Absent: every sold place makes the next one more expensive.",
        ),
    ] = []
    velocity_weight: Annotated[
        Weight,
        Meta(
            description="Rise or fall, as a share of the base price, when places sell much faster or slower "
            "than needed to sell out by the event."
        ),
    ] = 0.15
    half_life_s: Annotated[
        float,
        Meta(
            ge=60,
            le=90 * 86_400,
            description="Age at which sales count half for the velocity, in seconds.",
        ),
    ] = 86_400
    demand_weight: Annotated[
        Weight,
        Meta(
            description="Rise, as a share of the base price, when many more people want places than are left."
        ),
    ] = 0.2
    watcher_share: Annotated[
        Share,
        Meta(description="The share of people watching the map who count as wanting a place."),
    ] = 0.05
    max_step: Annotated[
        float,
        Meta(gt=0, le=1, description="The largest change at once, as a share of the price."),
    ] = 0.1
    min_interval_s: Annotated[
        int,
        Meta(
            ge=0, le=30 * 86_400, description="The shortest time between two changes, in seconds."
        ),
    ] = 900
    dead_band: Annotated[
        Share, Meta(description="Differences up to this share of the price change nothing.")
    ] = 0.03
    reversal_s: Annotated[
        int,
        Meta(
            ge=0,
            le=90 * 86_400,
            description="The shortest time before a change in the opposite direction, in seconds.",
        ),
    ] = 86_400
    round_to_minor: Annotated[
        Annotated[int, Meta(ge=1, le=10**9)] | None,
        Meta(description="Null: the usual rounding of the currency."),
    ] = None
    ending_minor: Annotated[
        int,
        Meta(
            ge=0,
            le=10**9,
            description="The ending of prices: rounding 100 with ending 90 gives 8.90, 9.90, 10.90.",
        ),
    ] = 0

    def __post_init__(self) -> None:
        if not self.floor_minor <= self.base_minor <= self.ceiling_minor:
            raise ValueError("floor_minor <= base_minor <= ceiling_minor must hold")
        if self.ending_minor >= (self.round_to_minor or 1):
            raise ValueError("ending_minor must be smaller than round_to_minor")
        if self.round_to_minor is not None and highest_price(self) < self.floor_minor:
            raise ValueError("no price between floor_minor and ceiling_minor is a rounded one")
        for earlier, later in pairwise(self.expected):
            if earlier.days_left <= later.days_left or earlier.share > later.share:
                raise ValueError("expected: days_left must fall from point to point, share not")


def highest_price(rule: Rule) -> int:
    """The highest rounded price up to the ceiling, in minor units."""
    grid = rule.round_to_minor or 1
    return rule.ceiling_minor - (rule.ceiling_minor - rule.ending_minor) % grid


def lowest_price(rule: Rule) -> int:
    """The lowest rounded price from the floor, in minor units."""
    grid = rule.round_to_minor or 1
    return rule.floor_minor + (rule.ending_minor - rule.floor_minor) % grid


def usual_rounding(currency: str) -> int:
    """The usual rounding of ticket prices in ``currency``, in minor units."""
    return _ROUND_TO_MINOR.get(currency) or _ROUND_TO_MINOR_BY_DIGITS[minor_digits(currency)]


def complete(rule: Rule, currency: str) -> Rule:
    """The rule with its rounding filled in."""
    if rule.round_to_minor is not None:
        return rule
    grid = usual_rounding(currency)
    if rule.ceiling_minor // grid * grid < rule.floor_minor:
        # A range too narrow for the usual rounding: any amount will do.
        grid = 1
    return msgspec.structs.replace(rule, round_to_minor=grid)
