"""An event's prices as they are shown on every map and in the event's page."""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from engine.base.model import Moment, Money
from engine.live.codec import decode_prices
from engine.live.public_reasons import for_buyers


class Price(Struct, frozen=True, omit_defaults=True):
    """A category's price in force and, if it ever changed, its latest change."""

    category_no: int
    category: str
    price: Money
    was: Annotated[Money | None, Meta(description="The price before the latest change.")] = None
    reason: Annotated[
        str | None,
        Meta(
            description="The reason of the latest change, for buyers.",
            examples=["82 % sold, 6 days left: the last places cost more"],
        ),
    ] = None
    changed_at: Moment | None = None
    floor: Annotated[
        Money | None,
        Meta(description="The lower limit; present if the organiser shows the range."),
    ] = None
    ceiling: Annotated[Money | None, Meta(description="The upper limit; likewise.")] = None


class CategoryPricing(Struct, frozen=True):
    """The public facts of one category's price. Amounts are minor units."""

    was_minor: int | None = None
    reason: str | None = None
    changed_at: datetime | None = None
    floor_minor: int | None = None
    ceiling_minor: int | None = None


class EventPricing(Struct, frozen=True):
    """The public facts of an event's prices; the field ``pricing`` of Redis's ``meta``."""

    #: Whether a price follows a rule.
    dynamic: bool = False
    history_public: bool = True
    range_public: bool = False
    #: By category number.
    categories: tuple[CategoryPricing, ...] = ()


_PRICING = msgspec.json.Decoder(EventPricing)


@lru_cache(maxsize=256)
def decode_pricing(text: bytes) -> EventPricing:
    """The public facts of the prices; empty when an older version loaded the state.

    Raises msgspec.DecodeError.
    """
    return _PRICING.decode(text) if text else EventPricing()


@lru_cache(maxsize=256)
def price_list(names: tuple[str, ...], currency: str, prices: bytes, told: bytes) -> list[Price]:
    """The prices as they are shown. Cached: many maps open between two changes of a price.

    ``names``: of the categories, by number; ``prices`` and ``told``: as Redis has them. Raises ValueError
    or msgspec.DecodeError when they are damaged.
    """
    pricing = decode_pricing(told)
    amounts = decode_prices(prices)
    if len(pricing.categories) == len(names):
        return list(_told(names, currency, amounts, pricing))
    lines = zip(names, amounts, strict=True)
    return [Price(no, name, Money(amount, currency)) for no, (name, amount) in enumerate(lines)]


def _told(
    names: tuple[str, ...], currency: str, amounts: list[int], pricing: EventPricing
) -> Iterator[Price]:
    lines = zip(names, amounts, pricing.categories, strict=True)
    for no, (name, amount, told) in enumerate(lines):
        yield Price(
            no,
            name,
            Money(amount, currency),
            was=_money(told.was_minor, currency),
            reason=None if told.reason is None else for_buyers(told.reason),
            changed_at=told.changed_at,
            floor=_money(told.floor_minor, currency),
            ceiling=_money(told.ceiling_minor, currency),
        )


def _money(amount_minor: int | None, currency: str) -> Money | None:
    return None if amount_minor is None else Money(amount_minor, currency)
