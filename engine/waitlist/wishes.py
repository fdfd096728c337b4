"""Wishes in the waitlist, as requested and as stored."""

from typing import Final, NamedTuple

import asyncpg
from msgspec import Struct

from engine.base.errors import (
    InvalidInput,
)
from engine.base.model import Buyer, Money
from engine.catalog.model import Facts
from engine.waitlist import scripts
from engine.waitlist.matching import LineIndex, Places, WishLine
from engine.waitlist.model import (
    Contact,
    Wanted,
)
from engine.waitlist.possible import find_places

#: The same range as prices (``engine.catalog.model.AmountMinor``).
_AMOUNT_MAX: Final = 10**12


class Wish(Struct, frozen=True):
    """A wish in the layout's numbers; None: any."""

    quantity: int
    together: bool
    categories: tuple[int, ...] | None
    sections: tuple[int, ...] | None
    max_amount_minor: int | None

    def alone(self) -> WishLine:
        """The wish as a ``WishLine`` without people."""
        return WishLine(
            wish_no=0,
            quantity=self.quantity,
            together=self.together,
            categories=None if self.categories is None else frozenset(self.categories),
            sections=None if self.sections is None else frozenset(self.sections),
            max_amount_minor=self.max_amount_minor,
            waiting=(),
            count=0,
        )


class Join(Struct, frozen=True):
    event_id: str
    entry_id: str
    person_id: str
    wish: Wish
    contact: Contact


class JoinCommand(NamedTuple):
    """PostgreSQL's type ``join_command``, field by field."""

    event_id: str
    entry_id: str
    person_id: str
    quantity: int
    together: bool
    #: Ascending, so that wishes can be compared.
    categories: list[int] | None
    sections: list[int] | None
    max_amount_minor: int | None
    email: str | None
    name: str
    language: str


def join_command(join: Join) -> JoinCommand:
    """The join as PostgreSQL's command."""
    wish, buyer = join.wish, join.contact.buyer
    return JoinCommand(
        event_id=join.event_id,
        entry_id=join.entry_id,
        person_id=join.person_id,
        quantity=wish.quantity,
        together=wish.together,
        categories=sorted(wish.categories) if wish.categories else None,
        sections=sorted(wish.sections) if wish.sections else None,
        max_amount_minor=wish.max_amount_minor,
        email=buyer.email if buyer else None,
        name=buyer.name if buyer else "",
        language=join.contact.language,
    )


def find_on_sale(index: LineIndex, seen: scripts.EventView, wish: WishLine) -> Places | None:
    """Places on sale that the wish could have."""
    return find_places(index, seen.on_sale(), wish)


def read_wish(facts: Facts, index: LineIndex, wanted: Wanted) -> Wish:
    """The wish in the layout's numbers. Raises InvalidInput for names that the layout does not have."""
    names = [category.name for category in facts.layout.categories]
    unknown = [name for name in wanted.categories if name not in names]
    if unknown:
        raise InvalidInput(
            f"Unknown category: {', '.join(unknown)}; the event has {', '.join(names)}.",
            code="no-such-category",
        )
    sections = {name: index.section_no(name) for name in wanted.sections}
    missing = [name for name, no in sections.items() if no is None]
    if missing:
        raise InvalidInput(f"Unknown section: {', '.join(missing)}.", code="no-such-section")
    price = wanted.max_price
    if isinstance(price, Money) and price.currency != facts.currency:
        raise InvalidInput(f"The event's prices are in {facts.currency}, not {price.currency}.")
    amount = price.amount if isinstance(price, Money) else price
    if amount is not None and not 0 <= amount <= _AMOUNT_MAX:
        raise InvalidInput("max_price: out of range; it is in minor units, for one place.")
    return Wish(
        quantity=wanted.quantity,
        together=wanted.together or wanted.quantity == 1,
        categories=tuple(sorted({names.index(name) for name in wanted.categories})) or None,
        sections=tuple(sorted({no for no in sections.values() if no is not None})) or None,
        max_amount_minor=amount,
    )


def wanted_from_row(facts: Facts, index: LineIndex, row: asyncpg.Record) -> Wanted:
    """The wish of a row, in names."""
    amount = row["max_amount_minor"]
    return Wanted(
        quantity=row["quantity"],
        together=row["together"],
        categories=[facts.layout.categories[no].name for no in row["categories"] or ()],
        sections=[index.section_name(no) for no in row["sections"] or ()],
        max_price=None if amount is None else Money(amount, facts.currency),
    )


def contact_from_row(row: asyncpg.Record) -> Contact:
    buyer = None if row["email"] is None else Buyer(row["email"], row["name"])
    return Contact(buyer=buyer, language=row["language"])
