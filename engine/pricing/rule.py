"""What an organiser says about a category's price: one rule, checked whole when it is made."""

from itertools import pairwise
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from engine.base.model import minor_digits

#: What prices are usually rounded to, in minor units, where the digits behind the point do not say it.
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
#: 50 cents of what has cents; 100 of what has nothing smaller; a quarter of what has thousandths.
_ROUND_TO_MINOR_BY_DIGITS: Final = {0: 100, 2: 50, 3: 250}

Amount = Annotated[int, Meta(ge=0, le=10**12)]
Share = Annotated[float, Meta(ge=0, le=1)]
Weight = Annotated[float, Meta(ge=0, le=10)]


class Expected(Struct, frozen=True, forbid_unknown_fields=True):
    """How much should be sold so long before the event."""

    days_left: Annotated[float, Meta(ge=0, le=3650, examples=[30])]
    share: Annotated[float, Meta(ge=0, le=1, examples=[0.4])]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a category's price moves. Amounts are minor units, times seconds, shares 0 to 1.

    Raises ValueError for a rule that contradicts itself.
    """

    base_minor: Annotated[Amount, Meta(description="The price while nothing speaks for another.")]
    floor_minor: Annotated[Amount, Meta(description="Never below.")]
    ceiling_minor: Annotated[Amount, Meta(description="Never above.")]
    sold_weight: Annotated[
        Weight, Meta(description="So much dearer, as a share of the base, when all is sold.")
    ] = 0.5
    expected: Annotated[
        list[Expected],
        Meta(
            max_length=100,
            description="The sales to compare with, earliest first; between two points in a straight "
            "line. Without: every place sold makes the next one dearer.",
        ),
    ] = []
    velocity_weight: Annotated[
        Weight,
        Meta(
            description="So much dearer or cheaper when places sell much faster or slower than they "
            "must to be gone by the event."
        ),
    ] = 0.15
    half_life_s: Annotated[
        float,
        Meta(ge=60, le=90 * 86_400, description="Sales so long ago count half for the velocity."),
    ] = 86_400
    demand_weight: Annotated[
        Weight,
        Meta(description="So much dearer when many more want places than are left."),
    ] = 0.2
    watcher_share: Annotated[
        Share, Meta(description="How many of those who watch the map count as wanting a place.")
    ] = 0.05
    max_step: Annotated[
        float,
        Meta(gt=0, le=1, description="The most that one change moves the price, as a share of it."),
    ] = 0.1
    min_interval_s: Annotated[
        int, Meta(ge=0, le=30 * 86_400, description="A price stays at least so long.")
    ] = 900
    dead_band: Annotated[
        Share, Meta(description="Differences up to this share of the price change nothing.")
    ] = 0.03
    reversal_s: Annotated[
        int,
        Meta(ge=0, le=90 * 86_400, description="For so long a price does not turn back."),
    ] = 86_400
    round_to_minor: Annotated[
        Annotated[int, Meta(ge=1, le=10**9)] | None,
        Meta(description="Null: as is usual in the currency."),
    ] = None
    ending_minor: Annotated[
        int,
        Meta(
            ge=0,
            le=10**9,
            description="What prices end in: 100 and 90 make 8.90, 9.90, 10.90.",
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
    """What ticket prices are rounded to in ``currency``, in minor units, where nobody says otherwise."""
    return _ROUND_TO_MINOR.get(currency) or _ROUND_TO_MINOR_BY_DIGITS[minor_digits(currency)]


def complete(rule: Rule, currency: str) -> Rule:
    """The rule with its rounding said."""
    if rule.round_to_minor is not None:
        return rule
    grid = usual_rounding(currency)
    if rule.ceiling_minor // grid * grid < rule.floor_minor:
        # A range too narrow for what is usual: any amount will do.
        grid = 1
    return msgspec.structs.replace(rule, round_to_minor=grid)
