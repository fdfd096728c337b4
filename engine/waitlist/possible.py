"""Impossible wishes, which no place of the house could ever serve: they are refused at joining.

An entry with one is read in every round and causes useless mails, and thousands of them would cost an
attacker nothing.
"""

from typing import Final

from engine.base.caching import Bounded
from engine.base.errors import Conflict
from engine.waitlist.matching import LineIndex, Places, Pool, WishLine, acceptable, fits

_KNOWN_MAX: Final = 1000
_SOME: Final = 200
#: No verdict yet; None is one.
_UNKNOWN: Final = ""


def find_places(index: LineIndex, pool: Pool, wish: WishLine) -> Places | None:
    """Places of the pool that the wish could have. Of thousands, a few are tried first: they usually suffice
    to show that there are any.
    """
    return _some_of(index, pool, acceptable(index, pool, wish), wish)


def _some_of(index: LineIndex, pool: Pool, liked: Places, wish: WishLine) -> Places | None:
    for start in range(0, len(liked.seats), _SOME):
        some = frozenset(liked.seats[start : start + _SOME])
        found = fits(index, Pool(some, liked.areas, pool.prices), wish)
        if found is not None:
            return found
    return fits(index, Pool(frozenset(liked.seats), liked.areas, pool.prices), wish)


def why_never(
    index: LineIndex, areas: dict[int, int], floors: list[int], wish: WishLine
) -> str | None:
    """Why the wish can never be served, even with every place of the house free; None: it can.

    ``areas``: capacities; ``floors``: the lowest possible price of each category, in minor units.
    """
    house = Pool(frozenset(range(len(index.category_of))), areas, floors)
    liked = acceptable(index, house, wish)
    if not liked.seats and not liked.areas:
        if wish.max_amount_minor is None:
            return "There are no such places that a waitlist could give."
        free = Pool(house.seats, house.areas, [0] * len(floors))
        others = acceptable(index, free, wish)
        if not others.seats and not others.areas:
            return "There are no such places that a waitlist could give."
        return "No such place can ever be as cheap as your max_price."
    most = max(len(liked.seats), *liked.areas.values(), 0)
    if most < wish.quantity:
        return f"There are at most {most} such places."
    if _some_of(index, house, liked, wish) is None:
        return f"Nowhere are {wish.quantity} such places side by side; ask without `together`."
    return None


class Possible:
    """Checks wishes and caches the verdicts: most people have one of a few wishes."""

    def __init__(self) -> None:
        self._known: Bounded[tuple[str, tuple[int, ...], WishLine], str | None] = Bounded(
            _KNOWN_MAX
        )

    def check(
        self,
        layout_id: str,
        index: LineIndex,
        areas: dict[int, int],
        floors: list[int],
        wish: WishLine,
    ) -> None:
        """Raises Conflict (wish-impossible). May take long, so it must not run on the event loop."""
        key = (layout_id, tuple(floors), wish)
        # Called in several threads: a cached verdict may be dropped meanwhile.
        why = self._known.get(key, _UNKNOWN)
        if why == _UNKNOWN:
            why = self._known[key] = why_never(index, areas, floors, wish)
        if why is not None:
            raise Conflict(f"{why} Change your wish.", code="wish-impossible")
