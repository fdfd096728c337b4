"""Wishes that no place of the house could ever serve: nobody is let into the line with one.

Whoever waits in vain is read in every round and written to for nothing; and thousands of such entries
cost whoever sends them nothing.
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
    """Places of the pool that the wish could have. Of thousands some few are looked at first: as a rule
    they will do, and it is only to be shown that there are any.
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
    """What keeps the wish from ever being served, with every place of the house free; None: nothing.

    ``areas``: capacities; ``floors``: the least that each category may come to cost, in minor units.
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
        return "No such place will ever cost as little as your max_price."
    most = max(len(liked.seats), *liked.areas.values(), 0)
    if most < wish.quantity:
        return f"There are never more than {most} such places."
    if _some_of(index, house, liked, wish) is None:
        return f"There are nowhere {wish.quantity} such places side by side; ask without together."
    return None


class Possible:
    """Remembers its verdicts: a crowd that waits wants the same few things."""

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
        """Raises Conflict (wish-impossible). Takes its time: not for the loop's thread."""
        key = (layout_id, tuple(floors), wish)
        # Asked in several threads: what is kept may be dropped meanwhile.
        why = self._known.get(key, _UNKNOWN)
        if why == _UNKNOWN:
            why = self._known[key] = why_never(index, areas, floors, wish)
        if why is not None:
            raise Conflict(f"{why} Change what you want.", code="wish-impossible")
