"""Refusals of a wish for best seats, and what would help."""

from collections.abc import Iterable

import msgspec

from engine.base.errors import InvalidInput, SeatUnavailable
from engine.base.model import Money
from engine.best_seats.choice import BestSeatsWish, choose
from engine.best_seats.index import Board, SeatIndex
from engine.catalog.model import Facts

_NAMES_MAX = 20


def check_wish(wish: BestSeatsWish, facts: Facts, index: SeatIndex) -> None:
    """Raises InvalidInput when the event lacks something in the wish: seats, a category, a section, a currency."""
    if not index.run_start:
        raise InvalidInput(
            "The event has no numbered seats; ask for places with `areas`.", code="no-seats"
        )
    if wish.category is not None and wish.category not in index.categories:
        raise InvalidInput(
            f"There is no category {wish.category!r}; the event has {_list(index.categories)}.",
            code="no-such-category",
        )
    if wish.section is not None and wish.section not in index.sections:
        raise InvalidInput(
            f"There is no section {wish.section!r}; the event has {_list(index.sections)}.",
            code="no-such-section",
        )
    if isinstance(wish.max_price, Money) and wish.max_price.currency != facts.currency:
        raise InvalidInput(f"max_price: prices of this event are in {facts.currency}.")


def _list(names: Iterable[str]) -> str:
    known = list(names)
    more = f" and {len(known) - _NAMES_MAX} more" if len(known) > _NAMES_MAX else ""
    return ", ".join(known[:_NAMES_MAX]) + more


def nothing_fits(board: Board, wish: BestSeatsWish) -> SeatUnavailable:
    """The refusal when ``choose`` has found nothing for the wish on this board."""
    narrowed = [
        name for name in ("category", "section", "max_price") if getattr(wish, name) is not None
    ]
    matching = " that match" if narrowed else ""
    if not wish.relax and choose(board, msgspec.structs.replace(wish, relax=True)):
        return SeatUnavailable(
            f"{wish.quantity} seats like that are not free{matching and ' within your filters'}, "
            "but the next best are: send `relax` as true, or ask for fewer."
        )
    view = board.open(wish.category, wish.section, wish.price_max, restricted=True)
    free = view.count(0)
    left = "No seats" if free == 0 else "1 seat" if free == 1 else f"Only {free} seats"
    remedies = [f"widen {' or '.join(narrowed)}"] if narrowed else []
    remedies += ["ask for fewer"] if free else ["try again later: held seats may come back"]
    return SeatUnavailable(f"{left}{matching} are free; {', or '.join(remedies)}.")
